package results

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// A column is one column of the CSV form.
type column struct {
	name string
	cell func(*Result) string
}

// WriteCSV writes one line for each result, and for each run that has none, under
// a line of names. What is not
// known, or does not apply, is empty. The flags of trtllm-bench that any of the
// results has are columns under their own names.
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
			line[i] = cellText(c.cell(r))
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

func (s *Set) columns() []column {
	columns := []column{
		{"address", func(r *Result) string { return r.Address }},
		{"fingerprint", func(r *Result) string { return r.Fingerprint }},
		{"sample", func(r *Result) string { return strconv.Itoa(r.Sample) }},
		{"attempt", func(r *Result) string { return strconv.Itoa(r.Attempt) }},
		{"executor", func(r *Result) string { return executorName(r.Executor) }},
		{"cluster", func(r *Result) string { return r.Cluster }},
		{"simulated", func(r *Result) string { return strconv.FormatBool(r.Simulated) }},
		{"verdict", func(r *Result) string { return string(r.Verdict) }},
		{"reasons", reasonCodes},
		{"cause", (*Result).Cause},
		{"caveats", caveatCodes},
		{"model", func(r *Result) string { return r.Model.Checkpoint }},
		{"revision", func(r *Result) string { return value(r.Model.Revision) }},
		{"quantization", func(r *Result) string { return r.Model.Quantization }},
		{"gpu", func(r *Result) string { return r.Hardware.GPU }},
		{"gpus", func(r *Result) string { return strconv.Itoa(r.Hardware.GPUs) }},
		{"gpus_per_node", func(r *Result) string { return strconv.Itoa(r.Hardware.GPUsPerNode) }},
		{"image", func(r *Result) string { return r.Image.Name }},
		{"trtllm_version", func(r *Result) string { return r.Image.TRTLLMVersion }},
		{"use_case", func(r *Result) string { return r.UseCase.Label }},
		{"isl", func(r *Result) string { return plain(r.UseCase.ISL) }},
		{"osl", func(r *Result) string { return plain(r.UseCase.OSL) }},
		{"isl_stdev", func(r *Result) string { return plain(r.UseCase.ISLStdev) }},
		{"osl_stdev", func(r *Result) string { return plain(r.UseCase.OSLStdev) }},
	}
	for _, name := range s.argumentNames() {
		columns = append(columns, column{name, func(r *Result) string { return plain(r.Arguments[name]) }})
	}
	for _, m := range trtllm.Metrics {
		columns = append(columns, column{m.Name, func(r *Result) string { return plain(r.Metrics.At(m.Name)) }})
	}
	columns = append(columns, percentileColumns()...)
	columns = append(columns, s.recordColumns()...)
	return append(columns,
		column{"job_id", func(r *Result) string { return value(r.Job.ID) }},
		column{"nodes", func(r *Result) string { return strings.Join(r.Job.Nodes, " ") }},
		column{"submitted", func(r *Result) string { return instant(r.Job.Submitted) }},
		column{"started", func(r *Result) string { return instant(r.Job.Started) }},
		column{"ended", func(r *Result) string { return instant(r.Job.Ended) }},
		telemetryColumn("sm_clock_mhz", func(t *Telemetry) any { return t.SMClockMHz }),
		telemetryColumn("power_w", func(t *Telemetry) any { return t.PowerW }),
		telemetryColumn("energy_j", func(t *Telemetry) any { return t.EnergyJ }),
		telemetryColumn("tokens_per_joule", func(t *Telemetry) any { return t.TokensPerJoule }),
		telemetryColumn("throttled", func(t *Telemetry) any { return t.Throttled }),
		column{"facts", func(r *Result) string { return value(r.Facts) }},
		column{"engine", func(r *Result) string { return r.Engine }},
		engineColumn("engine_id", func(e *SharedEngine) any { return e.ID }),
		engineColumn("engine_position", func(e *SharedEngine) any { return e.Position }),
	)
}

// recordColumns are those of what the records of requests tell, none where no result has
// any.
func (s *Set) recordColumns() []column {
	if !slices.ContainsFunc(s.Results, func(r *Result) bool { return r.Requests != nil }) {
		return nil
	}
	var columns []column
	names := steadyNames()
	for _, m := range trtllm.RecordMetrics {
		names = append(names, m.Name)
	}
	for _, name := range names {
		columns = append(columns, column{name, func(r *Result) string { return plain(r.Measure(name)) }})
	}
	within := func(of func(*Bounded) *float64) func(*Result) string {
		return func(r *Result) string {
			if r.Requests == nil || r.Requests.WithinSLO == nil {
				return ""
			}
			return plain(of(r.Requests.WithinSLO))
		}
	}
	return append(columns,
		column{trtllm.WithinSLO + "_low", within(func(b *Bounded) *float64 { return b.Low })},
		column{trtllm.WithinSLO + "_high", within(func(b *Bounded) *float64 { return b.High })})
}

func telemetryColumn(name string, of func(*Telemetry) any) column {
	return column{name, func(r *Result) string {
		if r.Telemetry == nil {
			return ""
		}
		return plain(of(r.Telemetry))
	}}
}

func engineColumn(name string, of func(*SharedEngine) any) column {
	return column{name, func(r *Result) string {
		if r.SharedEngine == nil {
			return ""
		}
		return plain(of(r.SharedEngine))
	}}
}

// argumentNames lists the flags of all results, sorted.
func (s *Set) argumentNames() []string {
	seen := map[string]bool{}
	var names []string
	for _, r := range s.Results {
		for name := range r.Arguments {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

func percentileColumns() []column {
	var columns []column
	for _, m := range trtllm.Metrics {
		if m.Spread.Name == "" {
			continue
		}
		for _, p := range trtllm.PercentileNames {
			columns = append(columns, column{m.Spread.CSV + p, func(r *Result) string {
				if all := r.Percentiles.At(m.Name); all != nil {
					return plain(all.At(p))
				}
				return ""
			}})
		}
	}
	return columns
}

// plain is a value in its shortest form, "" for nil.
func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case *int:
		if v == nil {
			return ""
		}
		return strconv.Itoa(*v)
	case *float64:
		if v == nil {
			return ""
		}
		return plain(*v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		return v
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

func reasonCodes(r *Result) string {
	var codes []string
	for _, reason := range r.Reasons {
		codes = append(codes, string(reason.Code))
	}
	return strings.Join(slices.Compact(codes), " ")
}

func caveatCodes(r *Result) string {
	var codes []string
	for _, c := range r.Caveats {
		if !slices.Contains(codes, string(c.Code)) {
			codes = append(codes, string(c.Code))
		}
	}
	return strings.Join(codes, " ")
}

func instant(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
