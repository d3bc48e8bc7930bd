package results

import (
	"strings"
	"testing"
	"time"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/trtllm"
)

func TestReadTelemetry(t *testing.T) {
	from := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	log := strings.Join([]string{
		"2026/05/01 11:59:59.000, 0, 900, 3996, 200.00, 40, 0x40, 1000", // before
		"2026/05/01 12:00:05.000, 0, 1800, 3996, 900.00, 60, 0x4, 150000",
		"2026/05/01 12:00:05.000, 1, 1600, 3996, 1000.00, 70, 0x0000000000000040, 150000",
		"2026/05/01 12:00:10.000, 0, [N/A], 3996, 900.00, 60, 0x4, 150000",
		"2026/05/01 12:00:1",
		"2026/05/01 12:09:00.000, 0, 900, 3996, 200.00, 99, 0x80, 1000", // after
	}, "\n")
	got := ReadTelemetry(from, from.Add(time.Minute), strings.NewReader(log))
	if got == nil || got.Samples != 2 || got.SMClockMHz != 1700 || got.MemoryClockMHz != 3996 || got.PowerW != 950 || got.TemperatureC != 70 || got.MemoryUsedMiB != 150000 || got.Throttled != 0.5 || len(got.ThrottleReasons) != 1 {
		t.Fatalf("%+v", got)
	}
	if none := ReadTelemetry(from, from.Add(time.Second), strings.NewReader(log)); none != nil {
		t.Errorf("%+v of no sample", none)
	}
}

func TestOtherHardware(t *testing.T) {
	for _, c := range []struct{ gpu, version, want string }{
		{"NVIDIA GB200", "1.0.0", ""}, {"NVIDIA GB200", "1.0.0rc1", "wrong_image"}, {"NVIDIA B200", "1.0.0", "wrong_gpu"}, {"NVIDIA GB200", "1.0.0+local", ""},
	} {
		r := &Result{Hardware: plan.Hardware{GPU: "GB200"}, Image: plan.Image{TRTLLMVersion: "1.0"}, Provenance: Provenance{GPUName: &c.gpu, TRTLLMVersion: &c.version}}
		code := ""
		r.doubtHardware(&plan.Run{})
		for _, reason := range r.Reasons {
			code = string(reason.Code)
		}
		if code != c.want {
			t.Errorf("%s, %s: %q, want %q", c.gpu, c.version, code, c.want)
		}
	}
}

// An image that was imported from another digest than is pinned measured
// something else.
func TestOtherDigest(t *testing.T) {
	pinned := "sha256:" + strings.Repeat("ab", 32)
	for have, want := range map[string]int{"sha256:" + strings.Repeat("cd", 32): 1, "sha256:00 " + pinned: 0} {
		r := &Result{Image: plan.Image{Digest: &pinned}, Provenance: Provenance{ImageDigest: &have}}
		if r.doubtHardware(&plan.Run{}); len(r.Reasons) != want {
			t.Errorf("%s: %v", have, r.Reasons)
		}
	}
}

func TestWatch(t *testing.T) {
	for _, c := range []struct {
		end     float64
		verdict Verdict
		want    int
	}{{40, Valid, 1}, {80, Valid, 0}, {40, Failed, 0}} {
		r := &Result{Verdict: c.verdict}
		for range 2 { // a second look adds nothing
			r.Watch(&trtllm.Series{Seconds: 100, Steady: trtllm.Window{StartS: 5, EndS: c.end}})
		}
		if len(r.Caveats) != c.want || r.Iterations == nil {
			t.Errorf("steady to %v, %s: %v", c.end, c.verdict, r.Caveats)
		}
	}
}
