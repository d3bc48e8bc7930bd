package trtllm

import (
	"fmt"
	"strings"
)

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
	t.row("Dataset Path", 22, "%s", d.Path)
	t.row("Number of Sequences", 22, "%d", d.Requests)
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
