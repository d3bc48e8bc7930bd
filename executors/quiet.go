package executors

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/store"
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
	// unknownStartup bounds the time until trtllm-bench's first line where no start-up
	// is expected; else twice the expected one does.
	unknownStartup = 30 * time.Minute
)

// quiet is for how long the files of a running job have not grown.
type quiet struct {
	bytes  int64
	since  time.Time // of the last growth, by this host's clock; zero before the first look
	looked time.Time
	signs  *store.LogSigns // nil until the silence is long enough to ask for them
	// warned says that the user knows, diagnosed that the job was looked into.
	warned, diagnosed bool
}

// stopQuiet gives up on running jobs that will not go on: a launcher that waits for
// dead ranks would hold its GPUs until the time limit. Of any other long silence
// the user is told.
func (c *Campaign) stopQuiet(ctx context.Context) error {
	now := time.Now()
	for _, t := range c.open {
		if t.phase != active || !t.job.mine || t.job.handle == "" || t.status.State != plan.Running || t.status.Suspended {
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
	if s := t.quiet.signs; s != nil && s.Reported && !t.quiet.diagnosed {
		c.tell(t, RunState, Event{Text: "the step is still running after trtllm-bench ended; its processes are inspected"})
		return c.diagnose(ctx, t)
	}
	p, err := t.attempt.Progress()
	if err != nil {
		return err
	}
	start, err := t.attempt.Start()
	if err != nil {
		return err
	}
	var ran time.Duration // of the step, 0 before it was started
	if start != nil {
		ran = time.Since(start.Time)
	}
	why := Overdue(t.run, p, ran, silent)
	if why == "" || t.quiet.warned {
		return nil
	}
	t.quiet.warned = true
	if !mute(p) || t.quiet.diagnosed {
		c.tell(t, RunState, Event{Text: why})
		return nil
	}
	c.tell(t, RunState, Event{Text: why + "; its processes are inspected"})
	if err := c.diagnose(ctx, t); err != nil {
		return err
	}
	if path, text := t.attempt.Diagnosis(); path != "" {
		c.tell(t, RunState, Event{Text: fmt.Sprintf("%d processes of trtllm-bench or its launcher were found; see %s", strings.Count(text, "\n-- process "), path)})
	}
	return nil
}

// listen notes whether the attempt's files have grown.
func (t *task) listen(now time.Time) error {
	size, _, err := t.attempt.Growth()
	if err != nil {
		return err
	}
	if t.quiet.since.IsZero() || size != t.quiet.bytes {
		t.quiet.bytes, t.quiet.since, t.quiet.warned, t.quiet.signs = size, now, false, nil
	}
	if t.quiet.signs != nil || now.Sub(t.quiet.since) <= lateStep {
		return nil
	}
	signs, err := t.attempt.Signs()
	t.quiet.signs = &signs
	return err
}

// hangs says why a running job is taken to hang, "" while it is not.
func (t *task) hangs(silent time.Duration) string {
	said := fmt.Sprintf("nothing was written for %s", silent.Round(time.Second))
	signs := t.quiet.signs
	switch most := t.backend.Pace.MaxQuiet; {
	case most > 0 && silent > most:
		return fmt.Sprintf("%s, longer than max_quiet = %s", said, most)
	case signs == nil:
	case signs.End != "" && silent > silentAfterEnd:
		return fmt.Sprintf("%s after: %s", said, signs.End)
	case signs.Step > 0 && silent > max(silentIterations, iterationsMissed*signs.Step):
		return fmt.Sprintf("%s, and iterations took up to %s", said, signs.Step.Round(time.Millisecond))
	}
	return ""
}

// mute reports whether a step was started in which trtllm-bench has said nothing.
func mute(p *store.Progress) bool { return p != nil && p.Stage == "" && p.Total == 0 }

// Overdue warns of a running job that takes more than twice as long as is expected
// of it: until the first line of trtllm-bench, of a step that ran so long, or with
// files that were silent so long. "" is for no warning. A job may be silent and well.
func Overdue(run *plan.Run, p *store.Progress, ran, silent time.Duration) string {
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)).Round(time.Second) }
	e := run.Estimate
	known := e != nil && e.StartupSeconds != nil && e.MeasureSeconds != nil
	if mute(p) {
		bound, expected := unknownStartup, "most jobs start within "+unknownStartup.String()
		if known {
			bound, expected = 2*seconds(e.StartupSeconds.High), fmt.Sprintf("start-up is expected to take at most %s", seconds(e.StartupSeconds.High))
		}
		if ran > bound {
			return fmt.Sprintf("warning: trtllm-bench has written no line %s after its step was started, and %s; the job keeps running", ran.Round(time.Second), expected)
		}
	}
	if !known {
		return ""
	}
	expected := seconds(e.StartupSeconds.High)
	if p != nil && p.Total > 0 {
		expected = seconds(e.BusySeconds().High)
	}
	if silent <= 2*expected {
		return ""
	}
	return fmt.Sprintf("warning: nothing was written for %s, and at most %s are expected; the job keeps running (max_quiet would end it)", silent.Round(time.Second), expected)
}

// diagnose looks into the job and keeps what is found. Of a job that several runs share
// only the nodes of this one are looked into.
func (c *Campaign) diagnose(ctx context.Context, t *task) error {
	t.quiet.diagnosed = true
	queue, ok := t.backend.Executor.(Queue)
	if !ok {
		return nil
	}
	var nodes []string
	if start, err := t.attempt.Start(); err == nil && start != nil && t.job.folder.Shared() {
		nodes = start.Nodes
	}
	text, err := queue.Diagnose(ctx, t.job.handle, nodes)
	if err != nil {
		text += fmt.Sprintf("\nllmbench: %v\n", err)
	}
	return t.attempt.RecordDiagnosis(text)
}

// stopHanging looks into the job, cancels it and records it as failed.
func (c *Campaign) stopHanging(ctx context.Context, t *task, why string) error {
	c.tell(t, RunState, Event{Text: why + "; the job is inspected and cancelled"})
	if err := c.diagnose(ctx, t); err != nil {
		return err
	}
	t.stopping = true
	if err := stop(ctx, t.backend, t.job.folder, t.attempt, t.job.handle); err != nil {
		c.Log.Warn("cannot cancel", "job", t.job.handle, "error", err)
		return nil // the next look tries again
	}
	return c.end(t, failure.Hang, why)
}
