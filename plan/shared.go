package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

// An Engine is a model load that several samples share: those of one job. Before the
// first of them Prime runs and is discarded; after the last, the first is measured again.
type Engine struct {
	// Members are the addresses in the order in which they are measured.
	Members []string `json:"members"`
	Prime   string   `json:"prime"`
	// GPUHoursSaved is what the same samples would cost more with a load each; null
	// where nothing can be said.
	GPUHoursSaved *estimate.Interval `json:"gpu_hours_saved"`

	saved estimate.Interval // the difference of the costs' low ends, and so on
}

// The engines of a run, as schema names them.
const FreshEngine, SharedEngine = schema.FreshEngine, schema.SharedEngine

// Shared reports whether the run takes part in a model load that others use too.
func (r *Run) Shared() bool { return r.Engine == schema.SharedEngine }

// engineFacts are what makes the engine of a run, by name: what two runs must agree in
// to share it.
func (r *Run) engineFacts() map[string]any {
	f := facts(r)
	for name := range f {
		if strings.HasPrefix(name, "use_case.") || strings.HasPrefix(name, "dataset.") {
			delete(f, name)
		}
	}
	for _, flag := range catalog.Load().Flags() {
		if flag.PerRun {
			delete(f, flag.Name)
		}
	}
	f["executor"], f["model.path"] = r.Executor, deref(r.Model.Path)
	return f
}

// engineKey is equal for runs that can share an engine, "" for fresh ones.
func (r *Run) engineKey() string {
	if !r.Shared() {
		return ""
	}
	return string(mustJSON(r.engineFacts()))
}

// sharedEngine refuses what keeps a run from sharing an engine.
func (c candidate) sharedEngine() hcl.Diagnostics {
	run := c.run
	if !run.Shared() {
		return nil
	}
	how := c.place.Renderer.Packing()
	if how == nil {
		return c.refuse("engine", "Shared engine without a job to share",
			"Runs share an engine within one job, and the executor gives each run a job of its own. "+
				"Write pack { max_runs = 20 } in the executor block, or apply with -pack=20; or set engine = \"fresh\".")
	}
	if alone := how.Limit([]*Run{run}); alone > how.MaxTime {
		return c.refuse("time_limit", "Job is too short for a shared engine",
			"Loading the model and priming it may take a time limit, and so may the run and the repetition of the first: with margins a job of %s, and one may take %s. "+
				"Raise max_time in the executor's pack block, where the partition allows it, or shorten time_limit.", inMinutes(alone.Seconds()), inMinutes(how.MaxTime.Seconds()))
	}
	if _, ours := c.args.origins["max_seq_len"]; ours {
		return c.refuse("engine", "max_seq_len is missing",
			"Without it trtllm-bench takes the longest request of each run's data set, so that the runs would need different engines. "+
				"Set max_seq_len for all runs that are to share one, here to at least %v.", run.Arguments["max_seq_len"])
	}
	if l := run.Settings.Launcher; !run.Simulated && !slices.Equal(l, []string{"trtllm-bench"}) && !slices.Equal(l, []string{"trtllm-llmapi-launch", "trtllm-bench"}) {
		return c.refuse("engine", "Launcher of a shared engine",
			"The launcher is %s, and an engine can be shared behind trtllm-llmapi-launch or nothing. "+
				"Set launcher = [\"trtllm-llmapi-launch\", \"trtllm-bench\"], or engine = \"fresh\".", strings.Join(l, " "))
	}
	for _, name := range slices.Sorted(maps.Keys(run.Env)) {
		if run.Env[name] == nil {
			return c.refuse("env."+name, "Secret of a shared engine",
				"A secret belongs to one run, and is taken out of its logs when that ends; an engine outlives it. Leave the variable out, or set engine = \"fresh\".")
		}
	}
	switch {
	case c.option("enable_iter_perf_stats") == true:
		return c.refuse("llm_api_options.enable_iter_perf_stats", "Statistics of a shared engine",
			"enable_iter_perf_stats collects statistics that nobody reads between the runs of an engine. Leave it out, or set engine = \"fresh\".")
	case c.option("kv_cache_config.enable_block_reuse") == true:
		return c.refuse("llm_api_options.kv_cache_config.enable_block_reuse", "Block reuse in a shared engine",
			"With enable_block_reuse a run would find the prompts of the one before it in the KV cache and skip their prefill. Leave it out, or set engine = \"fresh\".")
	case c.option("orchestrator_type") != nil:
		return c.refuse("llm_api_options.orchestrator_type", "Orchestrator of a shared engine",
			"Sharing an engine is only known to work with TensorRT-LLM's default orchestrator. Leave orchestrator_type out, or set engine = \"fresh\".")
	}
	return nil
}

// settleForFresh makes a run fresh that asks for a shared engine, where the store holds
// what it wants from fresh ones: a sample of a fresh engine is worth more. It does
// nothing where the definitions ask for both, or for another measurement.
func (b *builder) settleForFresh(run *Run) error {
	if !run.Shared() || matchAny(b.Selection.Replaces, run.Address) {
		return nil
	}
	fresh := *run
	fresh.Engine = schema.FreshEngine
	fresh.Fingerprint = NewIdentity(&fresh, fresh.Settings).Fingerprint()
	if _, declared := b.locations[fresh.Fingerprint]; declared {
		return nil
	}
	st, err := b.Ledger.Look(fresh.Fingerprint, run.cluster, run.Simulated, run.State.Wanted)
	if err != nil || st.Valid+st.Suspect < run.State.Wanted {
		return err
	}
	*run = fresh
	return nil
}

// newEngine is the engine of the runs of a job.
func newEngine(runs []*Run) *Engine {
	e := &Engine{Prime: runs[PrimeOf(runs)].Address}
	for _, r := range runs {
		e.Members = append(e.Members, r.Address)
	}
	perSecond := float64(runs[0].Hardware.GPUs) / 3600
	var loads, added estimate.Interval // in GPU-hours
	for i, r := range append(slices.Clone(runs), runs[0], runs[PrimeOf(runs)]) {
		if r.Estimate == nil || r.Estimate.GPUHours == nil || r.Estimate.MeasureSeconds == nil {
			return e
		}
		all, m := r.Estimate.GPUHours, r.Estimate.BusySeconds()
		if i >= len(runs) { // no records are written again
			m = *r.Estimate.MeasureSeconds
		}
		switch {
		case i >= len(runs):
			added = sum(added, scale(m, perSecond))
		case i > 0: // what is not measuring; the time limit may cut it off
			left := sum(*all, scale(m, -perSecond))
			loads = sum(loads, estimate.Interval{Low: max(0, left.Low), Mid: max(0, left.Mid), High: max(0, left.High)})
		}
	}
	e.saved = sum(loads, scale(added, -1))
	e.GPUHoursSaved = &estimate.Interval{Low: loads.Low - added.High, Mid: e.saved.Mid, High: loads.High - added.Low}
	return e
}

// PrimeOf is the index of the run that primes an engine: that of the highest
// concurrency, and among those of the most tokens.
func PrimeOf(runs []*Run) int {
	weight := func(r *Run) (concurrency, tokens int) {
		concurrency, _ = r.Arguments.Int("concurrency")
		if requests, _ := r.Arguments.Int("num_requests"); concurrency <= 0 {
			concurrency = requests
		}
		return concurrency, r.Dataset.Lines * (deref(r.UseCase.ISL) + deref(r.UseCase.OSL))
	}
	best := 0
	for i := range runs {
		c, n := weight(runs[i])
		most, tokens := weight(runs[best])
		if cmp.Or(cmp.Compare(c, most), cmp.Compare(n, tokens)) > 0 {
			best = i
		}
	}
	return best
}

// KeptApart names what alone keeps runs with shared engines from sharing one, with the
// values that it has: "max_num_tokens: 8192, 22528".
func (p *Plan) KeptApart() []string {
	var groups []map[string]any
	seen := map[string]bool{}
	for _, r := range p.Runs {
		if key := r.engineKey(); key != "" && !seen[key] {
			seen[key] = true
			groups = append(groups, r.engineFacts())
		}
	}
	values := map[string][]string{}
	for i, a := range groups {
		for _, b := range groups[i+1:] {
			var differ []string
			for _, name := range factNames(a, b) {
				if !sameValue(a[name], b[name]) {
					differ = append(differ, name)
				}
			}
			if len(differ) != 1 {
				continue
			}
			for _, v := range []any{a[differ[0]], b[differ[0]]} {
				if text := strings.Trim(string(mustJSON(v)), `"`); !slices.Contains(values[differ[0]], text) {
					values[differ[0]] = append(values[differ[0]], text)
				}
			}
		}
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		out = append(out, name+": "+strings.Join(values[name], ", "))
	}
	return out
}
