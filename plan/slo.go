package plan

import (
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema"
)

// SLO are bounds on each request of a run in milliseconds, null for none.
type SLO struct {
	TTFT    *float64 `json:"ttft_ms"`
	TPOT    *float64 `json:"tpot_ms"`
	Latency *float64 `json:"latency_ms"`
}

func newSLO(s *schema.SLO) *SLO {
	if s == nil {
		return nil
	}
	bound := func(d time.Duration) *float64 {
		if d == 0 {
			return nil
		}
		return ptr(float64(d) / 1e6)
	}
	return &SLO{bound(s.TTFT), bound(s.TPOT), bound(s.Latency)}
}

// Met reports whether a request was within all bounds.
func (s *SLO) Met(r trtllm.Request) bool {
	within := func(d time.Duration, bound *float64) bool { return bound == nil || float64(d)/1e6 <= *bound }
	return within(r.TTFT(), s.TTFT) && within(r.TPOT(), s.TPOT) && within(r.Latency(), s.Latency)
}

// Bound is the bound on a metric's values of single requests, nil for none.
func (s *SLO) Bound(metric string) *float64 { return trtllm.PerRequest[*float64](*s).At(metric) }

// Equal reports whether the bounds are the same.
func (s *SLO) Equal(other *SLO) bool { return reflect.DeepEqual(s, other) }

// String is the bounds in words: TTFT 2000 ms, TPOT 50 ms.
func (s *SLO) String() string {
	var words []string
	for _, b := range []struct {
		name  string
		bound *float64
	}{{"TTFT", s.TTFT}, {"TPOT", s.TPOT}, {"latency", s.Latency}} {
		if b.bound != nil {
			words = append(words, b.name+" "+strconv.FormatFloat(*b.bound, 'f', -1, 64)+" ms")
		}
	}
	return strings.Join(words, ", ")
}

// requestLog reports whether a run asks for the records of its requests: by request_log,
// else for its SLO or for a search that judges latencies.
func (b *builder) requestLog(cell *schema.Cell) bool {
	if cell.RequestLog != nil {
		return *cell.RequestLog
	}
	figures := trtllm.Figures()
	for _, s := range b.searched(cell.Benchmark) {
		for _, bound := range append([]schema.SearchBound{{Metric: s.Metric}}, s.Bounds...) {
			if f := figures[bound.Metric]; f.Streaming || f.Waits {
				return true
			}
		}
	}
	return cell.SLO != nil
}

// slo refuses bounds on what a run does not measure.
func (c candidate) slo() hcl.Diagnostics {
	s := c.cell.SLO
	if s == nil || s.TTFT == 0 && s.TPOT == 0 || c.run.Arguments.Bool("streaming") {
		return nil
	}
	return hcl.Diagnostics{{
		Severity: hcl.DiagError, Summary: "Slo needs streaming", Subject: &s.Range,
		Detail: "TTFT and TPOT are measured only where responses are streamed, and streaming is off. Set streaming = true in the benchmark, or bound latency alone.",
	}}
}
