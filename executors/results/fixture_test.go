package results

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

func ptr[T any](v T) *T { return &v }

// testRun is a small run; testReport is a report that matches it.
func testRun() *plan.Run {
	return &plan.Run{
		Address: "max_throughput/use_case=chat", Fingerprint: strings.Repeat("ab", 32), State: plan.Samples{Wanted: 1},
		Model:    plan.Model{Label: "maverick", Checkpoint: "org/model-FP8", Quantization: "FP8"},
		Hardware: plan.Hardware{Label: "h", GPU: "GB200", GPUs: 8, GPUsPerNode: 4, Nodes: 2},
		Image:    plan.Image{Label: "i", Name: "registry/image:1.0", TRTLLMVersion: "1.0"},
		UseCase:  plan.UseCase{Label: "chat", ISL: ptr(128), OSL: ptr(64), ISLStdev: ptr(0.0), OSLStdev: ptr(0.0), Seed: ptr(int64(420))},
		Dataset:  plan.Dataset{Generator: ptr(trtllm.Generator), Seed: ptr(int64(420)), Lines: 100},
		Executor: plan.ExecutorRef{Type: "slurm", Name: "gb200"}, TimeLimitSeconds: 1800,
		Arguments: trtllm.Arguments{
			"tp": int64(8), "pp": int64(1), "ep": int64(8), "max_batch_size": int64(16), "max_num_tokens": int64(2048),
			"num_requests": int64(100), "concurrency": int64(64), "streaming": true, "kv_cache_free_gpu_mem_fraction": 0.9,
			"scheduler_policy": nil, "warmup": int64(2),
		},
		LLMAPIOptions: map[string]any{"enable_attention_dp": true},
	}
}

type object = map[string]any

// testReport is a report as trtllm-bench writes it, changed by edits that have
// the form "path=JSON", or "-path" to remove a key.
func testReport(t testing.TB, edits ...string) []byte {
	t.Helper()
	spread := object{"p50": 900.5, "p90": 1000.0, "p95": 1010.0, "p99": 1020.0, "minimum": 500.0, "maximum": 1030.0, "average": 905.5}
	lengths := object{"p50": 1.0, "p90": 1.0, "p95": 1.0, "p99": 1.0, "minimum": 1.0, "maximum": 1.0, "average": 1.0}
	report := object{
		"engine": object{"model": "m", "model_path": "/w", "engine_dir": nil, "version": "1.0.0", "backend": "Pytorch", "dtype": "bfloat16", "kv_cache_dtype": "FP8", "quantization": "FP8"},
		"world_info": object{
			"tp_size": 8, "pp_size": 1, "ep_size": 8, "world_size": 8, "max_batch_size": 16, "max_num_tokens": 2048,
			"scheduling_policy": "GUARANTEED_NO_EVICT", "kv_cache_percentage": 0.9, "issue_rate": 1e17,
		},
		"request_info": object{"num_requests": 100, "avg_num_concurrent_requests": 60.5, "avg_input_length": 128.0, "avg_output_length": 64.0},
		"performance": object{
			"total_latency_ms": 1031.25, "avg_request_latency_ms": 905.5, "request_throughput_req_s": 96.5,
			"system_output_throughput_tok_s": 6206.25, "system_total_throughput_tok_s": 18618.75,
			"output_throughput_per_user_tok_s": 70.75, "output_throughput_per_gpu_tok_s": 775.75,
			"request_latency_percentiles_ms": spread,
		},
		"streaming_metrics": object{
			"token_output_speed_tok_s": 81.5, "avg_ttft_ms": 120.25, "avg_tpot_ms": 12.125,
			"tpot_percentiles": spread, "ttft_percentiles": spread, "gen_tps_percentiles": spread,
		},
		"dataset": object{
			"isl_stats": lengths, "osl_stats": lengths, "seq_len_stats": lengths, "num_requests": 100, "dataset_path": "dataset.jsonl",
			"max_isl": 128, "max_osl": 64, "max_sequence_length": 192, "avg_isl": 128.0, "avg_osl": 64.0, "avg_sequence_length": 192.0,
		},
	}
	for _, e := range edits {
		edit(t, report, e)
	}
	b, err := json.MarshalIndent(report, "", "    ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

func edit(t testing.TB, report object, e string) {
	t.Helper()
	path, content, set := strings.Cut(e, "=")
	path = strings.TrimPrefix(path, "-")
	at := report
	keys := strings.Split(path, ".")
	for _, k := range keys[:len(keys)-1] {
		at = at[k].(object)
	}
	last := keys[len(keys)-1]
	if !set {
		delete(at, last)
		return
	}
	var v any
	if err := json.Unmarshal([]byte(content), &v); err != nil {
		t.Fatalf("%s: %v", e, err)
	}
	at[last] = v
}

// measured is the evidence of an attempt that measured and ended well.
func measured(t testing.TB, edits ...string) Evidence {
	started := time.Date(2026, 3, 4, 6, 0, 0, 0, time.UTC)
	return Evidence{
		Run: testRun(), Sample: 1, Attempt: 1, Cluster: "gb",
		Report: testReport(t, edits...), Exit: &jobdir.ExitRecord{BenchRC: ptr(0), Started: noon, Ended: noon.Add(10 * time.Minute)},
		Job: Job{ID: ptr("4711"), Cluster: "gb", Nodes: []string{"gb01", "gb02"}, Started: ptr(started), Ended: ptr(started.Add(10 * time.Minute))},
	}
}

// ended is the evidence of an attempt without a report.
func ended(stderr string, exit *jobdir.ExitRecord, end *End) Evidence {
	return Evidence{Run: testRun(), Sample: 1, Attempt: 1, Cluster: "gb", Exit: exit, Ended: end, Stderr: opens(stderr), Classifier: withScheduler}
}

// withScheduler knows lines of a scheduler.
var withScheduler = trtllm.NewClassifier(failure.Patterns{Signatures: []failure.Signature{
	{Code: failure.TimeLimit, Grade: failure.Plain, Marks: []string{"cancelled at ", "due to time limit"}},
	{Code: failure.TaskExit, Grade: failure.Weak, Marks: []string{"srun: error: ", "exited with exit code "}},
	{Code: failure.Container, Grade: failure.Root, Marks: []string{"pyxis: couldn't start container"}},
}})

func opens(s string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }
}

// told is a result in a few words: the verdict, and each reason.
func told(r *Result) string {
	s := string(r.Verdict)
	for _, reason := range r.Reasons {
		s += fmt.Sprintf("\n%s %s: %s", reason.Level, reason.Code, reason.Detail)
	}
	return s
}

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
