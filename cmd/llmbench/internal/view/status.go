package view

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/schema/catalog"
)

// A RunStatus is where one run is, as `status -json` prints it.
type RunStatus struct {
	Address string      `json:"address"`
	Action  plan.Action `json:"action"`
	// State is the verdict where attempts failed.
	State    plan.State `json:"state"`
	Reason   string     `json:"reason"`
	JobID    *string    `json:"job_id"`
	Nodes    []string   `json:"nodes"`
	Since    *time.Time `json:"since"`
	Progress *float64   `json:"progress"`
	ETA      *float64   `json:"eta_s"`
	// Simulated says that what is shown measures nothing real.
	Simulated bool `json:"simulated"`

	handle  executors.Handle
	packed  bool
	log     *store.Progress
	samples string
	took    time.Duration // of the job that is shown
	gpus    int           // that its jobs hold; 0 for none
	spent   float64       // GPU-hours of jobs that ended
	planned *plan.Estimate
	missing int // samples that no job is there for
	// Declared lists what the run depends on that the user declared.
	Declared []string `json:"declared"`
}

// NewRunStatus sums up samples: what is in flight, else what failed, else what is stored.
func NewRunStatus(r *plan.Run, samples []store.Sample, now time.Time) (RunStatus, error) {
	s := RunStatus{
		Address: r.Address, Action: r.Action, Reason: r.Reason, State: plan.Planned, Nodes: []string{}, Simulated: r.Simulated, Declared: append([]string{}, r.Declared...),
		samples: fmt.Sprintf("%d of %d", r.State.Valid+r.State.Suspect, r.State.Wanted), planned: r.Estimate,
	}
	if !r.Free() {
		s.gpus = r.Hardware.GPUs
	}
	if r.Action == plan.Keep {
		s.State = plan.Done
	} else if r.Action != plan.Blocked {
		s.missing = r.State.Missing()
	}
	for _, sample := range samples {
		s.spent += sample.Took.Hours() * float64(s.gpus)
	}
	for _, sample := range samples {
		switch {
		case sample.State.InFlight():
			err := s.fly(sample)
			if s.Since != nil {
				s.took = now.Sub(*s.Since)
			}
			s.expect(r.Estimate, now)
			return s, errors.Join(err, s.overdue(r, sample, now))
		case sample.State == plan.Lost:
			s.State, s.Reason = sample.State, sample.Failed[0].Detail+"; apply measures it again"
		case sample.Deferred != "":
			s.State, s.Reason = plan.Deferred, sample.Deferred
		case sample.Result != nil && !sample.Counts:
			s.State, s.Reason = plan.State(sample.Result.Verdict), string(sample.Result.Code())+": "+sample.Result.Cause()
		}
		if sample.Result != nil && sample.Result.Job.ID != nil {
			s.JobID, s.Nodes, s.Since, s.took = sample.Result.Job.ID, sample.Result.Job.Nodes, sample.Result.Job.Ended, sample.Result.Took()
		}
	}
	return s, nil
}

func (s *RunStatus) fly(sample store.Sample) error {
	s.packed, s.handle = sample.SharedJob != "", executors.Handle(sample.Handle)
	s.State, s.Reason = sample.State, ""
	if sample.Job.JobID != "" {
		s.JobID = &sample.Job.JobID
	}
	if start, err := sample.Attempt.Start(); err != nil {
		return err
	} else if start != nil {
		s.Nodes, s.Since = start.Nodes, &start.Time
	}
	p, err := sample.Attempt.Progress()
	s.log = p
	if err != nil || p == nil || p.Total == 0 {
		return err
	}
	done := float64(p.Done) / float64(p.Total)
	s.Progress = &done
	return nil
}

// overdue warns of a running job that takes longer than expected.
func (s *RunStatus) overdue(r *plan.Run, sample store.Sample, now time.Time) error {
	if sample.State != plan.Running {
		return nil
	}
	_, written, err := sample.Attempt.Growth()
	if err != nil || written.IsZero() {
		return err
	}
	if why := executors.Overdue(r, s.log, s.took, now.Sub(written)); why != "" {
		s.Reason = why
		if path, _ := sample.Attempt.Diagnosis(); path != "" {
			s.Reason += "; inspected: " + path
		}
	}
	return nil
}

// expect says how long a job that has started should go on, by its progress or its time.
func (s *RunStatus) expect(e *plan.Estimate, now time.Time) {
	job, ok := e.JobSeconds()
	if !ok || s.Since == nil {
		return
	}
	left := job.Mid - now.Sub(*s.Since).Seconds()
	if s.Progress != nil {
		left = e.MeasureSeconds.Mid * (1 - *s.Progress)
	}
	left = math.Round(max(0, left))
	s.ETA = &left
}

// Update takes in what a backend answered; what the job says itself comes first.
func (s *RunStatus) Update(answer map[executors.Handle]executors.Status) {
	a, ok := answer[s.handle]
	switch {
	case !ok || !s.GoingOn():
		return
	case a.State == plan.Ended && a.End == failure.Lost:
		s.State, s.Reason, s.ETA = plan.Lost, strings.TrimPrefix(a.Reason+"; apply measures it again", "; "), nil
		return
	case a.State == plan.Ended && s.State == plan.Running:
		s.State, s.Reason, s.ETA = plan.Finishing, "the job has ended ("+a.Raw+") and has no exit record yet; apply finds out", nil
		return
	case s.State != plan.Submitted && s.State != plan.Intent:
		return
	}
	if s.packed && (a.State == plan.Starting || a.State == plan.Running) {
		a.State, a.Reason, a.Remedy = plan.Queued, "in its pack", "" // another's turn
	}
	s.State = a.State
	if a.State == plan.Ended {
		s.State = plan.Finishing
	}
	s.Reason = strings.TrimSpace(a.Reason + " " + a.Remedy)
	if len(a.Nodes) > 0 {
		s.Nodes = a.Nodes
	}
}

// Untouched reports whether nothing was ever tried of the run.
func (s *RunStatus) Untouched() bool { return s.State == plan.Planned }

// GoingOn reports whether a job of the run may still bring a result.
func (s *RunStatus) GoingOn() bool { return s.State.InFlight() }

// Totals sum up the runs of a status. A run is running while a job of it has nodes,
// and waiting while one is in the queue; GPU-hours of jobs that have not ended are
// spent as far as they have run.
type Totals struct {
	simulated bool

	Runs          int     `json:"runs"`
	Valid         int     `json:"valid"`
	Failed        int     `json:"failed"`
	Running       int     `json:"running"`
	Waiting       int     `json:"waiting"`
	NotStarted    int     `json:"not_started"`
	GPUHoursSpent float64 `json:"gpu_hours_spent"`
	// GPUHoursRemaining is predicted, null where nothing is.
	GPUHoursRemaining *estimate.Interval `json:"gpu_hours_remaining"`
	// PredictedEnd is when jobs will have ended, without further waits in the queue and
	// with as many at a time as run now; null where none runs.
	PredictedEnd *time.Time `json:"predicted_end"`
}

// NewTotals sums up lines. applying says that an apply submits what is not started.
func NewTotals(lines []RunStatus, applying bool, now time.Time) Totals {
	t := Totals{Runs: len(lines), simulated: len(lines) > 0 && !slices.ContainsFunc(lines, func(l RunStatus) bool { return !l.Simulated })}
	var longest, seconds float64
	for _, l := range lines {
		switch {
		case l.State.HasNodes():
			t.Running++
			t.GPUHoursSpent += l.took.Hours() * float64(l.gpus)
		case l.GoingOn():
			t.Waiting++
		case l.Action == plan.Keep:
			t.Valid++
		case l.Untouched() || l.State == plan.Deferred:
			t.NotStarted++
		default:
			t.Failed++
		}
		t.GPUHoursSpent += l.spent
		e := l.planned
		job, ok := e.JobSeconds()
		if !ok {
			continue
		}
		one := job.Mid
		flying, later := 0.0, 0.0 // seconds
		if l.GoingOn() {
			flying = one
		}
		if l.ETA != nil {
			flying = *l.ETA
		}
		if applying {
			later = one * float64(l.missing)
		}
		longest, seconds = max(longest, flying), seconds+flying+later
		if e.GPUHours != nil && l.gpus > 0 && one > 0 && flying+float64(l.missing) > 0 {
			jobs := flying/one + float64(l.missing)
			if t.GPUHoursRemaining == nil {
				t.GPUHoursRemaining = &estimate.Interval{}
			}
			g := t.GPUHoursRemaining
			g.Low, g.Mid, g.High = g.Low+jobs*e.GPUHours.Low, g.Mid+jobs*e.GPUHours.Mid, g.High+jobs*e.GPUHours.High
		}
	}
	if t.Running > 0 && seconds > 0 {
		end := now.Add(time.Duration(max(longest, seconds/float64(t.Running)) * float64(time.Second))).Round(time.Second)
		t.PredictedEnd = &end
	}
	return t
}

// String is one line.
func (t Totals) String() string {
	valid := fmt.Sprintf("%d valid", t.Valid)
	if t.simulated {
		valid += " (simulated)"
	}
	others := amounts([]string{"failed", "running", "waiting", "not started"}, t.Failed, t.Running, t.Waiting, t.NotStarted)
	line := Plural(t.Runs, "run") + ": " + strings.Join(append([]string{valid}, others...), ", ") + "."
	var cost []string
	if t.GPUHoursSpent > 0 {
		cost = append(cost, fmt.Sprintf("%.1f GPU-hours spent", t.GPUHoursSpent))
	}
	if r := t.GPUHoursRemaining; r != nil {
		cost = append(cost, hoursRange(r.Low, r.High)+" GPU-hours remaining")
	}
	if t.PredictedEnd != nil {
		end := "predicted end " + clock(*t.PredictedEnd)
		if t.Waiting+t.NotStarted > 0 {
			end += " if no job waits in the queue"
		}
		cost = append(cost, end)
	}
	if len(cost) > 0 {
		line += " " + strings.Join(cost, ", ") + "."
	}
	return line
}

// clock is a time of day, with its date where that is not today's.
func clock(at time.Time) string {
	at = at.Local()
	if y, m, d := time.Now().Date(); at.Year() == y && at.Month() == m && at.Day() == d {
		return at.Format("15:04")
	}
	return at.Format("2006-01-02 15:04")
}

// StatusJSON prints the status of runs as JSON.
func StatusJSON(w io.Writer, lines []RunStatus, t Totals) error {
	return writeJSON(w, struct {
		Runs   []RunStatus `json:"runs"`
		Totals Totals      `json:"totals"`
	}{append([]RunStatus{}, lines...), t})
}

// Status prints the status of runs as a table, their totals, and where the searches of the plan
// stand. Where the terminal is too narrow for them, reasons stand below it.
func Status(w io.Writer, lines []RunStatus, totals Totals, of *plan.Plan) error {
	p := &printer{w: w}
	if slices.ContainsFunc(lines, func(l RunStatus) bool { return l.Simulated }) {
		p.line("%s\n", banner)
	}
	cols := []column[RunStatus]{
		{"run", false, 0, func(l RunStatus) string { return Shown(l.Address) }},
		{"samples", true, 1, func(l RunStatus) string { return l.samples }},
		{"state", false, 0, RunStatus.state},
		{"job", false, 4, func(l RunStatus) string { return orDash(l.JobID, func(id string) string { return id }) }},
		{"nodes", false, 5, func(l RunStatus) string { return cmp.Or(strings.Join(l.Nodes, ","), "-") }},
		{"ran for", true, 2, func(l RunStatus) string {
			if l.took == 0 {
				return "-"
			}
			return took(l.took)
		}},
		{"left", true, 3, func(l RunStatus) string {
			return orDash(l.ETA, func(s float64) string { return "~" + took(time.Duration(s)*time.Second) })
		}},
		{"why", false, 6, RunStatus.why},
	}
	if !slices.ContainsFunc(lines, func(l RunStatus) bool { return l.why() != "" }) {
		cols = cols[:len(cols)-1]
	}
	t := &table{}
	addColumns(t, cols, lines)
	left := t.fit(columnsOf(w))
	i := slices.Index(left, "why")
	if i >= 0 {
		left = slices.Delete(left, i, i+1)
	}
	p.without(t, left)
	if i >= 0 {
		p.line("")
		reasons, of := groupBy(lines, RunStatus.why)
		for _, why := range slices.DeleteFunc(reasons, func(why string) bool { return why == "" }) {
			p.wrapped("", 2, someOf(of[why], 2, func(l RunStatus) string { return short(l.Address) })+": "+why)
		}
	}
	p.line("")
	p.wrapped("", 2, totals.String())
	searchStatus(p, of)
	declared := len(lines) - len(slices.DeleteFunc(slices.Clone(lines), func(l RunStatus) bool { return len(l.Declared) > 0 }))
	if declared > 0 {
		p.line("%d of %d runs: %s (%s)", declared, len(lines), catalog.Mark, failure.DeclaredByUser)
	}
	return p.err
}

func (s RunStatus) state() string {
	if s.log == nil || s.log.String() == "" {
		return painted(string(s.State))
	}
	return painted(string(s.State)) + ", " + s.log.String()
}

// why is the reason for a state that does not speak for itself.
func (s RunStatus) why() string {
	if s.Action == plan.Keep || s.Untouched() && s.Action == plan.Measure {
		return ""
	}
	return s.Reason
}
