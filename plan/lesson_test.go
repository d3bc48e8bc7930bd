package plan

import (
	"strings"
	"testing"
	"time"

	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema/catalog"
)

// taught is a ledger that holds nothing but lessons.
type taught struct {
	Ledger
	lessons []Lesson
}

func (l taught) Lessons(func(Subject) bool) ([]Lesson, error) { return l.lessons, nil }

func lesson(version, cluster string, predicted, measured, startup float64) Lesson {
	e := estimate.Interval{Low: 0.8 * predicted, Mid: predicted, High: 1.2 * predicted}
	return Lesson{
		Run: &Run{
			Model: Model{Checkpoint: "m"}, Hardware: Hardware{GPU: "GB200", Nodes: 2}, Image: Image{TRTLLMVersion: version},
			Estimate: &Estimate{OutputThroughputPerGPU: &e},
		},
		Cluster: cluster, OutputThroughputPerGPU: measured, StartupSeconds: startup,
	}
}

func TestLessonsCarryOverToLikeRuns(t *testing.T) {
	b := builder{Request: Request{Ledger: taught{lessons: []Lesson{
		lesson("1.0", "here", 1000, 1250, 100),
		lesson("1.0", "here", 1000, 1000, 300),
		lesson("1.0", "here", 1000, 1000, 200),
		lesson("1.1", "here", 1000, 500, 900),
		lesson("1.0", "elsewhere", 1000, 1000, 900),
	}}}}
	all, err := b.lessons(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := candidate{run: lesson("1.0", "", 1, 1, 0).Run, place: Placement{Cluster: "here", Startup: time.Hour}}
	got := all.of(c)
	if v := got.version(); !strings.HasSuffix(v, "within ±20 % (4 real runs here)") {
		t.Errorf("version %q", v)
	}
	if s := got.startup(1e12); s != (estimate.Interval{Low: 85, Mid: 200, High: 345}) {
		t.Errorf("start-up as measured on this cluster: %+v", s)
	}
	c.place.Cluster = "new"
	if s := all.of(c).startup(1e12); s != (estimate.Interval{Low: 2700, Mid: 3600, High: 4500}) {
		t.Errorf("start-up as declared: %+v", s)
	}
	c.place.Startup = 0
	if s := all.of(c).startup(400e9); s.Low < 120 || s.High > 660 {
		t.Errorf("start-up of 400 GB of weights: %+v", s)
	}
}

// measuredLoad is a real run that was slower than predicted.
func measuredLoad(isl, osl int, gpu string, ratio float64) Lesson {
	const rows = 2000
	w := loadOf(isl, osl, rows, 512, 512, 8192)
	run := noted(w)
	run.Model, run.Hardware = Model{Checkpoint: w.Checkpoint.ID}, Hardware{GPU: gpu, GPUs: 8, Nodes: 2}
	run.Image = Image{TRTLLMVersion: w.TRTLLMVersion}
	run.UseCase = UseCase{ISL: &isl, OSL: &osl}
	run.Dataset = Dataset{Generator: ptr(trtllm.Generator), Seed: ptr(int64(1)), Lines: rows}
	return Lesson{Run: run, Cluster: "here", OutputThroughputPerGPU: ratio * run.Estimate.OutputThroughputPerGPU.Mid}
}

// Real runs move the predictions for their model, GPU and version towards what
// was measured, the more the more there are, and no other.
func TestRealRunsRefit(t *testing.T) {
	lessons := []Lesson{measuredLoad(1000, 1000, "GB200", 0.8), measuredLoad(128, 128, "GB200", 0.8), measuredLoad(512, 4000, "GB200", 0.8)}
	predicted := func(l []Lesson, gpu string) (float64, string) {
		b := builder{Request: Request{Ledger: taught{lessons: l}, Catalog: catalog.Load()}}
		all, err := b.lessons(nil)
		if err != nil {
			t.Fatal(err)
		}
		run := measuredLoad(1000, 2000, gpu, 1).Run
		w, ok := b.workloadOf(run)
		if !ok {
			t.Fatal("no workload")
		}
		e := newEstimate(w.Scenario(), all.of(candidate{run: run}))
		return e.OutputThroughputPerGPU.Mid, e.ModelVersion
	}
	before, version := predicted(nil, "GB200")
	if strings.Contains(version, "within") {
		t.Errorf("nothing was measured, and the version is %q", version)
	}
	one, version := predicted(lessons[:1], "GB200")
	if one >= before || !strings.HasSuffix(version, ", within ±25 % (1 real run here), refitted to them") {
		t.Errorf("one run: %v instead of %v, %q", one, before, version)
	}
	three, version := predicted(lessons, "GB200")
	if ratio := three / before; three >= one || ratio > 0.9 || ratio < 0.78 || !strings.HasSuffix(version, ", within ±25 % (3 real runs here), refitted to them") {
		t.Errorf("three runs at 0.8 of what was predicted: now %.2f of it, %q", ratio, version)
	}
	other, _ := predicted(nil, "B200")
	if same, version := predicted(lessons, "B200"); same != other || strings.Contains(version, "within") {
		t.Errorf("another GPU: %v instead of %v, %q", same, other, version)
	}
}

func TestOccupancyNamesWhatLimits(t *testing.T) {
	run := func(concurrency, lines int, fit int64) *Run {
		return &Run{
			Arguments:     map[string]any{"tp": int64(8), "max_batch_size": int64(100), "concurrency": int64(concurrency)},
			LLMAPIOptions: map[string]any{"enable_attention_dp": true},
			Dataset:       Dataset{Lines: lines},
			Estimate:      &Estimate{RequestsFitAtOnce: ptr(fit)},
		}
	}
	for _, c := range []struct {
		run     *Run
		running int
		waits   bool
	}{
		{run(64, 4000, 1000), 64, false},
		{run(-1, 4000, 1000), 800, true},
		{run(-1, 500, 1000), 500, false},
		{run(640, 4000, 320), 320, true},
	} {
		o, ok := c.run.Occupancy()
		if !ok || o.Running() != c.running || o.waits() != c.waits {
			t.Errorf("%+v: running %d, waits %v; want %d, %v", o, o.Running(), o.waits(), c.running, c.waits)
		}
	}
}
