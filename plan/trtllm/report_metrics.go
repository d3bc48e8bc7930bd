package trtllm

// A MetricValue is one number of a report under the name that trtllm-bench's own
// JSON report gives it. Value is nil where the report has none: the last three
// metrics without streaming, some more in text reports of before 0.18.
type MetricValue struct {
	Name  string
	Value *float64
}

// Metrics returns the ten metrics, always all and in one order.
func (r *Report) Metrics() []MetricValue {
	p := &r.Performance
	out := []MetricValue{
		{"request_throughput_req_s", p.RequestThroughput},
		{"system_output_throughput_tok_s", p.OutputThroughput},
		{"system_total_throughput_tok_s", p.TotalThroughput},
		{"total_latency_ms", p.TotalLatencyMS},
		{"avg_request_latency_ms", p.AvgRequestLatencyMS},
		{"output_throughput_per_user_tok_s", p.OutputThroughputPerUser},
		{"output_throughput_per_gpu_tok_s", p.OutputThroughputPerGPU},
		{Name: "avg_ttft_ms"}, {Name: "avg_tpot_ms"}, {Name: "token_output_speed_tok_s"},
	}
	if s := r.Streaming; s != nil {
		for i, v := range []*float64{s.AvgTTFT, s.AvgTPOT, s.OutputSpeed} {
			out[len(out)-3+i].Value = v
		}
	}
	return out
}

// A MetricSpread is one distribution of a report under the name that
// trtllm-bench's own JSON report gives it, nil where the report has none.
type MetricSpread struct {
	Name        string
	Percentiles *Percentiles
}

// Spreads returns the four distributions, always all and in one order. Times are
// in milliseconds, gen_tps_percentiles in tokens per second and user.
func (r *Report) Spreads() []MetricSpread {
	out := []MetricSpread{
		{"request_latency_percentiles_ms", r.Performance.Latency},
		{Name: "ttft_percentiles"}, {Name: "tpot_percentiles"}, {Name: "gen_tps_percentiles"},
	}
	if s := r.Streaming; s != nil {
		out[1].Percentiles, out[2].Percentiles, out[3].Percentiles = s.TTFT, s.TPOT, s.GenTPS
	}
	return out
}
