package trtllm

import (
	"fmt"
	"io"
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

// WriteText writes the text report of 1.0 as trtllm-bench logs it at time now,
// written MM/DD/YYYY-HH:MM:SS, with the section MACHINE DETAILS of 1.2 for a
// report that has one. The heading of every section of a simulated report says
// SIMULATED.
func (r *Report) WriteText(w io.Writer, now string) error {
	t := &reportText{simulated: r.Simulated}
	fmt.Fprintf(&t.b, "[%s] [TRT-LLM] [I] \n\n", now)
	t.engine(r)
	t.machine(r.Machine)
	t.requests(r.Request)
	t.world(r.World)
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

// orNone is a value as Python prints it.
func orNone[T any](v *T) string {
	if v == nil {
		return "None"
	}
	return fmt.Sprint(*v)
}

func (t *reportText) engine(r *Report) {
	e := &r.Engine
	trt := e.Backend == backendTRT
	if trt {
		t.heading("ENGINE DETAILS")
	} else {
		t.heading("PYTORCH BACKEND")
	}
	t.tabbed("Model", e.Model)
	t.tabbed("Model Path", orNone(e.ModelPath))
	if trt {
		t.tabbed("Engine Directory", orNone(e.EngineDir))
	}
	if e.Revision != nil {
		t.tabbed("Revision", *e.Revision)
	}
	t.tabbed("TensorRT-LLM Version", e.Version)
	t.tabbed("Dtype", orNone(e.Dtype))
	t.tabbed("KV Cache Dtype", orNone(e.KVCacheDtype))
	t.tabbed("Quantization", orNone(e.Quantization))
	if trt {
		t.tabbed("Max Input Length", orNone(e.MaxInputLength))
		t.tabbed("Max Sequence Length", orNone(e.MaxSequenceLength))
	}
	if t.simulated && r.SimulatedBy != "" {
		t.tabbed(simulatedBy, r.SimulatedBy)
	}
	t.b.WriteString("\n")
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

// requests is the one section that no blank line ends.
func (t *reportText) requests(q RequestInfo) {
	t.heading("REQUEST DETAILS ")
	t.line("Number of requests", 32, "%d", q.NumRequests)
	t.figure("Number of concurrent requests", 32, q.AvgConcurrent)
	t.line("Average Input Length (tokens)", 32, "%.4f", q.AvgInputLength)
	t.line("Average Output Length (tokens)", 32, "%.4f", q.AvgOutputLength)
}

func (t *reportText) world(w World) {
	t.heading("WORLD + RUNTIME INFORMATION ")
	t.line("TP Size", 24, "%d", w.TP)
	t.line("PP Size", 24, "%d", w.PP)
	t.line("EP Size", 24, "%s", orNone(w.EP))
	t.line("Max Runtime Batch Size", 24, "%d", w.MaxBatchSize)
	t.line("Max Runtime Tokens", 24, "%d", w.MaxNumTokens)
	t.line("Scheduling Policy", 24, "%s", w.SchedulingPolicy)
	if w.KVCachePercentage == nil {
		t.line("KV Memory Percentage", 24, "None")
	} else {
		t.line("KV Memory Percentage", 24, "%.2f%%", *w.KVCachePercentage*100)
	}
	if w.IssueRate != nil {
		t.line("Issue Rate (req/sec)", 24, "%.4E", *w.IssueRate)
	}
	t.b.WriteString("\n")
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
	for _, part := range []struct {
		title, tag string
		p          *Percentiles
	}{
		{"Acceptance Rate", "AR", d.Acceptance},
		{"Number of Draft Tokens", "DT", d.Drafted},
		{"Number of Accepted Draft Tokens", "ADT", d.Accepted},
		{"Draft Acceptance Rate", "DAR", d.AcceptanceRate},
		{"Acceptance Length", "AL", d.AcceptanceLength},
	} {
		if part.p == nil {
			continue
		}
		fmt.Fprintf(&t.b, "\n-- %s Details --------------------------------\n\n", part.title)
		for _, key := range extremesFirst {
			fmt.Fprintf(&t.b, "[%s] %-7s: %.2f\n", part.tag, strings.ToUpper(key), *part.p.At(key))
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
