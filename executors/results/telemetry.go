package results

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// A Telemetry sums up what was sampled on the GPUs while they measured.
type Telemetry struct {
	Samples int
	// SMClock is the mean in MHz, Power the mean of one GPU in watts, Temperature
	// the highest in degrees Celsius.
	SMClock, Power, Temperature float64
	// Throttled is the share of samples in which clocks were held down by heat or
	// by a failing supply.
	Throttled float64
	// Reasons are the words for that.
	Reasons []string
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
	t := &Telemetry{}
	throttled, seen := 0, map[string]bool{}
	for _, r := range readers {
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			f := strings.Split(lines.Text(), ",")
			if len(f) != 8 {
				continue
			}
			for i := range f {
				f[i] = strings.TrimSpace(f[i])
			}
			at, err := time.ParseInLocation("2006/01/02 15:04:05.000", f[0], from.Location())
			clock, errC := strconv.ParseFloat(f[2], 64)
			power, errP := strconv.ParseFloat(f[4], 64)
			if err != nil || errC != nil || errP != nil || at.Before(from) || at.After(to) {
				continue
			}
			t.Samples++
			t.SMClock += clock
			t.Power += power
			if degrees, err := strconv.ParseFloat(f[5], 64); err == nil {
				t.Temperature = max(t.Temperature, degrees)
			}
			mask, _ := strconv.ParseUint(strings.TrimPrefix(strings.ToLower(f[6]), "0x"), 16, 64)
			held := false
			for _, h := range holdsDown {
				if mask&h.bit != 0 {
					held = true
					if !seen[h.text] {
						seen[h.text] = true
						t.Reasons = append(t.Reasons, h.text)
					}
				}
			}
			if held {
				throttled++
			}
		}
	}
	if t.Samples == 0 {
		return nil
	}
	n := float64(t.Samples)
	t.SMClock, t.Power, t.Throttled = t.SMClock/n, t.Power/n, float64(throttled)/n
	return t
}

// words is the telemetry in a line: clocks, power, and how much was generated
// for it.
func (t *Telemetry) words(tokensPerSecondPerGPU *float64) string {
	s := fmt.Sprintf("SM %.0f MHz mean, %.0f W mean, %.0f C at most", t.SMClock, t.Power, t.Temperature)
	if tokensPerSecondPerGPU != nil && t.Power > 0 {
		s += fmt.Sprintf(", %.2f tokens per joule", *tokensPerSecondPerGPU/t.Power)
	}
	return s
}

// mostThrottled is the share of samples up to which a passing moment of
// throttling does not mark a number.
const mostThrottled = 0.01

// watched takes in what was sampled: as provenance, and as a doubt where clocks
// were held down.
func (r *Result) watched(in Evidence) {
	if in.Telemetry == nil || r.Metrics.TotalLatency == nil || r.Job.Ended == nil {
		return
	}
	const after = 15 * time.Second // from the last token to the job's end
	to := *r.Job.Ended
	from := to.Add(-after - time.Duration(*r.Metrics.TotalLatency*float64(time.Millisecond)))
	t := in.Telemetry(from, to)
	if t == nil {
		return
	}
	text := t.words(r.Metrics.OutputThroughputPerGPU)
	r.Provenance.Clocks = &text
	if t.Throttled > mostThrottled {
		r.Reasons = append(r.Reasons, Reason{Code: "throttled", Level: Suspect,
			Detail: fmt.Sprintf("clocks were held down in %.0f %% of the samples: %s", 100*t.Throttled, strings.Join(t.Reasons, ", ")),
			Remedy: "look at cooling and power of the nodes; `llmbench apply -replace` measures again"})
	}
}
