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

// telemetryColumns are the columns of a sample: time, GPU, SM and memory clock,
// power, temperature, reasons of throttling, memory used.
const telemetryColumns = 8

// ReadTelemetry reads the samples of one or more nodes between two times, which
// are in the nodes' zone. Lines that are not whole are left out; nil is for no
// sample.
func ReadTelemetry(from, to time.Time, readers ...io.Reader) *Telemetry {
	t := Telemetry{ThrottleReasons: []string{}}
	var memoryClocks, throttled float64
	for _, r := range readers {
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			f := SMIFields(lines.Text())
			if len(f) != telemetryColumns {
				continue
			}
			at, badTime := time.ParseInLocation("2006/01/02 15:04:05.000", f[0], from.Location())
			clock, badClock := strconv.ParseFloat(f[2], 64)
			power, badPower := strconv.ParseFloat(f[4], 64)
			if badTime != nil || badClock != nil || badPower != nil || at.Before(from) || at.After(to) {
				continue
			}
			t.Samples, t.SMClockMHz, t.PowerW = t.Samples+1, t.SMClockMHz+clock, t.PowerW+power
			if clock, err := strconv.ParseFloat(f[3], 64); err == nil {
				t.MemoryClockMHz, memoryClocks = t.MemoryClockMHz+clock, memoryClocks+1
			}
			degrees, _ := strconv.ParseFloat(f[5], 64) // 0 where it is not told
			used, _ := strconv.ParseFloat(f[7], 64)
			t.TemperatureC, t.MemoryUsedMiB = max(t.TemperatureC, degrees), max(t.MemoryUsedMiB, used)
			held := heldDown(f[6])
			if len(held) > 0 {
				throttled++
			}
			for _, why := range held {
				if !slices.Contains(t.ThrottleReasons, why) {
					t.ThrottleReasons = append(t.ThrottleReasons, why)
				}
			}
		}
	}
	if t.Samples == 0 {
		return nil
	}
	n := float64(t.Samples)
	t.SMClockMHz, t.PowerW, t.Throttled = t.SMClockMHz/n, t.PowerW/n, throttled/n
	t.MemoryClockMHz /= max(1, memoryClocks)
	return &t
}

// heldDown says what held clocks down, by a bit mask of nvidia-smi.
func heldDown(active string) []string {
	mask, _ := strconv.ParseUint(strings.TrimPrefix(strings.ToLower(active), "0x"), 16, 64)
	var out []string
	for _, h := range holdsDown {
		if mask&h.bit != 0 {
			out = append(out, h.text)
		}
	}
	return out
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
		t.TokensPerJoule = new(*tps / t.PowerW)
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
