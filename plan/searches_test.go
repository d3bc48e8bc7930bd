package plan

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

var schedules = flag.Int("schedules", 300, "how many schedules of kills two searches go through")

// Two searches over one set of candidates measure the same rounds wherever apply is
// killed and in whatever order jobs end: while rounds are written, while runs are
// submitted, and while their jobs go on.
func TestRoundsAfterKills(t *testing.T) {
	for seed := range uint64(*schedules) {
		whole := newSearchStore(seed)
		if !whole.apply(t, math.MaxInt) {
			t.Fatalf("seed %d: the searches do not end", seed)
		}
		killed := newSearchStore(seed)
		for life := 0; !killed.apply(t, killed.rand.IntN(12)); life++ {
			if life > 200 {
				t.Fatalf("seed %d: the searches do not end", seed)
			}
		}
		if whole, killed := whole.told(), killed.told(); whole != killed {
			t.Fatalf("seed %d: rounds without kills\n%s\nwith kills\n%s", seed, whole, killed)
		}
	}
}

// A searchStore is a store and a queue in memory. What a run brings follows from the
// seed: a value, or a failure that repeats.
type searchStore struct {
	Ledger
	seed    uint64
	rand    *rand.Rand // of kills and of the order in which jobs end
	rounds  map[string][]Round
	began   map[string]int // the last round with an attempt
	tried   map[string][]InRound
	samples map[string][]map[string]float64
	failed  map[string]bool
	flying  []string // fingerprints
	clock   time.Time
}

func newSearchStore(seed uint64) *searchStore {
	return &searchStore{
		seed: seed, rand: rand.New(rand.NewPCG(seed, 1)), rounds: map[string][]Round{}, began: map[string]int{}, tried: map[string][]InRound{},
		samples: map[string][]map[string]float64{}, failed: map[string]bool{}, clock: time.Unix(0, 0),
	}
}

func (l *searchStore) Search(benchmark, label string, _ bool) (SearchAccount, error) {
	name := benchmark + "/" + label
	return SearchAccount{Rounds: l.rounds[name], Begun: l.began[name], Tried: l.tried}, nil
}

func (l *searchStore) Noise(string, string, bool) (float64, error) { return 0.02, nil }

func (l *searchStore) Figures(fingerprint, _ string, _ bool) ([]map[string]float64, int, error) {
	return l.samples[fingerprint], len(l.samples[fingerprint]), nil
}

// plan is what a new process sees.
func (l *searchStore) plan(t *testing.T) *Plan {
	var list []candidate
	for i := range 12 {
		address := fmt.Sprintf("tune/use_case=chat/concurrency=%d/moe=%d", 8<<(i/2), i%2)
		tps := 100 * float64(i/2+1)
		r := &Run{
			Address: address, Fingerprint: address, cluster: "gb", TimeLimitSeconds: 600, Hardware: Hardware{GPUs: 8}, UseCase: UseCase{Label: "chat"},
			Estimate: &Estimate{OutputThroughputPerGPU: &estimate.Interval{Mid: tps}, AvgTPOT: &estimate.Interval{Mid: tps / 20}},
			State:    Samples{Wanted: 1, Valid: len(l.samples[address])},
		}
		for _, f := range l.flying {
			if f == address {
				r.State.InFlight = append(r.State.InFlight, InFlight{})
			}
		}
		if l.failed[address] {
			r.State.Failed = []Failed{{Code: failure.GPUOOM}}
		}
		list = append(list, candidate{run: r, cell: &schema.Cell{Samples: 2}, place: Placement{Renderer: ownJobs{}}})
	}
	most := 15.0 + 10*rand.New(rand.NewPCG(l.seed, 2)).Float64()
	sp, p := newSpace(list, nil), &Plan{}
	var all []*searching
	for _, def := range []*schema.Search{
		{Label: "quick", Metric: trtllm.OutputThroughputPerGPU, MaxRuns: 6, Bounds: []schema.SearchBound{{Metric: trtllm.AvgTPOT, Max: &most}}},
		{Label: "batch", Metric: trtllm.OutputThroughputPerGPU, MaxRuns: 5},
	} {
		all = append(all, newSearching("tune", def, sp))
	}
	b := &builder{Request: Request{Ledger: l}}
	if err := b.searchAll(p, all); err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		p.Runs = append(p.Runs, c.run)
	}
	return p
}

type ownJobs struct{ JobRenderer }

func (ownJobs) Packing() *Packing { return nil }

// apply measures round after round, until it is killed after so many events. It reports
// whether it came to the end.
func (l *searchStore) apply(t *testing.T, events int) bool {
	killed := func() bool { events--; return events < 0 }
	for {
		p := l.plan(t)
		l.clock = l.clock.Add(time.Second)
		for _, s := range p.Searches {
			r, ok := s.NextRound(p)
			if !ok {
				continue
			}
			if killed() {
				return false
			}
			if r.Created.IsZero() {
				r.Created = l.clock
			}
			l.rounds[s.Name()] = append(l.rounds[s.Name()], r)
		}
		work := 0
		for _, r := range p.Runs {
			for range r.State.Missing() {
				if r.Action != Measure {
					break
				}
				if killed() {
					return false
				}
				work++
				l.flying = append(l.flying, r.Fingerprint)
				l.tried[r.Fingerprint] = append(l.tried[r.Fingerprint], r.Asked)
				l.began[r.Asked.Search] = max(l.began[r.Asked.Search], r.Asked.Round)
			}
		}
		if work+len(l.flying) == 0 {
			return true
		}
		for len(l.flying) > 0 {
			if killed() {
				return false
			}
			l.end(l.rand.IntN(len(l.flying)))
		}
	}
}

// end ends a job in flight.
func (l *searchStore) end(i int) {
	run := l.flying[i]
	l.flying = slices.Delete(l.flying, i, i+1)
	n := len(l.samples[run])
	truth := rand.New(rand.NewPCG(l.seed, uint64(len(run))+uint64(run[len(run)-1])<<8+uint64(run[len("tune/use_case=chat/concurrency=")])<<16+uint64(n)<<32))
	if truth.IntN(12) == 0 && n == 0 {
		l.failed[run] = true
		return
	}
	var concurrency int
	fmt.Sscanf(run, "tune/use_case=chat/concurrency=%d", &concurrency)
	tps := 100 * (math.Log2(float64(concurrency)) - 2) * math.Exp(0.1*truth.NormFloat64())
	l.samples[run] = append(l.samples[run], map[string]float64{trtllm.OutputThroughputPerGPU: tps, trtllm.AvgTPOT: tps / 20})
}

// told are the rounds of all searches.
func (l *searchStore) told() (out string) {
	for _, name := range slices.Sorted(maps.Keys(l.rounds)) {
		for _, r := range l.rounds[name] {
			out += fmt.Sprintf("%s %d", name, r.Number)
			for _, run := range r.Runs {
				out += fmt.Sprintf("; %s %d %s", run.Address, run.Samples, run.Reason)
			}
			out += "\n"
		}
	}
	return out
}

// A search has the note where candidates for one use case differ in what can change the
// generated text, and only there.
func TestOutputNotChecked(t *testing.T) {
	backend := func(name string) any { return map[string]any{"moe_config": map[string]any{"backend": name}} }
	for _, c := range []struct {
		name   string
		change func(r *Run) // of the second of two runs
		want   string
	}{
		{"speed alone", func(r *Run) { r.Arguments["concurrency"], r.Arguments["tp"] = 64, 4 }, ""},
		{"an option", func(r *Run) { r.LLMAPIOptions = backend("CUTLASS") }, "The candidates differ in moe_config.backend (WIDEEP, CUTLASS), which"},
		{"a default", func(r *Run) { r.LLMAPIOptions = nil }, "The candidates differ in moe_config.backend (WIDEEP, default), which"},
		{"a flag", func(r *Run) { r.Arguments["beam_width"] = 2 }, "The candidates differ in beam_width (default, 2), which"},
		{"a key of an object", func(r *Run) {
			r.LLMAPIOptions = map[string]any{"moe_config": map[string]any{"backend": "WIDEEP"}, "speculative_config": map[string]any{"relaxed_topk": 3}}
		}, "The candidates differ in speculative_config.relaxed_topk (default, 3), which"},
		{"the weights", func(r *Run) { r.Model.Quantization = "NVFP4" }, "The candidates differ in quantization (FP8, NVFP4), which"},
		{"a revision", func(r *Run) { r.Model.Revision = ptr("abc") }, "The candidates differ in revision (default, abc), which"},
		{"use cases", func(r *Run) { r.UseCase.Label, r.LLMAPIOptions = "code", backend("CUTLASS") }, ""},
	} {
		var list []candidate
		for range 2 {
			list = append(list, candidate{run: &Run{
				Model: Model{Quantization: "FP8"}, UseCase: UseCase{Label: "chat"}, Arguments: trtllm.Arguments{"concurrency": 8}, LLMAPIOptions: backend("WIDEEP"),
			}})
		}
		c.change(list[1].run)
		notes := outputNotChecked(list, catalog.Load().Output)
		if c.want == "" && len(notes) > 0 || c.want != "" && (len(notes) != 1 || !strings.HasPrefix(notes[0].Detail, c.want)) {
			t.Errorf("%s: %+v, want %q", c.name, notes, c.want)
		}
	}
}

// What the catalogue says of the output names flags, options and facts of a run.
func TestOutputFactsAreKnown(t *testing.T) {
	cat, known := catalog.Load(), facts(&Run{})
	for _, name := range cat.Output {
		_, fact := known[name]
		if !fact && !slices.ContainsFunc(cat.Versions, func(v *catalog.Version) bool {
			_, flag := v.Flag(name)
			_, option := v.Option(name)
			return flag || option
		}) {
			t.Errorf("%s is no flag, option or fact of a run", name)
		}
	}
}

// A round that was written down tries what failed for another search before, and not what
// failed in it, or in a round that was decided together with it.
func TestRoundTriesWhatFailedBefore(t *testing.T) {
	const run = "tune/use_case=chat/concurrency=8/moe=0"
	for _, c := range []struct {
		name     string
		tried    InRound
		together bool
		next     int
	}{
		{"before", InRound{"tune/quick", 1}, false, 1},
		{"in it", InRound{"tune/batch", 1}, false, 0},
		{"together with it", InRound{"tune/quick", 1}, true, 0},
	} {
		l := newSearchStore(1)
		l.failed[run], l.tried[run] = true, []InRound{c.tried}
		for i, label := range []string{"quick", "batch"} {
			r := Round{Label: label, Number: 1, Cluster: "gb", Created: time.Unix(100, 0), Runs: []RoundRun{{Address: run, Fingerprint: run, Samples: 1}}}
			if !c.together {
				r.Created = r.Created.Add(time.Duration(i) * time.Minute)
			}
			l.rounds["tune/"+label] = []Round{r}
			l.began["tune/"+label] = 1
		}
		if batch := l.plan(t).Searches[1]; batch.Begun != (c.next > 0) || batch.Begun && len(batch.Next) != c.next {
			t.Errorf("%s: round 1 of the search batch is left with %+v", c.name, batch.Next)
		}
	}
}
