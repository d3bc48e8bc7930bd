package executors

import (
	"context"
	"fmt"
	"time"

	"github.com/llmbench/llmbench/executors/runs"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
)

// How long a running job may be silent. After an end was seen only silence until
// the launcher notices is to be expected; iterations come at short intervals until
// the measurement is over. Any other silence of a job may be a healthy one.
const (
	silentAfterEnd   = 2 * time.Minute
	silentIterations = 5 * time.Minute
	iterationsMissed = 100
	// lateStep is how long after trtllm-bench has ended well its step may go on
	// until somebody looks why.
	lateStep = time.Minute
)

// quiet is for how long the files of a running job have not grown.
type quiet struct {
	bytes  int64
	since  time.Time // of the last growth, by this host's clock; zero before the first look
	looked time.Time
	signs  runs.Signs
	// warned says that the user knows, diagnosed that the job was looked into.
	warned, diagnosed bool
}

// stopQuiet gives up on running jobs that will not go on: a launcher that waits for
// dead ranks would hold its GPUs until the time limit. Of any other long silence
// the user is told.
func (c *Campaign) stopQuiet(ctx context.Context) error {
	now := time.Now()
	for _, t := range c.open {
		if t.phase != active || !t.mine || t.handle == "" || t.status.State != Running || t.status.Suspended {
			t.quiet = quiet{diagnosed: t.quiet.diagnosed}
			continue
		}
		if now.Sub(t.quiet.looked) < t.backend.Pace.Poll {
			continue
		}
		t.quiet.looked = now
		if err := t.listen(now); err != nil {
			return err
		}
		if err := c.silence(ctx, t, now.Sub(t.quiet.since)); err != nil {
			return err
		}
	}
	return nil
}

// silence does what a silence asks for.
func (c *Campaign) silence(ctx context.Context, t *task, silent time.Duration) error {
	if why := t.hangs(silent); why != "" {
		return c.stopHanging(ctx, t, why)
	}
	if t.quiet.signs.Reported && silent > lateStep && !t.quiet.diagnosed {
		c.tell(t, RunState, Event{Text: "the step goes on after trtllm-bench has ended; it is looked into"})
		return c.diagnose(ctx, t)
	}
	if why := LongSilence(t.run, t.progress > 0, silent); why != "" && !t.quiet.warned {
		t.quiet.warned = true
		c.tell(t, RunState, Event{Text: why})
	}
	return nil
}

// listen notes whether the attempt's files have grown.
func (t *task) listen(now time.Time) error {
	g, err := t.attempt.Growth()
	if err != nil {
		return err
	}
	if !t.quiet.since.IsZero() && g.Bytes == t.quiet.bytes {
		return nil
	}
	t.quiet.bytes, t.quiet.since, t.quiet.warned = g.Bytes, now, false
	t.quiet.signs, err = t.attempt.Signs()
	return err
}

// hangs says why a running job is taken to hang, "" while it is not.
func (t *task) hangs(silent time.Duration) string {
	said := fmt.Sprintf("nothing was written for %s", silent.Round(time.Second))
	signs := t.quiet.signs
	switch most := t.backend.Pace.MaxQuiet; {
	case most > 0 && silent > most:
		return fmt.Sprintf("%s, longer than max_quiet = %s", said, most)
	case signs.End != "" && silent > silentAfterEnd:
		return fmt.Sprintf("%s after: %s", said, signs.End)
	case signs.Step > 0 && silent > max(silentIterations, iterationsMissed*signs.Step):
		return fmt.Sprintf("%s, and iterations took up to %s", said, signs.Step.Round(time.Millisecond))
	}
	return ""
}

// LongSilence says that a running job has written nothing for more than twice as
// long as is expected of it, "" where it has not. It is a warning: a job may be
// silent and well.
func LongSilence(run *plan.Run, measures bool, silent time.Duration) string {
	e := run.Estimate
	if e == nil || e.StartupSeconds == nil || e.MeasureSeconds == nil {
		return ""
	}
	expected := e.StartupSeconds.High
	if measures {
		expected = e.MeasureSeconds.High
	}
	if silent.Seconds() <= 2*expected {
		return ""
	}
	return fmt.Sprintf("warning: nothing was written for %s, and at most %s are expected; the job goes on (max_quiet would end it)",
		silent.Round(time.Second), time.Duration(expected*float64(time.Second)).Round(time.Second))
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

// diagnose looks into the job and keeps what is found.
func (c *Campaign) diagnose(ctx context.Context, t *task) error {
	t.quiet.diagnosed = true
	d, ok := t.backend.Executor.(Diagnoser)
	if !ok {
		return nil
	}
	text, err := d.Diagnose(ctx, t.handle, t.measuredOn())
	if err != nil {
		text += fmt.Sprintf("\nllmbench: %v\n", err)
	}
	return t.attempt.RecordDiagnosis(text)
}

// stopHanging looks into the job, cancels it and records it as failed.
func (c *Campaign) stopHanging(ctx context.Context, t *task, why string) error {
	c.tell(t, RunState, Event{Text: why + "; the job is looked into and cancelled"})
	if err := c.diagnose(ctx, t); err != nil {
		return err
	}
	t.stopping = true
	if err := t.backend.stop(ctx, t.attempt, t.handle, t.packed); err != nil {
		c.Log.Warn("cannot cancel", "job", t.handle, "error", err)
		return nil // the next look tries again
	}
	return c.end(t, failure.Hang, why)
}
