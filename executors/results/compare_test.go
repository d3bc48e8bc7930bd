package results

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// side is n samples of one run around tps with a relative noise.
func side(rng *rand.Rand, address string, n int, tps, noise float64, change func(*Result)) []*Result {
	var out []*Result
	for i := range n {
		v, ttft := tps*(1+noise*rng.NormFloat64()), 100*(1+noise*rng.NormFloat64())
		isl, osl := 128, 128
		r := &Result{
			Address: address, Fingerprint: "f", Sample: i + 1, Attempt: 1, Verdict: Valid, Cluster: "gb",
			Model: plan.Model{Checkpoint: "m", Quantization: "FP8"}, Hardware: plan.Hardware{GPU: "GB200", GPUs: 8, GPUsPerNode: 4},
			Image: plan.Image{Name: "release:1.0", TRTLLMVersion: "1.0"}, UseCase: plan.UseCase{ISL: &isl, OSL: &osl},
			Arguments: trtllm.Arguments{"concurrency": int64(64), "tp": int64(8)},
			Metrics:   trtllm.Measured(map[string]float64{trtllm.OutputThroughputPerGPU: v, trtllm.AvgTTFT: ttft}),
		}
		if change != nil {
			change(r)
		}
		out = append(out, r)
	}
	return out
}

var throughput = Comparing{Threshold: 0.01, Metrics: []string{"output_throughput_per_gpu_tok_s"}}

// A planted regression of 3 % is found with 6 samples a side at 1 % of noise, and
// not claimed with 2.
func TestPlantedRegression(t *testing.T) {
	found := 0
	for seed := range int64(200) {
		rng := rand.New(rand.NewSource(seed))
		base, target := side(rng, "a/use_case=chat", 6, 1000, 0.01, nil), side(rng, "a/use_case=chat", 6, 970, 0.01, nil)
		compared := Compare(NewSet(base), NewSet(target), throughput).Metrics[0]
		if compared.Verdict == Worse {
			found++
		}
		if compared.Verdict == Better {
			t.Errorf("seed %d: a regression is called better", seed)
		}
		few := Compare(NewSet(base[:2]), NewSet(target[:2]), throughput).Metrics[0]
		if few.Verdict != CannotTell || few.Needed < leastToTell {
			t.Errorf("seed %d: %s with two samples, %d needed", seed, few.Verdict, few.Needed)
		}
	}
	if found < 190 {
		t.Errorf("the regression is found in %d of 200", found)
	}
}

// Where nothing changed, few changes are claimed.
func TestNoFalseAlarms(t *testing.T) {
	claims := 0
	for seed := range int64(400) {
		rng := rand.New(rand.NewSource(seed))
		base, target := side(rng, "a", 6, 1000, 0.01, nil), side(rng, "a", 6, 1000, 0.01, nil)
		if v := Compare(NewSet(base), NewSet(target), throughput).Metrics[0].Verdict; v == Better || v == Worse {
			claims++
		}
	}
	if claims > 30 {
		t.Errorf("%d of 400 comparisons of the same claim a change", claims)
	}
}

func TestSameIsClaimedWhereIntervalsAreNarrow(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	base, target := side(rng, "a", 10, 1000, 0.0005, nil), side(rng, "a", 10, 1000, 0.0005, nil)
	if v := Compare(NewSet(base), NewSet(target), throughput).Metrics[0].Verdict; v != Same {
		t.Errorf("%s, want same", v)
	}
}

// What was measured beside other runs is compared, and told.
func TestSideBySideIsTold(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	two := 2
	got := Compare(NewSet(side(rng, "a", 6, 1000, 0.01, nil)), NewSet(side(rng, "a", 6, 1000, 0.01, func(r *Result) { r.Provenance.SideBySide = &two })), throughput)
	if len(got.Metrics) != 1 || !strings.Contains(fmt.Sprint(got), "side_by_side: no → 2") {
		t.Errorf("%+v", got)
	}
}

func TestUnnamedDifferencesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Result)
		across []string
		want   string // "" is compared
	}{
		"image":           {func(r *Result) { r.Image.Name, r.Image.TRTLLMVersion = "release:1.1", "1.1" }, nil, "-across=image,trtllm_version"},
		"image, named":    {func(r *Result) { r.Image.Name, r.Image.TRTLLMVersion = "release:1.1", "1.1" }, []string{"image"}, ""},
		"hardware":        {func(r *Result) { r.Hardware.GPU = "B200" }, []string{"image"}, "hardware: 8x GB200 (4 per node) → 8x B200"},
		"a flag":          {func(r *Result) { r.Arguments["tp"] = int64(4) }, nil, "tp: 8 → 4"},
		"a flag, named":   {func(r *Result) { r.Arguments["tp"] = int64(4) }, []string{"tp"}, ""},
		"options":         {func(r *Result) { r.Fingerprint = "g" }, nil, "options"},
		"all":             {func(r *Result) { r.Hardware.GPU = "B200" }, []string{"all"}, ""},
		"simulated, all":  {func(r *Result) { r.Simulated = true }, []string{"all"}, "simulated"},
		"failed":          {func(r *Result) { r.Verdict = Failed }, nil, "no sample that counts"},
		"another address": {func(r *Result) { r.Address = "b" }, nil, "only the base has it"},
	} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewSource(1))
			how := throughput
			how.Across = c.across
			got := Compare(NewSet(side(rng, "a", 6, 1000, 0.01, nil)), NewSet(side(rng, "a", 6, 1000, 0.01, c.change)), how)
			if c.want == "" {
				if len(got.Refused) > 0 || len(got.Metrics) != 1 {
					t.Errorf("%+v", got)
				}
				return
			}
			if len(got.Metrics) > 0 || len(got.Refused) == 0 || !strings.Contains(fmt.Sprint(got.Refused), c.want) {
				t.Errorf("%+v, want %q", got, c.want)
			}
			if !got.Unsure() || got.Regressed() {
				t.Error("what is not compared is no proof that nothing regressed")
			}
		})
	}
}

// TTFT under unlimited concurrency holds waiting time, so that it is not compared
// with one that does not, although the flag is named.
func TestWaitingTimeIsNotCompared(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	how := Comparing{Threshold: 0.01, Metrics: []string{"output_throughput_per_gpu_tok_s", "avg_ttft_ms"}, Across: []string{"concurrency"}}
	target := side(rng, "a", 6, 1000, 0.01, func(r *Result) { r.Arguments["concurrency"] = int64(-1) })
	got := Compare(NewSet(side(rng, "a", 6, 1000, 0.01, nil)), NewSet(target), how)
	if len(got.Metrics) != 1 || len(got.Refused) != 1 || !strings.Contains(got.Refused[0].Reason, "avg_ttft_ms") {
		t.Errorf("%+v", got)
	}
	how.Across = append(how.Across, "avg_ttft_ms")
	if got := Compare(NewSet(side(rng, "a", 6, 1000, 0.01, nil)), NewSet(target), how); len(got.Metrics) != 2 || len(got.Metrics[1].Notes) == 0 {
		t.Errorf("%+v", got)
	}
}

func TestCompareByAxis(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	rc4 := func(r *Result) { r.Image.Name = "release:rc4" }
	all := append(side(rng, "a/use_case=chat/image=rc1", 6, 1000, 0.01, nil), side(rng, "a/use_case=chat/image=rc4", 6, 1100, 0.01, rc4)...)
	got, err := CompareBy(NewSet(all), "image", "rc1", throughput)
	if err != nil || len(got.Metrics) != 1 || got.Metrics[0].Verdict != Better || len(got.Context) != 1 {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := CompareBy(NewSet(all), "image", "rc9", throughput); err == nil || !strings.Contains(err.Error(), "rc1, rc4") {
		t.Error(err)
	}
	if _, err := CompareBy(NewSet(all), "gpu", "x", throughput); err == nil {
		t.Error("an axis that is not there")
	}
}

// What more samples cost is what the stored ones took.
func TestCostOfMoreSamples(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	cost := func(r *Result) {
		end := start.Add(15 * time.Minute)
		r.Job.Started, r.Job.Ended = &start, &end
		r.Estimate = &plan.Estimate{GPUHours: &estimate.Interval{Low: 0.5, Mid: 1, High: 2}}
	}
	rng := rand.New(rand.NewSource(1))
	base, target := side(rng, "a/use_case=chat", 1, 1000, 0, cost), side(rng, "a/use_case=chat", 1, 970, 0, cost)
	compared := Compare(NewSet(base), NewSet(target), throughput).Metrics[0]
	if got := compared.GPUHours / float64(2*(compared.Needed-1)); got != 2 { // 15 minutes of 8 GPUs
		t.Errorf("a sample costs %g GPU-hours, want 2", got)
	}
}

// Identical simulations are one sample, and no claim is made of them.
func TestSimulationsAreOneSample(t *testing.T) {
	simulated := func(r *Result) { r.Simulated = true }
	rng := rand.New(rand.NewSource(1))
	base, target := NewSet(side(rng, "a/use_case=chat", 6, 1000, 0, simulated)), NewSet(side(rng, "a/use_case=chat", 6, 1100, 0, simulated))
	run := base.Runs[0]
	if sum := run.Summary.At(trtllm.OutputThroughputPerGPU); run.Samples != 1 || sum.N != 1 || sum.Low != nil || len(base.Results) != 6 {
		t.Errorf("%d samples, %+v", run.Samples, sum)
	}
	c := Compare(base, target, throughput)
	if compared := c.Metrics[0]; !c.Simulated || compared.P != nil || compared.Verdict != CannotTell || compared.Needed != 0 || compared.GPUHours != 0 || compared.Base.N != 1 {
		t.Errorf("simulated %t: %+v", c.Simulated, compared)
	}
	real := Compare(NewSet(side(rng, "a/use_case=chat", 6, 1000, 0, nil)), NewSet(side(rng, "a/use_case=chat", 6, 1100, 0, nil)), throughput)
	if compared := real.Metrics[0]; real.Simulated || compared.P == nil || compared.Verdict != Better || compared.Base.N != 6 {
		t.Errorf("measured: %+v", compared)
	}
}

// Another prolog is told, and not compared unless it is named; results that do not
// say what their executor was set to differ in nothing.
func TestComparesSettingsOfExecutors(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	with := func(prolog ...string) []*Result {
		return side(rng, "a", 2, 1000, 0.01, func(r *Result) {
			r.Settings = plan.ExecutorIdentity{Launcher: []string{"trtllm-bench"}, Prolog: prolog}
		})
	}
	c := Compare(NewSet(with("a")), NewSet(with("b", "c")), throughput)
	if len(c.Refused) != 1 || !strings.Contains(c.Refused[0].Reason, "the sides differ in prolog: a → b && c; -across=prolog compares them") {
		t.Errorf("%+v", c.Refused)
	}
	across := throughput
	across.Across = []string{"prolog"}
	c = Compare(NewSet(with("a")), NewSet(with("b")), across)
	if len(c.Refused) != 0 || fmt.Sprint(c.Context) != "[measured with another prolog: a → b]" {
		t.Errorf("%+v, %q", c.Refused, c.Context)
	}
	if c = Compare(NewSet(side(rng, "a", 2, 1000, 0.01, nil)), NewSet(with("b")), throughput); len(c.Refused) != 0 {
		t.Errorf("%+v", c.Refused)
	}
}

// Where one thing differs, the sides are called by it.
func TestSidesAreNamed(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	batch := func(n int64) func(*Result) { return func(r *Result) { r.Arguments["max_batch_size"] = n } }
	how := Comparing{Threshold: 0.01, Across: []string{"all"}, Metrics: throughput.Metrics}
	base := NewSet(side(rng, "a/use_case=chat", 6, 1000, 0.01, batch(896)))
	if c := Compare(base, NewSet(side(rng, "a/use_case=chat", 6, 900, 0.01, batch(256))), how); c.BaseName != "896" || c.TargetName != "256" {
		t.Errorf("%q and %q", c.BaseName, c.TargetName)
	}
	upgrade := func(r *Result) { batch(896)(r); r.Image = plan.Image{Name: "release:1.1", TRTLLMVersion: "1.1"} }
	if c := Compare(base, NewSet(side(rng, "a/use_case=chat", 6, 900, 0.01, upgrade)), how); c.BaseName != "1.0" || c.TargetName != "1.1" {
		t.Errorf("another image: %q and %q", c.BaseName, c.TargetName)
	}
	both := func(r *Result) { batch(256)(r); r.Image.Name = "release:1.1" }
	if c := Compare(base, NewSet(side(rng, "a/use_case=chat", 6, 900, 0.01, both)), how); c.BaseName != "" || c.TargetName != "" {
		t.Errorf("two things differ: %q and %q", c.BaseName, c.TargetName)
	}
}

// What depends on facts of the user's own is marked, with the side where one alone does.
func TestDeclaredFactsAreMarked(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	own := func() *Set {
		return NewSet(side(rng, "a", 2, 1000, 0.01, func(r *Result) { r.Caveats = []Caveat{{Code: failure.DeclaredByUser}} }))
	}
	known := NewSet(side(rng, "a", 2, 1000, 0.01, nil))
	for _, test := range []struct {
		base, target *Set
		want         string
	}{
		{own(), own(), "[declared by you, not supported (declared_by_user)]"},
		{own(), known, "[base: declared by you, not supported (declared_by_user)]"},
		{known, own(), "[target: declared by you, not supported (declared_by_user)]"},
		{known, known, "[]"},
	} {
		c := Compare(test.base, test.target, throughput)
		if len(c.Metrics) != 1 || fmt.Sprint(c.Metrics[0].Notes) != test.want {
			t.Errorf("%+v, want notes %s", c.Metrics, test.want)
		}
	}
}

// Options are told by name and value; results of 0.1.0 do not hold them.
func TestOptionsAreToldByName(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	with := func(fingerprint string, options any) *Set {
		return NewSet(side(rng, "a", 2, 1000, 0.01, func(r *Result) { r.Fingerprint, r.LLMAPIOptions = fingerprint, options }))
	}
	backend := func(name string) any { return map[string]any{"moe_config": map[string]any{"backend": name}} }
	c := Compare(with("f", backend("WIDEEP")), with("g", backend("CUTLASS")), throughput)
	if want := "the sides differ in llm_api_options.moe_config.backend: WIDEEP → CUTLASS; -across=options compares them anyway"; len(c.Refused) != 1 || c.Refused[0].Reason != want {
		t.Errorf("%+v, want %s", c.Refused, want)
	}
	c = Compare(with("0123456789", nil), with("f", backend("CUTLASS")), throughput)
	if len(c.Refused) != 1 || !strings.Contains(c.Refused[0].Reason, "fingerprint: 01234567 → f;") {
		t.Errorf("%+v", c.Refused)
	}
}

// What the GPUs took can be compared: sampled, or as reports of 1.3 say.
func TestPowerIsCompared(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	power := func(w float64) *Set {
		return NewSet(side(rng, "a", 6, 1000, 0.01, func(r *Result) {
			w += 0.1
			if r.Telemetry = (&Telemetry{PowerW: w}); w > 800 {
				r.Telemetry, r.Energy = nil, &trtllm.Energy{GPUPowerW: new(w)}
			}
		}))
	}
	c := Compare(power(700), power(900), Comparing{Threshold: 0.01, Metrics: []string{PowerW, TokensPerJoule}})
	if len(c.Metrics) != 1 || c.Metrics[0].Verdict != Worse {
		t.Errorf("%+v", c.Metrics)
	}
}

// Old logs are held against measured runs by what both were passed.
func TestCompareByArguments(t *testing.T) {
	measured := func(address string, concurrency int64) *Result {
		run := testRun()
		run.Address, run.Fingerprint = address, address
		run.Arguments["concurrency"] = concurrency
		r := newResult(Evidence{Run: run, Sample: 1, Attempt: 1, Cluster: "gb"})
		r.measure(reportOf(t))
		r.settle()
		return r
	}
	log := NewSet([]*Result{Import(Found{Path: "old/m_TP8_EP8_PP1_CON64_chat/x.out", Report: reportOf(t)}, nil)})
	how := throughput
	how.ByArguments, how.Across = true, []string{"model", "trtllm_version"}
	c := Compare(log, NewSet([]*Result{measured("new/64", 64), measured("new/32", 32)}), how)
	if len(c.Metrics) != 1 || c.Metrics[0].Address != "new/64" || len(c.Refused) != 1 || c.Refused[0] != (Refusal{"new/32", "only the target has it"}) {
		t.Errorf("%+v", c)
	}
	c = Compare(log, NewSet([]*Result{measured("new/32", 32)}), how)
	if len(c.Metrics) != 0 || c.Refused[0].Reason != "no run of the target was passed the same" {
		t.Errorf("%+v", c.Refused)
	}
	c = Compare(log, NewSet([]*Result{measured("a", 64), measured("b", 64)}), how)
	if len(c.Metrics) != 0 || c.Refused[0].Reason != "what it was passed suits several runs of the target: a, b" {
		t.Errorf("%+v", c.Refused)
	}
}
