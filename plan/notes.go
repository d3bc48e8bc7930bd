package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/schema/catalog"
)

// Notes lists what is to be known about the numbers of a run before it is
// measured. Notes of level "note" change no verdict; each marks the metric that
// it touches, or the whole run.
func Notes(r *Run) []Note { return notes(r, nil, nil) }

// notes are those of a run of which nothing like unpublished was ever measured.
func notes(r *Run, measures func(requests int) float64, unpublished []string) []Note {
	n := &noter{run: r, notes: []Note{}, measures: measures}
	if len(unpublished) > 0 {
		n.add(failure.UnverifiedPrediction, "output_throughput_per_gpu_tok_s",
			"No published run has %s: predictions are unverified until a real result is in the store.", strings.Join(unpublished, " or "))
	}
	if c, _ := r.Arguments.Int("concurrency"); c <= 0 {
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
	n.declaredByUser()
	n.versionNotCatalogued()
	if detail := NotModelled(r.Estimate); detail != "" {
		n.add(failure.NotModelled, "output_throughput_per_gpu_tok_s", "%s", detail)
	}
	n.expected()
	return n.notes
}

// versionNotCatalogued says against which version a run was checked whose own is
// not catalogued, and what it uses that changed near it.
func (n *noter) versionNotCatalogued() {
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
		from := r.Origins.From(name)
		if from != "" && from != "version" && from != "llmbench" && m.FlagChanged(m.Beyond, name) {
			out = append(out, name)
		}
	}
	options := map[string]any{}
	leaves(options, "llm_api_options", r.LLMAPIOptions)
	for _, name := range slices.Sorted(maps.Keys(options)) {
		path := strings.TrimPrefix(name, "llm_api_options.")
		if from := r.Origins.From(name); from != "" && from != "llmbench" && m.OptionChanged(m.Beyond, path) {
			out = append(out, name)
		}
	}
	return out
}
