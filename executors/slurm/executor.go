package slurm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/jobdir"
)

// Executor drives the cluster of a Config.
type Executor struct {
	cfg    *Config
	log    hclog.Logger
	runner Runner
	shared *sharedQueue
	// AdoptWindow is how long after a submission whose outcome is not known a job
	// may still appear. LostAfter is how long a job must be gone from every
	// answer before it is lost.
	AdoptWindow, LostAfter time.Duration

	mu     sync.Mutex
	tried  map[string]time.Time           // by job name: the last submission
	absent map[executors.Handle]time.Time // since when squeue does not know a job
}

// New returns an executor for cfg.
func New(cfg *Config, log hclog.Logger) *Executor {
	return &Executor{
		cfg: cfg, log: log, runner: gentle{next: processes{}, bucket: cfg.bucket(burst)}, shared: newSharedQueue(cfg.Cluster, cfg.PollInterval*3/4),
		AdoptWindow: adoptWindow(10 * time.Second), LostAfter: min(2*time.Minute, max(5*time.Second, 4*cfg.PollInterval)),
		tried: map[string]time.Time{}, absent: map[executors.Handle]time.Time{},
	}
}

// adoptWindow is two of Slurm's MessageTimeout and half a minute for a controller
// that is busy.
func adoptWindow(messageTimeout time.Duration) time.Duration {
	return 2*messageTimeout + 30*time.Second
}

// Know takes over what the cluster is known to be. One that does not limit how
// fast its users ask has its window filled at once, unless the executor's block
// says how fast to go.
func (e *Executor) Know(p *Profile) {
	if g, ok := e.runner.(gentle); ok && p.Version != "" && !p.RateLimited && !e.cfg.paced {
		g.bucket = e.cfg.bucket(burst + e.cfg.MaxInQueue)
		e.runner = g
	}
	if p.MessageTimeout > 0 {
		e.AdoptWindow = adoptWindow(time.Duration(p.MessageTimeout) * time.Second)
	}
}

// Through makes the executor run its commands by r instead of as processes, and
// share nothing with others on this host.
func (e *Executor) Through(r Runner) { e.runner, e.shared = r, nil }

func (e *Executor) run(ctx context.Context, timeout time.Duration, dir string, argv ...string) (string, error) {
	return e.runner.Run(ctx, timeout, dir, argv...)
}

// Submit implements executors.Executor. A job that may exist already is looked
// up by its name before anything is submitted.
func (e *Executor) Submit(ctx context.Context, job *executors.Job) (executors.Handle, error) {
	if job.Resumed {
		h, err := e.adopt(ctx, job)
		if err != nil || h != "" {
			return h, err
		}
		if wait := time.Until(e.lastTry(job).Add(e.AdoptWindow)); wait > 0 {
			return "", fmt.Errorf("whether %s was submitted is not known yet; asking again for %s", job.Name, wait.Round(time.Second))
		}
	}
	e.mu.Lock()
	e.tried[job.Name] = time.Now()
	e.mu.Unlock()
	stdout, err := e.run(ctx, submitTimeout, job.Dir, job.Argv...)
	if id, ok := parseSubmitted(stdout); ok && err == nil {
		return handle{cluster: e.cfg.Cluster, id: id, name: job.Name}.String(), nil
	}
	if err == nil {
		return "", fmt.Errorf("sbatch gave no job id: %q", stdout)
	}
	return "", refusal(err)
}

// refusal marks what sbatch's failure means.
func refusal(err error) error {
	var ce *commandError
	if !errors.As(err, &ce) || !ce.answered {
		return err
	}
	means, remedy := classify(ce.stderr)
	if remedy != "" {
		remedy = "; " + remedy
	}
	switch means {
	case rejected:
		return fmt.Errorf("%w%s (%w)", ce, remedy, executors.ErrRejected)
	case full:
		return fmt.Errorf("%w (%w)", ce, executors.ErrLimit)
	}
	return fmt.Errorf("%w%s", ce, remedy)
}

func (e *Executor) lastTry(job *executors.Job) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	if t, ok := e.tried[job.Name]; ok {
		return t
	}
	return job.NotBefore
}

// Preflight implements executors.Preflighter with sbatch --test-only. That nodes
// are down or drained for now is no refusal, although --test-only words it as if
// there were none such: the job itself would wait.
func (e *Executor) Preflight(ctx context.Context, job *executors.Job) error {
	argv := append([]string{job.Argv[0], "--test-only"}, job.Argv[1:len(job.Argv)-1]...)
	argv = append(argv, "--wrap=true")
	_, err := e.run(ctx, queryTimeout, job.Dir, argv...)
	var ce *commandError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ce) && strings.Contains(strings.ToLower(ce.stderr), "node configuration is not available"):
		return err
	}
	return refusal(err)
}

// adopt finds a job by its name: in the queue, in the accounting, or by its
// claim. "" means that none was found; an error, that nothing is known.
func (e *Executor) adopt(ctx context.Context, job *executors.Job) (executors.Handle, error) {
	if id := claimedBy(job.Dir); id != "" {
		return handle{cluster: e.cfg.Cluster, id: id, name: job.Name}.String(), nil
	}
	rows, err := e.squeue(ctx)
	if err != nil {
		return "", err
	}
	for _, r := range rows {
		if r.name == job.Name && r.submitted(job.NotBefore) {
			return handle{cluster: e.cfg.Cluster, id: r.id, name: job.Name}.String(), nil
		}
	}
	if id := e.accounted(ctx, job); id != "" {
		return handle{cluster: e.cfg.Cluster, id: id, name: job.Name}.String(), nil
	}
	return "", nil
}

// claimedBy is the job that owns an attempt by its claim, "" for none.
func claimedBy(dir string) string {
	c, err := jobdir.Folder{Dir: dir}.Claim()
	if err != nil || c == nil || !isID(c.JobID) {
		return ""
	}
	return c.JobID
}

// accounted looks a name up in the accounting, where there is one.
func (e *Executor) accounted(ctx context.Context, job *executors.Job) string {
	since := job.NotBefore.Add(-time.Hour).Local().Format("2006-01-02T15:04:05")
	out, err := e.run(ctx, queryTimeout, "", e.on("sacct", "-X", "-n", "-P", "--name="+job.Name, "-S", since, "-o", "JobID,JobName")...)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(out) {
		id, name, _ := strings.Cut(strings.TrimSpace(line), "|")
		if name == job.Name && isID(id) {
			return id
		}
	}
	return ""
}

// on adds the cluster to a command, where the user named one.
func (e *Executor) on(argv ...string) []string {
	if e.cfg.Cluster == "" {
		return argv
	}
	return append(argv[:1:1], append([]string{"-M", e.cfg.Cluster}, argv[1:]...)...)
}

// Cancel implements executors.Executor: by id, after a look at the name.
func (e *Executor) Cancel(ctx context.Context, h executors.Handle) error {
	return e.signal(ctx, h)
}

// Nudge implements executors.Nudger with a signal to the job's script alone.
func (e *Executor) Nudge(ctx context.Context, h executors.Handle) error {
	return e.signal(ctx, h, "--batch", "--signal=USR2")
}

// signal runs scancel for a job that has not ended and is the one that it should
// be.
func (e *Executor) signal(ctx context.Context, h executors.Handle, options ...string) error {
	parts, err := parseHandle(h)
	if err != nil {
		return err
	}
	rows, err := e.squeue(ctx)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.id != parts.id {
			continue
		}
		if r.name != parts.name {
			return fmt.Errorf("job %s is called %s, not %s: it is another job and was left alone", parts.id, r.name, parts.name)
		}
		if s, known := states[r.base()]; known && s.state == executors.Ended {
			return nil
		}
		_, err := e.run(ctx, queryTimeout, "", e.on(append(append([]string{"scancel"}, options...), parts.id)...)...)
		return err
	}
	return nil
}
