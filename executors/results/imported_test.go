package results

import (
	"bytes"
	"strings"
	"testing"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/trtllm"
)

func reportOf(t *testing.T, edits ...string) *trtllm.Report {
	t.Helper()
	r, err := trtllm.ReadReport(bytes.NewReader(testReport(t, edits...)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What is imported is suspect, whatever it suits, and takes the address of the
// declared run that its name and its report suit.
func TestImport(t *testing.T) {
	declared := []*plan.Run{testRun()}
	for name, c := range map[string]struct {
		path    string
		edits   []string
		address string
		detail  string
	}{
		"suits a declared run":  {"experiments/m_TP8_EP8_PP1_CON64_chat/m_streaming-on_77.out", nil, "max_throughput/use_case=chat", ""},
		"by its report alone":   {"run.log", nil, "max_throughput/use_case=chat", ""},
		"another concurrency":   {"m_TP8_EP8_PP1_CON32_chat/m_streaming-on_77.out", nil, "imported/use_case=chat/concurrency=unknown/tp=8/pp=1", "its name says concurrency 32, but 60.5 requests were in flight on average"},
		"unlimited":             {"m_TP8_EP8_PP1_CON-1_chat/x.out", nil, "imported/use_case=chat/concurrency=unlimited/tp=8/pp=1", ""},
		"not unlimited":         {"m_TP8_EP8_PP1_CON-1_chat/x.out", []string{"request_info.avg_num_concurrent_requests=12"}, "imported/use_case=chat/concurrency=unknown/tp=8/pp=1", "its name says concurrency unlimited, but 12 requests"},
		"too many in flight":    {"run.log", []string{"request_info.avg_num_concurrent_requests=98.5"}, "imported/use_case=isl128_osl64/concurrency=unknown/tp=8/pp=1", ""},
		"few in a short run":    {"run.log", []string{"request_info.avg_num_concurrent_requests=12", "request_info.num_requests=100"}, "max_throughput/use_case=chat", ""},
		"other lengths":         {"run.log", []string{"request_info.avg_input_length=1000"}, "imported/use_case=isl1000_osl64/concurrency=unknown/tp=8/pp=1", ""},
		"a name that is wrong":  {"m_TP4_EP8_PP1_CON64_chat/m_streaming-off_77.out", nil, "imported/use_case=chat/concurrency=64/tp=8/pp=1", "its name says TP 4 and not 8, streaming false and not true as the report does"},
		"a folder of something": {"TP8/whatever.out", nil, "max_throughput/use_case=chat", ""},
	} {
		r := Import(Found{Path: c.path, Report: reportOf(t, c.edits...)}, declared)
		if r.Address != c.address || r.Verdict != Suspect || r.Code() != "unverified_arguments" || !strings.Contains(r.Cause(), c.detail) {
			t.Errorf("%s: %s, %s", name, r.Address, told(r))
		}
		if r.Executor.Type != ImportedType || r.Metrics.At(trtllm.OutputThroughputPerGPU) == nil || len(r.Provenance.Missing) == 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// Logs are samples of one run only if they tell the same of it.
func TestImportTellsApart(t *testing.T) {
	of := func(edits ...string) string {
		return Import(Found{Path: "run.log", Report: reportOf(t, edits...)}, nil).Fingerprint
	}
	first := of()
	if first == "" || of("performance.output_throughput_per_gpu_tok_s=1") != first {
		t.Error("another number makes another run")
	}
	for _, edit := range []string{`engine.version="1.2.0"`, "-streaming_metrics", "world_info.max_batch_size=4", `engine.quantization="NVFP4"`} {
		if of(edit) == first {
			t.Errorf("%s makes no other run", edit)
		}
	}
}

// A log that suits several declared runs is of none, and names them.
func TestImportOfOneAmongSeveral(t *testing.T) {
	other := testRun()
	other.Address = "max_throughput/use_case=chat/env=b"
	delete(other.Arguments, "max_batch_size") // left to trtllm-bench: any will do
	r := Import(Found{Path: "run.log", Report: reportOf(t)}, []*plan.Run{testRun(), other})
	if !strings.HasPrefix(r.Address, "imported/") || !strings.Contains(r.Cause(), "it matches max_throughput/use_case=chat and max_throughput/use_case=chat/env=b alike") {
		t.Errorf("%s, %s", r.Address, told(r))
	}
	// A concurrency tells them apart by what was in flight.
	other.Arguments["concurrency"] = int64(16)
	if r := Import(Found{Path: "run.log", Report: reportOf(t)}, []*plan.Run{testRun(), other}); r.Address != "max_throughput/use_case=chat" {
		t.Errorf("%s, %s", r.Address, told(r))
	}
}

// What is not known is not unlimited: it is compared with nothing as if it were.
func TestImportedConcurrencyIsUnknown(t *testing.T) {
	r := Import(Found{Path: "run.log", Report: reportOf(t, "request_info.avg_input_length=1000")}, nil)
	if _, known := r.Arguments["concurrency"]; known || unlimited(r) {
		t.Errorf("concurrency is %v", r.Arguments["concurrency"])
	}
}

func TestImportOfFailures(t *testing.T) {
	oom := Reason{Code: "gpu_oom", Level: Failed, Detail: "CUDA out of memory", Remedy: "lower it"}
	for path, address := range map[string]string{
		"m_TP8_EP8_PP1_CON64_chat/m_streaming-on_77.out": "max_throughput/use_case=chat",
		"m_TP4_EP8_PP2_CON64_chat/m_streaming-on_77.out": "imported/use_case=chat/concurrency=64/tp=4/pp=2",
		"logs/my run (3).log":                            "imported/log=my_run_3_.log",
	} {
		r := Import(Found{Path: path, Reason: oom}, []*plan.Run{testRun()})
		if r.Address != address || r.Verdict != Failed || r.Code() != "gpu_oom" || r.Main().Remedy != "lower it" || len(r.Metrics) > 0 {
			t.Errorf("%s: %s, %s", path, r.Address, told(r))
		}
	}
	empty := Import(Found{Path: "run.log", Report: reportOf(t, "request_info.avg_output_length=0", "performance.system_output_throughput_tok_s=0")}, nil)
	if empty.Verdict != Invalid || empty.Code() != "no_tokens" || len(empty.Metrics) > 0 {
		t.Errorf("no tokens: %s", told(empty))
	}
}
