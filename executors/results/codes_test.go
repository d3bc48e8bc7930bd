package results

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// failedLog is the evidence of an attempt that failed with a log of testdata.
func failedLog(t *testing.T, name string) Evidence {
	log, err := os.ReadFile(filepath.Join("..", "..", "testdata", "trtllm", "failures", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return ended(string(log), &jobdir.ExitRecord{RC: 1, BenchRC: ptr(1)}, nil)
}

// doubtful is the evidence of a measurement with something done to it.
func doubtful(t *testing.T, change func(*Evidence), edits ...string) Evidence {
	in := measured(t, edits...)
	if change != nil {
		change(&in)
	}
	return in
}

func throttled(in *Evidence) {
	in.Telemetry = func(from, to time.Time) *Telemetry {
		at := from.Add(to.Sub(from) / 2).Format("2006/01/02 15:04:05.000")
		return ReadTelemetry(from, to, strings.NewReader(at+", 0, 1100, 3996, 640.00, 88, 0x40, 150000\n"))
	}
}

// Every code that changes a verdict is given for what it is documented for, and
// every reason that is given is documented and says what to do.
func TestCodes(t *testing.T) {
	backend := func(code failure.Code) Evidence { return ended("", nil, &End{Code: code, Detail: "said the backend"}) }
	logged := func(line string) Evidence { return ended(line+"\n", &jobdir.ExitRecord{RC: 1, BenchRC: ptr(1)}, nil) }
	given := map[failure.Code]Evidence{
		"gpu_oom": failedLog(t, "gpu_oom-multirank"), "kv_too_small": failedLog(t, "kv_too_small"), "host_oom": backend("host_oom"),
		"probable_oom": ended("", &jobdir.ExitRecord{}, nil), "cli": failedLog(t, "cli-option"), "model_access": failedLog(t, "model_access-gated"),
		"container": logged("nvidia-container-cli: mount error: operation not permitted"), "network": failedLog(t, "network-connect"), "nccl": failedLog(t, "nccl-warn-then-error"), "mpi": failedLog(t, "mpi-prte"),
		"bus_error": failedLog(t, "bus_error"), "request_failed": failedLog(t, "request_failed"), "task_exit": failedLog(t, "task_exit-traceback"),
		"hang": failedLog(t, "hang"), "time_limit": backend("time_limit"), "deadline": backend("deadline"), "preempted": backend("preempted"),
		"cancelled": ended("", &jobdir.ExitRecord{RC: 143, Signal: "TERM"}, nil), "node_fail": backend("node_fail"), "requeue": backend("requeue"),
		"lost": ended("", nil, &End{Code: "lost"}), "submit_rejected": backend("submit_rejected"), "launch": backend("launch"),
		"cuda_error": logged("RuntimeError: CUDA error: an illegal memory access was encountered"), "cuda_init": logged("CUDA error: Error 802: system not yet initialized"),
		"device_assert": logged("CUDA error: device-side assert triggered"), "yaml": logged("yaml.scanner.ScannerError: mapping values are not allowed here"),
		"disk": logged("OSError: [Errno 122] Disk quota exceeded: '/home/a'"), "permission": logged("PermissionError: [Errno 13] Permission denied: '/data/a'"),
		"ucx": logged("[gb01:77:0:77] ib_mlx5.c:1 UCX  ERROR transport retry count exceeded"), "crash": logged("Segmentation fault (core dumped)"),
		"imex":           logged("gb01:1:2 [0] NCCL WARN MNNVL (cliqueSize 4) is available but not working on this system."),
		"engine_refused": logged("llmbench: the engine cannot be shared: the engine's arguments differ: max_seq_len"),
		"blocked":        ended("", nil, &End{Code: "blocked", Detail: "PartitionTimeLimit"}),

		"argument_mismatch": measured(t, "world_info.tp_size=4"),
		"wrong_image":       measured(t, `engine.version="1.1.0"`),
		"wrong_gpu":         measured(t, `machine={"name":"NVIDIA H100","memory.total":80.0,"clocks.mem":2.6}`),
		"fewer_requests":    measured(t, "request_info.num_requests=99"),
		"short_output":      measured(t, "request_info.avg_output_length=60"),
		"no_tokens":         measured(t, "performance.system_output_throughput_tok_s=0"),
		"impossible_time":   measured(t, "performance.total_latency_ms=6e9"),
		"records_mismatch": doubtful(t, func(in *Evidence) {
			in.Requests = func() ([]trtllm.Request, error) { return make([]trtllm.Request, 7), nil }
		}),
		"report_incomplete": doubtful(t, func(in *Evidence) { in.Report = in.Report[:99] }),

		"report_damaged": doubtful(t, func(in *Evidence) { in.Exit.Report = &jobdir.Sum{SHA256: digest([]byte("another"))} }),
		"record_damaged": doubtful(t, func(in *Evidence) { in.Damaged = "run.json is empty" }),

		"throttled": doubtful(t, throttled),
		"outside_prediction": doubtful(t, func(in *Evidence) {
			in.Run.Estimate = &plan.Estimate{OutputThroughputPerGPU: &estimate.Interval{Low: 1000, Mid: 1200, High: 1400}}
		}),
		"concurrency_not_reached": doubtful(t, func(in *Evidence) { in.Run.Arguments["concurrency"] = int64(50) }, "request_info.avg_num_concurrent_requests=20.5"),
		"unclean_exit":            doubtful(t, func(in *Evidence) { in.Exit.RC = 1 }),
		"engine_drift": doubtful(t, func(in *Evidence) {
			in.Engine = &SharedEngine{ID: "7.1", Starts: 1, Calls: 1, DriftPct: ptr(6.0)}
		}),
		"several_blocks": doubtful(t, func(in *Evidence) {
			blocks := "rack1 rack2"
			in.OneBlock, in.Provenance.Placement = true, &blocks
		}),
		"suspended":            doubtful(t, func(in *Evidence) { in.Ended = &End{Suspended: true} }),
		"unverified_arguments": {},
	}
	for code, in := range given {
		documented := code.Entry()
		if in.Run == nil {
			continue // TestImport
		}
		r := Judge(in)
		if r.Code() != code || r.Verdict != documented.Verdict || r.Main().Remedy == "" || r.Cause() == "" {
			t.Errorf("%s: %s, remedy %q; it is documented as %s", code, told(r), r.Main().Remedy, documented.Verdict)
		}
	}
	for _, e := range failure.Table {
		if _, ok := given[e.Code]; !ok && e.Verdict != failure.Note {
			t.Errorf("no evidence leads to %s", e.Code)
		}
	}
}

// What was planned is named with the place where it was set.
func TestMismatchHasALocation(t *testing.T) {
	in := measured(t, "world_info.tp_size=4", "engine.quantization=\"NVFP4\"", "engine.kv_cache_dtype=\"FP16\"")
	in.Run.LLMAPIOptions = map[string]any{"kv_cache_config": map[string]any{"dtype": "fp8"}}
	at := func(line int) plan.Origin {
		return plan.Origin{From: "benchmark", Range: &plan.Range{Filename: "main.hcl", Start: plan.Pos{Line: line, Column: 3}}}
	}
	in.Run.Origins = plan.NewOrigins(map[string]plan.Origin{"tp": at(51), "model": at(44)})
	want := "invalid\ninvalid argument_mismatch: tp: planned 8 (main.hcl:51), reported 4" +
		"\ninvalid argument_mismatch: quantization: planned FP8 (main.hcl:44), reported NVFP4" +
		"\ninvalid argument_mismatch: kv_cache_config.dtype: planned FP8, reported FP16"
	if got := told(Judge(in)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if r := Judge(measured(t, "engine.quantization=\"FP8_BLOCK_SCALES\"")); r.Verdict != Valid {
		t.Error(told(r))
	}
}
