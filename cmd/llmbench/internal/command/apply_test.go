package command

import (
	"bytes"
	"strings"
	"testing"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/plan"
)

// What is asked before an apply says what it may cost, or that it costs nothing.
func TestApprovalOf(t *testing.T) {
	for name, c := range map[string]struct {
		run       plan.Run
		want, not string
	}{
		"measured":  {plan.Run{}, "can cost up to 4.0 GPU-hours", "SIMULATED"},
		"rehearsal": {plan.Run{Simulated: true}, "SIMULATED: nothing is measured. Start jobs that can cost up to 4.0 GPU-hours", "no GPU"},
		"simulated": {*simulatedRun(t), "Simulate 1 run? SIMULATED: nothing is measured", "cost up"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked bytes.Buffer
			e := &env{streams: &view.Streams{In: strings.NewReader("no\n"), Out: &asked, Err: &asked, Interactive: true}}
			err := e.approve(&plan.Plan{Runs: []*plan.Run{&c.run}, Summary: plan.Summary{Measure: 1, GPUHoursLimit: 4}}, nil, applyFlags{})
			if err == nil || !strings.Contains(asked.String(), c.want) || strings.Contains(asked.String(), c.not) {
				t.Errorf("%v, asked %q", err, asked.String())
			}
		})
	}
}

// simulatedRun is a run of an example on the embedded executor.
func simulatedRun(t *testing.T) *plan.Run {
	t.Helper()
	e := &env{environ: []string{}, streams: &view.Streams{}, signal: &signalContext{Context: t.Context()}}
	s := e.load(definitionFlags{Dir: "../../../../examples/llama4-maverick", Store: t.TempDir(), Executor: "simulate"})
	p, diags := s.plan(plan.Selection{})
	if diags.HasErrors() || len(p.Runs) == 0 {
		t.Fatal(diags)
	}
	return p.Runs[0]
}
