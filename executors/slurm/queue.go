package slurm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/schema/regular"
)

// timeFormat is how Slurm's commands print a time, in this host's zone.
const timeFormat = "2006-01-02T15:04:05"

// A queuedJob is one job as squeue or sacct tells it.
type queuedJob struct {
	id, name, state, exit, submit, start, end, nodes, reason string
}

// base is the state's first word: sacct says "CANCELLED by 0".
func (r queuedJob) base() string {
	word, _, _ := strings.Cut(r.state, " ")
	return strings.TrimRight(word, "+")
}

// submitted reports whether the job can be the one that was intended at since.
// Slurm counts in whole seconds.
func (r queuedJob) submitted(since time.Time) bool {
	t := slurmTime(r.submit)
	return t.IsZero() || since.IsZero() || t.After(since.Add(-5*time.Minute))
}

// parseQueue reads squeue's answer. Lines that are not whole are left out; with
// one of them the answer tells nothing of the jobs that it lacks.
func parseQueue(out string) (jobs []queuedJob, whole bool) {
	whole = true
	for line := range strings.Lines(out) {
		f := strings.SplitN(strings.TrimRight(line, "\n"), "|", 8)
		if len(f) < 8 || !isID(f[0]) {
			// A banner, or the name of a cluster, is no job.
			whole = whole && !strings.Contains(line, "|") && !isID(strings.TrimSpace(line))
			continue
		}
		jobs = append(jobs, queuedJob{
			id: f[0], name: f[1], state: f[2], exit: f[3], submit: f[4], start: f[5], nodes: f[6],
			reason: strings.TrimSuffix(f[7], "|"),
		})
	}
	return jobs, whole
}

// Poll implements executors.Executor with one squeue, which may be another
// process's. Only jobs that it does not know are asked about one by one.
func (e *Executor) Poll(ctx context.Context, handles []executors.Handle) (map[executors.Handle]executors.Status, error) {
	text, err := e.shared.get(ctx, e.slurm.queueText)
	if err != nil {
		return nil, err
	}
	jobs, whole := parseQueue(text)
	e.cancelDuplicates(ctx, jobs, handles)
	known := map[handle]queuedJob{}
	for _, r := range jobs { // clusters give the same ids, and federations tell of a job twice
		at := handle{id: r.id, name: r.name}
		if _, twice := known[at]; !twice || r.base() != revoked {
			known[at] = r
		}
	}
	out := map[executors.Handle]executors.Status{}
	for _, h := range handles {
		parts, err := parseHandle(h)
		if err != nil {
			return nil, err
		}
		if r, ok := known[handle{id: parts.id, name: parts.name}]; ok {
			delete(e.absent, h)
			if s, known := e.status(r); known {
				out[h] = s
			}
			continue
		}
		if !whole {
			continue
		}
		if s, known := e.gone(ctx, h, parts); known {
			out[h] = s
		}
	}
	return out, nil
}

// List implements executors.Queue. Jobs that are about to end are left out.
func (e *Executor) List(ctx context.Context) (map[string][]executors.Handle, error) {
	jobs, err := e.slurm.queue(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string][]executors.Handle{}
	for _, r := range jobs {
		is := states[r.base()].State // "" for a state that is not known: it may run
		if is == plan.Finishing || is == plan.Ended || !strings.HasPrefix(r.name, namePrefix) {
			continue
		}
		out[r.name] = append(out[r.name], e.handle(r.id, r.name))
	}
	return out, nil
}

// cancelDuplicates cancels jobs that wait under the name of a job that is followed:
// submissions whose answer was lost and that were repeated. At most one of a
// name could claim the attempt, so that the others would only wait in vain.
func (e *Executor) cancelDuplicates(ctx context.Context, jobs []queuedJob, handles []executors.Handle) {
	ids := map[string]string{}
	for _, h := range handles {
		if parts, err := parseHandle(h); err == nil {
			ids[parts.name] = parts.id
		}
	}
	for _, r := range jobs {
		if id, ok := ids[r.name]; !ok || id == r.id || states[r.base()].State != plan.Queued {
			continue
		}
		e.log.Warn("cancelling a job that was submitted twice", "job", r.id, "name", r.name)
		if err := e.slurm.cancel(ctx, r.id); err != nil {
			e.log.Warn("cannot cancel", "job", r.id, "error", err)
		}
	}
}

// gone asks scontrol, then sacct, about a job that squeue does not know; after a
// while without an answer it is lost.
func (e *Executor) gone(ctx context.Context, h executors.Handle, parts handle) (executors.Status, bool) {
	if r, ok, _ := e.slurm.show(ctx, parts); ok {
		return e.status(r)
	}
	if r, ok := e.slurm.accounted(ctx, parts); ok {
		if s, known := e.status(r); known && s.State == plan.Ended {
			return s, true
		}
	}
	since, ok := e.absent[h]
	if !ok {
		since = time.Now()
		e.absent[h] = since
	}
	if time.Since(since) < e.LostAfter {
		return executors.Status{}, false
	}
	return executors.Status{State: plan.Ended, End: failure.Lost, JobID: parts.id, Raw: "unknown to Slurm"}, true
}

// Gone implements executors.Queue: such a job is in no queue, the controller says
// that it does not know it, and no accounting has it.
func (e *Executor) Gone(ctx context.Context, handles []executors.Handle) ([]executors.Handle, error) {
	jobs, err := e.slurm.queue(ctx)
	if err != nil {
		return nil, err
	}
	var gone []executors.Handle
	for _, h := range handles {
		parts, err := parseHandle(h)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(jobs, func(r queuedJob) bool { return r.id == parts.id && r.name == parts.name }) {
			continue
		}
		if _, known, err := e.slurm.show(ctx, parts); known || err != nil {
			continue
		}
		if _, known := e.slurm.accounted(ctx, parts); !known {
			gone = append(gone, h)
		}
	}
	return gone, nil
}

// A sharedQueue is squeue's last answer on this host, shared by all that one
// user runs there: whoever finds it too old asks for all.
type sharedQueue struct {
	dir  string
	name string
	// fresh is up to what age an answer is good enough.
	fresh time.Duration
}

// newSharedQueue returns nil where there is not a directory that only this user can
// write to; everyone then asks for himself.
func newSharedQueue(cluster string, fresh time.Duration) *sharedQueue {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("llmbench-%d", os.Getuid()))
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return nil
	}
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 || !own(dir) {
		return nil
	}
	sum := sha256.Sum256([]byte(os.Getenv("SLURM_CONF") + "\x00" + cluster))
	return &sharedQueue{dir: dir, name: "squeue-" + hex.EncodeToString(sum[:6]), fresh: fresh}
}

// own reports whether a file is there, is no link, and is this user's.
func own(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&os.ModeSymlink != 0 {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Getuid()
}

// get returns an answer that is fresh, asking for one while others wait. What
// goes wrong with the sharing is no reason not to ask.
func (q *sharedQueue) get(ctx context.Context, ask func(context.Context) (string, error)) (string, error) {
	if q == nil {
		return ask(ctx)
	}
	lock, err := os.OpenFile(filepath.Join(q.dir, q.name+".lock"), os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return ask(ctx)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return ask(ctx)
	}
	path := filepath.Join(q.dir, q.name)
	if info, err := os.Lstat(path); err == nil {
		if age := time.Since(info.ModTime()); age >= 0 && age < q.fresh {
			if b, err := regular.Read(path, regular.MaxDocument); err == nil {
				return string(b), nil
			}
		}
	}
	out, err := ask(ctx)
	if err != nil {
		return "", err
	}
	_ = jobdir.WriteFile(q.dir, q.name, []byte(out), 0o600) // only the next process asks again
	return out, nil
}
