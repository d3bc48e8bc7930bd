package slurm

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
)

// members are the attempt folders of a pack's job, none for another.
func members(dir string) []string {
	text, err := os.ReadFile(filepath.Join(dir, "members"))
	if err != nil {
		return nil
	}
	return strings.Fields(string(text))
}

// drawPack decides what becomes of a pack's job besides its runs.
func (j *faultyJob) drawPack(rng *rand.Rand, calm bool, faults float64) {
	j.waits = time.Duration(rng.Int63n(int64(40 * time.Second)))
	if calm || rng.Float64() >= faults {
		return
	}
	fates := []string{"held", "never", "vanishes", "requeued", "stopped", "short"}
	j.fate = fates[rng.Intn(len(fates))]
	j.runs = time.Duration(rng.Int63n(int64(2 * time.Minute)))
	j.twice = rng.Intn(4) == 0
}

// pack is what the script of a pack does, started for the restarts-th time.
func (j *faultyJob) pack(restarts int) {
	if !j.claims(restarts) {
		return
	}
	began := j.starts()
	if j.fate == "stopped" { // by somebody else
		j.slurm.wg.Go(func() {
			if j.sleep(j.runs) {
				j.stop()
			}
		})
	}
	j.work()
	if j.gone() {
		return
	}
	j.exit(began, 0, "", "", "")
	j.end(map[bool]string{false: "COMPLETED", true: "CANCELLED"}[j.stopped()])
}

// work runs the members one after another.
func (j *faultyJob) work() {
	for i, dir := range members(j.dir) {
		m := &faultyJob{slurm: j.slurm, id: j.id, name: j.name, dir: dir, cancel: make(chan struct{}), dead: j.dead, inPack: true}
		if !m.has("intent.json") || m.has("claim") || m.has("cancelled") || m.has("ended.json") {
			continue
		}
		if j.stopped() || j.fate == "short" && i > 0 {
			m.gives("its pack was ended")
			continue
		}
		j.runs1(m)
		if m.lost != "" {
			j.die(m.lost)
		}
		if j.gone() {
			return
		}
		if m.whole {
			j.put(".good", "")
		} else if m.fate != "" {
			j.awaitVerdict(i + 1)
		}
	}
}

// die ends the job and all that it runs without a word.
func (j *faultyJob) die(state string) {
	j.end(state)
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.gone() {
		close(j.dead)
	}
}

// runs1 runs one member to its end, or until it or the pack is stopped.
func (j *faultyJob) runs1(m *faultyJob) {
	f := j.slurm
	f.mu.Lock()
	m.draw(f.rng, f.calm, f.faults)
	if m.fate == "fails" && f.rng.Intn(2) == 0 {
		m.fate = "no start"
	}
	f.members = append(f.members, m)
	f.mu.Unlock()
	j.mu.Lock()
	j.members = append(j.members, m)
	j.mu.Unlock()
	done := make(chan struct{})
	f.wg.Go(func() {
		select {
		case <-j.cancel:
			m.stop()
		case <-done:
		}
	})
	m.script(0)
	close(done)
	j.mu.Lock()
	j.members = slices.DeleteFunc(j.members, func(other *faultyJob) bool { return other == m })
	j.mu.Unlock()
	switch m.fate {
	case "node fails", "killed", "preempted", "time limit":
		if !m.stopped() && !m.gone() {
			m.lost = m.state
		}
	}
}

// nudge has the pack's job look whether a run that it measures was cancelled.
func (j *faultyJob) nudge() {
	j.mu.Lock()
	list := slices.Clone(j.members)
	j.mu.Unlock()
	for _, m := range list {
		if m.has("cancelled") {
			m.stop()
		}
	}
}

// gives gives an attempt back unless it is claimed.
func (j *faultyJob) gives(why string) {
	j.takes(jobdir.Claim{JobID: j.number(), Deferred: why})
}

// awaitVerdict waits after a failure as long as the script does.
func (j *faultyJob) awaitVerdict(number int) {
	text, _ := os.ReadFile(j.path("attempt"))
	if !strings.Contains(string(text), "LLMBENCH_CANARY=30") {
		return
	}
	for range 30 {
		if j.has(".good") || j.has(fmt.Sprintf("judged.%d", number)) || !j.sleep(time.Second) {
			return
		}
	}
}

func (j *faultyJob) stopped() bool {
	select {
	case <-j.cancel:
		return true
	default:
		return false
	}
}

// pack puts the samples that are missing now into packs, as a plan does.
func (s *schedule) pack(p *plan.Plan) {
	renderer := s.config()
	var samples []*plan.Run
	for _, r := range p.Runs {
		state, err := s.store.View("").Look(r.Fingerprint, s.cluster, false, r.State.Wanted)
		if err != nil {
			s.t.Fatal(err)
		}
		for range state.Missing() {
			samples = append(samples, r)
		}
	}
	for _, indexes := range renderer.Packing().Arrange(samples) {
		var list []*plan.Run
		for _, i := range indexes {
			list = append(list, samples[i])
		}
		if len(list) > 1 {
			p.Jobs = append(p.Jobs, renderer.Job(list...))
		}
	}
}

// packsEnd checks that no sample of a packed campaign was left out: each has a
// result, or was told to be given up.
func (s *schedule) packsEnd() {
	given := 0
	for _, r := range s.plan.Runs {
		state, err := s.store.View("").Look(r.Fingerprint, s.cluster, false, r.State.Wanted)
		if err != nil {
			s.t.Fatal(err)
		}
		given += state.Missing() - len(state.Failed)
		if n := len(state.InFlight); n > 0 {
			s.t.Errorf("seed %d: %d samples of %s are in flight, and the campaign ended", s.seed, n, r.Address)
		}
	}
	if given > s.skips {
		s.t.Errorf("seed %d: %d samples have no outcome, and %d were given up", s.seed, given, s.skips)
	}
}
