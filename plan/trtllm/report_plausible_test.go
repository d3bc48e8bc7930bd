package trtllm

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// The reports of testdata are possible, and each of these changes makes one that is not.
func TestImpossible(t *testing.T) {
	good := content(t, filepath.Join(testdataDir, "reports", "1.2-streaming.json"))
	r, err := ReadReport(bytes.NewReader(good))
	if err != nil || r.Impossible() != "" {
		t.Fatalf("%v: %s", err, r.Impossible())
	}
	minus, huge, much := -5, 1e308, 1.5
	for want, change := range map[string]func(*Report){
		"tp_size":             func(r *Report) { r.World.TP = -5 },
		"pp_size":             func(r *Report) { r.World.PP = 0 },
		"ep_size":             func(r *Report) { r.World.EP = &minus },
		"num_requests":        func(r *Report) { r.Request.NumRequests = -1 },
		"avg_input_length":    func(r *Report) { r.Request.AvgInputLength = -1 },
		"kv_cache_percentage": func(r *Report) { r.World.KVCachePercentage = &much },
		"total_latency_ms":    func(r *Report) { r.Metrics.Set("total_latency_ms", &huge) },
		"avg_ttft_ms p50":     func(r *Report) { r.Percentiles.At("avg_ttft_ms").P50 = -1 },
	} {
		r, err := ReadReport(bytes.NewReader(good))
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		if got := r.Impossible(); !strings.HasPrefix(got, want+" = ") {
			t.Errorf("%s: %q", want, got)
		}
	}
}

// 1.3 says where its limits are from.
func TestLimitsOf13(t *testing.T) {
	for log, heuristic := range map[string]bool{
		"[01/02/2026-03:04:05] [TRT-LLM] [I] Initial settings: max_batch_size=384 (user-provided), max_num_tokens=9216 (user-provided)\n": false,
		"[01/02/2026-03:04:05] [TRT-LLM] [I] Initial settings: max_batch_size=384 (heuristic), max_num_tokens=9216 (user-provided)\n":     true,
	} {
		l := readLog(t, []byte(log))
		if l.MaxBatchSize != 384 || l.MaxNumTokens != 9216 || l.Heuristic != heuristic {
			t.Errorf("%s%+v", log, l)
		}
	}
}
