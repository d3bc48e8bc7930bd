package results

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
)

// failedLog is the evidence of an attempt that failed with a log of testdata.
func failedLog(t *testing.T, name string) Evidence {
	log, err := os.ReadFile(filepath.Join("..", "..", "testdata", "trtllm", "failures", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return ended(string(log), &Exit{RC: 1, BenchRC: ptr(1)}, nil)
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
	for code, in := range map[string]Evidence{
		"gpu_oom": failedLog(t, "gpu_oom-multirank"), "kv_too_small": failedLog(t, "kv_too_small"), "host_oom": failedLog(t, "host_oom-new"),
		"probable_oom": ended("", &Exit{}, nil), "cli": failedLog(t, "cli-option"), "model_access": failedLog(t, "model_access-gated"),
		"container": failedLog(t, "container-no-pyxis"), "network": failedLog(t, "network-connect"), "nccl": failedLog(t, "nccl-warn-then-error"), "mpi": failedLog(t, "mpi-type"),
		"bus_error": failedLog(t, "bus_error"), "request_failed": failedLog(t, "request_failed"), "task_exit": failedLog(t, "task_exit"),
		"hang": failedLog(t, "hang"), "time_limit": failedLog(t, "time_limit-step"), "preempted": failedLog(t, "preempted"),
		"cancelled": ended("", &Exit{RC: 143, Signal: "TERM"}, nil), "node_fail": failedLog(t, "node_fail-launch"), "requeue": failedLog(t, "requeue"),
		"lost": ended("", nil, &End{Code: "lost"}), "submit_rejected": failedLog(t, "submit_rejected-account"),
		"blocked": ended("", nil, &End{Code: "blocked", Detail: "PartitionTimeLimit"}),

		"argument_mismatch": measured(t, "world_info.tp_size=4"),
		"wrong_image":       measured(t, `engine.version="1.1.0"`),
		"wrong_gpu":         measured(t, `machine={"name":"NVIDIA H100","memory.total":80.0,"clocks.mem":2.6}`),
		"fewer_requests":    measured(t, "request_info.num_requests=99"),
		"short_output":      measured(t, "request_info.avg_output_length=60"),
		"no_tokens":         measured(t, "performance.system_output_throughput_tok_s=0"),
		"report_incomplete": doubtful(t, func(in *Evidence) { in.Report = in.Report[:99] }),

		"throttled": doubtful(t, throttled),
		"outside_prediction": doubtful(t, func(in *Evidence) {
			in.Run.Estimate = &plan.Estimate{OutputThroughputPerGPU: &estimate.Interval{Low: 1000, Mid: 1200, High: 1400}}
		}),
		"concurrency_not_reached": doubtful(t, func(in *Evidence) { in.Run.Arguments["concurrency"] = int64(50) }, "request_info.avg_num_concurrent_requests=20.5"),
		"unclean_exit":            doubtful(t, func(in *Evidence) { in.Exit.RC = 1 }),
		"suspended":               doubtful(t, func(in *Evidence) { in.Ended = &End{Suspended: true} }),
		"unverified_arguments":    {},
	} {
		documented, ok := FindCode(code)
		if !ok || documented.Rule == "" || documented.Remedy == "" {
			t.Errorf("%s is documented as %+v", code, documented)
		}
		if in.Run == nil {
			continue // TestImport
		}
		r := Judge(in)
		if r.Code() != code || r.Verdict != documented.Level || r.Remedy() == "" || r.Cause() == "" {
			t.Errorf("%s: %s, remedy %q; it is documented as %s", code, told(r), r.Remedy(), documented.Level)
		}
	}
	seen := map[string]bool{}
	for _, c := range Codes {
		if seen[c.Name] {
			t.Errorf("%s is listed twice", c.Name)
		}
		seen[c.Name] = true
	}
}

// Every note that a plan can make is documented.
func TestNotesAreDocumented(t *testing.T) {
	for _, file := range []string{"notes.go", "notes_expected.go"} {
		src, err := os.ReadFile(filepath.Join("..", "..", "plan", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(src), `n.add("`)[1:] {
			name, _, _ := strings.Cut(part, `"`)
			if c, ok := FindCode(name); !ok || c.Level != Note {
				t.Errorf("%s: %q is not documented as a note", file, name)
			}
		}
	}
}

// What was planned is named with the place where it was set.
func TestMismatchHasAPlace(t *testing.T) {
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
