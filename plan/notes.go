package plan

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

// Notes lists what is to be known about the numbers of a run before it is
// measured. Notes of level "note" change no verdict; each marks the metric that
// it touches, or the whole run.
func Notes(r *Run) []Note { return notes(r, nil, nil) }

// notes are those of a run of which nothing like unpublished was ever measured.
func notes(r *Run, measures func(requests int) float64, unpublished []string) []Note {
	n := &noteCollector{run: r, notes: []Note{}, measures: measures}
	if len(unpublished) > 0 {
		n.add(failure.UnverifiedPrediction, "output_throughput_per_gpu_tok_s",
			"No published run has %s: predictions are unverified until a real result is in the store.", strings.Join(unpublished, " or "))
	}
	if n.unlimited() {
		detail := fmt.Sprintf("Concurrency is unlimited: all %d requests are sent at once, so latencies include the time that a request waits behind the others.", r.Dataset.Lines)
		if r.Arguments.Bool("streaming") {
			n.add(failure.UnlimitedConcurrency, "avg_ttft_ms", "%s", detail)
		}
		n.add(failure.UnlimitedConcurrency, "avg_request_latency_ms", "%s", detail)
		n.add(failure.UnlimitedConcurrency, "output_throughput_per_user_tok_s", "%s", detail)
	}
	if w, passed := r.Arguments.Int("warmup"); passed && w == 0 {
		n.add(failure.NoWarmup, "", "No request is sent before measuring starts: the first iterations are measured cold.")
	}
	if r.State.Wanted == 1 {
		n.add(failure.OneSample, "", "One sample says nothing about noise; samples = 6 or more give an interval.")
	}
	if r.Image.Name != "" && r.Image.Digest == nil {
		n.add(failure.UnpinnedImage, "", "The image is named by a tag, which can move; digest = … pins it.")
	}
	if r.Model.Revision == nil {
		n.add(failure.UnpinnedRevision, "", "The checkpoint has no revision, so new weights are noticed when measured, not before; revision = … pins it.")
	}
	if v := r.Env["NCCL_MNNVL_ENABLE"]; v != nil && *v == "0" {
		n.add(failure.MNNVLOff, "output_throughput_per_gpu_tok_s", "NCCL_MNNVL_ENABLE=0: NCCL does not use NVLink between nodes, so this measures a different, slower system.")
	}
	if len(r.Declared) > 0 {
		n.add(failure.DeclaredByUser, "", "%s: %s.", strings.Join(r.Declared, ", "), catalog.Mark)
	}
	n.versionNotCatalogued()
	if detail := NotModelled(r.Estimate); detail != "" {
		n.add(failure.NotModelled, "output_throughput_per_gpu_tok_s", "%s", detail)
	}
	n.expected()
	return n.notes
}

// versionNotCatalogued says against which version a run was checked whose own is
// not catalogued, and what it uses that changed near it.
func (n *noteCollector) versionNotCatalogued() {
	version := n.run.Image.TRTLLMVersion
	m, ok := catalog.Load().Match(version)
	if !ok || m.Exact || slices.ContainsFunc(n.run.Declared, func(d string) bool { return strings.HasPrefix(d, "version ") }) {
		return
	}
	changed := ""
	if m.Beyond != nil {
		if used := n.run.changedOptions(m); len(used) > 0 {
			changed = " Changed between it and " + catalog.FullVersion(m.Beyond.Name) + ", and used here: " + strings.Join(used, ", ") + "."
		}
	}
	n.add(failure.VersionNotCatalogued, "", "TensorRT-LLM %s is not catalogued: its flags and options are checked against %s.%s",
		version, catalog.FullVersion(m.Name), changed)
}

// changedOptions lists the flags and options that definitions set and that are not
// the same in both versions of a match.
func (r *Run) changedOptions(m catalog.Match) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(r.Arguments)) {
		from := r.Origins.At(name).From
		if from != "" && from != "version" && from != "llmbench" && m.FlagChanged(m.Beyond, name) {
			out = append(out, name)
		}
	}
	options := map[string]any{}
	leaves(options, "llm_api_options", r.LLMAPIOptions)
	for _, name := range slices.Sorted(maps.Keys(options)) {
		path := strings.TrimPrefix(name, "llm_api_options.")
		if from := r.Origins.At(name).From; from != "" && from != "llmbench" && m.OptionChanged(m.Beyond, path) {
			out = append(out, name)
		}
	}
	return out
}

// A noteCollector collects the notes of one run.
type noteCollector struct {
	run   *Run
	notes []Note
	// measures predicts for how many seconds the run measures with another number
	// of requests; nil where that is not to be known.
	measures func(requests int) float64
}

func (n *noteCollector) add(code failure.Code, metric, format string, args ...any) {
	n.notes = append(n.notes, Note{Code: code, Level: failure.Note, Metric: Text(metric), Detail: fmt.Sprintf(format, args...)})
}

// expected adds what the estimate lets expect, with the argument to change.
func (n *noteCollector) expected() {
	o, ok := n.run.Occupancy()
	if !ok || o.Running() < 1 {
		return
	}
	if sent := min(o.Asked, o.Slots); o.Fit < sent {
		n.add(failure.WaitsForKV, "avg_ttft_ms",
			"The KV cache holds only %d (%d per rank) of %d requests in flight; the others wait in the engine, which counts as TTFT and latency. Use concurrency = %d.",
			o.Fit, o.Fit/o.Ranks, sent, o.Running())
	}
	if slots := o.Slots / o.Ranks; float64(o.batch()) <= 0.9*float64(slots) {
		limit := fmt.Sprintf("no more than %d requests are in flight", o.Asked)
		if o.Fit < o.Asked {
			limit = "the KV cache holds no more"
		}
		n.add(failure.BatchSlotsUnused, "", "Only %d of %d batch slots per rank are used: %s. Use max_batch_size = %d.", o.batch(), slots, limit, o.batch())
	}
	n.graphSizes(o)
	n.ranksIdle(o)
	n.shortWindow(o)
}

// graphSizes: the batch that runs most is far from a size with a CUDA graph.
func (n *noteCollector) graphSizes(o Occupancy) {
	sizes, batch := graphSizes(n.run.LLMAPIOptions, o.Slots/o.Ranks, n.run.version()), o.batch()
	i, exact := slices.BinarySearch(sizes, batch)
	switch {
	case exact || len(sizes) == 0:
	case i == len(sizes):
		n.add(failure.GraphSizesMissBatch, "avg_tpot_ms",
			"The batch reaches %d per rank and the largest CUDA graph is for %d. Add %d to the batch sizes.", batch, sizes[i-1], batch)
	case !graphPadding(n.run.LLMAPIOptions):
		n.add(failure.GraphSizesMissBatch, "avg_tpot_ms",
			"The batch of %d per rank has no CUDA graph, and without padding it runs without one. Add %d to the batch sizes, or switch padding on.", batch, batch)
	default:
		if empty := 1 - float64(batch)/float64(sizes[i]); empty > 0.15 {
			n.add(failure.GraphSizesMissBatch, "avg_tpot_ms",
				"The batch of %d per rank is padded to the CUDA graph for %d (%.0f %% empty). Add %d to the batch sizes.", batch, sizes[i], 100*empty, batch)
		}
	}
}

// ranksIdle: requests do not divide evenly over few slots per rank. What the cache
// and the slots hold does, so that it is what the client asks for.
func (n *noteCollector) ranksIdle(o Occupancy) {
	fullest, least := o.batch(), o.Running()/o.Ranks
	if idle := float64(fullest-least) / float64(fullest); idle <= 0.1 {
		return
	}
	even := fmt.Sprintf("concurrency = %d is even", fullest*o.Ranks)
	switch {
	case n.unlimited():
		even = fmt.Sprintf("num_requests = %d is even", fullest*o.Ranks)
	case fullest*o.Ranks > n.run.Dataset.Lines:
		even = fmt.Sprintf("num_requests and concurrency = %d are even", fullest*o.Ranks)
	}
	n.add(failure.RanksIdle, "output_throughput_per_gpu_tok_s",
		"%d requests over %d ranks: %d on some and %d on others, which wait for them in every layer. %s.",
		o.Running(), o.Ranks, fullest, least, even)
}

func (n *noteCollector) unlimited() bool {
	c, _ := n.run.Arguments.Int("concurrency")
	return c <= 0
}

// A run is steady when it measures for a minute and its requests are several
// times those that run at once: fewWaves is too few, steadyWaves plenty.
const (
	steadySeconds = 60.0
	fewWaves      = 3
	steadyWaves   = 4
)

// shortWindow: what is measured lasts less than a minute, or ramp-up and drain
// are much of it.
func (n *noteCollector) shortWindow(o Occupancy) {
	e, lines := n.run.Estimate, n.run.Dataset.Lines
	if e.MeasureSeconds == nil {
		return
	}
	switch {
	case lines < fewWaves*o.Running():
		n.add(failure.ShortWindow, "output_throughput_per_gpu_tok_s",
			"Only %d requests for %d in flight: ramp-up and drain dominate the %s window. Use num_requests = %d.",
			lines, o.Running(), inSeconds(e.MeasureSeconds.Mid), n.steady(o))
	case e.MeasureSeconds.Mid < steadySeconds:
		n.add(failure.ShortWindow, "output_throughput_per_gpu_tok_s",
			"The window is only %s: cold starts and noise weigh in it. Use num_requests = %d for over a minute.", inSeconds(e.MeasureSeconds.Mid), n.steady(o))
	}
}

// steady is how many requests make a run steady. Where more of them run at once,
// which is faster, the time is predicted again; from then on it is the
// rate, but that ramp-up and drain, up to one wave of the requests, weigh less.
func (n *noteCollector) steady(o Occupancy) int {
	lines, measured := n.run.Dataset.Lines, n.run.Estimate.MeasureSeconds.Mid
	atOnce := o.Running()
	if n.unlimited() {
		atOnce = min(o.Slots, o.Fit)
	}
	need := max(lines, steadyWaves*atOnce)
	if need > lines && n.measures != nil {
		lines, measured = need, n.measures(need)
	}
	if measured >= steadySeconds {
		return need
	}
	waves := math.Max(1, float64(lines)/float64(atOnce))
	return roundUp(math.Max(float64(need), float64(lines)*steadySeconds/measured*(1+1/waves)))
}

func inSeconds(s float64) string {
	if s < 120 {
		return fmt.Sprintf("%.2g s", s)
	}
	return inMinutes(s)
}

// roundUp rounds a number of requests up to two digits that count.
func roundUp(n float64) int {
	unit := math.Pow(10, math.Max(0, math.Floor(math.Log10(n))-1))
	return int(math.Ceil(n/unit) * unit)
}

// declaredFacts lists what a cell depends on that the user declared.
func declaredFacts(cell *schema.Cell, cat *catalog.Catalog) []string {
	out := []string{}
	add := func(from, format string, args ...any) {
		if from != "" {
			out = append(out, fmt.Sprintf(format, args...)+" ("+from+")")
		}
	}
	m, hw := cell.Model, cell.Hardware
	if near, exact := cat.NearestCell(m.Checkpoint, m.Quantization, hw.GPU, hw.GPUs, hw.GPUsPerNode); exact {
		add(near.From, "cell")
	}
	if model, _, ok := cat.Model(m.Checkpoint); ok {
		add(model.From, "model %s", model.Label)
	}
	if gpu, ok := cat.GPU(hw.GPU); ok {
		add(gpu.From, "GPU %s", gpu.Name)
	}
	add(cell.Version.From, "version %s", cell.Version.Name)
	return out
}
