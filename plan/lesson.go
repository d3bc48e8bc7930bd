package plan

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/llmbench/llmbench/plan/estimate"
)

// A Lesson is what one real result teaches about predictions. Simulated results
// never teach.
type Lesson struct {
	// Run is the run as it was planned, with its estimate if it had one.
	Run     *Run
	Cluster string
	// OutputThroughputPerGPU was measured, in tokens a second.
	OutputThroughputPerGPU float64
	// StartupSeconds is how long the job ran without measuring, which is nearly
	// all before; 0 if unknown.
	StartupSeconds float64
}

// A Subject is what a lesson is about.
type Subject struct {
	Checkpoint, GPU, TRTLLMVersion string
	Cluster                        string
	Nodes                          int
}

// LessonsOfSubject is how many lessons there are about one subject at most: more
// say little more, and take time.
const LessonsOfSubject = 64

// speed is what the speed of an engine depends on beside its arguments, startup what the
// start-up of a job does.
func (s Subject) speed() Subject {
	return Subject{Checkpoint: s.Checkpoint, GPU: s.GPU, TRTLLMVersion: s.TRTLLMVersion}
}

func (s Subject) startup() Subject { s.GPU = ""; return s }

func subjectOf(r *Run, cluster string) Subject {
	return Subject{r.Model.Checkpoint, r.Hardware.GPU, r.Image.TRTLLMVersion, cluster, r.Hardware.Nodes}
}

// lessons have what was learned by what it carries over to, a speed or a start-up.
type lessons map[Subject]learned

// lessons are those that some of the runs in list can use.
func (b *builder) lessons(list []candidate) (lessons, error) {
	l := lessons{}
	if b.Ledger == nil {
		return l, nil
	}
	wanted := map[Subject]bool{}
	for _, c := range list {
		s := subjectOf(c.run, c.place.Cluster)
		wanted[s.speed()], wanted[s.startup()] = true, true
	}
	all, err := b.Ledger.Lessons(func(s Subject) bool { return wanted[s.speed()] || wanted[s.startup()] })
	if err != nil {
		return l, err
	}
	for _, one := range all {
		s := subjectOf(one.Run, one.Cluster)
		if e := one.Run.Estimate; e != nil && e.OutputThroughputPerGPU != nil {
			k := l[s.speed()]
			k.speed = append(k.speed, one)
			l[s.speed()] = k
		}
		if one.StartupSeconds > 0 {
			k := l[s.startup()]
			k.startups = append(k.startups, one.StartupSeconds)
			l[s.startup()] = k
		}
	}
	for s, of := range l {
		of.parameters = b.refit(of.speed)
		l[s] = of
	}
	return l, nil
}

// refit fits the estimator to lessons of one model, GPU and version; nil where
// none can be simulated.
func (b *builder) refit(list []Lesson) *estimate.Parameters {
	var measured []estimate.Measured
	for _, one := range list {
		if w, ok := b.workloadOf(one.Run); ok {
			measured = append(measured, estimate.Measured{Scenario: w.Scenario(), TPSPerGPU: one.OutputThroughputPerGPU})
		}
	}
	if len(measured) == 0 {
		return nil
	}
	p, err := estimate.Refit(measured)
	if err != nil {
		return nil // the machine holds what the estimator thinks that it cannot
	}
	return &p
}

// learned is what lessons say about one run.
type learned struct {
	speed []Lesson
	// parameters are refitted on speed, nil where it holds too little.
	parameters *estimate.Parameters
	startups   []float64
	declared   float64 // seconds, 0: not declared
}

func (l lessons) of(c candidate) learned {
	s := subjectOf(c.run, c.place.Cluster)
	of := l[s.speed()]
	of.startups, of.declared = l[s.startup()].startups, c.place.Startup.Seconds()
	return of
}

// version names the estimator, and how it did on what was measured here: the greatest
// relative error of the predictions so far.
func (l learned) version() string {
	version := estimate.Calibrated().Version
	if len(l.speed) == 0 {
		return version
	}
	worst, count := 0.0, countOf(len(l.speed), "real run")
	for _, one := range l.speed {
		worst = max(worst, math.Abs(one.Run.Estimate.OutputThroughputPerGPU.Mid/one.OutputThroughputPerGPU-1))
	}
	if len(l.speed) >= LessonsOfSubject {
		count = "newest " + count
	}
	version += fmt.Sprintf(", within ±%.0f %% (%s here)", 100*worst, count)
	if l.parameters != nil {
		version += ", refitted to them"
	}
	return version
}

// startup is how long a job runs before it measures: as it was here, as the
// executor declares it, or as the weights let expect. The last is a guess: the
// container and the ranks start in one to three minutes, and weights come from a
// shared file system at 1 to 4 GB/s.
func (l learned) startup(weightBytes float64) estimate.Interval {
	switch {
	case len(l.startups) > 0:
		list := slices.SortedFunc(slices.Values(l.startups), cmp.Compare[float64])
		return estimate.Interval{Low: 0.85 * list[0], Mid: list[len(list)/2], High: 1.15 * list[len(list)-1]}
	case l.declared > 0:
		return within(l.declared, 0.25)
	}
	return estimate.Interval{
		Low:  50 + weightBytes/4e9,
		Mid:  110 + weightBytes/2e9,
		High: 210 + weightBytes/1e9,
	}
}

func countOf(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
