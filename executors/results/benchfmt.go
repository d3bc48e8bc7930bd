package results

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/perf/benchfmt"

	"github.com/llmbench/llmbench/plan/trtllm"
)

// WriteBenchfmt writes Go benchmark lines that benchstat reads: one for each
// sample that counts, named by the run's address, with a value for each metric
// that was measured. What the samples of a run share stands in configuration
// lines.
func (s *Set) WriteBenchfmt(w io.Writer) error {
	out := benchfmt.NewWriter(w)
	metrics := trtllm.Metrics
	if slices.ContainsFunc(s.Results, func(r *Result) bool { return r.Measure(trtllm.GoodputPerGPU) != nil }) {
		metrics = slices.Concat(metrics, trtllm.RecordMetrics)
	}
	for _, m := range metrics {
		better := "lower"
		if m.HigherIsBetter {
			better = "higher"
		}
		meta := &benchfmt.UnitMetadata{UnitMetadataKey: benchfmt.UnitMetadataKey{Unit: m.GoUnit, Key: "better"}, OrigUnit: m.GoUnit, Value: better}
		if err := out.Write(meta); err != nil {
			return err
		}
	}
	for _, r := range s.Results {
		if !r.Counts() {
			continue
		}
		line := &benchfmt.Result{Config: r.benchConfig(), Name: benchfmt.Name(benchName(r.Address)), Iters: 1}
		for _, m := range metrics {
			if v := r.Measure(m.Name); v != nil {
				line.Values = append(line.Values, benchfmt.Value{Value: *v, Unit: m.GoUnit})
			}
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// benchName is an address with a capital in front, as benchmark names have.
func benchName(address string) string {
	first, size := utf8.DecodeRuneInString(address)
	return string(unicode.ToUpper(first)) + address[size:]
}

// benchConfig is what tools that compare files tell results apart by. Single
// samples differ in none of it, unless one is suspect.
func (r *Result) benchConfig() []benchfmt.Config {
	var out []benchfmt.Config
	add := func(key, value string) {
		if value = strings.Join(strings.Fields(value), " "); value != "" {
			out = append(out, benchfmt.Config{Key: key, Value: []byte(value), File: true})
		}
	}
	add("model", r.Model.Checkpoint)
	add("quantization", r.Model.Quantization)
	add("gpu", r.Hardware.GPU)
	add("gpus", strconv.Itoa(r.Hardware.GPUs))
	add("gpus-per-node", strconv.Itoa(r.Hardware.GPUsPerNode))
	add("image", r.Image.Name)
	add("trtllm-version", r.Image.TRTLLMVersion)
	add("executor", executorName(r.Executor))
	add("cluster", r.Cluster)
	if r.Simulated {
		add("simulated", "true")
	}
	if r.Facts != nil {
		add("facts", *r.Facts)
	}
	if r.Verdict == Suspect {
		add("verdict", string(Suspect))
		add("reasons", r.reasonCodes())
	}
	return out
}
