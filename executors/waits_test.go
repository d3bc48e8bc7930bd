package executors

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
)

// Why jobs wait is told once for each cause, however many runs wait for it and
// however the nodes in it change.
func TestWaitsAreToldOnce(t *testing.T) {
	var told []string
	c := &Campaign{Observe: func(e Event) {
		told = append(told, strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Run.Address, e.State, e.Text)))
	}}
	var jobs []*job
	for i := range 3 {
		t := &task{run: &plan.Run{Address: fmt.Sprintf("r%d", i)}, phase: active}
		t.job = &job{tasks: []*task{t}}
		jobs = append(jobs, t.job)
	}
	for _, reason := range []string{"ReqNodeNotAvail, UnavailableNodes:gb01", "ReqNodeNotAvail, UnavailableNodes:gb02", "JobHeldAdmin", "ReqNodeNotAvail, UnavailableNodes:gb03"} {
		for _, j := range jobs {
			c.observe(j, Status{State: plan.Queued, Reason: reason, Remedy: "wait"})
		}
	}
	c.observe(jobs[0], Status{State: plan.Running})
	want := "r0 queued ReqNodeNotAvail, UnavailableNodes:gb01: wait\nr1 queued\nr2 queued\nr0 queued JobHeldAdmin: wait\nr0 running"
	if got := strings.Join(told, "\n"); got != want {
		t.Errorf("told\n%s\nwant\n%s", got, want)
	}
}

// A job for which the queue was full is tried again as soon as one of ours has ended.
func TestRoomIsTakenAtOnce(t *testing.T) {
	ended := &task{run: &plan.Run{}, siblings: &canaryGroup{}}
	limited, other := &job{tasks: []*task{ended}}, &job{tasks: []*task{ended}}
	c := &Campaign{jobs: []*job{limited, other}, Log: hclog.NewNullLogger()}
	for range 5 {
		c.unconfirmed(t.Context(), limited, ErrLimit)
		c.unconfirmed(t.Context(), other, errors.New("timed out"))
	}
	if time.Until(limited.notBefore) < 10*time.Second {
		t.Errorf("tried again in %s", time.Until(limited.notBefore))
	}
	c.complete(ended, &results.Result{Verdict: results.Valid})
	if time.Until(limited.notBefore) > 0 || time.Until(other.notBefore) < 10*time.Second {
		t.Errorf("after a job ended: %s, and %s where it is not known whether there is a job", time.Until(limited.notBefore), time.Until(other.notBefore))
	}
}
