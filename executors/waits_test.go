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
	var tasks []*task
	for i := range 3 {
		tasks = append(tasks, &task{run: &plan.Run{Address: fmt.Sprintf("r%d", i)}})
	}
	for _, reason := range []string{"ReqNodeNotAvail, UnavailableNodes:gb01", "ReqNodeNotAvail, UnavailableNodes:gb02", "JobHeldAdmin", "ReqNodeNotAvail, UnavailableNodes:gb03"} {
		for _, task := range tasks {
			c.observe(task, Status{State: Queued, Reason: reason, Remedy: "wait"})
		}
	}
	c.observe(tasks[0], Status{State: Running})
	want := "r0 queued ReqNodeNotAvail, UnavailableNodes:gb01: wait\nr1 queued\nr2 queued\nr0 queued JobHeldAdmin: wait\nr0 running"
	if got := strings.Join(told, "\n"); got != want {
		t.Errorf("told\n%s\nwant\n%s", got, want)
	}
}

// A job for which the queue was full is tried again as soon as one of ours has ended.
func TestRoomIsTakenAtOnce(t *testing.T) {
	limited, other, ended := &task{run: &plan.Run{}}, &task{run: &plan.Run{}}, &task{run: &plan.Run{}, family: &family{}}
	c := &Campaign{open: []*task{limited, other, ended}, Log: hclog.NewNullLogger()}
	for range 5 {
		c.unconfirmed(t.Context(), &limited.submission, limited, ErrLimit)
		c.unconfirmed(t.Context(), &other.submission, other, errors.New("timed out"))
	}
	if time.Until(limited.notBefore) < 10*time.Second {
		t.Errorf("tried again in %s", time.Until(limited.notBefore))
	}
	c.complete(ended, &results.Result{Verdict: results.Valid})
	if time.Until(limited.notBefore) > 0 || time.Until(other.notBefore) < 10*time.Second {
		t.Errorf("after a job ended: %s, and %s where it is not known whether there is a job", time.Until(limited.notBefore), time.Until(other.notBefore))
	}
}
