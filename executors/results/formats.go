package results

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/perf/benchfmt"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// WriteCSV writes one line for each result, and for each run that has none, under
// a line of names. What is not known, or does not apply, is empty. The flags of
// trtllm-bench that any of the results has are columns under their own names.
func (s *Set) WriteCSV(w io.Writer) error {
	columns := s.columns()
	out := csv.NewWriter(w)
	line := make([]string, len(columns))
	for i, c := range columns {
		line[i] = c.name
	}
	if err := out.Write(line); err != nil {
		return err
	}
	list := slices.Clone(s.Results)
	for _, run := range s.Runs {
		if run.Verdict == NotMeasured {
			list = append(list, run.Results[0])
		}
	}
	for _, r := range list {
		for i, c := range columns {
			line[i] = cellText(plain(c.cell(r)))
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// cellText keeps a spreadsheet from reading a string as a formula: an apostrophe
// stands before one that begins like one and is no number.
func cellText(s string) string {
	if s == "" || !strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return s
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return s
	}
	return "'" + s
}

// A column is one column of the CSV form.
type column struct {
	name string
	cell func(*Result) any
}

func (s *Set) columns() []column {
	columns := []column{
		{"address", func(r *Result) any { return r.Address }},
		{"fingerprint", func(r *Result) any { return r.Fingerprint }},
		{"sample", func(r *Result) any { return r.Sample }},
		{"attempt", func(r *Result) any { return r.Attempt }},
		{"executor", func(r *Result) any { return executorName(r.Executor) }},
		{"cluster", func(r *Result) any { return r.Cluster }},
		{"simulated", func(r *Result) any { return r.Simulated }},
		{"verdict", func(r *Result) any { return string(r.Verdict) }},
		{"reasons", func(r *Result) any { return r.reasonCodes() }},
		{"cause", func(r *Result) any { return r.Cause() }},
		{"caveats", func(r *Result) any { return strings.Join(codes(r.Caveats, Caveat.code), " ") }},
		{"model", func(r *Result) any { return r.Model.Checkpoint }},
		{"revision", func(r *Result) any { return r.Model.Revision }},
		{"quantization", func(r *Result) any { return r.Model.Quantization }},
		{"gpu", func(r *Result) any { return r.Hardware.GPU }},
		{"gpus", func(r *Result) any { return r.Hardware.GPUs }},
		{"gpus_per_node", func(r *Result) any { return r.Hardware.GPUsPerNode }},
		{"image", func(r *Result) any { return r.Image.Name }},
		{"trtllm_version", func(r *Result) any { return r.Image.TRTLLMVersion }},
		{"use_case", func(r *Result) any { return r.UseCase.Label }},
		{"isl", func(r *Result) any { return r.UseCase.ISL }},
		{"osl", func(r *Result) any { return r.UseCase.OSL }},
		{"isl_stdev", func(r *Result) any { return r.UseCase.ISLStdev }},
		{"osl_stdev", func(r *Result) any { return r.UseCase.OSLStdev }},
	}
	for _, name := range argumentNames(s.Results...) {
		columns = append(columns, column{name, func(r *Result) any { return r.Arguments[name] }})
	}
	for _, m := range trtllm.Metrics {
		columns = append(columns, column{m.Name, func(r *Result) any { return r.Metrics.At(m.Name) }})
	}
	for _, m := range trtllm.Metrics {
		if m.Spread.Name == "" {
			continue
		}
		for _, p := range trtllm.PercentileNames {
			columns = append(columns, part(m.Spread.CSV+p, func(r *Result) *trtllm.Percentiles { return r.Percentiles.At(m.Name) },
				func(all *trtllm.Percentiles) any { return all.At(p) }))
		}
	}
	if slices.ContainsFunc(s.Results, func(r *Result) bool { return r.Requests != nil }) {
		for _, name := range append(steadyNames(), namesOf(trtllm.RecordMetrics)...) {
			columns = append(columns, column{name, func(r *Result) any { return r.Measure(name) }})
		}
		within := func(r *Result) *Bounded { return value(r.Requests).WithinSLO }
		columns = append(columns,
			part(trtllm.WithinSLO+"_low", within, func(b *Bounded) any { return b.Low }),
			part(trtllm.WithinSLO+"_high", within, func(b *Bounded) any { return b.High }))
	}
	telemetry := func(r *Result) *Telemetry { return r.Telemetry }
	engine := func(r *Result) *SharedEngine { return r.SharedEngine }
	return append(columns,
		column{"job_id", func(r *Result) any { return r.Job.ID }},
		column{"nodes", func(r *Result) any { return strings.Join(r.Job.Nodes, " ") }},
		column{"submitted", func(r *Result) any { return r.Job.Submitted }},
		column{"started", func(r *Result) any { return r.Job.Started }},
		column{"ended", func(r *Result) any { return r.Job.Ended }},
		part("sm_clock_mhz", telemetry, func(t *Telemetry) any { return t.SMClockMHz }),
		part("power_w", telemetry, func(t *Telemetry) any { return t.PowerW }),
		part("energy_j", telemetry, func(t *Telemetry) any { return t.EnergyJ }),
		part("tokens_per_joule", telemetry, func(t *Telemetry) any { return t.TokensPerJoule }),
		part("throttled", telemetry, func(t *Telemetry) any { return t.Throttled }),
		column{"facts", func(r *Result) any { return r.Facts }},
		column{"engine", func(r *Result) any { return r.Engine }},
		part("engine_id", engine, func(e *SharedEngine) any { return e.ID }),
		part("engine_position", engine, func(e *SharedEngine) any { return e.Position }),
	)
}

// part is a column of something that not every result has.
func part[T any](name string, of func(*Result) *T, cell func(*T) any) column {
	return column{name, func(r *Result) any {
		if t := of(r); t != nil {
			return cell(t)
		}
		return nil
	}}
}

// argumentNames lists the flags of all results, sorted.
func argumentNames(list ...*Result) []string {
	names := trtllm.Arguments{}
	for _, r := range list {
		maps.Copy(names, r.Arguments)
	}
	return slices.Sorted(maps.Keys(names))
}

// plain is a value, or what a pointer points to, in its shortest form; "" for nil.
func plain(v any) string {
	if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer {
		if p.IsNil() {
			return ""
		}
		v = p.Elem().Interface()
	}
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		return v
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	case bool, int, int64:
		return fmt.Sprint(v)
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic("results: argument is not JSON: " + err.Error())
	}
	return string(b)
}

func executorName(e plan.ExecutorRef) string {
	if e.Name == "" {
		return e.Type
	}
	return e.Type + "." + string(e.Name)
}

func (r *Result) reasonCodes() string {
	return strings.Join(codes(r.Reasons, func(reason Reason) failure.Code { return reason.Code }), " ")
}

func (c Caveat) code() failure.Code { return c.Code }

// codes names each code of a list once.
func codes[T any](list []T, code func(T) failure.Code) []string {
	var out []string
	for _, v := range list {
		if c := string(code(v)); !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

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
