package trtllm

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// rule is the line above and below each heading.
const rule = "==========================================================="

// simulatedMark ends every heading of a simulated report, and simulatedBy is the
// label of who made it up. trtllm-bench writes neither.
const (
	simulatedMark = " (SIMULATED)"
	simulatedBy   = "Simulated By"
)

// A textField is a line "label: value" of a section of the text report. write says
// whether the report has the line.
type textField struct {
	section section
	label   string
	read    func(r *Report, value string)
	write   func(r *Report) (value string, ok bool)
}

// textFields are the fields in the order of the text report, in the sections that
// have nothing else.
var textFields = []textField{
	stringField(engineSection, "Model", func(r *Report) *string { return &r.Engine.Model }),
	optionalField(engineSection, "Model Path", "%s", "None", noneOr, func(r *Report) **string { return &r.Engine.ModelPath }),
	optionalField(engineSection, "Engine Directory", "%s", "", noneOr, func(r *Report) **string { return &r.Engine.EngineDir }),
	optionalField(engineSection, "Revision", "%s", "", noneOr, func(r *Report) **string { return &r.Engine.Revision }),
	stringField(engineSection, "TensorRT-LLM Version", func(r *Report) *string { return &r.Engine.Version }),
	optionalField(engineSection, "Dtype", "%s", "None", noneOr, func(r *Report) **string { return &r.Engine.Dtype }),
	optionalField(engineSection, "KV Cache Dtype", "%s", "None", noneOr, func(r *Report) **string { return &r.Engine.KVCacheDtype }),
	optionalField(engineSection, "Quantization", "%s", "None", noneOr, func(r *Report) **string { return &r.Engine.Quantization }),
	optionalField(engineSection, "Max Input Length", "%d", "", whenCounted, func(r *Report) **int { return &r.Engine.MaxInputLength }),
	optionalField(engineSection, "Max Sequence Length", "%d", "", whenCounted, func(r *Report) **int { return &r.Engine.MaxSequenceLength }),
	{engineSection, simulatedBy, func(r *Report, value string) {
		if r.Simulated {
			r.SimulatedBy = value
		}
	}, func(r *Report) (string, bool) { return r.SimulatedBy, r.Simulated && r.SimulatedBy != "" }},

	countField(requestSection, "Number of requests", func(r *Report) *int { return &r.Request.NumRequests }),
	optionalField(requestSection, "Number of concurrent requests", "%.4f", "", float, func(r *Report) **float64 { return &r.Request.AvgConcurrent }),
	meanField("Average Input Length (tokens)", func(r *Report) *float64 { return &r.Request.AvgInputLength }),
	meanField("Average Output Length (tokens)", func(r *Report) *float64 { return &r.Request.AvgOutputLength }),

	countField(worldSection, "TP Size", func(r *Report) *int { return &r.World.TP }),
	countField(worldSection, "PP Size", func(r *Report) *int { return &r.World.PP }),
	optionalField(worldSection, "EP Size", "%d", "None", whenCounted, func(r *Report) **int { return &r.World.EP }),
	countField(worldSection, "Max Runtime Batch Size", func(r *Report) *int { return &r.World.MaxBatchSize }),
	countField(worldSection, "Max Runtime Tokens", func(r *Report) *int { return &r.World.MaxNumTokens }),
	stringField(worldSection, "Scheduling Policy", func(r *Report) *string { return &r.World.SchedulingPolicy }),
	{worldSection, "KV Memory Percentage", func(r *Report, value string) {
		if percent, ok := strings.CutSuffix(value, "%"); ok {
			r.World.KVCachePercentage = fraction(percent + "e-2")
		}
	}, func(r *Report) (string, bool) {
		if r.World.KVCachePercentage == nil {
			return "None", true
		}
		return fmt.Sprintf("%.2f%%", *r.World.KVCachePercentage*100), true
	}},
	optionalField(worldSection, "Issue Rate (req/sec)", "%.4E", "", float, func(r *Report) **float64 { return &r.World.IssueRate }),
}

func stringField(s section, label string, at func(*Report) *string) textField {
	return textField{s, label, func(r *Report, value string) { *at(r) = value }, func(r *Report) (string, bool) { return *at(r), true }}
}

func countField(s section, label string, at func(*Report) *int) textField {
	return textField{s, label, func(r *Report, value string) { *at(r) = count(value) }, func(r *Report) (string, bool) { return strconv.Itoa(*at(r)), true }}
}

func meanField(label string, at func(*Report) *float64) textField {
	return textField{
		requestSection, label, func(r *Report, value string) { *at(r) = zeroOr(float(value)) },
		func(r *Report) (string, bool) { return fmt.Sprintf("%.4f", *at(r)), true },
	}
}

// optionalField is written as absent where the report lacks it, left out for "".
func optionalField[T any](s section, label, format, absent string, read func(string) *T, at func(*Report) **T) textField {
	return textField{s, label, func(r *Report, value string) { *at(r) = read(value) }, func(r *Report) (string, bool) {
		if *at(r) == nil {
			return absent, absent != ""
		}
		return fmt.Sprintf(format, **at(r)), true
	}}
}

// WriteText writes the text report of 1.0 as trtllm-bench logs it at time now,
// written MM/DD/YYYY-HH:MM:SS, with the section MACHINE DETAILS of 1.2 for a
// report that has one. The heading of every section of a simulated report says
// SIMULATED.
func (r *Report) WriteText(w io.Writer, now string) error {
	t := &reportText{simulated: r.Simulated}
	fmt.Fprintf(&t.b, "[%s] [TRT-LLM] [I] \n\n", now)
	t.engine(r)
	t.machine(r.Machine)
	t.heading("REQUEST DETAILS ")
	t.fields(r, requestSection, 32) // the one section that no blank line ends
	t.heading("WORLD + RUNTIME INFORMATION ")
	t.fields(r, worldSection, 24)
	t.b.WriteString("\n")
	t.performance(r)
	t.breakdowns(r)
	t.decoding(r.Decoding)
	t.dataset(r.Dataset)
	_, err := io.WriteString(w, t.b.String())
	return err
}

// WriteText writes the block DATASET DETAILS, which trtllm-bench also logs alone
// before it loads the model.
func (d *DatasetInfo) WriteText(w io.Writer, now string, simulated bool) error {
	t := &reportText{simulated: simulated}
	fmt.Fprintf(&t.b, "[%s] [TRT-LLM] [I] \n", now)
	t.dataset(d)
	_, err := io.WriteString(w, t.b.String())
	return err
}

// A reportText is a text report being written.
type reportText struct {
	b         strings.Builder
	simulated bool
}

// heading begins a section. All but the first and the last have white space
// behind their names.
func (t *reportText) heading(name string) {
	if t.simulated {
		name = strings.TrimRight(name, " ") + simulatedMark
	}
	t.b.WriteString(rule + "\n= " + name + "\n" + rule + "\n")
}

func (t *reportText) line(label string, width int, format string, args ...any) {
	fmt.Fprintf(&t.b, "%-*s", width, label+":")
	fmt.Fprintf(&t.b, format+"\n", args...)
}

// figure writes a row, or none for a figure that the report lacks.
func (t *reportText) figure(label string, width int, v *float64) {
	if v != nil {
		t.line(label, width, "%.4f", *v)
	}
}

// tabbed writes a row of the first section, which is padded with tabs to the
// third tab stop.
func (t *reportText) tabbed(label, value string) {
	label += ":"
	t.b.WriteString(label + strings.Repeat("\t", max(1, 3-len(label)/8)) + value + "\n")
}

func (t *reportText) engine(r *Report) {
	if r.Engine.Backend == backendTRT {
		t.heading("ENGINE DETAILS")
	} else {
		t.heading("PYTORCH BACKEND")
	}
	for _, f := range textFields {
		if value, ok := f.write(r); ok && f.section == engineSection {
			t.tabbed(f.label, value)
		}
	}
	t.b.WriteString("\n")
}

// fields writes the fields of a section, their values in the column width.
func (t *reportText) fields(r *Report, s section, width int) {
	for _, f := range textFields {
		if value, ok := f.write(r); ok && f.section == s {
			t.line(f.label, width, "%s", value)
		}
	}
}

func (t *reportText) machine(m *Machine) {
	if m == nil {
		return
	}
	t.heading("MACHINE DETAILS ")
	memory, clock := "N/A", "N/A"
	if m.Memory != nil {
		memory = fmt.Sprintf("%.2f GB", *m.Memory)
	}
	if m.Clock != nil {
		clock = fmt.Sprintf("%.2f GHz", *m.Clock)
	}
	fmt.Fprintf(&t.b, "%s, memory %s, %s\n\n", m.Name, memory, clock)
}

func (t *reportText) performance(r *Report) {
	t.heading("PERFORMANCE OVERVIEW ")
	t.b.WriteString(Overview(r.Metrics))
	if e := r.Energy; e != nil {
		t.figure("Total Energy (J)", 50, e.TotalJ)
		t.figure("Output Tokens per Second per Watt (tps/W)", 50, e.TokensPerJoule)
		t.figure("Average GPU Power (W)", 50, e.GPUPowerW)
	}
}

// Overview are the lines of the section PERFORMANCE OVERVIEW: one for each metric
// that there is.
func Overview(values PerMetric[*float64]) string {
	t := &reportText{}
	for _, m := range Metrics {
		t.figure(m.Labels[0], 50, values.At(m.Name))
	}
	return t.b.String()
}

// extremesFirst is the order of all breakdowns but that of latency.
var extremesFirst = [...]string{"minimum", "maximum", "average", "p50", "p90", "p95", "p99"}

func (t *reportText) breakdowns(r *Report) {
	for _, m := range distributions() {
		keys := extremesFirst[:]
		if m.Name == AvgRequestLatency {
			keys = PercentileNames[:]
		}
		t.breakdown(m.Spread.Title, m.Spread.Tag, r.Percentiles.At(m.Name), keys)
	}
	t.b.WriteString("\n")
}

func (t *reportText) breakdown(title, tag string, p *Percentiles, keys []string) {
	if p == nil {
		return
	}
	fmt.Fprintf(&t.b, "\n-- %s\n\n", title)
	for _, key := range keys {
		fmt.Fprintf(&t.b, "[%s] %-7s: %.4f\n", tag, strings.ToUpper(key), *p.At(key))
	}
}

// decoding writes what was counted of draft tokens, with two places behind the
// point.
func (t *reportText) decoding(d *Decoding) {
	if d == nil {
		return
	}
	t.heading("DECODING STATISTICS (" + d.Mode + ")")
	for _, spread := range decodingSpreads {
		p := *spread.at(d)
		if p == nil {
			continue
		}
		fmt.Fprintf(&t.b, "\n-- %s Details --------------------------------\n\n", spread.title)
		for _, key := range extremesFirst {
			fmt.Fprintf(&t.b, "[%s] %-7s: %.2f\n", spread.tag, strings.ToUpper(key), *p.At(key))
		}
	}
}

func (t *reportText) dataset(d *DatasetInfo) {
	if d == nil {
		return
	}
	t.heading("DATASET DETAILS")
	t.line("Dataset Path", 22, "%s", d.Path)
	t.line("Number of Sequences", 22, "%d", d.Requests)
	if d.ISL != nil && d.OSL != nil && d.SeqLen != nil {
		t.b.WriteString("\n-- Percentiles statistics ---------------------------------\n\n")
		t.b.WriteString("        Input              Output           Seq. Length\n" + strings.Repeat("-", len(rule)) + "\n")
		for _, key := range []string{"MIN", "MAX", "AVG", "P50", "P90", "P95", "P99"} {
			fmt.Fprintf(&t.b, "%s:  %s          %s          %s\n", key, cell(*d.ISL.At(key)), cell(*d.OSL.At(key)), cell(*d.SeqLen.At(key)))
		}
	}
	t.b.WriteString(rule + "\n")
}

// cell is a length in the table of the data set: nine wide, and short of digits
// from 100,000 on.
func cell(v float64) string {
	if v >= 100_000 {
		return fmt.Sprintf("%9.2e", v)
	}
	return fmt.Sprintf("%9.4f", v)
}
