package plan

import "fmt"

// Notes lists what is to be known about the numbers of a run before it is
// measured. Notes of level "note" change no verdict; each marks the metric that
// it touches, or the whole run.
func Notes(r *Run) []Note {
	notes := []Note{}
	add := func(code, metric, detail string) {
		notes = append(notes, Note{Code: code, Level: "note", Metric: metric, Detail: detail})
	}
	if n, _ := r.Arguments.Int("concurrency"); n <= 0 {
		detail := fmt.Sprintf("Concurrency is unlimited: all %d requests are sent at once, so that latencies hold the time that a request waits behind the others.", r.Dataset.Rows)
		if r.Arguments.Bool("streaming") {
			add("unlimited_concurrency", "avg_ttft_ms", detail)
		}
		add("unlimited_concurrency", "avg_request_latency_ms", detail)
		add("unlimited_concurrency", "output_throughput_per_user_tok_s", detail)
	}
	if n, passed := r.Arguments.Int("warmup"); passed && n == 0 {
		add("no_warmup", "", "No request is sent before measuring starts: the first iterations are measured cold.")
	}
	if r.State.Wanted == 1 {
		add("one_sample", "", "One sample tells nothing about the noise; samples = 6 or more give an interval.")
	}
	if r.Image.Name != "" && r.Image.Digest == nil {
		add("unpinned_image", "", "The image is named by a tag, which can move; digest = … pins it.")
	}
	if r.Model.Revision == nil {
		add("unpinned_revision", "", "The checkpoint has no revision, so new weights are noticed when measured, not before; revision = … pins it.")
	}
	return notes
}
