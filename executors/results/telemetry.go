package results

import (
	"bufio"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// A Telemetry sums up what was sampled on the GPUs while they measured.
type Telemetry struct {
	// Samples counts the samples of all GPUs.
	Samples int `json:"samples"`
	// SMClockMHz and MemoryClockMHz are means, PowerW is the mean of one GPU.
	SMClockMHz     float64 `json:"sm_clock_mhz"`
	MemoryClockMHz float64 `json:"memory_clock_mhz"`
	PowerW         float64 `json:"power_w"`
	// TemperatureC and MemoryUsedMiB are the highest of any GPU.
	TemperatureC  float64 `json:"temperature_c"`
	MemoryUsedMiB float64 `json:"memory_used_mib"`
	// Throttled is the share of samples in which clocks were held down by heat or
	// by a failing supply, and ThrottleReasons the words for that.
	Throttled       float64  `json:"throttled"`
	ThrottleReasons []string `json:"throttle_reasons"`
	// EnergyJ is what all GPUs together took over the measured window, and
	// TokensPerJoule the output tokens for it; nil where no throughput is known.
	EnergyJ        float64  `json:"energy_j"`
	TokensPerJoule *float64 `json:"tokens_per_joule"`
}

// holdsDown are the reasons of nvidia-smi's clocks_throttle_reasons.active that
// mark a number. A power cap is not among them: under load it is normal.
var holdsDown = []struct {
	bit  uint64
	text string
}{{0x8, "hardware slowdown"}, {0x20, "software thermal slowdown"}, {0x40, "hardware thermal slowdown"}, {0x80, "power brake"}}

// ReadTelemetry reads the samples of one or more nodes between two times, which
// are in the nodes' zone. Lines that are not whole are left out; nil is for no
// sample.
func ReadTelemetry(from, to time.Time, readers ...io.Reader) *Telemetry {
	t := &telemetrySums{seen: map[string]bool{}, out: Telemetry{ThrottleReasons: []string{}}}
	for _, r := range readers {
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			t.line(lines.Text(), from, to)
		}
	}
	return t.telemetry()
}

type telemetrySums struct {
	out       Telemetry
	throttled int
	memory    int // samples with a memory clock
	seen      map[string]bool
}

// telemetryColumns are the columns of a sample: time, GPU, SM and memory clock,
// power, temperature, reasons of throttling, memory used.
const telemetryColumns = 8

func (t *telemetrySums) line(line string, from, to time.Time) {
	f := SMIFields(line)
	if len(f) != telemetryColumns {
		return
	}
	at, err := time.ParseInLocation("2006/01/02 15:04:05.000", f[0], from.Location())
	clock, okC := sampled(f[2])
	power, okP := sampled(f[4])
	if err != nil || !okC || !okP || at.Before(from) || at.After(to) {
		return
	}
	t.out.Samples++
	t.out.SMClockMHz += clock
	t.out.PowerW += power
	if clock, ok := sampled(f[3]); ok {
		t.out.MemoryClockMHz, t.memory = t.out.MemoryClockMHz+clock, t.memory+1
	}
	if degrees, ok := sampled(f[5]); ok {
		t.out.TemperatureC = max(t.out.TemperatureC, degrees)
	}
	if used, ok := sampled(f[7]); ok {
		t.out.MemoryUsedMiB = max(t.out.MemoryUsedMiB, used)
	}
	t.reasons(f[6])
}

// SMIFields are the fields of a line that nvidia-smi prints with
// --format=csv,noheader,nounits; "" is for what the GPU does not tell ("[N/A]",
// "[Not Supported]").
func SMIFields(line string) []string {
	f := strings.Split(line, ",")
	for i := range f {
		if f[i] = strings.TrimSpace(f[i]); strings.HasPrefix(f[i], "[") || f[i] == "N/A" {
			f[i] = ""
		}
	}
	return f
}

// sampled is a number of a sample; false where it is not told.
func sampled(s string) (float64, bool) {
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil
}

func (t *telemetrySums) reasons(active string) {
	mask, err := strconv.ParseUint(strings.TrimPrefix(strings.ToLower(active), "0x"), 16, 64)
	if err != nil {
		return
	}
	held := false
	for _, h := range holdsDown {
		if mask&h.bit == 0 {
			continue
		}
		held = true
		if !t.seen[h.text] {
			t.seen[h.text] = true
			t.out.ThrottleReasons = append(t.out.ThrottleReasons, h.text)
		}
	}
	if held {
		t.throttled++
	}
}

func (t *telemetrySums) telemetry() *Telemetry {
	if t.out.Samples == 0 {
		return nil
	}
	n := float64(t.out.Samples)
	t.out.SMClockMHz, t.out.PowerW, t.out.Throttled = t.out.SMClockMHz/n, t.out.PowerW/n, float64(t.throttled)/n
	if t.memory > 0 {
		t.out.MemoryClockMHz /= float64(t.memory)
	}
	return &t.out
}

// mostThrottled is the share of samples up to which a passing moment of
// throttling does not mark a number.
const mostThrottled = 0.01

// watched takes in what was sampled while measuring, and doubts a number during
// which clocks were held down.
func (r *Result) watched(in Evidence) {
	if in.Telemetry == nil || r.Metrics.At(trtllm.TotalLatency) == nil {
		return
	}
	to, ok := in.measured(r)
	if !ok {
		return
	}
	window := time.Duration(*r.Metrics.At(trtllm.TotalLatency) * float64(time.Millisecond))
	t := in.Telemetry(to.Add(-window), to)
	if t == nil {
		r.Provenance.Missing = maps.Clone(r.Provenance.Missing)
		if r.Provenance.Missing == nil {
			r.Provenance.Missing = map[string]string{}
		}
		r.Provenance.Missing[telemetryKey] = "nothing was sampled between the first request and the last"
		return
	}
	t.EnergyJ = t.PowerW * float64(r.Hardware.GPUs) * window.Seconds()
	if tps := r.Metrics.At(trtllm.OutputThroughputPerGPU); tps != nil && t.PowerW > 0 {
		perJoule := *tps / t.PowerW
		t.TokensPerJoule = &perJoule
	}
	r.Telemetry = t
	if t.Throttled > mostThrottled {
		r.doubt(failure.Throttled, "clocks were held down in %.0f %% of the samples: %s; SM %.0f MHz on average",
			100*t.Throttled, strings.Join(t.ThrottleReasons, ", "), t.SMClockMHz)
	}
}

// measured is when measuring ended: as the log says, else when the report was
// written, else when the job ended. What lies outside of the job is no word.
func (in Evidence) measured(r *Result) (time.Time, bool) {
	job := r.Job
	if job.Ended == nil {
		return time.Time{}, false
	}
	within := func(t time.Time) bool {
		return !t.IsZero() && (job.Started == nil || !t.Before(*job.Started)) && !t.After(job.Ended.Add(time.Second))
	}
	if in.MeasuredUntil != nil && in.stdoutChanged() == "" {
		if t := in.MeasuredUntil(); within(t) {
			return t, true
		}
	}
	if in.Exit != nil && within(in.Exit.ReportWritten) {
		return in.Exit.ReportWritten, true
	}
	return *job.Ended, true
}

// shortSteady is the share of the measured time below which the steady window is
// a small part of it.
const shortSteady = 0.5

// Watch takes in the iteration log of the result, nil for none. Where the batch
// was full for less than half of the time, the throughput gets the note
// short_window, whatever the plan expected.
func (r *Result) Watch(s *trtllm.Series) {
	r.Iterations = s
	const code = failure.ShortWindow
	if s == nil || !r.Counts() || slices.ContainsFunc(r.Caveats, func(c Caveat) bool { return c.Code == code }) {
		return
	}
	if s.Steady.EndS-s.Steady.StartS < shortSteady*s.Seconds {
		r.Caveats = append(r.Caveats, Caveat{Metric: "output_throughput_per_gpu_tok_s", Code: code})
	}
}
