package plan

import (
	"fmt"
	"math"
	"slices"
)

// A noter collects the notes of one run.
type noter struct {
	run   *Run
	notes []Note
}

func (n *noter) add(code, metric, format string, args ...any) {
	n.notes = append(n.notes, Note{Code: code, Level: "note", Metric: Text(metric), Detail: fmt.Sprintf(format, args...)})
}

// expected adds what the estimate lets expect, with the argument to change.
func (n *noter) expected() {
	o, ok := n.run.Occupancy()
	if !ok || o.Running() < 1 {
		return
	}
	n.waitsForKV(o)
	n.slotsUnused(o)
	n.graphSizes(o)
	n.ranksIdle(o)
	n.shortWindow(o)
}

// waitsForKV: the cache, not the batch size, limits what runs at once.
func (n *noter) waitsForKV(o Occupancy) {
	if o.Fit >= min(o.Asked, o.Slots) {
		return
	}
	n.add("waits_for_kv", "avg_ttft_ms",
		"The KV cache holds %d requests (%d a rank) of %d that could run; the others wait. concurrency = %d would not.",
		o.Fit, o.Fit/o.Ranks, min(o.Asked, o.Slots), o.Running())
}

// slotsUnused: more than a tenth of the batch slots stay empty.
func (n *noter) slotsUnused(o Occupancy) {
	if float64(o.Running()) > 0.9*float64(o.Slots) {
		return
	}
	limit := "the requests in flight allow"
	if o.Fit < o.Asked {
		limit = "the KV cache allows"
	}
	n.add("batch_slots_unused", "",
		"%d of %d batch slots a rank are used: %s no more. max_batch_size = %d is enough.",
		o.Batch(), o.Slots/o.Ranks, limit, o.Batch())
}

// graphSizes: the batch that runs most is far from a size with a CUDA graph.
func (n *noter) graphSizes(o Occupancy) {
	sizes := graphSizes(n.run.LLMAPIOptions, o.Slots/o.Ranks)
	if len(sizes) == 0 {
		return
	}
	batch := o.Batch()
	if largest := sizes[len(sizes)-1]; batch > largest {
		n.add("graph_sizes_miss_batch", "avg_tpot_ms",
			"The batch reaches %d a rank and the largest CUDA graph is for %d. Add %d to the batch sizes.", batch, largest, batch)
		return
	}
	if !graphPadding(n.run.LLMAPIOptions) {
		if !slices.Contains(sizes, batch) {
			n.add("graph_sizes_miss_batch", "avg_tpot_ms",
				"The batch of %d a rank has no CUDA graph, and without padding it runs without one. Add %d to the batch sizes, or switch padding on.", batch, batch)
		}
		return
	}
	padded := padding(sizes, batch)
	if waste := float64(padded-batch) / float64(padded); waste > 0.15 {
		n.add("graph_sizes_miss_batch", "avg_tpot_ms",
			"The batch of %d a rank is padded to the CUDA graph for %d (%.0f %% empty). Add %d to the batch sizes.", batch, padded, 100*waste, batch)
	}
}

func padding(sizes []int, batch int) int {
	for _, s := range sizes {
		if s >= batch {
			return s
		}
	}
	return batch
}

// ranksIdle: requests do not divide evenly over few slots a rank.
func (n *noter) ranksIdle(o Occupancy) {
	fullest, least := o.Batch(), o.Running()/o.Ranks
	if idle := float64(fullest-least) / float64(fullest); idle <= 0.1 {
		return
	}
	n.add("ranks_idle", "output_throughput_per_gpu_tok_s",
		"%d requests over %d ranks: %d on some, %d on others, which wait in every layer. concurrency = %d is even.",
		o.Running(), o.Ranks, fullest, least, fullest*o.Ranks)
}

// shortWindow: what is measured lasts less than a minute, or ramp-up and drain
// are much of it.
func (n *noter) shortWindow(o Occupancy) {
	e := n.run.Estimate
	if e.MeasureSeconds == nil {
		return
	}
	const enough = 60.0
	waves := float64(n.run.Dataset.Rows) / float64(o.Running())
	if e.MeasureSeconds.Mid >= enough && waves >= 4 {
		return
	}
	need := math.Max(float64(n.run.Dataset.Rows)*enough/e.MeasureSeconds.Mid, 4*float64(o.Running()))
	why := "short against noise"
	if waves < 4 {
		why = fmt.Sprintf("%.1f times what runs at once, so much of it ramp-up and drain", waves)
	}
	n.add("short_window", "output_throughput_per_gpu_tok_s",
		"Measures for %s, %s. num_requests = %d is steady.", inSeconds(e.MeasureSeconds.Mid), why, roundUp(need))
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
