package slurm

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

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
	fates := []string{"held", "never", "vanishes", "requeued", "stopped", "short", "beheaded"}
	j.fate = fates[rng.Intn(len(fates))]
	if j.fate == "beheaded" && j.slots() == 1 {
		j.fate = "vanishes" // nothing outlives the node
	}
	j.runs = time.Duration(rng.Int63n(int64(2 * time.Minute)))
	j.twice = rng.Intn(4) == 0
}

// pack is what the script of a pack does, started for the restarts-th time.
func (j *faultyJob) pack(restarts int) {
	if !j.claims(restarts) {
		return
	}
	j.put("start", fmt.Sprintf(`{"job_id":"%d","host":"gb01","nodes":"gb[01-02]","time":%q,"end":true}`+"\n", j.id, stamp()))
	began := stamp()
	if j.fate == "stopped" { // by somebody else
		j.slurm.wg.Go(func() {
			if j.sleep(j.runs) {
				j.stop()
			}
		})
	}
	if j.fate == "beheaded" { // its script goes with the first node, and Slurm keeps the rest
		j.slurm.wg.Go(func() {
			if j.sleep(j.runs) && !j.has("exit") {
				j.die("")
			}
		})
	}
	var slots sync.WaitGroup
	for slot := range j.slots() {
		slots.Go(func() { j.work(slot) })
	}
	slots.Wait()
	if j.gone() {
		if state, _ := j.now(); state == "RUNNING" {
			<-j.cancel
			j.end("CANCELLED")
		}
		return
	}
	j.exit(began, 0, "", "", "")
	j.end(map[bool]string{false: "COMPLETED", true: "CANCELLED"}[j.stopped()])
}

// work runs the queue of a slot.
func (j *faultyJob) work(slot int) {
	down := false
	slotOf := j.slotOf()
	for i, dir := range members(j.dir) {
		m := &faultyJob{slurm: j.slurm, id: j.id, name: j.name, dir: dir, cancel: make(chan struct{}), dead: j.dead, inPack: true, slot: slot}
		if slotOf[i] != slot || !m.has("intent.json") || m.has("claim") || m.has("cancelled") || m.has("ended.json") {
			continue
		}
		if j.stopped() || down || j.fate == "short" && i > 0 {
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
		down = slot > 0 && m.fate == "node fails" && !m.stopped()
		if m.whole {
			j.put(".good", "")
		} else if m.fate != "" && !down {
			j.awaitVerdict(i + 1)
		}
	}
}

// die ends all that the job runs without a word, and the job, unless its state is
// "".
func (j *faultyJob) die(state string) {
	if state != "" {
		j.end(state)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.gone() {
		close(j.dead)
	}
}

// slotOf are the slots of the members of a pack's job, as its script has them.
func (j *faultyJob) slotOf() (list []int) {
	script, _ := os.ReadFile(j.path("script.sh"))
	_, words, _ := strings.Cut(string(script), "\nslot_of=(")
	words, _, _ = strings.Cut(words, ")")
	for word := range strings.FieldsSeq(words) {
		n, err := strconv.Atoi(word)
		if err != nil {
			panic("a slot of a pack is " + word)
		}
		list = append(list, n-1)
	}
	return list
}

func (j *faultyJob) slots() int { return slices.Max(j.slotOf()) + 1 }

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
		if !m.stopped() && !m.gone() && !(m.slot > 0 && m.fate == "node fails") {
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
	own := fmt.Sprintf("claim.%d", j.id)
	j.put(own, fmt.Sprintf(`{"job_id":"%d","deferred":%q,"end":true}`+"\n", j.id, why))
	os.Link(j.path(own), j.path("claim")) //nolint:errcheck // somebody else has it
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
	target := s.config().Target().(plan.Packer)
	var samples []*plan.Run
	for _, r := range p.Runs {
		state, err := s.store.Look(r.Fingerprint, s.cluster, false, r.State.Wanted)
		if err != nil {
			s.t.Fatal(err)
		}
		if state.Missing() > 0 {
			if r.Job, err = target.Member(r); err != nil {
				s.t.Fatal(err)
			}
		}
		for range state.Missing() {
			samples = append(samples, r)
		}
	}
	for _, indexes := range target.Packing().Arrange(samples) {
		var list []*plan.Run
		for _, i := range indexes {
			list = append(list, samples[i])
		}
		pack, err := target.PackJob(list, *target.Packing())
		if err != nil {
			s.t.Fatal(err)
		}
		p.Packs = append(p.Packs, pack)
	}
}

// packsEnd checks that no sample of a packed campaign was left out: each has a
// result, or was told to be given up; and that its jobs fit the cluster.
func (s *schedule) packsEnd() {
	if s.slurm.refused {
		s.t.Errorf("seed %d: a pack asks for more nodes than there are", s.seed)
	}
	given := 0
	for _, r := range s.plan.Runs {
		state, err := s.store.Look(r.Fingerprint, s.cluster, false, r.State.Wanted)
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
