package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// A Story is all that happened at one address, by fingerprint and cluster.
type Story struct {
	Address string
	// Declared is the fingerprint that the definitions have now, "" where the run
	// is no longer declared.
	Declared string
	Parts    [][]store.PastAttempt
}

// Text prints the story for people.
func (s Story) Text(w io.Writer) error {
	p := &printer{w: w}
	p.line("%s", s.Address)
	if len(s.Parts) == 0 {
		p.line("  Not started yet.")
	}
	for _, part := range s.Parts {
		s.part(p, part)
	}
	return p.err
}

func (s Story) part(p *printer, trials []store.PastAttempt) {
	first := trials[0]
	now := "as declared now"
	switch {
	case s.Declared == "":
		now = "no longer declared"
	case !strings.HasPrefix(s.Declared, first.Run.Fingerprint): // of a damaged record only the folder is known
		now = "with other definitions than now"
	}
	p.line("")
	if first.Attempt.Key.Simulated {
		p.line("  %s", banner)
	}
	words, of := groupBy(trials, storyWord)
	for i, word := range words {
		words[i] = fmt.Sprintf("%d %s", len(of[word]), word)
	}
	p.line("  fingerprint %.12s on %s, %s: %s", first.Run.Fingerprint, first.Attempt.Key.Cluster, now, strings.Join(words, ", "))
	sample := 0
	for _, t := range trials {
		if t.Attempt.Sample != sample {
			sample = t.Attempt.Sample
			p.line("\n  sample %d", sample)
		}
		storyTrial(p, t)
	}
	for _, t := range slices.Backward(trials) {
		if t.Replaced == "" && t.Result != nil && t.Result.Counts() {
			storyOfResult(p, t.Result)
			break
		}
	}
}

func storyWord(t store.PastAttempt) string {
	switch {
	case t.Replaced != "":
		return "replaced"
	case t.Result == nil:
		return string(t.State)
	}
	return string(t.Result.Verdict)
}

func storyTrial(p *printer, t store.PastAttempt) {
	told := storyWord(t)
	if t.Replaced != "" {
		if t.Result != nil {
			told += ", was " + string(t.Result.Verdict)
		}
		told += ": " + t.Replaced
	}
	p.line("    attempt %d  %s%s", t.Attempt.Number, told, storyJob(t))
	if r := t.Result; r != nil {
		for _, reason := range r.Reasons {
			p.line("      %s: %s: %s", reason.Level, reason.Code, reason.Detail)
			if reason.Remedy != "" {
				p.line("        next: %s", reason.Remedy)
			}
		}
		declaredNote(p, "      ", r)
		if r.Counts() {
			p.line("      %s", storyNumbers(r))
		}
	}
	p.line("      %s", t.Attempt.Dir)
	p.line("        %s", strings.Join(t.Files, " "))
}

// storyJob says who submitted what, and where and for how long it ran.
func storyJob(t store.PastAttempt) string {
	var parts []string
	add := func(before, text string) {
		if text != "" {
			parts = append(parts, before+text)
		}
	}
	add("job ", t.JobID)
	add("by ", t.User)
	if r := t.Result; r != nil {
		second := func(at *time.Time) string {
			if at == nil {
				return ""
			}
			return at.UTC().Format("2006-01-02 15:04:05 MST")
		}
		add("on ", strings.Join(r.Job.Nodes, " "))
		add("submitted ", second(r.Job.Submitted))
		add("started ", second(r.Job.Started))
		if d := r.Took(); d > 0 {
			add("took ", took(d))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "  " + strings.Join(parts, ", ")
}

func storyNumbers(r *results.Result) string {
	var parts []string
	for _, m := range trtllm.Columns() {
		v := r.Metrics.At(m.Name)
		switch {
		case v == nil:
		case m.HigherIsBetter:
			parts = append(parts, figure(*v)+" "+m.Column)
		case m.Unit == "ms":
			parts = append(parts, m.Column+" "+milliseconds(*v))
		default:
			parts = append(parts, m.Column+" "+figure(*v))
		}
	}
	return strings.Join(parts, ", ")
}

func storyOfResult(p *printer, r *results.Result) {
	p.line("\n  sample %d in detail", r.Sample)
	t := &table{indent: "    "}
	if s := r.Iterations; s != nil {
		t.add("over time", steadyText(s))
		t.add("", fmt.Sprintf("ramp %s s, drain %s s; %s context and %s generation tokens per step when steady",
			tickText(s.Steady.StartS), tickText(max(0, s.Seconds-s.Steady.EndS)), tickText(s.Steady.CtxTokens), tickText(s.Steady.GenTokens)))
	}
	if m := r.Telemetry; m != nil {
		t.add("telemetry", telemetryWords(m))
	}
	if e := r.Energy; e != nil && e.TotalJ != nil {
		t.add("energy", fmt.Sprintf("%.2f kWh by trtllm-bench's report", *e.TotalJ/3.6e6)+optionally("; %s tokens per joule", e.TokensPerJoule)+optionally("; %s W per GPU", e.GPUPowerW))
	}
	for _, f := range provenanceFacts {
		if v := f.of(r); v != notKnown && v != "-" && !slices.Contains(storyTold, f.name) {
			t.add(f.name, v)
		}
	}
	if len(r.Provenance.Argv) > 0 {
		t.add("command", strings.Join(r.Provenance.Argv, " "))
	}
	for _, f := range missingFacts([]*results.Result{r}) {
		t.add("not known", f.Name+": "+f.Value)
	}
	p.table(t)
}

// storyTold are facts that stand elsewhere in the story.
var storyTold = []string{"job", "nodes", "started", "took"}

// optionally is a figure in a format, "" for none.
func optionally(format string, v *float64) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf(format, figure(*v))
}

func telemetryWords(m *results.Telemetry) string {
	s := fmt.Sprintf("SM %.0f MHz and %.0f W per GPU on average, %.0f °C at most", m.SMClockMHz, m.PowerW, m.TemperatureC)
	if m.TokensPerJoule != nil {
		s += fmt.Sprintf("; %.2f kWh, %s tokens per joule", m.EnergyJ/3.6e6, figure(*m.TokensPerJoule))
	}
	return s
}
