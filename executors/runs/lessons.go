package runs

import (
	"cmp"
	"slices"
	"time"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/trtllm"
)

var _ plan.Teacher = (*View)(nil)

// lessons keep the newest samples about every subject: their memory does not grow
// with the store.
type lessons map[plan.Subject][]teaching

// A teaching is a sample that can become a lesson.
type teaching struct {
	attempt *Attempt
	ended   time.Time
	lesson  plan.Lesson // without its run
}

// add takes in the attempt that speaks for a sample.
func (l lessons) add(slot Slot) {
	r := slot.Result
	if !slot.Counts || r.Simulated {
		return
	}
	tps := r.Metrics.At(trtllm.OutputThroughputPerGPU)
	if tps == nil || *tps <= 0 {
		return
	}
	t := teaching{attempt: slot.Attempt, lesson: plan.Lesson{Cluster: r.Cluster, OutputThroughputPerGPU: *tps, StartupSeconds: startup(r)}}
	if r.Job.Ended != nil {
		t.ended = *r.Job.Ended
	}
	about := plan.Subject{
		Checkpoint: r.Model.Checkpoint, GPU: r.Hardware.GPU, TRTLLMVersion: r.Image.TRTLLMVersion, Cluster: r.Cluster, Nodes: r.Hardware.Nodes,
	}
	list := append(l[about], t)
	if len(list) >= 2*plan.LessonsOfSubject {
		list = newest(list)
	}
	l[about] = list
}

// newest are the newest of a list, newest first.
func newest(list []teaching) []teaching {
	slices.SortFunc(list, func(a, b teaching) int {
		return cmp.Or(b.ended.Compare(a.ended), cmp.Compare(a.attempt.Dir, b.attempt.Dir))
	})
	return list[:min(len(list), plan.LessonsOfSubject)]
}

// read reads the runs of the newest samples about what is wanted, in the order of
// the store.
func (l lessons) read(wanted func(plan.Subject) bool) ([]plan.Lesson, error) {
	var left []teaching
	for about, list := range l {
		if wanted(about) {
			left = append(left, newest(list)...)
		}
	}
	slices.SortFunc(left, func(a, b teaching) int { return cmp.Compare(a.attempt.Dir, b.attempt.Dir) })
	var out []plan.Lesson
	for _, t := range left {
		run, err := t.attempt.Run()
		if err != nil {
			return nil, err
		}
		if run != nil {
			t.lesson.Run = run
			out = append(out, t.lesson)
		}
	}
	return out, nil
}

// startup is how long a job ran before and after it measured, 0 if unknown.
func startup(r *results.Result) float64 {
	total := r.Metrics.At(trtllm.TotalLatency)
	if total == nil || r.Took() <= 0 {
		return 0
	}
	return max(0, r.Took().Seconds()-*total/1e3)
}
