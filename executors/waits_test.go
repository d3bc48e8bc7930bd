package executors

import (
	"fmt"
	"strings"
	"testing"

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
