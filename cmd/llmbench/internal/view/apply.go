package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// An ExitCode ends the process with that code: what there was to say is said.
type ExitCode int

func (e ExitCode) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// Apply shows what an apply does: lines for people, or an event a line as JSON.
type Apply struct {
	s    *Streams
	json hclog.Logger // nil for people
	bars *bars        // nil without a terminal
	last map[string]time.Time
	plan *plan.Plan
	// price is what the plan said that a GPU-hour costs.
	price Price
}

// NewApply returns the view of an apply of p.
func NewApply(s *Streams, asJSON bool, p *plan.Plan) *Apply {
	a := &Apply{s: s, plan: p, last: map[string]time.Time{}}
	switch {
	case asJSON:
		a.json = hclog.New(&hclog.LoggerOptions{Name: "llmbench", Level: hclog.Info, Output: s.Out, JSONFormat: true})
		a.json.Info("llmbench "+p.LLMBenchVersion, "type", "version", "version", p.LLMBenchVersion)
	case s.terminal():
		_, raw := s.Raw()
		a.bars = newBars(raw, p)
	}
	return a
}

// Planned shows the plan before anything is asked.
func (a *Apply) Planned(v PlanView) error {
	a.price = v.Price
	if a.json == nil {
		if err := v.Text(a.s.Out); err != nil {
			return err
		}
		fmt.Fprintln(a.s.Out)
		return nil
	}
	for _, r := range v.Plan.Runs {
		a.json.Info(r.Address+": "+string(r.Action), "type", "planned_change", "address", r.Address, "action", r.Action, "reason", r.Reason)
	}
	args := []any{"type", "change_summary", "summary", v.Plan.Summary}
	if v.Source != nil {
		args = append(args, "plan", v.Source.File, "directory", v.Source.Dir, "store", v.Plan.Store, "starts", v.starts())
	}
	a.json.Info(v.planLine(), args...)
	return nil
}

// Rounds shows what searches measure next.
func (a *Apply) Rounds(v PlanView) {
	for _, s := range v.Plan.Searches {
		if len(s.Next) == 0 {
			continue
		}
		if a.json == nil {
			fmt.Fprintf(a.writer(), "search %s, round %d: %s\n", s.Name(), s.Round, Plural(len(s.Next), "run"))
			continue
		}
		for _, n := range s.Next {
			a.json.Info(n.Address+": "+n.Reason, "type", "planned_change", "address", n.Address, "action", plan.Measure, "reason", n.Reason)
		}
	}
}

// Diagnostics streams diagnostics as JSON.
func (a *Apply) Diagnostics(diags hcl.Diagnostics) {
	for _, d := range plan.NewDiagnostics(diags) {
		level := a.json.Error
		if d.Severity == "warning" {
			level = a.json.Warn
		}
		level(d.Summary+": "+d.Detail, "type", "diagnostic", "diagnostic", d)
	}
}

// Event shows one event of the campaign.
func (a *Apply) Event(e executors.Event) {
	if a.json != nil {
		a.eventJSON(e)
		return
	}
	if a.bars != nil && a.bars.event(e) {
		return
	}
	if line := a.eventLine(e); line != "" {
		fmt.Fprintf(a.writer(), "%s  %s\n", e.Time.Format("15:04:05"), line)
	}
}

func (a *Apply) writer() io.Writer {
	if a.bars != nil {
		return &safeWriter{w: a.bars.p, sgr: a.s.Color}
	}
	return a.s.Err
}

func (a *Apply) eventJSON(e executors.Event) {
	args := []any{"type", string(e.Type)}
	message := e.Text
	if e.Run != nil {
		args = append(args, "address", e.Run.Address, "sample", e.Sample, "attempt", e.Attempt, "job_id", e.JobID, "state", string(e.State), "simulated", e.Run.Simulated)
		message = strings.TrimSpace(e.Run.Address + " " + e.Text)
	}
	if e.Total > 0 {
		args = append(args, "progress", map[string]int{"done": e.Done, "total": e.Total})
	}
	if e.Result != nil {
		args = append(args, "verdict", e.Result.Verdict, "metrics", e.Result.Metrics)
	}
	a.json.Info(message, args...)
}

// sampleName names what an event is about in a line.
func sampleName(e executors.Event) string {
	name := short(e.Run.Address)
	if e.Run.Simulated {
		name = "SIMULATED " + name
	}
	if e.Run.State.Wanted > 1 {
		name += fmt.Sprintf(" sample %d", e.Sample)
	}
	return name
}

// eventLine is the line of an event; progress is told every ten seconds.
func (a *Apply) eventLine(e executors.Event) string {
	if e.Run == nil {
		return e.Text
	}
	name := sampleName(e)
	switch e.Type {
	case executors.RunSubmitted:
		return strings.TrimSpace(fmt.Sprintf("%s  submitted as job %s  %s", name, e.JobID, e.Text))
	case executors.RunState:
		return strings.TrimSpace(fmt.Sprintf("%s  %s  %s", name, e.State, e.Text))
	case executors.RunProgress:
		if e.Time.Sub(a.last[name]) < 10*time.Second {
			return ""
		}
		a.last[name] = e.Time
		if e.Total == 0 {
			return name + "  " + e.Text
		}
		return strings.TrimRight(fmt.Sprintf("%s  %d of %d  %s", name, e.Done, e.Total, e.Text), " ")
	case executors.RunComplete:
		return fmt.Sprintf("%s  %s  %s tok/s/GPU", name, painted(string(e.Result.Verdict)), orDash(e.Result.Metrics.At(trtllm.OutputThroughputPerGPU), figure))
	case executors.RunErrored:
		if e.Result != nil {
			return fmt.Sprintf("%s  %s  %s: %s", name, painted(string(e.Result.Verdict)), e.Result.Code(), e.Result.Cause())
		}
		return name + "  " + e.Text
	}
	return e.Text
}

// Error shows what ended the campaign.
func (a *Apply) Error(err error) {
	if a.json != nil {
		a.json.Error(err.Error(), "type", "diagnostic")
		return
	}
	a.close()
	fmt.Fprintf(a.s.Err, "Error: %v\n", err)
}

// Hints are what other commands need to see the same runs.
type Hints struct {
	Flags []string
	Dir   string
	// Plan is the saved plan that is applied, "" for none.
	Plan string
}

func (h Hints) resume() string {
	if h.Plan != "" {
		return "llmbench apply " + h.Plan
	}
	return h.command("apply", h.Dir)
}

func (h Hints) command(words ...string) string {
	return strings.Join(slices.Concat([]string{"llmbench"}, words[:1], h.Flags, words[1:]), " ")
}

// NotStarted says that a signal came before the first submission.
func (a *Apply) NotStarted(h Hints) {
	const what = "Interrupted: this apply started nothing."
	if a.json != nil {
		a.json.Info(what, "type", "diagnostic")
		return
	}
	a.close()
	fmt.Fprintf(a.s.Err, "%s\n  resume:  %s\n", what, h.resume())
}

// GoesOn says, after what has happened, which jobs go on and how to take them up or stop them.
func (a *Apply) GoesOn(what string, o executors.Ending, h Hints) {
	if a.json != nil {
		a.json.Info(what, "type", "diagnostic", "jobs", o.Jobs)
		return
	}
	a.close()
	w := a.s.Err
	fmt.Fprintln(w, what)
	if len(o.Jobs) == 0 {
		fmt.Fprintf(w, "No job is running.\n  resume:  %s\n", h.resume())
		return
	}
	const shown = 10
	jobs := strings.Join(o.Jobs, " ")
	if last := len(o.Jobs) - 1; last >= shown {
		jobs = fmt.Sprintf("%s … %s (%d jobs)", strings.Join(o.Jobs[:3], " "), o.Jobs[last], last+1)
	}
	fmt.Fprintf(w, "Jobs still running: %s\n", jobs)
	fmt.Fprintf(w, "  follow:  %s\n  resume:  %s\n  cancel:  %s\n",
		h.command("status", h.Dir), h.resume(), h.command("cancel", h.Dir))
}

// End ends the stream with the exit code.
func (a *Apply) End(code int) error {
	a.close()
	if a.json != nil {
		a.json.Info("done", "type", "summary", "exit_code", code)
	}
	if code == 0 {
		return nil
	}
	return ExitCode(code)
}

func (a *Apply) close() {
	if a.bars != nil {
		a.bars.close()
		a.bars = nil
	}
}
