package store

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// A trial is a prepared attempt at an address.
type trial struct {
	key    Key
	sample int
	*outcome
}

// compare orders trials by time; of those of one moment the first of the store is last.
func (t trial) compare(other trial) int {
	return cmp.Or(
		t.Created.Compare(other.Created), cmp.Compare(other.key.Cluster, t.key.Cluster), cmp.Compare(other.key.Fingerprint, t.key.Fingerprint),
		cmp.Compare(other.sample, t.sample), cmp.Compare(other.Number, t.Number))
}

// Scan begins to look at all real results, which every plan asks for, while
// the caller does other things.
func (v *View) Scan() {
	go func() { _, _ = v.scan(false) }()
}

// scan looks at everything in one half of the store once: what was tried at every
// address, and what the newest samples teach.
func (v *View) scan(simulated bool) (*viewPart, error) {
	h := v.half(simulated)
	h.scanned.Do(func() {
		to := ends
		if v.Some {
			to = unheld
		}
		h.trials = map[string][]trial{}
		h.failed = v.each(simulated, to, func(known *history, samples []Sample) {
			addTrials(h.trials, known, simulated)
			for _, sample := range samples {
				h.lessons = addLesson(h.lessons, sample)
			}
		})
	})
	return h, h.failed
}

// addTrials takes in all attempts at a fingerprint.
func addTrials(to map[string][]trial, known *history, simulated bool) {
	for _, c := range known.Clusters {
		k := Key{Fingerprint: known.Fingerprint, Cluster: c.Name, Simulated: simulated}
		for _, sample := range c.Samples {
			for i := range sample.Attempts {
				if o := &sample.Attempts[i]; o.Prepared {
					to[o.Address] = append(to[o.Address], trial{k, sample.Number, o})
				}
			}
		}
	}
}

// LastAt implements plan.Ledger: it returns the run that was measured last at an
// address, by the times in the attempts; failed attempts are taken only where
// nothing was ever measured. It returns nil if nothing was tried there.
func (v *View) LastAt(address string, simulated bool) (*plan.Last, error) {
	tried, err := v.at(address, simulated)
	at := tried[address]
	if err != nil || len(at) == 0 {
		return nil, err
	}
	counting := slices.DeleteFunc(slices.Clone(at), func(t trial) bool { return t.result == nil || !t.result.Counts() })
	if several := slices.ContainsFunc(at, func(t trial) bool { return t.key != at[0].key }); several && len(counting) > 0 {
		at = counting
	}
	last := slices.MaxFunc(at, trial.compare)
	fingerprint, early := last.Fingerprint, last.key.early()
	if early && last.damaged() {
		fingerprint = ""
	}
	if fingerprint == "" && !early {
		return nil, nil
	}
	a := v.store.attempt(v.store.KeyDir(last.key), last.key, last.sample, last.Number)
	return &plan.Last{Fingerprint: fingerprint, Attempt: a.String(), Run: a.Run}, nil
}

// at tells what was tried at an address, and perhaps at others.
func (v *View) at(address string, simulated bool) (map[string][]trial, error) {
	if !v.Some {
		h, err := v.scan(simulated)
		return h.trials, err
	}
	out := map[string][]trial{}
	keys, err := v.store.KeysAt(address, simulated)
	for _, k := range keys {
		homes, failed := v.store.homes(k)
		for _, home := range homes {
			known, _ := v.half(simulated).history(filepath.Base(filepath.Dir(home)), ends)
			addTrials(out, known, simulated)
		}
		err = cmp.Or(err, failed)
	}
	return out, err
}

// Addresses implements plan.Ledger: it lists the addresses at which an attempt
// was prepared, sorted.
func (v *View) Addresses(simulated bool) ([]string, error) {
	h, err := v.scan(simulated)
	return slices.Sorted(maps.Keys(h.trials)), err
}

// Lessons implements plan.Ledger.
func (v *View) Lessons(wanted func(plan.Subject) bool) ([]plan.Lesson, error) {
	h, err := v.scan(false)
	return readLessons(h.lessons, wanted), err
}

// A lessonSample is a sample that can become a lesson.
type lessonSample struct {
	attempt *Attempt
	about   plan.Subject
	ended   time.Time
	lesson  plan.Lesson // without its run
}

// addLesson takes in the attempt that speaks for a sample.
func addLesson(to []lessonSample, sample Sample) []lessonSample {
	r := sample.Result
	if !sample.Counts || r.Simulated {
		return to
	}
	tps := r.Metrics.At(trtllm.OutputThroughputPerGPU)
	if tps == nil || *tps <= 0 {
		return to
	}
	l := lessonSample{
		attempt: sample.Attempt,
		about:   plan.Subject{Checkpoint: r.Model.Checkpoint, GPU: r.Hardware.GPU, TRTLLMVersion: r.Image.TRTLLMVersion, Cluster: r.Cluster, Nodes: r.Hardware.Nodes},
		lesson:  plan.Lesson{Cluster: r.Cluster, OutputThroughputPerGPU: *tps, StartupSeconds: startup(r)},
	}
	if r.Job.Ended != nil {
		l.ended = *r.Job.Ended
	}
	return append(to, l)
}

// newest are the newest samples about each subject that is wanted, newest first.
func newest(list []lessonSample, wanted func(plan.Subject) bool) []lessonSample {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b lessonSample) int {
		return cmp.Or(b.ended.Compare(a.ended), cmp.Compare(a.attempt.Dir, b.attempt.Dir))
	})
	of := map[plan.Subject]int{}
	return slices.DeleteFunc(list, func(l lessonSample) bool {
		of[l.about]++
		return of[l.about] > plan.LessonsOfSubject || !wanted(l.about)
	})
}

// readLessons reads the runs of the newest samples about what is wanted, in the order of
// the store. One that cannot be read teaches nothing.
func readLessons(list []lessonSample, wanted func(plan.Subject) bool) []plan.Lesson {
	left := newest(list, wanted)
	slices.SortFunc(left, func(a, b lessonSample) int { return cmp.Compare(a.attempt.Dir, b.attempt.Dir) })
	out := make([]plan.Lesson, len(left))
	_ = jobdir.AtOnce(len(left), func(i int) error {
		out[i] = left[i].lesson
		out[i].Run, _ = left[i].attempt.Run()
		return nil
	})
	return slices.DeleteFunc(out, func(l plan.Lesson) bool { return l.Run == nil })
}

// startup is how long a job ran before and after it measured, 0 if unknown.
func startup(r *results.Result) float64 {
	total := r.Metrics.At(trtllm.TotalLatency)
	if total == nil || r.Took() <= 0 {
		return 0
	}
	return max(0, r.Took().Seconds()-*total/1e3)
}
