package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

var (
	testKey  = Key{Fingerprint: strings.Repeat("ab", 32), Cluster: "gb"}
	otherKey = Key{Fingerprint: strings.Repeat("cd", 32), Cluster: "gb"}
	testTime = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
)

const testAddress = "max_throughput/use_case=chat"

func ptr[T any](v T) *T { return &v }

// testRun is a small run whose report reportJSON writes.
func testRun(k Key, address string) *plan.Run {
	return &plan.Run{
		Address: address, Fingerprint: k.Fingerprint, FingerprintVersion: plan.FingerprintVersion, State: plan.Samples{Wanted: 1},
		Model:    plan.Model{Label: "m", Checkpoint: "org/model", Quantization: "FP8"},
		Hardware: plan.Hardware{Label: "h", GPU: "GB200", GPUs: 8, GPUsPerNode: 4, Nodes: 2},
		Image:    plan.Image{Label: "i", Name: "registry/image:1.0", TRTLLMVersion: "1.0"},
		UseCase:  plan.UseCase{Label: "chat", ISL: ptr(128), OSL: ptr(64), ISLStdev: ptr(0.0), OSLStdev: ptr(0.0), Seed: ptr(int64(420))},
		Dataset:  plan.Dataset{Generator: ptr(trtllm.Generator), Seed: ptr(int64(420)), Lines: 100},
		Executor: plan.ExecutorRef{Type: "slurm", Name: "gb200"}, TimeLimitSeconds: 1800,
		Arguments: trtllm.Arguments{
			"tp": int64(8), "pp": int64(1), "ep": int64(8), "max_batch_size": int64(16), "max_num_tokens": int64(2048),
			"num_requests": int64(100), "concurrency": int64(-1), "streaming": false, "kv_cache_free_gpu_mem_fraction": 0.9,
			"scheduler_policy": nil, "warmup": int64(0), "max_seq_len": int64(192),
		},
		LLMAPIOptions: map[string]any{"enable_attention_dp": true},
		Settings:      plan.ExecutorIdentity{Launcher: []string{"trtllm-bench"}},
	}
}

// reportJSON is a whole report of testRun, as trtllm-bench writes it.
func reportJSON() string {
	pct := `{"p50": 900.0, "p90": 1000.0, "p95": 1010.0, "p99": 1020.0, "minimum": 500.0, "maximum": 1030.0, "average": 905.5}`
	return `{
    "engine": {"model": "m", "model_path": "/w", "engine_dir": null, "version": "1.0.0", "backend": "Pytorch", "dtype": "bfloat16", "kv_cache_dtype": "FP8", "quantization": "FP8"},
    "world_info": {"tp_size": 8, "pp_size": 1, "ep_size": 8, "world_size": 8, "max_batch_size": 16, "max_num_tokens": 2048, "scheduling_policy": "GUARANTEED_NO_EVICT", "kv_cache_percentage": 0.9, "issue_rate": 1e+17},
    "request_info": {"num_requests": 100, "avg_num_concurrent_requests": 88.1, "avg_input_length": 128.0, "avg_output_length": 64.0},
    "performance": {"total_latency_ms": 1031.0, "avg_request_latency_ms": 905.5, "request_throughput_req_s": 96.99, "system_output_throughput_tok_s": 6207.5, "system_total_throughput_tok_s": 18622.6, "output_throughput_per_user_tok_s": 70.7, "output_throughput_per_gpu_tok_s": 775.9, "request_latency_percentiles_ms": ` + pct + `},
    "dataset": {"isl_stats": ` + pct + `, "osl_stats": ` + pct + `, "seq_len_stats": ` + pct + `, "num_requests": 100, "dataset_path": "dataset.jsonl", "max_isl": 128, "max_osl": 64, "max_sequence_length": 192, "avg_isl": 128.0, "avg_osl": 64.0, "avg_sequence_length": 192.0}
}
`
}

// testRequests are records that reportJSON is of.
func testRequests() []trtllm.Request {
	var list []trtllm.Request
	for i := range 100 {
		ms := map[bool]float64{true: 889.8, false: 900}[i < 50]
		switch {
		case i == 99:
			ms = 1020
		case i >= 95:
			ms = 1010
		case i >= 90:
			ms = 1000
		}
		list = append(list, trtllm.Request{FirstToken: -1, End: time.Duration(ms * 1e6), InputTokens: 128, OutputTokens: 64})
	}
	return list
}

func testPrepared(s *Store, a *Attempt, address string) Prepared {
	run := testRun(a.Key, address)
	return Prepared{
		Run: run, Job: &plan.Job{Name: "llmb-abab", Runs: []string{address}, Argv: []string{"sbatch"}, Script: "#!/bin/sh\n"}, Dataset: s.datasetPath("00"),
		Intent: jobdir.Intent{
			Address: address, Fingerprint: a.Key.Fingerprint, JobName: fmt.Sprintf("llmb-abab-s%d-a%d", a.Sample, a.Number),
			Cluster: a.Key.Cluster, Executor: "slurm.gb200", Sample: a.Sample, Attempt: a.Number,
			User: UserName(), Host: "login1", Nonce: "n", Created: testTime.Add(time.Duration(a.Number) * time.Hour),
		},
		Vars:    []string{"LLMBENCH_ATTEMPT=" + a.Dir},
		Secrets: []string{"TOKEN=very secret"},
	}
}

// newAttempt reserves and prepares an attempt of sample.
func newAttempt(t testing.TB, s *Store, k Key, sample int, address string) *Attempt {
	t.Helper()
	a, err := s.Reserve(k, sample)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Prepare(testPrepared(s, a, address)); err != nil {
		t.Fatal(err)
	}
	return a
}

// left is what a job that measured leaves, in the order in which it does.
func left(job, report string) []struct{ name, content string } {
	sum := sha256.Sum256([]byte(report))
	claim := `{"job_id":"` + job + `","restart_count":0,"host":"gb01","time":"2026-03-04T06:00:00Z","nonce":"n","end":true}` + "\n"
	return []struct{ name, content string }{
		{"claim." + job, claim},
		{"claim", claim},
		{"start", `{"job_id":"` + job + `","host":"gb01","nodes":"gb[01-02]","time":"2026-03-04T06:00:10Z","end":true}` + "\n"},
		{"stdout", "[03/04/2026-06:01:00] [TRT-LLM] [I] Starting benchmark...\n"},
		{"stderr", ""},
		{"job.out", ""},
		{"report.json", report},
		{"bench_exit", "0\n"},
		{"exit", fmt.Sprintf(`{"job_id":%q,"restart_count":0,"rc":0,"bench_rc":0,"signal":"","reason":"","started":"2026-03-04T06:00:00Z","ended":"2026-03-04T06:10:00Z","report":{"bytes":%d,"sha256":%q},"end":true}`+"\n",
			job, len(report), hex.EncodeToString(sum[:]))},
	}
}

// finish leaves in an attempt what a job that measured leaves.
func finish(t testing.TB, a *Attempt) {
	t.Helper()
	for _, f := range left("4711", reportJSON()) {
		put(t, a, f.name, f.content)
	}
}

// fail ends an attempt by the backend's word.
func fail(t testing.TB, a *Attempt, code failure.Code) {
	t.Helper()
	if err := a.RecordEnd(jobdir.EndRecord{Code: string(code), Detail: "said the backend", JobID: "4711", Time: testTime}); err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, a *Attempt, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(a.Dir, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func testPack() *plan.Job {
	return &plan.Job{Name: "llmb-pack-0123", Runs: []string{testAddress}, GPUs: 8, TimeLimitSeconds: 3600, Argv: []string{"sbatch"}, Script: "#!/bin/sh\n"}
}
