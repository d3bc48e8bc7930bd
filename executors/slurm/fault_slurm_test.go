package slurm

import (
	"context"
	"fmt"
	"math/rand"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/llmbench/llmbench/plan"
)

// killed is what a client that dies panics with.
type killed struct{ at string }

// A faultySlurm is a Slurm that answers in this process, by a seeded schedule of
// faults: it lies, lags, forgets, refuses, and kills its client.
type faultySlurm struct {
	rng *rand.Rand
	// faults is how likely a command goes wrong.
	faults float64
	// accounting says that sacct answers.
	accounting bool
	// minJobAge is for how long the controller remembers a job that ended.
	minJobAge time.Duration
	// killAt counts commands down to the one at which the client dies; 0 never.
	killAt int
	// calm ends all faults, so that every schedule ends.
	calm bool

	// submitting is told of each job before it enters the queue; refusedNow and
	// preflightRefused of those that Slurm refuses for good.
	// course says of the job of an attempt what becomes of it and
	// what it measures; nil draws that.
	course func(dir string) (fate string, tps float64)

	submitting       func(dir string, argv []string)
	refusedNow       func(dir string)
	preflightRefused func()

	mu   sync.Mutex
	jobs []*faultyJob
	// members are the runs of the jobs that are packs.
	members []*faultyJob
	nextID  int
	calls   []string
	wg      sync.WaitGroup
}

// Run implements runner.
func (f *faultySlurm) Run(ctx context.Context, timeout time.Duration, dir string, argv ...string) (string, error) {
	f.mu.Lock()
	f.calls = append(f.calls, argv[0])
	die := false
	if f.killAt > 0 {
		f.killAt--
		die = f.killAt == 0
	}
	before := die && f.rng.Intn(2) == 0
	f.mu.Unlock()
	if before {
		panic(killed{"before " + argv[0]})
	}
	out, err := f.answer(ctx, timeout, dir, argv)
	if die {
		panic(killed{"after " + argv[0]})
	}
	return out, err
}

func (f *faultySlurm) answer(ctx context.Context, timeout time.Duration, dir string, argv []string) (string, error) {
	switch argv[0] {
	case "sbatch":
		return f.sbatch(ctx, timeout, dir, argv)
	case "squeue":
		return f.squeue(ctx, timeout)
	case "scontrol":
		return f.scontrol(ctx, timeout, argv[len(argv)-1])
	case "sacct":
		return f.sacct(argv)
	case "scancel":
		return f.scancel(ctx, timeout, argv)
	case "sinfo":
		return f.sinfo(ctx, timeout)
	case "srun":
		return "== stacks\n", nil
	}
	panic("no such command: " + argv[0])
}

// fault draws one of the faults, "" for none.
func (f *faultySlurm) fault(of ...string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calm || f.rng.Float64() >= f.faults {
		return ""
	}
	return of[f.rng.Intn(len(of))]
}

func (f *faultySlurm) sinfo(ctx context.Context, timeout time.Duration) (string, error) {
	switch f.fault("error", "hang", "down") {
	case "error":
		return "", failedCommand("sinfo", "slurm_load_partitions: Unable to contact slurm controller (connect failure)", true)
	case "hang":
		return "", hang(ctx, "sinfo", timeout)
	case "down":
		return "gb01|idle\ngb02|down*\ngb02|down*\n", nil
	}
	return "gb01|idle\ngb02|idle\n", nil
}

// hang waits until the command is killed for its time.
func hang(ctx context.Context, name string, timeout time.Duration) error {
	select {
	case <-ctx.Done():
	case <-time.After(timeout):
	}
	return failedCommand(name, "", false)
}

func (f *faultySlurm) sbatch(ctx context.Context, timeout time.Duration, dir string, argv []string) (string, error) {
	if slices.Contains(argv, "--test-only") {
		if f.fault("silent", "error") != "" {
			return "", failedCommand("sbatch", "sbatch: error: Unable to contact slurm controller (connect failure)", true)
		}
		if f.fault("refused", "", "") != "" {
			f.preflightRefused()
			return "", failedCommand("sbatch", "allocation failure: Invalid account or account/partition combination specified", true)
		}
		return "", nil
	}
	const failed = "sbatch: error: Batch job submission failed: "
	f.submitting(dir, argv)
	kind := f.fault("refused", "socket", "socket accepted", "hang", "hang accepted", "rate", "limit", "banner", "suffix", "noise", "no id", "down")
	switch kind {
	case "refused":
		if f.course != nil { // it would be the outcome of the run
			return "", failedCommand("sbatch", "sbatch: error: Rate limit exceeded, please retry momentarily", true)
		}
		f.refusedNow(dir)
		return "", failedCommand("sbatch", failed+"Invalid account or account/partition combination specified", true)
	case "socket":
		return "", failedCommand("sbatch", failed+"Socket timed out on send/recv operation", true)
	case "hang":
		return "", hang(ctx, "sbatch", timeout)
	case "rate":
		return "", failedCommand("sbatch", "sbatch: error: Rate limit exceeded, please retry momentarily", true)
	case "limit":
		if !f.busy() { // with none in the queue that is a refusal
			return "", failedCommand("sbatch", failed+"Socket timed out on send/recv operation", true)
		}
		return "", failedCommand("sbatch", "sbatch: error: QOSMaxSubmitJobPerUserLimit\n"+failed+"Job violates accounting/QOS policy", true)
	case "down":
		return "", failedCommand("sbatch", failed+"Unable to contact slurm controller (connect failure)", true)
	}
	job := f.start(dir, argv)
	switch kind {
	case "socket accepted":
		return "", failedCommand("sbatch", failed+"Socket timed out on send/recv operation", true)
	case "hang accepted":
		return "", hang(ctx, "sbatch", timeout)
	case "banner":
		return fmt.Sprintf("Welcome to the cluster\n%d\n", job.id), nil
	case "suffix":
		return fmt.Sprintf("%d;gb\n", job.id), nil
	case "no id":
		return "", nil
	}
	return fmt.Sprintf("%d\n", job.id), nil
}

// busy reports whether a job is in the queue and can be seen there.
func (f *faultySlurm) busy() bool {
	for _, j := range f.known() {
		if state, _ := j.now(); states[state].State != plan.Ended && !time.Now().Before(j.visible) {
			return true
		}
	}
	return false
}

// start puts a job into the queue and lets it take its course.
func (f *faultySlurm) start(dir string, argv []string) *faultyJob {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nextID++
	j := &faultyJob{slurm: f, id: 1000 + f.nextID, dir: dir, submitted: time.Now(), state: "PENDING", reason: "Priority", cancel: make(chan struct{}), dead: make(chan struct{})}
	for _, w := range argv {
		if name, ok := strings.CutPrefix(w, "--job-name="); ok {
			j.name = name
		}
	}
	if !f.calm && f.rng.Float64() < f.faults {
		j.visible = j.submitted.Add(time.Duration(f.rng.Int63n(int64(8 * time.Second))))
	}
	if members(dir) != nil {
		j.drawPack(f.rng, f.calm, f.faults)
	} else {
		j.draw(f.rng, f.calm, f.faults)
		if f.course != nil {
			j.fate, j.tps = f.course(dir)
		}
	}
	switch j.fate {
	case "held":
		j.reason = "launch failure limit exceeded requeued held"
	case "never":
		j.reason = "PartitionTimeLimit"
	}
	f.jobs = append(f.jobs, j)
	f.wg.Go(j.live)
	return j
}

// known lists the jobs that the controller remembers.
func (f *faultySlurm) known() []*faultyJob {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []*faultyJob
	for _, j := range f.jobs {
		j.mu.Lock()
		if j.ended.IsZero() || time.Since(j.ended) < f.minJobAge {
			out = append(out, j)
		}
		j.mu.Unlock()
	}
	return out
}

func (f *faultySlurm) squeue(ctx context.Context, timeout time.Duration) (string, error) {
	kind := f.fault("error", "hang", "cut", "foreign", "unknown state")
	switch kind {
	case "error":
		return "", failedCommand("squeue", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)", true)
	case "hang":
		return "", hang(ctx, "squeue", timeout)
	}
	var b strings.Builder
	if kind == "foreign" {
		b.WriteString("77|another-tool|RUNNING|0|2000-01-01T00:00:00|N/A|gb09|None|\n")
	}
	for _, j := range f.known() {
		if time.Now().Before(j.visible) {
			continue
		}
		state, reason := j.now()
		if kind == "unknown state" {
			state = "BEWITCHED"
		}
		nodes := "gb[01-02]"
		if j.gone() {
			nodes = "gb02"
		}
		line := fmt.Sprintf("%d|%s|%s|0|%s|N/A|%s|%s|", j.id, j.name, state, j.submitted.Format("2006-01-02T15:04:05"), nodes, reason)
		if kind == "cut" {
			line = line[:len(line)/2]
		}
		b.WriteString(line + "\n")
	}
	return b.String(), nil
}

func (f *faultySlurm) find(id string) *faultyJob {
	for _, j := range f.known() {
		if strconv.Itoa(j.id) == id {
			return j
		}
	}
	return nil
}

func (f *faultySlurm) scontrol(ctx context.Context, timeout time.Duration, id string) (string, error) {
	switch f.fault("error", "hang") {
	case "error":
		return "", failedCommand("scontrol", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)", true)
	case "hang":
		return "", hang(ctx, "scontrol", timeout)
	}
	j := f.find(id)
	if j == nil {
		return "", failedCommand("scontrol", "slurm_load_jobs error: Invalid job id specified", true)
	}
	state, reason := j.now()
	return fmt.Sprintf("JobId=%d JobName=%s JobState=%s Reason=%s ExitCode=0:0 SubmitTime=%s NodeList=gb[01-02]\n",
		j.id, j.name, state, reason, j.submitted.Format("2006-01-02T15:04:05")), nil
}

func (f *faultySlurm) sacct(argv []string) (string, error) {
	kind := f.fault("down", "stale")
	if !f.accounting || kind == "down" {
		return "", failedCommand("sacct", "Slurm accounting storage is disabled", true)
	}
	f.mu.Lock()
	jobs := slices.Clone(f.jobs)
	f.mu.Unlock()
	var b strings.Builder
	for _, j := range jobs {
		state, _ := j.now()
		if kind == "stale" {
			state = "RUNNING"
		}
		switch {
		case slices.Contains(argv, "--name="+j.name):
			fmt.Fprintf(&b, "%d|%s\n", j.id, j.name)
		case slices.Contains(argv, strconv.Itoa(j.id)):
			fmt.Fprintf(&b, "%d|%s|%s|0:0|%s|Unknown|gb[01-02]|Unknown\n", j.id, j.name, state, j.submitted.Format("2006-01-02T15:04:05"))
		}
	}
	return b.String(), nil
}

func (f *faultySlurm) scancel(ctx context.Context, timeout time.Duration, argv []string) (string, error) {
	id := argv[len(argv)-1]
	switch f.fault("error", "hang", "ignored") {
	case "error":
		return "", failedCommand("scancel", "scancel: error: Kill job error on job id "+id+": Socket timed out", true)
	case "hang":
		return "", hang(ctx, "scancel", timeout)
	case "ignored":
		return "", nil
	}
	j := f.find(id)
	switch {
	case j == nil:
	case slices.Contains(argv, "--signal=USR2"):
		j.nudge()
	default:
		j.stop()
	}
	return "", nil
}
