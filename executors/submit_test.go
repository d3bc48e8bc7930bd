package executors

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
)

// submitting is a campaign that has so many runs to submit to a backend that answers at
// once.
func submitting(tb testing.TB, n int) *Campaign {
	c := following(tb, 0, 0)
	backend := &Backend{Executor: taking{}, Renderer: FakeRenderer{}, Cluster: "gb", Pace: Pace{MaxInQueue: n}}
	for i := range n {
		path := "/rows.jsonl"
		run := &plan.Run{Address: fmt.Sprint("load/n=", i), Fingerprint: fmt.Sprintf("%016x%048x", i, 0), Dataset: plan.Dataset{Path: &path}}
		c.tasks = append(c.tasks, &task{backend: backend, run: run, sample: 1})
	}
	c.open = append(c.open, c.tasks...)
	c.findSiblings()
	return c
}

func (c *Campaign) submitAll(tb testing.TB) {
	if err := c.submitDue(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	for _, t := range c.tasks {
		if t.job.handle == "" {
			tb.Fatal(t.run.Address + " was not submitted")
		}
	}
}

// BenchmarkSubmit submits 64 runs: what it takes to make their attempts durable.
func BenchmarkSubmit(b *testing.B) {
	const runs = 64
	for b.Loop() {
		b.StopTimer()
		c := submitting(b, runs)
		b.StartTimer()
		c.submitAll(b)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*runs), "ns/run")
}

// A submission makes at most 60 calls about files of the store, and syncs the intent
// with its folder, and the receipt.
func TestCallsOfASubmission(t *testing.T) {
	const runs, traced = 32, "LLMBENCH_TEST_TRACED"
	if os.Getenv(traced) != "" {
		c := submitting(t, runs)
		if err := os.WriteFile(os.Getenv(traced), []byte(c.Store.Dir()), 0o600); err != nil {
			t.Fatal(err)
		}
		c.submitAll(t)
		return
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip(err)
	}
	log, dir := filepath.Join(t.TempDir(), "calls"), filepath.Join(t.TempDir(), "store")
	cmd := exec.Command(strace, "-f", "-qq", "-y", "-e", "trace=%file,fstat,getdents64,fsync,fdatasync", "-o", log, os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), traced+"="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		if strings.Contains(string(out), "ptrace") {
			t.Skip(string(out))
		}
		t.Fatal(err, string(out))
	}
	store, err := os.ReadFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var calls, syncs int
	submitted, _, _ := strings.Cut(string(text), "unlinkat(") // the test removes its folder
	for line := range strings.Lines(submitted) {
		switch {
		case !strings.Contains(line, string(store)):
		case strings.Contains(line, "sync("):
			syncs++
		default:
			calls++
		}
	}
	if calls > 60*runs || syncs != 3*runs {
		t.Errorf("%.1f calls and %.1f syncs a run, want at most 60, and 3", float64(calls)/runs, float64(syncs)/runs)
	}
}

// An attempt whose files a crash of the host has torn before its job began is given
// back, its job cancelled, and everything written anew.
func TestTornAttempts(t *testing.T) {
	file := func(name string, do func(path string) error) func(store.Attempt) error {
		return func(a store.Attempt) error { return do(filepath.Join(a.Dir, name)) }
	}
	for what, c := range map[string]struct {
		tear func(a store.Attempt) error
		torn bool
	}{
		"run.json empty":   {file("run.json", func(p string) error { return os.Truncate(p, 0) }), true},
		"script truncated": {file("script.sh", func(p string) error { return os.Truncate(p, 3) }), true},
		"variables gone":   {file("attempt", os.Remove), true},
		"options other":    {file("config.yml", func(p string) error { return os.WriteFile(p, []byte("x"), 0o644) }), true},
		"claimed": {func(a store.Attempt) error {
			_, err := a.Take(jobdir.Claim{JobID: "1"}, os.Link)
			return errors.Join(err, os.Truncate(filepath.Join(a.Dir, "script.sh"), 0))
		}, false},
		"whole": {func(store.Attempt) error { return nil }, false},
	} {
		before := submitting(t, 1)
		before.submitAll(t)
		if err := c.tear(*before.tasks[0].attempt); err != nil {
			t.Fatal(what, err)
		}
		backend, run := before.tasks[0].backend, before.tasks[0].run
		run.Action, run.State.Wanted = plan.Measure, 1
		after := submitting(t, 0)
		after.Store, after.Plan.Runs, after.Backends = before.Store, []*plan.Run{run}, map[plan.ExecutorRef]*Backend{run.Executor: backend}
		if err := after.prepare(t.Context()); err != nil || len(after.tasks) != 1 {
			t.Fatal(what, after.tasks, err)
		}
		one := after.tasks[0]
		if torn := one.phase == waiting && one.left == before.tasks[0].job.handle; torn != c.torn {
			t.Errorf("%s: torn: %v, want %v", what, torn, c.torn)
		}
		if !c.torn {
			continue
		}
		after.submitAll(t)
		intent, err := one.attempt.Intent()
		if err != nil {
			t.Fatal(what, err)
		}
		if name, err := one.attempt.Torn(intent.Files); name != "" || err != nil || one.attempt.Number != 2 || len(intent.Files) < 5 || one.left != "" {
			t.Errorf("%s: attempt %d has %s of %v torn, %v", what, one.attempt.Number, name, intent.Files, err)
		}
	}
}

// taking is a backend that takes every job.
type taking struct{ running }

func (taking) Cancel(context.Context, Handle) error { return nil }

func (taking) Submit(_ context.Context, job *Job) (Handle, error) {
	return Handle("slurm:-:1:" + job.Name), nil
}

// A backend is asked once whether it takes jobs that differ in their names alone, by
// however many campaigns.
func TestPreflightAsksOnce(t *testing.T) {
	asked := 0
	b := &Backend{Preflight: func(context.Context, *Job) error { asked++; return nil }}
	for range 2 {
		c := &Campaign{}
		for _, argv := range []string{"--job-name=a- --nodes=2", "--job-name=b- --nodes=2", "--job-name=a- --nodes=4", "--job-name=c- --nodes=2"} {
			t := &task{backend: b, run: &plan.Run{}}
			c.addJob(&plan.Job{Runs: []string{""}, Argv: strings.Fields("sbatch " + strings.Replace(argv, "- ", "-"+plan.AttemptPlaceholder+" ", 1))}, t)
		}
		if err := c.preflight(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times for two shapes", asked)
	}
}
