package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/document"
	"github.com/llmbench/llmbench/plan/failure"
)

// Explain prints everything that a plan knows of one run: every value with
// where it was set, the command, its files and the job.
func (v PlanView) Explain(w io.Writer, r *plan.Run) error {
	p, out := v.Plan, &printer{w: w}
	at := newPositions(p)
	out.line("%s %s: %s", painted(r.Action.Symbol()), r.Address, r.Reason)
	for _, line := range searchesOf(p, r) {
		out.wrapped("  ", 4, line)
	}
	out.line("  fingerprint  %s", r.Fingerprint)
	out.line("  model        %s", modelLine(r))
	out.line("  hardware     %s", hardwareLine(r))
	out.line("  image        %s (TensorRT-LLM %s)", imageLine(r), r.Image.TRTLLMVersion)
	out.line("  data set     %s", datasetLine(r))
	out.line("  time limit   %s, at most %.1f GPU-hours per sample", minutes(r.TimeLimitSeconds), r.GPUHoursLimit())
	if r.SLO != nil {
		out.line("  slo          %s per request", r.SLO)
	}
	if r.RequestLog {
		out.line("  request log  yes: a record of each request")
	}
	out.line("")
	out.table(valueTable(r, at))
	for _, c := range r.Changes {
		out.line("  changed: %s  %s  %s", changeName(c), changeText(c), at.of(c.Range))
	}
	explainEstimate(out, r, v.Price)
	if len(r.Notes) > 0 {
		out.line("")
	}
	said := map[failure.Code]bool{}
	for _, n := range r.Notes {
		if !said[n.Code] {
			said[n.Code] = true
			out.line("  %s: %s: %s", n.Level, n.Code, n.Detail)
		}
	}
	doc := document.NewRun(r, r.Jobs()...)
	for _, s := range doc.Steps {
		out.line("")
		out.line("  %s:", s.Name)
		out.line("    %s", strings.Join(s.Argv, " "))
		for _, name := range sortedKeys(s.Files) {
			out.line("")
			out.line("  %s:", name)
			out.line("    %s", strings.ReplaceAll(strings.TrimRight(s.Files[name], "\n"), "\n", "\n    "))
		}
	}
	if len(doc.Job.Argv) > 0 {
		out.line("")
		out.line("  job %s:", doc.Job.Name)
		out.line("    %s", strings.Join(doc.Job.Argv, " "))
	}
	return out.err
}

func datasetLine(r *plan.Run) string {
	d := r.Dataset
	if d.Generator == nil {
		return fmt.Sprintf("%s, %s lines", literal(d.Path), count(int64(d.Lines)))
	}
	return fmt.Sprintf("%s, seed %d, %s lines", *d.Generator, *d.Seed, count(int64(d.Lines)))
}

// valueTable lists every argument and option that is passed.
func valueTable(r *plan.Run, at positions) *table {
	t := &table{header: []string{"value", "", "from"}, indent: "  "}
	add := func(name string, v any) {
		if v == nil {
			return
		}
		t.add(strings.TrimPrefix(name, "llm_api_options."), literal(v), at.origin(r.Origins.At(name)))
	}
	for _, name := range sortedKeys(r.Arguments) {
		add(name, r.Arguments[name])
	}
	walkLeaves("llm_api_options", r.LLMAPIOptions, add)
	for _, name := range sortedKeys(r.Env) {
		v := "(secret)"
		if r.Env[name] != nil {
			v = *r.Env[name]
		}
		t.add("env "+name, v, at.origin(r.Origins.At("env."+name)))
	}
	return t
}
