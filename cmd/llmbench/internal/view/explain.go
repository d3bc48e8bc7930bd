package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/document"
	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/plan/failure"
)

// Explain prints all that a plan knows of one run: values and places, command, files and job.
func (v PlanView) Explain(w io.Writer, r *plan.Run) error {
	p, out := v.Plan, &printer{w: w}
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
	out.table(valueTable(p, r))
	for _, c := range r.Changes {
		out.line("  changed: %s  %s  %s", changeName(c), changeText(c), place(p, c.Range))
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
		out.line("\n  %s:", s.Name)
		out.line("    %s", strings.Join(s.Argv, " "))
		for _, name := range sortedKeys(s.Files) {
			out.line("\n  %s:", name)
			out.line("    %s", strings.ReplaceAll(strings.TrimRight(s.Files[name], "\n"), "\n", "\n    "))
		}
	}
	if len(doc.Job.Argv) > 0 {
		out.line("\n  job %s:", doc.Job.Name)
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

func valueTable(p *plan.Plan, r *plan.Run) *table {
	t := &table{header: []string{"value", "", "from"}, indent: "  "}
	g := groupRuns([]*plan.Run{r})[0]
	for _, name := range byTopic(g.names(r)) {
		label := strings.TrimPrefix(name, "llm_api_options.")
		if env, ok := strings.CutPrefix(name, "env."); ok {
			label = "env " + env
		}
		t.add(label, literal(g.value(r, name)), origin(p, r.Origins.At(name)))
	}
	return t
}

// explainEstimate prints how an estimate comes about: memory, requests in flight, what follows.
func explainEstimate(p *printer, r *plan.Run, price Price) {
	e := r.Estimate
	if e == nil {
		return
	}
	p.line("\n  memory of one GPU, in bytes:")
	memory(p, r)
	p.line("\n  requests in flight:")
	occupancy(p, r)
	p.line("\n  expected (estimator %s; %.0f %% of held-out published runs fall inside such intervals):", e.ModelVersion, 100*e.Coverage)
	t := &table{indent: "    "}
	add := func(name string, i *estimate.Interval, write func(estimate.Interval) string) {
		if i != nil {
			t.add(name, write(*i))
		}
	}
	ms := func(i estimate.Interval) string { return milliseconds(i.Low) + " … " + milliseconds(i.High) }
	seconds := func(i estimate.Interval) string { return minutesRange(i.Low, i.High) }
	add("TPS/GPU", e.OutputThroughputPerGPU, figureRange)
	add("TTFT", e.AvgTTFT, ms)
	add("TPOT", e.AvgTPOT, ms)
	add("start-up, weights loaded", e.StartupSeconds, seconds)
	add("measuring", e.MeasureSeconds, seconds)
	add("writing a record of each request", e.RecordsSeconds, seconds)
	add("GPU-hours per sample", e.GPUHours, func(i estimate.Interval) string { return hoursRange(i.Low, i.High) })
	if price.set() {
		add("cost per sample", e.GPUHours, func(i estimate.Interval) string { return price.between(i.Low, i.High) })
	}
	p.table(t)
}

func memory(p *printer, r *plan.Run) {
	e := r.Estimate
	m := e.MemoryBytesPerGPU
	left := m.Capacity - m.Weights - m.Workspace
	tp, _ := r.Arguments.Int("tp")
	weights, activations := fmt.Sprintf("all weights / %d", max(1, tp)), "about"
	if o, ok := r.Occupancy(); ok && o.Ranks > 1 {
		weights = fmt.Sprintf("experts / %d, all else whole", tp)
	}
	if n := e.MaxNumTokensEffective; n != nil {
		activations = fmt.Sprintf("the buffers of %s tokens (max_num_tokens), and about %.1f GB", count(int64(*n)), estimate.Shipped().Workspace/1e9)
	}
	t := &table{indent: "    ", right: []bool{false, true, false}}
	t.add("seen by the driver", count(m.Capacity), r.Hardware.GPU)
	t.add("- weights", count(m.Weights), weights)
	t.add("- activations, NCCL, CUDA context", count(m.Workspace), activations)
	t.add("= left", count(left), "")
	fraction, _ := r.Arguments.Float("kv_cache_free_gpu_mem_fraction")
	t.add("KV cache", count(m.KVCache), fmt.Sprintf("%g of what is left (kv_cache_free_gpu_mem_fraction)", fraction))
	t.add("/ bytes per token", count(*e.KVBytesPerToken), "keys and values of all layers on this GPU")
	t.add("= tokens", count(*e.KVTokensPerGPU), "")
	p.table(t)
}

func occupancy(p *printer, r *plan.Run) {
	o, ok := r.Occupancy()
	if !ok {
		return
	}
	limited := "limited by max_batch_size"
	switch o.Running() {
	case o.Asked:
		limited = "limited by what the client asks for"
	case o.Fit:
		limited = "limited by the KV cache"
	}
	longest, _ := r.Arguments.Int("max_seq_len")
	t := &table{indent: "    ", right: []bool{false, true, false}}
	t.add("asked by the client", count(int64(o.Asked)), concurrency(r, r.Arguments["concurrency"]))
	t.add("batch slots", count(int64(o.Slots)), fmt.Sprintf("max_batch_size on %s", Plural(o.Ranks, "rank")))
	t.add("KV cache holds", count(int64(o.Fit)), fmt.Sprintf("%s per rank, each of %s tokens in blocks of 32 (max_seq_len)", count(int64(o.Fit/max(1, o.Ranks))), count(int64(longest))))
	t.add("= run at once", count(int64(o.Running())), limited)
	p.table(t)
	if n := r.Estimate.MaxNumTokensEffective; n != nil {
		p.line("    max_num_tokens is %s in effect.", count(int64(*n)))
	}
}
