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
		"another concurrency":   {"m_TP8_EP8_PP1_CON32_chat/m_streaming-on_77.out", nil, "imported/use_case=chat/concurrency=32/tp=8", ""},
		"unlimited":             {"m_TP8_EP8_PP1_CON-1_chat/x.out", nil, "imported/use_case=chat/concurrency=unlimited/tp=8", ""},
		"other lengths":         {"run.log", []string{"request_info.avg_input_length=1000"}, "imported/use_case=isl1000_osl64/concurrency=unlimited/tp=8", ""},
		"a name that is wrong":  {"m_TP4_EP8_PP1_CON64_chat/m_streaming-off_77.out", nil, "imported/use_case=chat/concurrency=64/tp=8", "its name says TP 4 and not 8, streaming false and not true as the report does"},
		"a folder of something": {"TP8/whatever.out", nil, "max_throughput/use_case=chat", ""},
	} {
		r := Import(c.path, reportOf(t, c.edits...), declared)
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
	of := func(edits ...string) string { return Import("run.log", reportOf(t, edits...), nil).Fingerprint }
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
