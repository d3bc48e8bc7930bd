package executors_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// A course is what a job does: it waits in the queue, starts, runs, and ends as
// the backend says. A job of no end that leaves no exit record goes on until it
// is cancelled.
type course struct {
	held                  string // the reason for which it never leaves the queue
	waits, starting, runs time.Duration
	end                   failure.Code
	node                  string                                      // where it runs
	silent                bool                                        // its script's first line never ran
	accounted             bool                                        // the backend knows when it started and ended
	exits                 bool                                        // its script leaves an exit record of rc 1
	writes                func(since time.Duration) map[string]string // what it has written by then
}

// A memoryJob is one that was submitted to memory.
type memoryJob struct {
	course
	argv      []string
	dir       string
	submitted time.Time
	began     bool
	cancelled time.Time
}

// A memory is a backend whose jobs are lines in a table. It keeps what a bound
// may be asked about.
type memory struct {
	executors.Queue
	course func(submitted int) course
	submit error // what sbatch answers
	test   error // what sbatch --test-only answers

	mu       sync.Mutex
	jobs     []*memoryJob
	most     int // jobs in the queue at once
	diagnose int // jobs that were looked into
}

func (m *memory) Submit(_ context.Context, job *executors.Job) (executors.Handle, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.jobs = append(m.jobs, &memoryJob{course: m.course(len(m.jobs)), argv: job.Argv, dir: job.Dir, submitted: time.Now()})
	if m.submit != nil {
		return "", m.submit
	}
	inQueue := 0
	for _, j := range m.jobs {
		if j.status().State != plan.Ended {
			inQueue++
		}
	}
	m.most = max(m.most, inQueue)
	return executors.Handle(fmt.Sprintf("memory:-:%d:%s", len(m.jobs), job.Name)), nil
}

func (m *memory) of(h executors.Handle) *memoryJob {
	var n int
	if _, err := fmt.Sscanf(string(h), "memory:-:%d:", &n); err != nil {
		panic(err)
	}
	return m.jobs[n-1]
}

func (m *memory) Poll(_ context.Context, handles []executors.Handle) (map[executors.Handle]executors.Status, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[executors.Handle]executors.Status{}
	for _, h := range handles {
		j := m.of(h)
		s := j.status()
		if s.State == plan.Running && !j.began && !j.silent {
			j.begin()
		}
		if s.State == plan.Running && j.writes != nil {
			for name, text := range j.writes(time.Since(j.submitted)) {
				j.put(name, []byte(text+"\n"))
			}
		}
		if s.State == plan.Ended && j.exits {
			j.exit()
		}
		out[h] = s
	}
	return out, nil
}

// begin leaves what the job script does.
func (j *memoryJob) begin() {
	j.began = true
	now := time.Now().UTC()
	j.put(jobdir.ClaimFile, jobdir.Encode(jobdir.Claim{JobID: "1", Host: "gb01", Time: now, Nonce: "n"}))
	j.put(jobdir.StartFile, jobdir.Encode(jobdir.Start{JobID: "1", Host: "gb01", Nodes: []string{j.node}, Time: now}))
}

func (j *memoryJob) exit() {
	started := j.submitted.Add(j.waits + j.starting).UTC()
	rc := 1
	j.put(jobdir.ExitFile, jobdir.Encode(jobdir.ExitRecord{JobID: "1", RC: rc, BenchRC: &rc, Started: started, Ended: started.Add(j.runs)}))
}

func (j *memoryJob) put(name string, data []byte) {
	if err := os.WriteFile(filepath.Join(j.dir, name), data, 0o644); err != nil {
		panic(err)
	}
}

func (j *memoryJob) status() executors.Status {
	s := executors.Status{JobID: "1", Nodes: []string{j.node}}
	if j.accounted {
		s.Started = j.submitted.Add(j.waits + j.starting)
		s.Finished = s.Started.Add(j.runs)
	}
	since := time.Since(j.submitted)
	switch {
	case !j.cancelled.IsZero():
		s.State, s.End = plan.Ended, failure.Cancelled
	case j.held != "":
		s.State, s.Reason = plan.Held, j.held
	case since < j.waits:
		s.State, s.Reason = plan.Queued, "Resources"
	case since < j.waits+j.starting:
		s.State = plan.Starting
	case j.end == "" && !j.exits || since < j.waits+j.starting+j.runs:
		s.State = plan.Running
	default:
		s.State, s.End = plan.Ended, j.end
	}
	return s
}

func (m *memory) Cancel(_ context.Context, h executors.Handle) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if j := m.of(h); j.cancelled.IsZero() {
		j.cancelled = time.Now()
	}
	return nil
}

func (m *memory) Preflight(context.Context, *executors.Job) error { return m.test }

func (m *memory) List(context.Context) (map[string][]executors.Handle, error) { return nil, nil }

func (m *memory) Down(context.Context, []string) ([]string, error) { return nil, nil }

func (m *memory) Diagnose(context.Context, executors.Handle, []string) (string, error) {
	m.diagnose++
	return "stacks\n", nil
}

// A bounded campaign measures runs of 8 GPUs with a time limit of 30 minutes, 4
// GPU-hours each.
type bounded struct {
	t        *testing.T
	memory   *memory
	backend  *executors.Backend
	campaign *executors.Campaign
	told     []string
}

func newBounded(t *testing.T, runCount int, pace executors.Pace, always course) *bounded {
	t.Helper()
	b := &bounded{t: t, memory: &memory{course: func(int) course { return always }}}
	pace.Look, pace.Poll, pace.Grace = 5*time.Second, 5*time.Second, time.Second
	b.backend = &executors.Backend{
		Ref: plan.ExecutorRef{Type: "memory"}, Executor: b.memory, Renderer: executors.FakeRenderer{}, Cluster: "gb", Pace: pace, Adopt: true, Preflight: b.memory.Preflight,
		Avoid: func(argv, nodes []string) []string { return append(slices.Clone(argv), nodes...) },
	}
	st := store.Open(memoryDir(t))
	if err := st.Create(); err != nil {
		t.Fatal(err)
	}
	data := "/rows.jsonl"
	p := &plan.Plan{}
	for i := range runCount {
		p.Runs = append(p.Runs, &plan.Run{
			Address: fmt.Sprintf("max_throughput/n=%d", i), Action: plan.Measure, Fingerprint: fmt.Sprintf("%06x", i) + strings.Repeat("0", 58),
			State: plan.Samples{Wanted: 1}, Hardware: plan.Hardware{GPU: "GB200", GPUs: 8, GPUsPerNode: 4, Nodes: 1},
			Executor: b.backend.Ref, TimeLimitSeconds: 1800, Env: map[string]*string{}, Dataset: plan.Dataset{Path: &data},
		})
	}
	b.campaign = &executors.Campaign{
		Plan: p, Store: st, Backends: map[plan.ExecutorRef]*executors.Backend{b.backend.Ref: b.backend}, Log: hclog.NewNullLogger(),
		Observe: func(e executors.Event) { b.told = append(b.told, e.Text) },
	}
	return b
}

// memoryDir is a folder in memory where there is one: nothing here has to
// survive a power cut.
func memoryDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "llmbench-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// run runs the campaign to its end, which a day must suffice for.
func (b *bounded) run() (executors.Ending, error) {
	ctx, cancel := context.WithTimeout(b.t.Context(), 24*time.Hour)
	defer cancel()
	out, err := b.campaign.Run(ctx)
	if ctx.Err() != nil {
		b.t.Error("the campaign does not end")
	}
	return out, err
}

func (b *bounded) wantAttempts(n int) {
	b.t.Helper()
	if got := len(b.memory.jobs); got != n {
		b.t.Errorf("%d jobs were submitted, want %d; told: %s", got, n, strings.Join(b.told, " | "))
	}
}

func (b *bounded) wantTold(part string) {
	b.t.Helper()
	if !slices.ContainsFunc(b.told, func(s string) bool { return strings.Contains(s, part) }) {
		b.t.Errorf("nothing told holds %q: %s", part, strings.Join(b.told, " | "))
	}
}

// codes are those of all results in the store.
func (b *bounded) codes() string {
	b.t.Helper()
	history, err := b.campaign.Store.View("test").History(false)
	if err != nil {
		b.t.Fatal(err)
	}
	var list []string
	for _, r := range history {
		list = append(list, string(r.Code()))
	}
	return strings.Join(list, " ")
}

// failsAfter is the course of a job whose node fails.
func failsAfter(d time.Duration) course {
	return course{waits: time.Minute, runs: d, end: failure.NodeFail, node: "gb01"}
}

func TestRetryLimit(t *testing.T) {
	for _, retries := range []int{0, 1, 3} {
		synctest.Test(t, func(t *testing.T) {
			b := newBounded(t, 1, executors.Pace{Retries: retries}, failsAfter(time.Minute))
			out, err := b.run()
			if err != nil || out.Failed != 1 || out.GoingOn != 0 {
				t.Errorf("%+v, %v", out, err)
			}
			b.wantAttempts(1 + retries)
		})
	}
}

// A failure that is the run's own gets no second attempt.
func TestNoRetryOfOwnFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBounded(t, 1, executors.Pace{Retries: 3}, course{runs: time.Minute, end: failure.TimeLimit, node: "gb01"})
		if out, err := b.run(); err != nil || out.Failed != 1 {
			t.Errorf("%+v, %v", out, err)
		}
		b.wantAttempts(1)
	})
}

func TestMaxInQueue(t *testing.T) {
	for _, window := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			b := newBounded(t, 8, executors.Pace{MaxInQueue: window}, failsAfter(10*time.Minute))
			if _, err := b.run(); err != nil {
				t.Fatal(err)
			}
			b.wantAttempts(8)
			if b.memory.most != window {
				t.Errorf("up to %d jobs were in the queue, max_in_queue = %d", b.memory.most, window)
			}
		})
	}
}

// What waits, starts, or is held for too long is cancelled, and not sooner.
func TestGivesUpOnJobsThatDoNotStart(t *testing.T) {
	for _, c := range []struct {
		name         string
		pace         executors.Pace
		course       course
		least, most  time.Duration
		code, reason string
	}{
		{"max_pending", executors.Pace{MaxPending: time.Hour}, course{waits: 20 * time.Hour, node: "gb01"}, time.Hour, time.Hour + 10*time.Second, "blocked", "max_pending = 1h0m0s"},
		{"max_starting", executors.Pace{MaxStarting: 10 * time.Minute}, course{starting: 20 * time.Hour, node: "gb01"}, 10 * time.Minute, 10*time.Minute + 10*time.Second, "blocked", "max_starting = 10m0s"},
		{"held", executors.Pace{}, course{held: "AssocGrpGRES"}, 4 * time.Second, 20 * time.Second, "blocked", "AssocGrpGRES"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBounded(t, 1, c.pace, c.course)
				began := time.Now()
				if out, err := b.run(); err != nil || out.Failed != 1 {
					t.Errorf("%+v, %v", out, err)
				}
				b.wantAttempts(1)
				after := b.memory.jobs[0].cancelled.Sub(began)
				if b.memory.jobs[0].cancelled.IsZero() || after < c.least || after > c.most {
					t.Errorf("the job was cancelled after %s, want %s to %s", after, c.least, c.most)
				}
				if got := b.codes(); got != c.code {
					t.Errorf("it ended as %s, want %s", got, c.code)
				}
				b.wantTold(c.reason)
			})
		})
	}
}

// A job that waits no longer than it may is left alone.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pace := executors.Pace{MaxPending: time.Hour, MaxStarting: 10 * time.Minute}
		b := newBounded(t, 1, pace, course{waits: 59 * time.Minute, starting: 9 * time.Minute, runs: time.Minute, end: failure.NodeFail, node: "gb01"})
		if _, err := b.run(); err != nil {
			t.Fatal(err)
		}
		if !b.memory.jobs[0].cancelled.IsZero() || b.codes() != "node_fail" {
			t.Errorf("the job was cancelled, and ended as %s", b.codes())
		}
	})
}

// Where Slurm would refuse a job nothing is submitted, whatever else the plan has.
func TestNothingStartsAfterRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBounded(t, 3, executors.Pace{}, failsAfter(time.Minute))
		b.memory.test = fmt.Errorf("%w: Invalid account", executors.ErrRejected)
		_, err := b.run()
		if err == nil || !strings.Contains(err.Error(), "max_throughput/n=0 would be refused") || !strings.Contains(err.Error(), "Invalid account") {
			t.Errorf("the error is %v", err)
		}
		b.wantAttempts(0)
	})
}

// What sbatch itself refuses is not submitted again, and what waits for it as its
// canary is not tried.
func TestRefusedIsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBounded(t, 3, executors.Pace{Retries: 3, Canary: true}, failsAfter(time.Minute))
		b.memory.submit = fmt.Errorf("%w: Invalid qos", executors.ErrRejected)
		out, err := b.run()
		if err != nil || out.Failed != 3 {
			t.Errorf("%+v, %v", out, err)
		}
		b.wantAttempts(1)
		if got := b.codes(); got != "submit_rejected" {
			t.Errorf("it ended as %s", got)
		}
	})
}

// A full queue is waited for and is no failure.
func TestFullQueueIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBounded(t, 1, executors.Pace{}, failsAfter(time.Minute))
		b.memory.submit = executors.ErrLimit
		b.memory.course = func(n int) course {
			if n == 3 {
				b.memory.submit = nil
			}
			return failsAfter(time.Minute)
		}
		if _, err := b.run(); err != nil {
			t.Fatal(err)
		}
		b.wantAttempts(4)
		if got := b.codes(); got != "node_fail" {
			t.Errorf("it ended as %s", got)
		}
	})
}

// After a node failed, neither the same run nor another goes there.
func TestFailedNodeIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBounded(t, 2, executors.Pace{Retries: 1, MaxInQueue: 1}, course{})
		b.memory.course = func(n int) course {
			c := failsAfter(time.Minute)
			c.node = fmt.Sprintf("gb%02d", n)
			return c
		}
		if _, err := b.run(); err != nil {
			t.Fatal(err)
		}
		b.wantAttempts(4)
		for i, j := range b.memory.jobs {
			for failed := range i {
				if node := fmt.Sprintf("gb%02d", failed); !slices.Contains(j.argv, node) {
					t.Errorf("job %d may be put on %s, which failed: %v", i+1, node, j.argv)
				}
			}
		}
		b.wantTold("node gb00 is left alone")
	})
}

// A run of 4 GPU-hours fails after 14 minutes each time. Retries live on what
// ended early, and stop where the next one could exceed the bound.
func TestGPUHoursAtRetry(t *testing.T) {
	for _, c := range []struct {
		name     string
		runs     int
		max      float64
		attempts int
	}{
		{"no bound", 1, 0, 10},
		{"one attempt", 1, 4, 1},
		{"four attempts", 1, 10, 4},          // 3 x 1.87 + 4 = 9.6
		{"others keep their hours", 2, 8, 3}, // 1.87 + 4 + 4 is too much, and 2 x 1.87 + 4 is not
		{"what others left", 2, 10, 4},       // 1.87 + 4 + 4 = 9.87, then 3 x 1.87 + 4 = 9.6
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBounded(t, c.runs, executors.Pace{Retries: 9}, failsAfter(14*time.Minute))
				b.campaign.Budget = &executors.Budget{Max: c.max}
				if _, err := b.run(); err != nil {
					t.Fatal(err)
				}
				b.wantAttempts(c.attempts)
				if spent := b.campaign.Budget.Spent; c.max > 0 && spent > c.max {
					t.Errorf("%.2f GPU-hours were spent, %.2f are allowed", spent, c.max)
				}
				if c.max > 0 {
					b.wantTold("more than the")
				}
			})
		})
	}
}

// A search's budget holds for its runs as that of an apply does for all, and counts what
// earlier applies have spent on it.
func TestGPUHoursOfSearch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBounded(t, 2, executors.Pace{Retries: 9}, failsAfter(14*time.Minute))
		p := b.campaign.Plan
		p.Searches = []*plan.Search{{Benchmark: "max_throughput", Label: "best", MaxGPUHours: 10}}
		round := plan.Round{FormatVersion: plan.FormatVersion, Benchmark: "max_throughput", Label: "best", Number: 1, Cluster: "gb"}
		p.Runs[0].Asked = plan.InRound{Search: p.Searches[0].Name(), Round: 1}
		round.Runs = []plan.RoundRun{{Address: p.Runs[0].Address, Fingerprint: p.Runs[0].Fingerprint, Samples: 1}}
		if err := b.campaign.Store.WriteRound(round, false); err != nil {
			t.Fatal(err)
		}
		if err := b.campaign.Store.WriteRound(round, false); !errors.Is(err, store.ErrRoundExists) {
			t.Errorf("a round is written twice: %v", err)
		}
		out, err := b.run()
		if err != nil {
			t.Fatal(err)
		}
		b.wantAttempts(14) // 3 x 1.87 + 4 = 9.6 for the run of the search, and all 10 of the other
		b.wantTold("no new attempt: it could bring the search max_throughput/best to 11.5 GPU-hours, more than the allowed 10.0")
		if out.Failed != 1 {
			t.Errorf("%d failed, want the one that no search asked for", out.Failed)
		}
		again := newBounded(t, 1, executors.Pace{Retries: 9}, failsAfter(14*time.Minute))
		again.campaign.Store, again.campaign.Plan.Searches, again.campaign.Plan.Runs[0].Asked = b.campaign.Store, p.Searches, p.Runs[0].Asked
		if _, err := again.run(); err != nil {
			t.Fatal(err)
		}
		again.wantAttempts(0)
		again.wantTold("not started: it could bring the search max_throughput/best to 11.5 GPU-hours")
	})
}

// Attempts at a run of a search count over all applies, so that a kill gives it no more;
// those at another run count anew.
func TestRetriesOfSearch(t *testing.T) {
	for search, want := range map[string]int{"max_throughput/best": 1, "": 3} {
		synctest.Test(t, func(t *testing.T) {
			first := newBounded(t, 1, executors.Pace{Retries: 2}, failsAfter(time.Minute))
			if _, err := first.run(); err != nil {
				t.Fatal(err)
			}
			first.wantAttempts(3)
			again := newBounded(t, 1, executors.Pace{Retries: 2}, failsAfter(time.Minute))
			again.campaign.Store, again.campaign.Plan.Runs[0].Asked.Search = first.campaign.Store, search
			if _, err := again.run(); err != nil {
				t.Fatal(err)
			}
			again.wantAttempts(want)
		})
	}
}

// A job of 8 GPUs and 30 minutes costs what it held its nodes for: by its own exit
// record, else by the backend's account, else its limit.
func TestCostOfJob(t *testing.T) {
	for _, c := range []struct {
		name   string
		course course
		spent  float64
	}{
		{"exit record", course{waits: time.Hour, runs: 6 * time.Minute, exits: true}, 0.8},
		{"longer than its limit", course{runs: 33 * time.Minute, end: failure.TimeLimit, exits: true}, 4.4},
		{"start and the time it was noticed", course{waits: time.Hour, runs: 15 * time.Minute, end: failure.NodeFail}, 2},
		{"backend's account", course{waits: time.Hour, runs: 12 * time.Minute, end: failure.NodeFail, silent: true, accounted: true}, 1.6},
		{"nothing known", course{runs: time.Minute, end: failure.Lost, silent: true}, 4},
		{"never started", course{held: "AssocGrpGRES"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBounded(t, 1, executors.Pace{}, c.course)
				b.campaign.Budget = &executors.Budget{}
				if _, err := b.run(); err != nil {
					t.Fatal(err)
				}
				if got := b.campaign.Budget.Spent; math.Abs(got-c.spent) > 0.02 {
					t.Errorf("the job cost %.3f GPU-hours, want %.1f", got, c.spent)
				}
			})
		})
	}
}

// What cannot be started within the budget waits for jobs in flight, and is given
// up where there are none.
func TestBudgetAtFirstAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBounded(t, 3, executors.Pace{}, failsAfter(6*time.Minute)) // 0.8 of 4 GPU-hours
		b.campaign.Budget = &executors.Budget{Max: 8.5, Spent: 3}
		out, err := b.run()
		if err != nil || out.Failed != 3 {
			t.Errorf("%+v, %v", out, err)
		}
		b.wantAttempts(2) // 3 + 4, then 3.8 + 4, then 4.6 + 4
		if b.memory.most != 1 {
			t.Errorf("%d jobs were in flight at once", b.memory.most)
		}
		b.wantTold("waits for jobs in flight to end")
		b.wantTold("not started: it could bring the total to 8.6 GPU-hours, more than the allowed 8.5")
	})
}

// A canary that the budget does not allow leaves nobody waiting for it.
func TestCanaryThatIsNotAfforded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBounded(t, 3, executors.Pace{Canary: true}, failsAfter(time.Minute))
		b.campaign.Budget = &executors.Budget{Max: 8, Spent: 5}
		if out, err := b.run(); err != nil || out.Failed != 3 {
			t.Errorf("%+v, %v", out, err)
		}
		b.wantAttempts(0)
	})
}

// All applies of a saved plan share one budget: what earlier ones spent is read from
// the store. Other applies do not count in it.
func TestSavedPlanSharesBudget(t *testing.T) {
	for _, c := range []struct {
		name     string
		course   course
		first    string        // the plan that the first apply is of
		for1     time.Duration // after which the first apply is interrupted, 0 for never
		attempts int           // of both
	}{
		{"ended", failsAfter(6 * time.Minute), "p", 0, 5}, // 4 x 0.8 + 4 is 7.2
		{"another plan's", failsAfter(6 * time.Minute), "q", 0, 3 + 5},
		{"in flight at its end", failsAfter(20 * time.Minute), "p", 10 * time.Minute, 2}, // 2.7 + 4
		{"backend's account", course{runs: 6 * time.Minute, end: failure.NodeFail, silent: true, accounted: true}, "p", 0, 5},
		{"nothing known", course{runs: time.Minute, end: failure.Lost, silent: true}, "p", 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBounded(t, 1, executors.Pace{Retries: 2}, c.course)
				apply := func(saved string, d time.Duration) {
					ctx, cancel := context.WithTimeout(t.Context(), d)
					defer cancel()
					next := &executors.Campaign{
						Plan: b.campaign.Plan, Store: b.campaign.Store, Backends: b.campaign.Backends, Log: b.campaign.Log, Observe: b.campaign.Observe,
						Saved: saved, Budget: &executors.Budget{Max: 7.3},
					}
					if _, err := next.Run(ctx); err != nil && ctx.Err() == nil {
						t.Fatal(err)
					}
					if spent := next.Budget.Spent; spent > 7.3 {
						t.Errorf("%.2f GPU-hours were spent", spent)
					}
				}
				apply(c.first, cmp.Or(c.for1, 24*time.Hour))
				for range 3 {
					apply("p", 24*time.Hour)
				}
				b.wantAttempts(c.attempts)
			})
		})
	}
}

// An iteration line as TensorRT-LLM 1.0 logs it (testdata/trtllm has whole logs).
const iteration = "[TRT-LLM] [I] iter = %d, global_rank = 0, rank = 0, currank_total_requests = 12/64, elapsed_time = 0.021s, timestamp = 2026-03-04 06:30:00, num_scheduled_requests: 12, states = {'num_ctx_requests': 0, 'num_ctx_tokens': 0, 'num_generation_tokens': 12}\n"

// iterations are the log of a job that logs one a second until stop.
func iterations(stop time.Duration) func(time.Duration) map[string]string {
	return func(since time.Duration) map[string]string {
		var b strings.Builder
		for n := range int(min(since, stop).Seconds()) {
			fmt.Fprintf(&b, iteration, n+1)
		}
		return map[string]string{"stdout": b.String()}
	}
}

// says is a log that ends with text after a while.
func says(name, text string) func(time.Duration) map[string]string {
	return func(since time.Duration) map[string]string {
		if since < 10*time.Second {
			return nil
		}
		return map[string]string{name: text}
	}
}

// Only an end that was seen, iterations that stop, and max_quiet end a job that is
// silent.
func TestHangs(t *testing.T) {
	for _, c := range []struct {
		name    string
		pace    executors.Pace
		writes  func(time.Duration) map[string]string
		after   time.Duration // after which it is cancelled
		because string
		code    string
	}{
		{"end of a rank", executors.Pace{}, says("stderr", "MPI_ABORT was invoked on rank 3 in communicator MPI_COMM_WORLD with errorcode 1."), 2*time.Minute + 10*time.Second, "MPI_ABORT was invoked", "hang"},
		{"fatal class", executors.Pace{}, says("stderr", "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB."), 2*time.Minute + 10*time.Second, "CUDA out of memory", "gpu_oom"},
		{"trtllm-bench ended", executors.Pace{}, says("bench_exit", "1"), 2*time.Minute + 10*time.Second, "ended with status 1", "hang"},
		{"iterations stop", executors.Pace{}, iterations(time.Minute), 6 * time.Minute, "iterations took up to 21ms", "hang"},
		{"max_quiet", executors.Pace{MaxQuiet: 90 * time.Second}, says("stdout", "loading"), 100 * time.Second, "max_quiet = 1m30s", "hang"},
		// After an end, GPUs that are busy are no life: ranks in a hung collective spin.
		{"telemetry goes on", executors.Pace{}, func(since time.Duration) map[string]string {
			return map[string]string{"stderr": "torch.OutOfMemoryError: CUDA out of memory.", "telemetry.gb01.csv": strings.Repeat("100\n", int(since.Seconds()))}
		}, 2 * time.Minute, "CUDA out of memory", "gpu_oom"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBounded(t, 1, c.pace, course{runs: 20 * time.Hour, node: "gb01", writes: c.writes})
				began := time.Now()
				if out, err := b.run(); err != nil || out.Failed != 1 {
					t.Errorf("%+v, %v", out, err)
				}
				b.wantAttempts(1)
				if after := b.memory.jobs[0].cancelled.Sub(began); after < c.after || after > c.after+15*time.Second {
					t.Errorf("the job was cancelled after %s, want %s", after, c.after)
				}
				if got := b.codes(); got != c.code || b.memory.diagnose != 1 {
					t.Errorf("it ended as %s and was looked into %d times", got, b.memory.diagnose)
				}
				b.wantTold(c.because)
			})
		})
	}
}

// A healthy job is never cancelled, however silent it is and whatever harmless lines
// it wrote before; of a long silence the user is told.
func TestHealthySilence(t *testing.T) {
	const silence = 25 * time.Minute
	for _, c := range []struct {
		name   string
		writes func(time.Duration) map[string]string
		told   string
	}{
		{"no word", nil, "warning: trtllm-bench has written no line 20m"},
		{"PMIx", says("stderr", "[gb01:12345] PMIX ERROR: ERROR in file gds_ds12_lock_pthread.c at line 169"), ""},
		{"NCCL WARN", says("stderr", "gb01:77:88 [0] init.cc:100 NCCL WARN NET/Plugin: no plugin found"), ""},
		{"weights", says("stdout", "[TRT-LLM] [I] Setting up throughput benchmark.\n[TRT-LLM] [I] Prefetching 81.92GB checkpoint files."), "warning: nothing was written for 20m"},
		{"a bar without line ends", func(since time.Duration) map[string]string {
			return map[string]string{"stderr": fmt.Sprintf("\rBenchmarking: %d/64%s", since/time.Minute, strings.Repeat(" ", int(since/(4*time.Minute))))}
		}, ""},
		{"iterations, then the report", func(since time.Duration) map[string]string {
			out := iterations(time.Minute)(since)
			if since > time.Minute {
				out["stdout"] += "[TRT-LLM] [I] Benchmark complete.\n"
			}
			return out
		}, ""},
		{"torn end", says("bench_exit", ""), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBounded(t, 1, executors.Pace{}, course{runs: silence, end: failure.TimeLimit, node: "gb01", writes: c.writes})
				ten := estimate.Interval{Low: 60, Mid: 300, High: 600}
				b.campaign.Plan.Runs[0].Estimate = &plan.Estimate{StartupSeconds: &ten, MeasureSeconds: &ten}
				if _, err := b.run(); err != nil {
					t.Fatal(err)
				}
				if !b.memory.jobs[0].cancelled.IsZero() || b.codes() != "time_limit" {
					t.Errorf("a healthy job was cancelled, and ended as %s: %s", b.codes(), strings.Join(b.told, " | "))
				}
				if c.told != "" {
					b.wantTold(c.told)
				}
			})
		})
	}
}

// A step in which trtllm-bench writes no line is looked into after twice the start-up
// that is expected, or half an hour where none is, however much others write there; it
// is never cancelled.
func TestStepWithoutBenchmark(t *testing.T) {
	chatter := func(since time.Duration) map[string]string {
		return map[string]string{"start": string(jobdir.Encode(jobdir.Start{JobID: "1", Time: time.Now().Add(-since)})),
			"stderr": strings.Repeat("mpi_rank: 0\nrank0 run mgmn leader node with mpi_world_size: 8 ...\n", int(since/time.Minute))}
	}
	for _, c := range []struct {
		name     string
		expected float64
		writes   func(time.Duration) map[string]string
		after    string
	}{
		{"expected", 600, chatter, "no line 20m"},
		{"not expected", 0, chatter, "no line 30m"},
		{"a line of trtllm-bench", 600, func(since time.Duration) map[string]string {
			out := chatter(since)
			out["stdout"] = "[01/12/2026-10:11:12] [TRT-LLM] [I] Preparing to run throughput benchmark...\n"
			return out
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBounded(t, 1, executors.Pace{}, course{runs: 35 * time.Minute, end: failure.TimeLimit, node: "gb01", writes: c.writes})
				if c.expected > 0 {
					i := estimate.Interval{High: c.expected}
					b.campaign.Plan.Runs[0].Estimate = &plan.Estimate{StartupSeconds: &i, MeasureSeconds: &i}
				}
				if _, err := b.run(); err != nil {
					t.Fatal(err)
				}
				if !b.memory.jobs[0].cancelled.IsZero() || b.codes() != "time_limit" {
					t.Errorf("it was cancelled and ended as %s", b.codes())
				}
				if looked, told := b.memory.diagnose == 1, strings.Contains(strings.Join(b.told, "\n"), "no line"); looked != (c.after != "") || told != looked {
					t.Errorf("it was looked into %d times, told %v", b.memory.diagnose, b.told)
				}
				if c.after != "" {
					b.wantTold("warning: trtllm-bench has written " + c.after)
					b.wantTold("diagnosis.txt")
				}
			})
		})
	}
}

// A step that does not end after a good report is looked into, and left to its job
// script.
func TestLateStepIsLookedInto(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBounded(t, 1, executors.Pace{}, course{runs: 30 * time.Minute, end: failure.TimeLimit, node: "gb01", writes: says("bench_exit", "0")})
		if _, err := b.run(); err != nil {
			t.Fatal(err)
		}
		if b.memory.diagnose != 1 || !b.memory.jobs[0].cancelled.IsZero() {
			t.Errorf("it was looked into %d times, cancelled %v", b.memory.diagnose, b.memory.jobs[0].cancelled)
		}
	})
}

// A retry takes no hours that other runs need for their first attempt, nor those that
// later rounds may ask for.
func TestRetryLeavesHoursToOthers(t *testing.T) {
	for _, c := range []struct {
		name     string
		runs     int
		window   int
		budget   executors.Budget
		attempts []int // of each run
	}{
		{"others in flight", 2, 2, executors.Budget{Max: 8}, []int{1, 2}},
		{"others that wait", 2, 1, executors.Budget{Max: 8}, []int{1, 2}},
		{"later rounds", 1, 1, executors.Budget{Max: 10, Later: 4}, []int{2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBounded(t, c.runs, executors.Pace{Retries: 9, MaxInQueue: c.window}, failsAfter(14*time.Minute))
				b.campaign.Budget = &c.budget
				if _, err := b.run(); err != nil {
					t.Fatal(err)
				}
				got := make([]int, c.runs)
				for _, j := range b.memory.jobs {
					for i := range got {
						if strings.Contains(j.dir, fmt.Sprintf("%06x000000", i)) {
							got[i]++
						}
					}
				}
				if !slices.Equal(got, c.attempts) {
					t.Errorf("the runs had %v attempts, want %v: %s", got, c.attempts, strings.Join(b.told, " | "))
				}
			})
		})
	}
}

// A data set of the user's own that changed after the plan is not sent: the runs that
// would send it are given up, and others go on.
func TestChangedDataset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBounded(t, 3, executors.Pace{MaxInQueue: 1}, failsAfter(time.Minute))
		dir := t.TempDir()
		write := func(name, row string) string {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte(row+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			return path
		}
		const row = `{"task_id":0,"input_ids":[1,2,3],"output_tokens":4}`
		for i, run := range b.campaign.Plan.Runs {
			path := write(fmt.Sprint(i), row)
			set, err := trtllm.ReadDatasetFile(path, 1)
			if err != nil {
				t.Fatal(err)
			}
			run.Dataset = plan.Dataset{Path: &path, Lines: 1, SHA256: &set.SHA256}
		}
		write("2", strings.Replace(row, "3", "9", 1))
		b.campaign.Observe = func(e executors.Event) {
			b.told = append(b.told, e.Text)
			if e.Type == executors.RunSubmitted {
				write("1", strings.Replace(row, "3", "99", 1))
			}
		}
		out, err := b.run()
		if err != nil || out.Failed != 3 || out.Started != 1 {
			t.Errorf("%+v, %v", out, err)
		}
		b.wantAttempts(1)
		b.wantTold("/1: its SHA-256 is ")
		b.wantTold("/2: its SHA-256 is ")
	})
}

// A disk that is full ends a campaign soon, with what to do, and costs nothing that was
// written before: neither while it submits nor when its job has ended.
func TestFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting a small disk needs root")
	}
	for _, c := range []struct {
		name    string
		when    executors.EventType // the disk is full from here on, "" is from the start
		goingOn int
		says    string
	}{
		{"submitting", "", 0, "no space left on device"},
		{"ending", executors.RunState, 1, "Free space in "},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
				t.Skip("no tmpfs can be mounted: ", err)
			}
			t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
			filler := filepath.Join(dir, "filler")
			fill := func() {
				for size := 1 << 20; size > 0; size /= 2 {
					f, err := os.OpenFile(filler, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
					for err == nil {
						_, err = f.Write(make([]byte, size))
					}
					f.Close()
				}
			}
			synctest.Test(t, func(t *testing.T) {
				b := newBounded(t, 1, executors.Pace{}, course{runs: time.Minute, end: failure.TimeLimit, silent: true, node: "gb01"})
				b.campaign.Store = store.Open(filepath.Join(dir, "store"))
				if err := b.campaign.Store.Create(); err != nil {
					t.Fatal(err)
				}
				if c.when == "" {
					fill()
				}
				b.campaign.Observe = func(e executors.Event) {
					if c.when != "" && e.Type == c.when {
						fill()
					}
				}
				began := time.Now()
				out, err := b.run()
				if err == nil || !strings.Contains(err.Error(), c.says) || out.GoingOn != c.goingOn || time.Since(began) > 5*time.Minute {
					t.Fatalf("after %s: %+v, %v", time.Since(began), out, err)
				}
				b.wantAttempts(c.goingOn)
				if err := os.Remove(filler); err != nil {
					t.Fatal(err)
				}
				again := &executors.Campaign{Plan: b.campaign.Plan, Store: b.campaign.Store, Backends: b.campaign.Backends, Log: b.campaign.Log}
				b.campaign = again
				if out, err := b.run(); err != nil || out.Failed != 1 || out.GoingOn != 0 {
					t.Errorf("%+v, %v", out, err)
				}
				b.wantAttempts(1)
				if got := b.codes(); got != "time_limit" {
					t.Errorf("it ended as %s", got)
				}
			})
		})
	}
}
