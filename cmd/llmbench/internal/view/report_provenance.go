package view

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/results"
)

// reportProvenance is where the numbers come from: what all samples share once,
// and a table of what they do not.
type reportProvenance struct {
	Shared  []reportFact
	Columns []string
	Rows    [][]string
	Missing []reportFact
}

// A reportFact has a name and a value.
type reportFact struct{ Name, Value string }

var provenanceFacts = []struct {
	name string
	of   func(*results.Result) string
}{
	{"model", func(r *results.Result) string { return r.Model.Checkpoint + revisionText(r) }},
	{"quantization", func(r *results.Result) string { return r.Model.Quantization }},
	{"hardware", func(r *results.Result) string {
		return fmt.Sprintf("%dx %s, %d per node", r.Hardware.GPUs, r.Hardware.GPU, r.Hardware.GPUsPerNode)
	}},
	{"image", func(r *results.Result) string { return r.Image.Name }},
	{"image file", func(r *results.Result) string { return textOr(r.Provenance.ImagePath) }},
	{"image digest", func(r *results.Result) string { return textOr(r.Provenance.ImageDigest) }},
	{"image SHA-256", func(r *results.Result) string { return shortHash(r.Provenance.ImageSHA256) }},
	{"TensorRT-LLM", func(r *results.Result) string { return textOr(r.Provenance.TRTLLMVersion) }},
	{"cluster", func(r *results.Result) string { return r.Cluster }},
	{"GPU", func(r *results.Result) string { return textOr(r.Provenance.GPUName) }},
	{"driver", func(r *results.Result) string { return textOr(r.Provenance.Driver) }},
	{"CUDA", func(r *results.Result) string { return textOr(r.Provenance.CUDA) }},
	{"power cap", func(r *results.Result) string { return wattsText(r.Provenance.PowerCapW) }},
	{"clocks", func(r *results.Result) string { return textOr(r.Provenance.Clocks) }},
	{"NCCL", func(r *results.Result) string { return textOr(r.Provenance.NCCL) }},
	{"SM clock", func(r *results.Result) string {
		return telemetryText(r, "%.0f MHz on average", func(t *results.Telemetry) float64 { return t.SMClockMHz })
	}},
	{"power", func(r *results.Result) string {
		return telemetryText(r, "%.0f W per GPU on average", func(t *results.Telemetry) float64 { return t.PowerW })
	}},
	{"temperature", func(r *results.Result) string {
		return telemetryText(r, "%.0f °C at most", func(t *results.Telemetry) float64 { return t.TemperatureC })
	}},
	{"kernel", func(r *results.Result) string { return textOr(r.Provenance.Kernel) }},
	{"Slurm", func(r *results.Result) string { return textOr(r.Provenance.SlurmVersion) }},
	{"definitions", func(r *results.Result) string { return textOr(r.Provenance.DefinitionsGit) }},
	{"llmbench", func(r *results.Result) string { return textOr(r.Provenance.LLMBenchVersion) }},
	{"script SHA-256", func(r *results.Result) string { return shortHash(r.Provenance.ScriptSHA256) }},
	{"job", ofJob(func(r *results.Result) string { return textOr(r.Job.ID) })},
	{"nodes", ofJob(func(r *results.Result) string { return cmp.Or(strings.Join(r.Job.Nodes, " "), notKnown) })},
	{"beside it", ofJob(besideText)},
	{"started", ofJob(func(r *results.Result) string { return timeText(r.Job.Started) })},
	{"took", ofJob(tookText)},
}

// ofJob leaves out jobs that live inside llmbench.
func ofJob(of func(*results.Result) string) func(*results.Result) string {
	return func(r *results.Result) string {
		if r.Executor.Type == simulate {
			return "-"
		}
		return of(r)
	}
}

const simulate = "simulate"

// besideText says what was measured at the same time in the same job.
func besideText(r *results.Result) string {
	if n := r.Provenance.SideBySide; n != nil {
		return fmt.Sprintf("up to %s of its job, on other nodes", Plural(*n-1, "run"))
	}
	return "-"
}

func newReportProvenance(set *results.Set, names runNames) reportProvenance {
	var list []*results.Result
	for _, r := range set.Results {
		if r.Counts() {
			list = append(list, r)
		}
	}
	out := reportProvenance{Columns: []string{"run", "sample"}}
	rows := make([][]string, len(list))
	for i, r := range list {
		rows[i] = []string{names.full(r.Address), fmt.Sprint(r.Sample)}
	}
	for _, fact := range provenanceFacts {
		values := make([]string, len(list))
		for i, r := range list {
			values[i] = fact.of(r)
		}
		if len(list) == 0 {
			continue
		}
		if distinct := slices.Compact(slices.Sorted(slices.Values(values))); len(distinct) == 1 {
			out.Shared = append(out.Shared, reportFact{fact.name, values[0]})
			continue
		}
		out.Columns = append(out.Columns, fact.name)
		for i := range rows {
			rows[i] = append(rows[i], values[i])
		}
	}
	if len(out.Columns) > 2 {
		out.Rows = rows
	}
	out.Missing = missingFacts(list)
	out.Shared = slices.DeleteFunc(out.Shared, func(f reportFact) bool { return f.Value == notKnown || f.Value == "-" })
	return out
}

// missingFacts say why something is not known: each reason once, with all that
// it is the reason for.
func missingFacts(list []*results.Result) []reportFact {
	var whys []string
	names := map[string][]string{}
	for _, r := range list {
		for _, name := range slices.Sorted(maps.Keys(r.Provenance.Missing)) {
			why := r.Provenance.Missing[name]
			if names[why] == nil {
				whys = append(whys, why)
			}
			if !slices.Contains(names[why], name) {
				names[why] = append(names[why], name)
			}
		}
	}
	var out []reportFact
	for _, why := range whys {
		out = append(out, reportFact{strings.Join(names[why], ", "), why})
	}
	return out
}

const notKnown = "not known"

func telemetryText(r *results.Result, format string, of func(*results.Telemetry) float64) string {
	if r.Telemetry == nil {
		return notKnown
	}
	return fmt.Sprintf(format, of(r.Telemetry))
}

func revisionText(r *results.Result) string {
	if r.Model.Revision == nil {
		return ", revision not pinned"
	}
	return "@" + *r.Model.Revision
}

func textOr(s *string) string {
	if s == nil {
		return notKnown
	}
	return *s
}

// shortHash is what tells hashes apart.
func shortHash(s *string) string {
	if s == nil {
		return notKnown
	}
	return fmt.Sprintf("%.12s", *s)
}

func wattsText(w *float64) string {
	if w == nil {
		return notKnown
	}
	return fmt.Sprintf("%.0f W", *w)
}

func timeText(t *time.Time) string {
	if t == nil {
		return notKnown
	}
	return t.UTC().Format("2006-01-02 15:04 MST")
}

func tookText(r *results.Result) string {
	if r.Took() == 0 {
		return notKnown
	}
	return took(r.Took())
}
