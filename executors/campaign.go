package executors

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sync/errgroup"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
)

// A Campaign measures the runs of a plan.
type Campaign struct {
	Plan     *plan.Plan
	Store    *store.Store
	Backends map[plan.ExecutorRef]*Backend
	// Secrets gives the environment of a run that is never written but to the
	// attempt's 0600 file, as NAME=VALUE.
	Secrets func(address string) []string
	// Hidden are values that nothing may show.
	Hidden []string
	// Vocabulary gives the size of the vocabulary and the id of its end-of-text token,
	// for data sets.
	Vocabulary func(run *plan.Run) (vocab, eos int)
	// Directory is that of the definitions, recorded with each attempt.
	Directory string
	// Detach stops following once everything is submitted.
	Detach bool
	// ChecksSkipped is recorded with each attempt: nobody looked at the site, the
	// weights and the images before.
	ChecksSkipped bool
	// KeepGoing submits runs although one like them failed to start.
	KeepGoing bool
	// Budget bounds what the jobs cost; nil is no bound.
	Budget *Budget
	// Saved is the hexadecimal SHA-256 of the saved plan that is applied, "" for none:
	// each attempt records it, and jobs of its earlier applies count in the budget.
	Saved string
	// Observe is told what happens, from one goroutine; nil tells nobody.
	Observe func(Event)
	Log     hclog.Logger

	tasks []*task
	open  []*task // those without an outcome
	jobs  []*job  // those without an outcome
	// waitsTold are the causes for which jobs wait that were told.
	waitsTold map[string]bool
	searches  []*Budget // each over the life of its search
	receipts  errgroup.Group
	redactor  store.Redactor
	unnamed   []func(context.Context) error // ask which of their nodes failed
	refused   error                         // why nothing more can be recorded
	seen      *store.View                   // of the store when the first run that shares an engine was submitted
}

// Ending is where a campaign left its runs.
type Ending struct {
	// Failed counts samples that failed, are invalid, or were not tried because
	// one like them failed; GoingOn those whose jobs go on.
	Failed, GoingOn int
	// Started counts samples for which this campaign began or took up an attempt.
	Started int
	// Jobs lists the jobs that go on without this process, as the backends name
	// them.
	Jobs []string
}

// Run measures until every asked sample has an outcome, or all are submitted
// when detached. When ctx ends, jobs go on and the ending says so. An error
// means that nothing could be started or followed.
func (c *Campaign) Run(ctx context.Context) (Ending, error) {
	c.receipts.SetLimit(lookAhead)
	if c.Budget == nil {
		c.Budget = &Budget{}
	}
	c.redactor = store.NewRedactor(c.Hidden...)
	c.redactEnded(true)
	defer c.redactEnded(false)
	if err := c.prepare(ctx); err != nil {
		return c.ending(), err
	}
	err := c.follow(ctx)
	for _, j := range c.jobs {
		c.unstage(j)
	}
	return c.ending(), err
}

// follow does what is due until there is nothing left to follow or ctx ends.
func (c *Campaign) follow(ctx context.Context) error {
	for {
		if err := c.step(ctx); err != nil {
			return err
		}
		if c.finished() || ctx.Err() != nil {
			if !c.Detach {
				c.leave(ctx)
			}
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(c.look()):
		}
	}
}

// finished reports whether there is nothing left to follow.
func (c *Campaign) finished() bool {
	for _, t := range c.open {
		switch {
		case t.phase == waiting:
			return false
		case t.phase == active && (!c.Detach || t.job.handle == "" && t.job.mine):
			return false
		}
	}
	return c.Detach || !slices.ContainsFunc(c.jobs, func(j *job) bool { return j.phase == active && j.mine })
}

func (c *Campaign) ending() Ending {
	var o Ending
	for _, t := range c.tasks {
		if t.tries > 0 {
			o.Started++
		}
		switch {
		case t.phase == active && !t.backend.Adopt: // it ends with this process
			o.Failed++
		case t.phase == active:
			o.GoingOn++
			job := cmp.Or(t.status.JobID, string(t.job.handle))
			if job != "" && !slices.Contains(o.Jobs, job) { // members share one
				o.Jobs = append(o.Jobs, job)
			}
		case t.phase == done && t.run.Asked.Search != "": // outside the bounds, if it failed
		case t.phase == skipped, t.phase == done && !t.ok():
			o.Failed++
		}
	}
	for _, r := range c.Plan.Runs {
		if r.Action == plan.Blocked {
			o.Failed++
		}
	}
	return o
}

// look is the shortest interval at which an active backend's folders are read,
// longer the more there are: a shared file system is others' too.
func (c *Campaign) look() time.Duration {
	d := 2 * time.Second
	for _, b := range c.backendsInUse() {
		d = min(d, b.Pace.Look)
	}
	flying := 0
	for _, t := range c.open {
		if t.phase == active {
			flying++
		}
	}
	return max(d, time.Duration(flying)*10*time.Millisecond, time.Millisecond)
}

func (c *Campaign) backendsInUse() []*Backend {
	var list []*Backend
	seen := map[*Backend]bool{}
	add := func(b *Backend, p phase) {
		if (p == active || p == waiting) && !seen[b] {
			seen[b] = true
			list = append(list, b)
		}
	}
	for _, t := range c.open {
		add(t.backend, t.phase)
	}
	for _, j := range c.jobs {
		add(j.backend, j.phase)
	}
	return list
}

func (c *Campaign) tell(t *task, typ EventType, e Event) {
	if c.Observe == nil {
		return
	}
	e.Type, e.Time, e.Text = typ, time.Now(), c.redactor.Clean(e.Text)
	if t != nil {
		e.Run, e.Sample, e.State = t.run, t.sample, t.status.State
		e.JobID, e.Started = t.status.JobID, t.status.Started
		if t.attempt != nil {
			e.Attempt = t.attempt.Number
		}
	}
	c.Observe(e)
}

// redactEnded removes secrets from what jobs left that could not do so themselves.
func (c *Campaign) redactEnded(vacant bool) {
	if err := c.Store.RedactEnded(vacant); err != nil {
		c.Log.Warn("cannot remove secrets from logs", "error", err)
	}
}

// An EventType says what an Event tells.
type EventType string

// The events of a campaign, with the names that the JSON stream uses.
const (
	RunSubmitted EventType = "run_submitted"
	RunState     EventType = "run_state"
	RunProgress  EventType = "run_progress"
	RunComplete  EventType = "run_complete"
	RunErrored   EventType = "run_errored"
	Message      EventType = "diagnostic"
)

// An Event is something that happened to a run, or to the campaign when Run is
// nil.
type Event struct {
	Type            EventType
	Time            time.Time
	Run             *plan.Run
	Sample, Attempt int
	JobID           string
	State           plan.State
	// Started is when the run's job began, zero where that is not known.
	Started time.Time
	// Text is for people: a reason, a remedy, a notice.
	Text string
	// Done and Total count requests, or lines of a data set.
	Done, Total int
	// Result is set on RunComplete, and on RunErrored where there is one.
	Result *results.Result
}
