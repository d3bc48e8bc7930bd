package executors

import (
	"context"
	"fmt"
	"time"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
)

// quiet is for how long the logs of a running job have not grown.
type quiet struct {
	bytes int64
	since time.Time // of the last growth, by this host's clock; zero before the first look
	// failure is what the logs show that ends a run, "" for nothing.
	failure string
	looked  time.Time
}

// stopQuiet gives up on running jobs whose logs have stopped: a launcher that
// waits for dead ranks would hold its GPUs until the time limit.
func (c *Campaign) stopQuiet(ctx context.Context) error {
	now := time.Now()
	for _, t := range c.open {
		if t.phase != active || !t.mine || t.handle == "" || t.status.State != Running || t.status.Suspended {
			t.quiet = quiet{}
			continue
		}
		if now.Sub(t.quiet.looked) < t.backend.Pace.Poll {
			continue
		}
		t.quiet.looked = now
		if err := t.listen(now); err != nil {
			return err
		}
		if why := t.hangs(now); why != "" {
			if err := c.stopHanging(ctx, t, why); err != nil {
				return err
			}
		}
	}
	return nil
}

// listen notes whether the logs have grown.
func (t *task) listen(now time.Time) error {
	size, err := t.attempt.LogBytes()
	if err != nil {
		return err
	}
	if !t.quiet.since.IsZero() && size == t.quiet.bytes {
		return nil
	}
	t.quiet.bytes, t.quiet.since = size, now
	t.quiet.failure, err = t.attempt.FailureSeen()
	return err
}

// hangs says why a running job is taken to hang, "" while it is not.
func (t *task) hangs(now time.Time) string {
	silent := now.Sub(t.quiet.since)
	if f := t.quiet.failure; f != "" && silent > t.afterFailure() {
		return fmt.Sprintf("nothing was logged for %s after: %s", silent.Round(time.Second), f)
	}
	if limit := t.mostQuiet(); silent > limit {
		return fmt.Sprintf("nothing was logged for %s, longer than %s", silent.Round(time.Second), limit.Round(time.Second))
	}
	return ""
}

// afterFailure is how long a job may go on in silence once its log shows a
// failure that ends a run.
func (t *task) afterFailure() time.Duration {
	return min(2*time.Minute, max(5*time.Second, 4*t.backend.Pace.Poll))
}

// mostQuiet is how long a healthy job may say nothing: while it starts and loads
// weights, a multiple of the expected start-up; while it measures, a multiple of
// an iteration where it logs them, else of the whole measurement.
func (t *task) mostQuiet() time.Duration {
	if most := t.backend.Pace.MaxQuiet; most > 0 {
		return most
	}
	e := t.run.Estimate
	if e == nil || e.StartupSeconds == nil || e.MeasureSeconds == nil {
		return time.Duration(t.run.TimeLimitSeconds) * time.Second
	}
	starting := max(15*time.Minute, seconds(2*e.StartupSeconds.High))
	if t.progress == 0 {
		return starting
	}
	if !logsIterations(t.run) {
		return max(15*time.Minute, seconds(2*e.MeasureSeconds.High))
	}
	if e.AvgTPOT == nil {
		return 10 * time.Minute
	}
	return max(5*time.Minute, seconds(200*e.AvgTPOT.High/1e3))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func logsIterations(r *plan.Run) bool {
	options, _ := r.LLMAPIOptions.(map[string]any)
	return options["print_iter_log"] == true
}

// measuredOn are the nodes of a run that shares its job with others, which are not
// to be looked into; none for any other run.
func (t *task) measuredOn() []string {
	if !t.packed {
		return nil
	}
	start, err := t.attempt.Start()
	if err != nil || start == nil {
		return nil
	}
	return start.Nodes
}

// stopHanging looks into the job, cancels it and records it as failed.
func (c *Campaign) stopHanging(ctx context.Context, t *task, why string) error {
	c.tell(t, RunState, Event{Text: why + "; the job is looked into and cancelled"})
	if d, ok := t.backend.Executor.(Diagnoser); ok {
		text, err := d.Diagnose(ctx, t.handle, t.measuredOn())
		if err != nil {
			text += fmt.Sprintf("\nllmbench: %v\n", err)
		}
		if err := t.attempt.RecordDiagnosis(text); err != nil {
			return err
		}
	}
	t.stopping = true
	if err := t.backend.stop(ctx, t.attempt, t.handle, t.packed); err != nil {
		c.Log.Warn("cannot cancel", "job", t.handle, "error", err)
		return nil // the next look tries again
	}
	return c.end(t, failure.Hang, why)
}
