// Package slurm runs jobs on a Slurm cluster through Slurm's own commands, in
// the text forms that have stayed the same from 20.11 on.
//
//   - A plan's job is sbatch with every option on its command line, and a script
//     from a fixed template. User data enters the script only
//     inside single quotes.
//   - Submission is at most once in effect: an intent is written before it, the
//     name is unique to the attempt, an answer that got lost is looked up by that
//     name, and the script claims its attempt before it does anything.
//   - The script of a job of several members runs itself again for each of them, one
//     after another, in the folder of its attempt.
//   - One squeue asks about all jobs. A job that squeue no longer knows is looked
//     up with scontrol and sacct; without slurmdbd too. A query that fails means
//     "unknown", never "gone".
//   - What a job says of its own end, in its attempt folder, comes before what
//     Slurm says.
package slurm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
)

// Executor drives the cluster of a Config. It is not for several goroutines.
type Executor struct {
	cfg    *Config
	log    hclog.Logger
	slurm  *client
	shared *sharedQueue
	// AdoptWindow is how long after a submission whose outcome is not known a job
	// may still appear. LostAfter is how long a job must be gone from every
	// answer before it is lost.
	AdoptWindow, LostAfter time.Duration

	tried  map[string]time.Time           // by job name: the last submission
	denied map[string]bool                // by job name: that was answered, and there is no job
	alone  map[string]bool                // by job name: the last limit was told without a job in the queue
	absent map[executors.Handle]time.Time // since when squeue does not know a job
}

// Submit implements executors.Executor. A job that may exist already is looked
// up by its name before anything is submitted; after a clear answer there is none.
func (e *Executor) Submit(ctx context.Context, job *executors.Job) (executors.Handle, error) {
	if job.Resumed {
		if id := claimedBy(job.Dir); id != "" {
			return e.handle(id, job.Name), nil
		}
	}
	if job.Resumed && !e.denied[job.Name] {
		h, err := e.adopt(ctx, job)
		if err != nil || h != "" {
			return h, err
		}
		last, ok := e.tried[job.Name]
		if !ok {
			last = job.NotBefore
		}
		if wait := time.Until(last.Add(e.AdoptWindow)); wait > 0 {
			return "", fmt.Errorf("whether %s was submitted is not known yet; asking again for %s", job.Name, wait.Round(time.Second))
		}
	}
	e.tried[job.Name] = time.Now()
	delete(e.denied, job.Name)
	id, err := e.slurm.submit(ctx, job.Dir, job.Argv)
	switch {
	case err == nil:
		return e.handle(id, job.Name), nil
	case errors.Is(err, executors.ErrLimit):
		e.denied[job.Name] = true
		return "", e.limitedAlone(ctx, job.Name, err)
	}
	return "", err
}

// submit runs the submission argv, which names the cluster itself, in dir. An
// error says what sbatch's failure means; see refusal.
func (c *client) submit(ctx context.Context, dir string, argv []string) (id string, err error) {
	stdout, err := c.run(ctx, submitTimeout, dir, argv...)
	if err != nil {
		return "", refusal(err)
	}
	if id, ok := parseSubmitted(stdout); ok {
		return id, nil
	}
	return "", fmt.Errorf("sbatch gave no job id: %q", stdout)
}

// parseSubmitted finds ID or ID;CLUSTER in what sbatch --parsable printed. Sites
// print banners on the same stream, so that the last such line counts.
func parseSubmitted(stdout string) (id string, ok bool) {
	for line := range strings.Lines(stdout) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		if isID(word) {
			id, ok = word, true
		}
	}
	return id, ok
}

func (e *Executor) handle(id, name string) executors.Handle {
	return handle{cluster: e.cfg.Cluster, id: id, name: name}.String()
}

// adopt finds a job by its name in the queue or in the accounting. "" means that none was found; an error, that nothing is known.
func (e *Executor) adopt(ctx context.Context, job *executors.Job) (executors.Handle, error) {
	jobs, err := e.slurm.queue(ctx)
	if err != nil {
		return "", err
	}
	since := job.NotBefore
	if now := time.Now(); since.After(now) { // by a clock that was ahead
		since = now.AddDate(0, 0, -7)
	}
	for _, r := range jobs {
		if r.name == job.Name && r.submitted(since) {
			return e.handle(r.id, job.Name), nil
		}
	}
	if id := e.slurm.named(ctx, job.Name, since); id != "" {
		return e.handle(id, job.Name), nil
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

// Cancel implements executors.Executor: by id, after a look at the name.
func (e *Executor) Cancel(ctx context.Context, h executors.Handle) error {
	return e.signal(ctx, h)
}

// Nudge implements executors.Queue with a signal to the job's script alone.
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
	jobs, err := e.slurm.queue(ctx)
	if err != nil {
		return err
	}
	for _, r := range jobs {
		if r.id != parts.id {
			continue
		}
		if r.name != parts.name {
			return fmt.Errorf("job %s is called %s, not %s: it is another job and was left alone", parts.id, r.name, parts.name)
		}
		if s, known := states[r.base()]; known && s.State == plan.Ended {
			return nil
		}
		return e.slurm.cancel(ctx, parts.id, options...)
	}
	return nil
}

// A handle in parts: slurm:CLUSTER:JOBID:NAME. Cluster is "-" where none has to
// be named.
type handle struct{ cluster, id, name string }

func (h handle) String() executors.Handle {
	return executors.Handle(fmt.Sprintf("%s:%s:%s:%s", Type, cmp.Or(h.cluster, "-"), h.id, h.name))
}

func parseHandle(h executors.Handle) (handle, error) {
	parts := strings.SplitN(string(h), ":", 4)
	if len(parts) != 4 || parts[0] != Type || !isID(parts[2]) {
		return handle{}, fmt.Errorf("%q is not the handle of a Slurm job", h)
	}
	return handle{cluster: parts[1], id: parts[2], name: parts[3]}, nil
}

func isID(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// avoid adds nodes to what a submission excludes already. The script stays last.
func avoid(argv, nodes []string) []string {
	if len(nodes) == 0 || len(argv) == 0 {
		return argv
	}
	out := slices.Clone(argv)
	for i, word := range out {
		if list, ok := strings.CutPrefix(word, "--exclude="); ok {
			out[i] = "--exclude=" + list + "," + strings.Join(nodes, ",")
			return out
		}
	}
	return slices.Insert(out, len(out)-1, "--exclude="+strings.Join(nodes, ","))
}

// Down implements executors.Queue with sinfo, which marks the state of a node
// that does not answer with an asterisk.
func (e *Executor) Down(ctx context.Context, nodes []string) ([]string, error) {
	out, err := e.slurm.nodeStates(ctx, nodes)
	if err != nil {
		return nil, err
	}
	var down []string
	for line := range strings.Lines(out) {
		node, state, _ := strings.Cut(strings.TrimSpace(line), "|")
		lost := strings.HasPrefix(state, "down") || strings.HasSuffix(state, "*")
		if lost && !slices.Contains(down, node) { // it has a line for each partition
			down = append(down, node)
		}
	}
	return down, nil
}

// diagnosis looks into the processes of one node's benchmark and its GPUs, with
// what the node has: py-spy for Python's stacks, else the kernel's.
const diagnosis = `echo "== $(hostname) $(date -u +%Y-%m-%dT%H:%M:%SZ)"
for p in $(pgrep -u "$(id -u)" -f 'trtllm-bench|trtllm-llmapi-launch|mgmn_(leader|worker)_node' | head -16); do
  [ "$p" = $$ ] && continue
  echo "-- process $p: $(tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null | cut -c1-200)"
  if command -v py-spy >/dev/null; then timeout 10 py-spy dump --pid "$p"; else grep -H . "/proc/$p/task/"*/wchan 2>/dev/null | head -32; fi
done
if command -v nvidia-smi >/dev/null; then timeout 20 nvidia-smi; else echo "nvidia-smi is not on this node"; fi`

// Diagnose implements executors.Queue with a step beside the benchmark's, on
// each of the nodes.
func (e *Executor) Diagnose(ctx context.Context, h executors.Handle, nodes []string) (string, error) {
	parts, err := parseHandle(h)
	if err != nil {
		return "", err
	}
	argv := e.slurm.command("srun", "--jobid="+parts.id, "--overlap", "--ntasks-per-node=1", "--mpi=none", "--mem=0", "--input=none")
	if n := len(nodes); n > 0 {
		argv = append(argv, fmt.Sprintf("--nodes=%d", n), fmt.Sprintf("--ntasks=%d", n), "--nodelist="+strings.Join(nodes, ","))
	}
	return e.slurm.run(ctx, time.Minute, "", append(argv, "bash", "-c", diagnosis)...)
}
