package slurm

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/store"
)

// bounds are what one life of a client must keep to, and what it began with.
type bounds struct {
	maxGPUHours float64
	began       map[string]int // attempts by sample folder when the life began
	inFlight    map[string]int // those of them that it took up
	refused     map[string]bool
	preflight   bool // Slurm said that it would refuse
}

// bound opens the account of a new life.
func (s *schedule) bound() {
	s.bounds = bounds{began: map[string]int{}, inFlight: map[string]int{}, refused: map[string]bool{}}
	if s.seed%2 == 0 || s.search() != "" { // the first attempts, and half an attempt more but for a search
		for _, r := range s.plan.Runs {
			s.bounds.maxGPUHours += r.GPUHoursLimit() * float64(r.State.Wanted)
		}
		if s.search() == "" {
			s.bounds.maxGPUHours += s.plan.Runs[0].GPUHoursLimit() / 2
		}
	}
	for _, attempts := range s.attempts() {
		for _, dir := range attempts {
			s.bounds.began[filepath.Dir(dir)]++
			if !settled(dir) {
				s.bounds.inFlight[filepath.Dir(dir)]++
			}
		}
	}
}

// saved is the saved plan that all lives are applies of, "" where each is one of the
// definitions: its bound holds for all of them together.
func (s *schedule) saved() string {
	if s.seed%4 == 2 {
		return "a plan"
	}
	return ""
}

// search is the search that asks for all runs, "" for none: its bound holds over all lives.
func (s *schedule) search() string {
	if s.seed%4 == 1 {
		return "max_throughput/best"
	}
	return ""
}

// attempts are the folders of attempts that were prepared, by sample folder.
func (s *schedule) attempts() map[string][]string {
	out := map[string][]string{}
	for _, r := range s.plan.Runs {
		key := store.Key{Fingerprint: r.Fingerprint, Cluster: s.cluster}
		dirs, err := filepath.Glob(filepath.Join(s.store.KeyDir(key), "sample-*", "attempt-*", "intent.json"))
		if err != nil {
			s.t.Fatal(err)
		}
		for _, dir := range dirs {
			dir = filepath.Dir(dir)
			out[filepath.Dir(dir)] = append(out[filepath.Dir(dir)], dir)
		}
	}
	return out
}

// settled reports whether an attempt or a pack has an outcome.
func settled(dir string) bool {
	for _, name := range []string{"exit", "ended.json"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// submitting checks what must hold whenever a job is about to enter the queue.
func (s *schedule) submitting(dir string, argv []string) {
	b := &s.bounds
	if b.preflight {
		s.t.Errorf("seed %d: %s is submitted after Slurm said that it would refuse", s.seed, dir)
	}
	if b.refused[dir] {
		s.t.Errorf("seed %d: %s is submitted again after it was refused", s.seed, dir)
	}
	queued := map[string]bool{dir: true}
	for _, j := range s.slurm.unended() {
		if !settled(j.dir) {
			queued[j.dir] = true
		}
	}
	if most := s.config().MaxInQueue; len(queued) > most {
		s.t.Errorf("seed %d: %d jobs are in the queue, max_in_queue = %d", s.seed, len(queued), most)
	}
	s.avoidsExcluded(dir, argv)
	s.affords(dir)
}

// avoidsExcluded checks that a job of one run is kept away from the nodes that
// failed.
func (s *schedule) avoidsExcluded(dir string, argv []string) {
	if members(dir) != nil { // a pack may need all nodes there are
		return
	}
	list, err := s.store.Excluded(s.cluster)
	if err != nil {
		s.t.Error(err)
	}
	var kept []string
	for _, word := range argv {
		if nodes, ok := strings.CutPrefix(word, "--exclude="); ok {
			kept = strings.Split(nodes, ",")
		}
	}
	for _, e := range list {
		if !slices.Contains(kept, e.Node) {
			s.t.Errorf("seed %d: %s may be put on %s, which failed", s.seed, dir, e.Node)
		}
	}
}

// affords checks that what this life's jobs, the plan's or a search's, have cost, with
// those that go on and the one in dir to their time limits, is within their bound.
func (s *schedule) affords(dir string) {
	if s.bounds.maxGPUHours > 0 {
		s.within(dir, s.bounds.maxGPUHours, func(other string) bool {
			return s.saved() != "" || s.search() != "" || s.bounds.mine(other)
		})
	}
	if s.searchGPUHours > 0 {
		search := s.asked(dir)
		s.within(dir, s.searchGPUHours, func(other string) bool { return s.asked(other) == search })
	}
}

func (s *schedule) within(dir string, bound float64, counts func(dir string) bool) {
	sum := s.limit(dir)
	seen := map[string]bool{dir: true}
	for _, j := range s.slurm.all() {
		if seen[j.dir] || !counts(j.dir) {
			continue // a second job of one attempt leaves it alone
		}
		seen[j.dir] = true
		if settled(j.dir) {
			sum += j.counted().Hours() * 8
		} else {
			sum += s.limit(j.dir)
		}
	}
	if sum > bound+0.001 {
		s.t.Errorf("seed %d: with %s the jobs could cost %.2f GPU-hours, the bound is %.2f", s.seed, dir, sum, bound)
	}
}

// asked is the search that asked for an attempt.
func (s *schedule) asked(dir string) string {
	var intent struct{ Search string }
	data, err := os.ReadFile(filepath.Join(dir, "intent.json"))
	if err == nil {
		err = json.Unmarshal(data, &intent)
	}
	if err != nil {
		s.t.Error(err)
	}
	return intent.Search
}

// mine reports whether an attempt counts in this life: it began it, or took it up.
func (b *bounds) mine(dir string) bool {
	var number int
	if _, err := fmt.Sscanf(filepath.Base(dir), "attempt-%d", &number); err != nil {
		return false
	}
	at := filepath.Dir(dir)
	return number > b.began[at]-b.inFlight[at]
}

// limit is what a job can cost at most, in GPU-hours.
func (s *schedule) limit(dir string) float64 {
	if list := members(dir); list != nil {
		return float64(len(list)) * s.plan.Runs[0].GPUHoursLimit()
	}
	return s.plan.Runs[0].GPUHoursLimit()
}

// fewAttempts checks at the end of a life that no sample had more attempts than
// it may.
func (s *schedule) fewAttempts() {
	for at, list := range s.attempts() {
		most := 1 + s.config().Retries
		if n := len(list) - s.bounds.began[at] + s.bounds.inFlight[at] - deferredIn(list); n > most {
			s.t.Errorf("seed %d: %s had %d attempts, %d are allowed", s.seed, at, n, most)
		}
	}
}

// deferredIn counts the attempts that their pack's job never began.
func deferredIn(list []string) (n int) {
	for _, dir := range list {
		if claim, err := os.ReadFile(filepath.Join(dir, "claim")); err == nil && strings.Contains(string(claim), `"deferred"`) {
			n++
		}
	}
	return n
}

// all are the jobs that were ever accepted.
func (f *faultySlurm) all() []*faultyJob {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.jobs)
}

// unended are those that may still run.
func (f *faultySlurm) unended() []*faultyJob {
	return slices.DeleteFunc(f.all(), func(j *faultyJob) bool { return j.now2() != "" })
}

// counted is for how long the job says that it had its nodes, in whole seconds and until it
// wrote its exit record; held where it left none.
func (j *faultyJob) counted() time.Duration {
	exit := struct {
		JobID          string `json:"job_id"`
		Started, Ended time.Time
	}{}
	data, err := os.ReadFile(j.path("exit"))
	if err != nil || json.Unmarshal(data, &exit) != nil || exit.JobID != fmt.Sprint(j.id) {
		return j.held()
	}
	return exit.Ended.Sub(exit.Started)
}

// held is for how long the job had its nodes until now.
func (j *faultyJob) held() time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.started.IsZero():
		return 0
	case j.ended.IsZero():
		return time.Since(j.started)
	}
	return j.ended.Sub(j.started)
}
