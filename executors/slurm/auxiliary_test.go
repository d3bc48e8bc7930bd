package slurm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmbench/llmbench/executors"
)

// A deskSlurm has one job after another and does with each what a test says.
type deskSlurm struct {
	// banner is what the site prints before the job id.
	banner string
	// lost is how many answers of sbatch get lost although the job is there.
	lost int
	// states are what squeue tells of a job one after another, STATE or
	// STATE|REASON, the last for ever; "silence" is no answer.
	states []string
	// works is called once the job runs.
	works func(dir string)

	name, dir string
	id        int
	cancelled []string
	submitted []string
}

func (d *deskSlurm) Run(_ context.Context, _ time.Duration, dir string, argv ...string) (string, error) {
	switch argv[0] {
	case "sbatch":
		d.submitted = append(d.submitted, strings.Join(argv, " "))
		d.id, d.dir = 16+len(d.submitted), dir
		for _, w := range argv {
			if name, ok := strings.CutPrefix(w, "--job-name="); ok {
				d.name = name
			}
		}
		if d.lost > 0 {
			d.lost--
			return "", failedCommand("sbatch", "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation", true)
		}
		return fmt.Sprintf("%s%d;gb\n", d.banner, d.id), nil
	case "squeue":
		return d.queue()
	case "scancel":
		d.cancelled = append(d.cancelled, argv[len(argv)-1])
		d.states = []string{"CANCELLED"}
		return "", nil
	}
	return "", failedCommand(argv[0], argv[0]+": error: Invalid job id specified", true)
}

func (d *deskSlurm) queue() (string, error) {
	if d.id == 0 {
		return "", nil
	}
	now := d.states[0]
	if len(d.states) > 1 {
		d.states = d.states[1:]
	}
	state, reason, _ := strings.Cut(now, "|")
	switch state {
	case "silence":
		return "", failedCommand("squeue", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)", true)
	case "gone":
		return "", nil
	case "RUNNING":
		if d.works != nil {
			d.works(d.dir)
		}
	}
	return fmt.Sprintf("%d|%s|%s|0|%s|N/A|gb01|%s|\n", d.id, d.name, state, time.Now().Format(timeFormat), reason), nil
}

// deskConfig is a config whose commands are those of d.
func deskConfig(d *deskSlurm) *Config {
	c := testConfig()
	c.PollInterval, c.CommandsPerMinute, c.runner = 10*time.Second, 600, d.Run
	c.Prepare = &Prepare{Partition: "cpu", TimeLimit: time.Hour}
	return c
}

// said collects what is told of a job.
func said() (func(string, ...any), func() string) {
	var lines []string
	return func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) },
		func() string { return strings.Join(lines, "\n") }
}

func leave(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// A job is followed until it has left its last word, through what keeps it
// waiting and through a controller that does not answer; one that ends without
// that word is told with what it printed.
func TestAuxiliaryIsFollowed(t *testing.T) {
	for name, c := range map[string]struct {
		states []string
		works  func(dir string)
		said   string
		err    string
	}{
		"done": {
			states: []string{"PENDING|Resources", "PENDING|Resources", "silence", "RUNNING"},
			works:  func(dir string) { leave(t, dir, map[string]string{"done": ""}) },
			said: "job 17: PENDING (Resources)\nSlurm does not answer, job 17 keeps running: squeue: slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n" +
				"job 17: RUNNING",
		},
		"unseen": {
			states: []string{"RUNNING", "FAILED"}, said: "job 17: RUNNING",
			err: "job 17 ended (FAILED), and nothing of it can be seen in",
		},
		"silent": {
			states: []string{"RUNNING", "TIMEOUT"}, said: "job 17: RUNNING",
			works: func(dir string) {
				leave(t, dir, map[string]string{"job.out": "slurmstepd: error: execve(): bash: No such file\n"})
			},
			err: "job 17 ended (TIMEOUT) before it was done: slurmstepd: error: execve(): bash: No such file",
		},
		"gone":  {states: []string{"gone"}, err: "job 17 ended (unknown to Slurm), and nothing of it can be seen in"},
		"never": {states: []string{"PENDING|PartitionTimeLimit"}, said: "job 17: PENDING (PartitionTimeLimit)", err: "job 17 will not start: PartitionTimeLimit. set time_limit"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &deskSlurm{states: c.states, works: c.works}
				say, told := said()
				a := deskConfig(d).auxiliary("llmb-doctor-1", t.TempDir(), named("llmb-doctor-1"), say)
				a.executor.shared = nil
				h, err := a.submit(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				err = a.follow(t.Context(), h, func() {})
				if told() != c.said || (err == nil) != (c.err == "") || err != nil && !strings.HasPrefix(err.Error(), c.err) {
					t.Errorf("said %q, want %q; %v, want %q", told(), c.said, err, c.err)
				}
			})
		})
	}
}

// Whatever sbatch's answer looks like, doctor's job is found, and its nodes are
// released when doctor is interrupted or the job does not answer.
func TestNodesAreReleased(t *testing.T) {
	for name, c := range map[string]struct {
		desk      deskSlurm
		works     bool
		err       string
		cancelled []string
	}{
		"banner":            {desk: deskSlurm{banner: "*** notice: maintenance on Friday\n"}, works: true},
		"banner, no answer": {desk: deskSlurm{banner: "*** notice: maintenance on Friday\n"}, err: "context deadline exceeded", cancelled: []string{"17"}},
		"answer lost":       {desk: deskSlurm{lost: 1}, works: true, cancelled: []string{"17"}},
		"all lost":          {desk: deskSlurm{lost: 1, states: []string{"silence"}}, err: "context deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := c.desk
				if d.states == nil {
					d.states = []string{"PENDING|Priority", "RUNNING"}
				}
				if c.works {
					d.works = func(dir string) {
						nonce, _ := os.ReadFile(filepath.Join(dir, "nonce"))
						leave(t, dir, map[string]string{"facts": "gb01\tnonce\t" + string(nonce) + "\n", "errors": "", "done": ""})
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				dir := t.TempDir()
				say, told := said()
				checks, err := deskConfig(&d).CheckNodes(ctx, nodeCheck(dir, 1), say)
				if c.err == "" && (err != nil || len(checks) == 0) || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
					t.Errorf("%v %v, want %q", checks, err, c.err)
				}
				if !slices.Equal(d.cancelled, c.cancelled) || len(d.submitted) != 1 {
					t.Errorf("cancelled %v, want %v; submitted %v", d.cancelled, c.cancelled, d.submitted)
				}
				if _, err := os.Stat(dir); err == nil {
					t.Error("the folder is left")
				}
				if name == "all lost" && !strings.Contains(told(), "which may hold nodes") {
					t.Errorf("the job that may be there is not told: %s", told())
				}
			})
		})
	}
}

// One job brings a thing, however often prepare dies or its answers get lost.
func TestOneJobBrings(t *testing.T) {
	for name, c := range map[string]struct {
		desk deskSlurm
		// dies is how often prepare is ended while the job goes on.
		dies int
	}{
		"banner":                 {desk: deskSlurm{banner: "*** notice: maintenance on Friday\n"}},
		"answer lost":            {desk: deskSlurm{lost: 1}},
		"answer lost, and kills": {desk: deskSlurm{lost: 1}, dies: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := c.desk
				d.states = []string{"PENDING|Priority"}
				path := filepath.Join(t.TempDir(), "weights")
				bring := func(ctx context.Context) error {
					say, _ := said()
					return deskConfig(&d).fetch(ctx, executors.Command{Path: path, Argv: []string{"hf", "download"}, Env: []string{"HF_TOKEN=x"}, Clean: func() {}, Look: func() {}}, say)
				}
				for range c.dies {
					ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
					if err := bring(ctx); !errors.Is(err, context.DeadlineExceeded) {
						t.Fatal(err)
					}
					cancel()
				}
				d.states = []string{"PENDING|Priority", "RUNNING"}
				d.works = func(dir string) { leave(t, dir, map[string]string{"status": "0\n", "done": ""}) }
				if err := bring(t.Context()); err != nil {
					t.Error(err)
				}
				if len(d.submitted) != 1 || !strings.Contains(d.submitted[0], "--partition=cpu") {
					t.Errorf("submitted %v", d.submitted)
				}
				if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".llmbench*")); left != nil {
					t.Errorf("left %v", left)
				}
			})
		})
	}
}

// A job that 0.1.0 submitted, which left no intent, is followed.
func TestBringFindsJobsOf010(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &deskSlurm{states: []string{"RUNNING"}, id: 5}
		path := filepath.Join(t.TempDir(), "weights")
		d.dir = filepath.Join(filepath.Dir(path), ".llmbench-job-weights")
		if err := os.Mkdir(d.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		leave(t, d.dir, map[string]string{"script.sh": "#!/bin/bash\n"})
		if err := os.Chtimes(filepath.Join(d.dir, "script.sh"), time.Time{}, time.Now()); err != nil {
			t.Fatal(err)
		}
		d.name = stemOf(path)
		d.works = func(dir string) { leave(t, dir, map[string]string{"status": "0\n", "done": ""}) }
		say, told := said()
		err := deskConfig(d).fetch(t.Context(), executors.Command{Path: path, Argv: []string{"hf"}, Clean: func() {}, Look: func() {}}, say)
		if err != nil || len(d.submitted) > 0 || !strings.Contains(told(), "job 5 ") {
			t.Errorf("%v, submitted %v, said %s", err, d.submitted, told())
		}
	})
}
