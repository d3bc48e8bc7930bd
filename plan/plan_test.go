package plan

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/llmbench/llmbench/plan/failure"
)

func TestMatchWholeComponents(t *testing.T) {
	const address = "max_throughput/use_case=chat/concurrency=64"
	for pattern, want := range map[string]bool{
		"max_throughput":                       true,
		"max_throughput/use_case=chat":         true,
		"use_case=chat":                        true,
		"use_case=chat/concurrency=64":         true,
		"concurrency=64":                       true,
		"concurrency=6":                        false,
		"use_case":                             false,
		"max_throughput/concurrency=64":        false,
		"use_case=chat/concurrency=64/extra=1": false,
		"max_throughput/use_case=chat/":        true,
	} {
		if got := Match(pattern, address); got != want {
			t.Errorf("Match(%q) = %v", pattern, got)
		}
	}
}

// drawState draws what a store may hold for a run.
func drawState(t *rapid.T) Samples {
	st := Samples{
		Wanted: rapid.IntRange(1, 4).Draw(t, "wanted"), Valid: rapid.IntRange(0, 4).Draw(t, "valid"),
		Suspect: rapid.IntRange(0, 2).Draw(t, "suspect"),
	}
	for range rapid.IntRange(0, 2).Draw(t, "in flight") {
		st.InFlight = append(st.InFlight, InFlight{State: "queued"})
	}
	for range rapid.IntRange(0, 2).Draw(t, "failed") {
		st.Failed = append(st.Failed, Failed{Code: rapid.SampledFrom([]failure.Code{failure.GPUOOM, failure.NodeFail, failure.TimeLimit, failure.Lost}).Draw(t, "code")})
	}
	return st.normal()
}

func TestActions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		st := drawState(t)
		r := &Run{Address: "a/use_case=b", Fingerprint: "f", State: st}
		sel := Selection{Retry: rapid.Bool().Draw(t, "retry")}
		if rapid.Bool().Draw(t, "replace") {
			sel.Replaces = []string{"a"}
		}
		r.decide(nil, sel)
		have := st.Valid + st.Suspect
		switch r.Action {
		case Keep:
			if have < st.Wanted || len(sel.Replaces) > 0 && have > 0 {
				t.Fatalf("kept with %+v", st)
			}
		case Wait:
			if len(st.InFlight) == 0 || st.Missing() > 0 {
				t.Fatalf("waits with %+v", st)
			}
		case Blocked:
			if sel.Retry || !st.Repeats() {
				t.Fatalf("blocked with %+v, retry %v", st, sel.Retry)
			}
		case Measure, Remeasure:
			if r.State.Missing() == 0 && len(r.State.InFlight) == 0 {
				t.Fatalf("%s with nothing missing: %+v", r.Action, r.State)
			}
		}
		if r.Reason == "" {
			t.Fatal("an action without a reason")
		}
	})
}

func TestKeepHasTheSameFingerprint(t *testing.T) {
	before := &Run{Address: "a", Fingerprint: "old", Image: Image{Name: "i:1"}}
	r := &Run{Address: "a", Fingerprint: "new", Image: Image{Name: "i:2"}, State: Samples{Wanted: 1}.normal()}
	r.decide(before, Selection{})
	if r.Action != Remeasure || len(r.Changes) != 1 || r.Changes[0].Argument != "image" {
		t.Errorf("%s %+v", r.Action, r.Changes)
	}
}

func TestRenamedOptionsAreOneChange(t *testing.T) {
	before := &Run{Image: Image{TRTLLMVersion: "1.0.0rc1"}, LLMAPIOptions: map[string]any{
		"cuda_graph_padding_enabled": true, "use_cuda_graph": true, "stream_interval": 4.0,
	}}
	after := &Run{Image: Image{TRTLLMVersion: "1.0"}, LLMAPIOptions: map[string]any{
		"cuda_graph_config": map[string]any{"enable_padding": true}, "stream_interval": 8.0,
	}}
	var lines []string
	for _, c := range changes(before, after) {
		lines = append(lines, c.Argument)
	}
	got := strings.Join(lines, "\n")
	want := `trtllm_version
llm_api_options.stream_interval
llm_api_options.cuda_graph_padding_enabled → llm_api_options.cuda_graph_config.enable_padding
llm_api_options.use_cuda_graph → llm_api_options.cuda_graph_config`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFingerprintIgnoresWhatCannotMoveTheNumber(t *testing.T) {
	run := func() *Run {
		return &Run{
			Address: "a", Model: Model{Label: "m", Checkpoint: "c", Path: ptr("/p")}, Image: Image{Name: "i:1"},
			Arguments: map[string]any{"tp": int64(8), "ep": nil}, Env: map[string]*string{"A": ptr("1"), "SECRET": nil}, TimeLimitSeconds: 60,
		}
	}
	base := NewIdentity(run(), ExecutorIdentity{}).Fingerprint()
	for name, change := range map[string]func(*Run){
		"address": func(r *Run) { r.Address = "b" }, "label": func(r *Run) { r.Model.Label = "n" }, "path": func(r *Run) { r.Model.Path = ptr("/q") },
		"time limit": func(r *Run) { r.TimeLimitSeconds = 90 }, "secret": func(r *Run) { delete(r.Env, "SECRET") },
		"unset flag": func(r *Run) { delete(r.Arguments, "ep") },
	} {
		r := run()
		change(r)
		if NewIdentity(r, ExecutorIdentity{}).Fingerprint() != base {
			t.Errorf("%s moves the fingerprint", name)
		}
	}
	for name, change := range map[string]func(*Run){
		"flag": func(r *Run) { r.Arguments["tp"] = int64(4) }, "image": func(r *Run) { r.Image.Name = "i:2" }, "env": func(r *Run) { r.Env["A"] = ptr("2") },
		"option": func(r *Run) { r.LLMAPIOptions = map[string]any{"x": 1.0} }, "rows": func(r *Run) { r.Dataset.Lines = 3 },
	} {
		r := run()
		change(r)
		if NewIdentity(r, ExecutorIdentity{}).Fingerprint() == base {
			t.Errorf("%s does not move the fingerprint", name)
		}
	}
	if NewIdentity(run(), ExecutorIdentity{Simulated: true}).Fingerprint() == base {
		t.Error("simulated and real runs have one fingerprint")
	}
}

// gauged is an empty ledger with samples of a known spread.
type gauged struct {
	Ledger
	n    int
	half float64
}

func (g gauged) Precision(string, string, bool) (int, float64, error) { return g.n, g.half, nil }

func TestPrecisionAsksForMoreUntilItHolds(t *testing.T) {
	for _, c := range []struct {
		n, samples, most int
		half             float64
		want             int
	}{
		{0, 1, 10, math.Inf(1), 6},
		{3, 1, 10, math.Inf(1), 6},
		{6, 1, 10, 0.05, 7},
		{6, 1, 10, 0.019, 6},
		{9, 1, 10, 0.05, 10},
		{10, 1, 10, 0.05, 10}, // max_samples ends it
		{0, 8, 10, math.Inf(1), 8},
		{0, 1, 4, math.Inf(1), 4},
	} {
		b := builder{Request: Request{Ledger: gauged{n: c.n, half: c.half}}}
		r := &Run{State: Samples{Wanted: c.samples}, precision: precision{wanted: 0.02, most: c.most}}
		if err := b.sizeSamples(r); err != nil || r.State.Wanted != c.want {
			t.Errorf("%+v: %d samples wanted (%v)", c, r.State.Wanted, err)
		}
	}
}
