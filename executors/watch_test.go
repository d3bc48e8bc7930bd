package executors

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/llmbench/llmbench/executors/runs"
)

// A polled executor counts how often it is asked.
type polled struct {
	Executor
	asked  int
	answer func(Handle) (Status, error)
}

func (p *polled) Poll(_ context.Context, handles []Handle) (map[Handle]Status, error) {
	p.asked++
	s, err := p.answer(handles[0])
	return map[Handle]Status{handles[0]: s}, err
}

// A controller that does not answer, or whose jobs all wait, is asked less often;
// the user is told that jobs go on.
func TestPollsBackOff(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(Handle) (Status, error)
		most   int
		told   string
	}{
		{"runs", func(Handle) (Status, error) { return Status{State: Running}, nil }, 61, ""},
		{"waits", func(Handle) (Status, error) { return Status{State: Queued}, nil }, 31, ""},
		{"silent", func(Handle) (Status, error) { return Status{}, errors.New("timed out") }, 15, "no contact with slurm for 56m0s, jobs go on: timed out"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				ex := &polled{answer: c.answer}
				b := &Backend{Executor: ex, Pace: Pace{Poll: time.Minute}}
				b.Ref.Type = "slurm"
				told := ""
				campaign := &Campaign{
					Log: hclog.NewNullLogger(), Observe: func(e Event) { told = e.Text },
					lastPoll: map[*Backend]time.Time{}, contact: map[*Backend]time.Time{}, slower: map[*Backend]int{},
					tasks: []*task{{
						submission: submission{backend: b, handle: "slurm:-:1:x"}, phase: active, mine: true,
						attempt: runs.Open(dir).Attempt(runs.Key{Fingerprint: strings.Repeat("ab", 32), Cluster: "gb"}, 1, 1),
					}},
				}
				for range 3600 {
					campaign.poll(t.Context(), b)
					time.Sleep(time.Second)
				}
				if ex.asked > c.most || ex.asked < c.most-3 {
					t.Errorf("asked %d times in an hour, want %d", ex.asked, c.most)
				}
				if c.told != "" && told != c.told {
					t.Errorf("told %q, want %q", told, c.told)
				}
			})
		})
	}
}
