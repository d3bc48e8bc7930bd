package trtllm

import (
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
)

// rule is the line above and below each heading.
const rule = "==========================================================="

// simulatedMark ends every heading of a simulated report.
const simulatedMark = " (SIMULATED)"

// A textField is a line "label: value" of a section of the text report: what is at a
// pointer, or absent where that points to nil. A line that is absent as "" is left out.
type textField struct {
	section               section
	label, format, absent string
	at                    func(*Report) any // nil for a report that cannot have it
}

// textFields are the fields in the order of the text report, in the sections that
// have nothing else, and those of energy.
var textFields = []textField{
	{engineSection, "Model", "%s", "", func(r *Report) any { return &r.Engine.Model }},
	{engineSection, "Model Path", "%s", "None", func(r *Report) any { return &r.Engine.ModelPath }},
	{engineSection, "Engine Directory", "%s", "", func(r *Report) any { return &r.Engine.EngineDir }},
	{engineSection, "Revision", "%s", "", func(r *Report) any { return &r.Engine.Revision }},
	{engineSection, "TensorRT-LLM Version", "%s", "", func(r *Report) any { return &r.Engine.Version }},
	{engineSection, "Dtype", "%s", "None", func(r *Report) any { return &r.Engine.Dtype }},
	{engineSection, "KV Cache Dtype", "%s", "None", func(r *Report) any { return &r.Engine.KVCacheDtype }},
	{engineSection, "Quantization", "%s", "None", func(r *Report) any { return &r.Engine.Quantization }},
	{engineSection, "Max Input Length", "%d", "", func(r *Report) any { return &r.Engine.MaxInputLength }},
	{engineSection, "Max Sequence Length", "%d", "", func(r *Report) any { return &r.Engine.MaxSequenceLength }},
	{engineSection, "Simulated By", "%s", "", func(r *Report) any {
		if !r.Simulated {
			return nil // trtllm-bench does not write it
		}
		return &r.SimulatedBy
	}},

	{requestSection, "Number of requests", "%d", "", func(r *Report) any { return &r.Request.NumRequests }},
	{requestSection, "Number of concurrent requests", "%.4f", "", func(r *Report) any { return &r.Request.AvgConcurrent }},
	{requestSection, "Average Input Length (tokens)", "%.4f", "", func(r *Report) any { return &r.Request.AvgInputLength }},
	{requestSection, "Average Output Length (tokens)", "%.4f", "", func(r *Report) any { return &r.Request.AvgOutputLength }},

	{worldSection, "TP Size", "%d", "", func(r *Report) any { return &r.World.TP }},
	{worldSection, "PP Size", "%d", "", func(r *Report) any { return &r.World.PP }},
	{worldSection, "EP Size", "%d", "None", func(r *Report) any { return &r.World.EP }},
	{worldSection, "Max Runtime Batch Size", "%d", "", func(r *Report) any { return &r.World.MaxBatchSize }},
	{worldSection, "Max Runtime Tokens", "%d", "", func(r *Report) any { return &r.World.MaxNumTokens }},
	{worldSection, "Scheduling Policy", "%s", "", func(r *Report) any { return &r.World.SchedulingPolicy }},
	{worldSection, "KV Memory Percentage", "%.2f%%", "None", func(r *Report) any { return &r.World.KVCachePercentage }},
	{worldSection, "Issue Rate (req/sec)", "%.4E", "", func(r *Report) any { return &r.World.IssueRate }},

	{performanceSection, "Total Energy (J)", "%.4f", "", ofEnergy(func(e *Energy) any { return &e.TotalJ })},
	{performanceSection, "Output Tokens per Second per Watt (tps/W)", "%.4f", "", ofEnergy(func(e *Energy) any { return &e.TokensPerJoule })},
	{performanceSection, "Average GPU Power (W)", "%.4f", "", ofEnergy(func(e *Energy) any { return &e.GPUPowerW })},
}

func ofEnergy(at func(*Energy) any) func(*Report) any {
	return func(r *Report) any {
		if r.Energy == nil {
			return nil
		}
		return at(r.Energy)
	}
}

// read takes over a value as the report prints it.
func (f *textField) read(r *Report, value string) {
	number, percent := strings.CutSuffix(value, "%")
	if percent {
		number += "e-2"
	}
	switch p := f.at(r).(type) {
	case *string:
		*p = value
	case **string:
		if *p = nil; value != "None" && value != "N/A" {
			*p = &value
		}
	case *int:
		*p = count(value)
	case **int:
		if n, err := strconv.Atoi(value); err == nil {
			*p = &n
		}
	case *float64:
		if *p = 0; float(number) != nil {
			*p = *float(number)
		}
	case **float64:
		*p = float(number)
	}
}

// value is what the report prints; ok is false where it has no such line.
func (f *textField) value(r *Report) (value string, ok bool) {
	p := f.at(r)
	if p == nil {
		return "", false
	}
	v := reflect.ValueOf(p).Elem()
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return f.absent, f.absent != ""
	}
	v = reflect.Indirect(v)
	if strings.HasSuffix(f.format, "%%") {
		return fmt.Sprintf(f.format, 100*v.Float()), true
	}
	return fmt.Sprintf(f.format, v), true
}

// WriteText writes the text report of 1.0 as trtllm-bench logs it at time now,
// written MM/DD/YYYY-HH:MM:SS, with the section MACHINE DETAILS of 1.2 for a
// report that has one. The heading of every section of a simulated report says
// SIMULATED.
func (r *Report) WriteText(w io.Writer, now string) error {
	t := &reportText{simulated: r.Simulated}
	fmt.Fprintf(&t.b, "[%s] [TRT-LLM] [I] \n\n", now)
	engine := "PYTORCH BACKEND"
	if r.Engine.Backend == backendTRT {
		engine = "ENGINE DETAILS"
	}
	t.heading(engine)
	t.fields(r, engineSection, 0)
	t.b.WriteString("\n")
	t.machine(r.Machine)
	t.heading("REQUEST DETAILS ")
	t.fields(r, requestSection, 32) // the one section that no blank line ends
	t.heading("WORLD + RUNTIME INFORMATION ")
	t.fields(r, worldSection, 24)
	t.b.WriteString("\n")
	t.heading("PERFORMANCE OVERVIEW ")
	t.b.WriteString(Overview(r.Metrics))
	t.fields(r, performanceSection, 50)
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

// line writes a value in the column width, for 0 at the third tab stop.
func (t *reportText) line(label string, width int, value string) {
	label += ":"
	if width == 0 {
		label += strings.Repeat("\t", max(1, 3-len(label)/8))
	}
	fmt.Fprintf(&t.b, "%-*s%s\n", width, label, value)
}

// fields writes the fields of a section.
func (t *reportText) fields(r *Report, s section, width int) {
	for i := range textFields {
		f := &textFields[i]
		if value, ok := f.value(r); ok && f.section == s {
			t.line(f.label, width, value)
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

// Overview are the lines of the section PERFORMANCE OVERVIEW: one for each metric
// that there is.
func Overview(values PerMetric[*float64]) string {
	t := &reportText{}
	for _, m := range Metrics {
		if v := values.At(m.Name); v != nil {
			t.line(m.Labels[0], 50, fmt.Sprintf("%.4f", *v))
		}
	}
	return t.b.String()
}

// extremesFirst is the order of all breakdowns but that of latency.
var extremesFirst = []string{"minimum", "maximum", "average", "p50", "p90", "p95", "p99"}

func (t *reportText) breakdowns(r *Report) {
	for _, m := range distributions() {
		keys := extremesFirst
		if m.Name == AvgRequestLatency {
			keys = PercentileNames[:]
		}
		t.breakdown(m.Spread.Title, m.Spread.Tag, 4, r.Percentiles.At(m.Name), keys)
	}
	t.b.WriteString("\n")
}

func (t *reportText) breakdown(title, tag string, digits int, p *Percentiles, keys []string) {
	if p == nil {
		return
	}
	fmt.Fprintf(&t.b, "\n-- %s\n\n", title)
	for _, key := range keys {
		fmt.Fprintf(&t.b, "[%s] %-7s: %.*f\n", tag, strings.ToUpper(key), digits, *p.At(key))
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
		t.breakdown(spread.title+" Details --------------------------------", spread.tag, 2, *spread.at(d), extremesFirst)
	}
}

func (t *reportText) dataset(d *DatasetInfo) {
	if d == nil {
		return
	}
	t.heading("DATASET DETAILS")
	t.line("Dataset Path", 22, d.Path)
	t.line("Number of Sequences", 22, strconv.Itoa(d.Requests))
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
