package view

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/runs"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/schema/catalog"
)

// A Standing is where one run is, as `status -json` prints it.
type Standing struct {
	Address  string      `json:"address"`
	Action   plan.Action `json:"action"`
	State    string      `json:"state"`
	Reason   string      `json:"reason"`
	JobID    *string     `json:"job_id"`
	Nodes    []string    `json:"nodes"`
	Since    *time.Time  `json:"since"`
	Progress *float64    `json:"progress"`
	ETA      *float64    `json:"eta_s"`
	// Simulated says that what is shown measures nothing real.
	Simulated bool `json:"simulated"`

	handle  executors.Handle
	flying  bool
	packed  bool
	log     *runs.Progress
	samples string
	// Declared lists what the run depends on that the user declared.
	Declared []string `json:"declared"`
}

// NewStanding sums up the samples of a run: what is in flight, else what failed,
// else what is stored.
func NewStanding(r *plan.Run, slots []runs.Slot, now time.Time) (Standing, error) {
	s := Standing{
		Address: r.Address, Action: r.Action, Reason: r.Reason, State: "planned", Nodes: []string{}, Simulated: r.Simulated, Declared: append([]string{}, r.Declared...),
		samples: fmt.Sprintf("%d of %d", r.State.Valid+r.State.Suspect, r.State.Wanted),
	}
	if r.Action == plan.Keep {
		s.State = "done"
	}
	for _, slot := range slots {
		switch {
		case slot.InFlight:
			err := s.fly(slot)
			s.expect(r.Estimate, now)
			return s, errors.Join(err, s.overdue(r, slot, now))
		case slot.Deferred != "":
			s.State, s.Reason = string(runs.Deferred), slot.Deferred
		case slot.Result != nil && !slot.Counts:
			s.State, s.Reason = string(slot.Result.Verdict), string(slot.Result.Code())+": "+slot.Result.Cause()
		}
		if slot.Result != nil && slot.Result.Job.ID != nil {
			s.JobID, s.Nodes, s.Since = slot.Result.Job.ID, slot.Result.Job.Nodes, slot.Result.Job.Ended
		}
	}
	return s, nil
}

func (s *Standing) fly(slot runs.Slot) error {
	s.flying, s.packed, s.handle = true, slot.Pack != "", executors.Handle(slot.Handle)
	s.State, s.Reason = string(slot.Phase), ""
	if slot.Job.JobID != "" {
		s.JobID = &slot.Job.JobID
	}
	if start, err := slot.Attempt.Start(); err != nil {
		return err
	} else if start != nil {
		s.Nodes, s.Since = start.Nodes, &start.Time
	}
	p, err := slot.Attempt.Progress()
	s.log = p
	if err != nil || p == nil || p.Total == 0 {
		return err
	}
	done := float64(p.Done) / float64(p.Total)
	s.Progress = &done
	if p.Stage != "" {
		s.Reason = p.Stage
	}
	return nil
}

// overdue warns of a running job that takes longer than expected, and says where it
// was looked into.
func (s *Standing) overdue(r *plan.Run, slot runs.Slot, now time.Time) error {
	if slot.Phase != runs.Running {
		return nil
	}
	g, err := slot.Attempt.Growth()
	if err != nil || g.Written.IsZero() {
		return err
	}
	ran := time.Duration(0)
	if s.Since != nil {
		ran = now.Sub(*s.Since)
	}
	if why := executors.Overdue(r, s.log, ran, now.Sub(g.Written)); why != "" {
		s.Reason = why
		if path, _ := slot.Attempt.Diagnosis(); path != "" {
			s.Reason += "; inspected: " + path
		}
	}
	return nil
}

// expect says how long a job that has started should go on: by its progress, else
// by the time since it started.
func (s *Standing) expect(e *plan.Estimate, now time.Time) {
	if e == nil || e.MeasureSeconds == nil || e.StartupSeconds == nil || s.Since == nil {
		return
	}
	left := e.StartupSeconds.Mid + e.MeasureSeconds.Mid - now.Sub(*s.Since).Seconds()
	if s.Progress != nil {
		left = e.MeasureSeconds.Mid * (1 - *s.Progress)
	}
	left = math.Round(max(0, left))
	s.ETA = &left
}

// Hear takes in what a backend answered about the run's job. What the job says
// itself comes first.
func (s *Standing) Hear(answer map[executors.Handle]executors.Status) {
	a, ok := answer[s.handle]
	switch {
	case !ok || !s.flying:
		return
	case a.State == executors.Ended && a.End == executors.Lost:
		s.State, s.Reason, s.flying, s.ETA = string(executors.Lost), strings.TrimPrefix(a.Reason+"; apply measures it again", "; "), false, nil
		return
	case a.State == executors.Ended && s.State == string(runs.Running):
		s.State, s.Reason, s.ETA = string(executors.Finishing), "the job has ended ("+a.Raw+") and has no exit record yet; apply finds out", nil
		return
	case s.State != string(runs.Submitted) && s.State != string(runs.Intended):
		return
	}
	if s.packed && (a.State == executors.Starting || a.State == executors.Running) {
		a.State, a.Reason, a.Remedy = executors.Queued, "in its pack", "" // another's turn
	}
	s.State = string(a.State)
	if a.State == executors.Ended {
		s.State = string(executors.Finishing)
	}
	s.Reason = strings.TrimSpace(a.Reason + " " + a.Remedy)
	if len(a.Nodes) > 0 {
		s.Nodes = a.Nodes
	}
}

// Untouched reports whether nothing was ever tried of the run.
func (s *Standing) Untouched() bool { return s.State == "planned" }

// GoingOn reports whether a job of the run may still bring a result.
func (s *Standing) GoingOn() bool { return s.flying }

// StatusJSON prints standings as JSON.
func StatusJSON(w io.Writer, lines []Standing) error {
	if lines == nil {
		lines = []Standing{}
	}
	return writeJSON(w, struct {
		Runs []Standing `json:"runs"`
	}{lines})
}

// Status prints standings as a table.
func Status(w io.Writer, lines []Standing) error {
	if slices.ContainsFunc(lines, func(l Standing) bool { return l.Simulated }) {
		if _, err := fmt.Fprintf(w, "%s\n\n", banner); err != nil {
			return err
		}
	}
	t := &table{header: []string{"run", "samples", "state", "job", "nodes", "since", "progress", "left", ""}, right: []bool{false, true, false, false, false, false, true, true}}
	for _, l := range lines {
		job, since, progress, left := "-", "-", "-", "-"
		if l.JobID != nil {
			job = *l.JobID
		}
		if l.Since != nil {
			since = l.Since.Local().Format("15:04:05")
		}
		if l.Progress != nil {
			progress = fmt.Sprintf("%.0f %%", 100**l.Progress)
		}
		if l.ETA != nil {
			left = "~" + took(time.Duration(*l.ETA)*time.Second)
		}
		nodes := strings.Join(l.Nodes, ",")
		if nodes == "" {
			nodes = "-"
		}
		t.add(Shown(l.Address), l.samples, painted(l.State), job, nodes, since, progress, left, l.Reason)
	}
	if err := t.plain(w); err != nil {
		return err
	}
	declared := len(lines) - len(slices.DeleteFunc(slices.Clone(lines), func(l Standing) bool { return len(l.Declared) > 0 }))
	if declared == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "\n%d of %d runs: %s (%s)\n", declared, len(lines), catalog.Mark, failure.DeclaredByUser)
	return err
}
