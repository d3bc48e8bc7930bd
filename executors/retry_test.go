package executors

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
)

// A finding executor knows which nodes are down, or fails to.
type finding struct {
	Executor
	Queue
	down []string
	err  error
}

func (f finding) Down(context.Context, []string) ([]string, error) { return f.down, f.err }

// A node that failed is left alone: by its name in the log, else by the cluster's
// word. Where nobody knows which it was, none is.
func TestBlame(t *testing.T) {
	for _, c := range []struct {
		name     string
		code     failure.Code
		named    string
		executor Executor
		want     []string
	}{
		{"named", "node_fail", "gb02", finding{down: []string{"gb03"}}, []string{"gb02"}},
		{"not named", "node_fail", "", finding{down: []string{"gb03"}}, []string{"gb03"}},
		{"not a node's failure", "lost", "", finding{down: []string{"gb03"}}, nil},
		{"not known", "node_fail", "", finding{err: errors.New("timed out")}, nil},
		{"nobody to ask", "node_fail", "", struct{ Executor }{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &Backend{Cluster: "gb", Executor: c.executor, Renderer: FakeRenderer{}}
			campaign := &Campaign{Store: store.Open(t.TempDir()), Log: hclog.NewNullLogger()}
			task := &task{backend: b, status: Status{Nodes: []string{"gb02", "gb03"}}, run: &plan.Run{Hardware: plan.Hardware{Nodes: 2}}}
			r := &results.Result{Verdict: results.Failed, Reasons: []results.Reason{{Code: c.code, Level: results.Failed, Node: c.named}}}
			if err := campaign.blame(task, r); err != nil {
				t.Fatal(err)
			}
			task.again()
			for _, find := range campaign.unnamed {
				if err := find(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			list, err := campaign.Store.Excluded("gb")
			var got []string
			for _, e := range list {
				got = append(got, e.Node)
			}
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%v are left alone, want %v (%v)", got, c.want, err)
			}
		})
	}
}
