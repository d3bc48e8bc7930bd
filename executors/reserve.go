package executors

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/runs"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// reserve gives a waiting task an attempt folder with everything its job needs;
// the intent is written last.
func (c *Campaign) reserve(ctx context.Context, t *task) (*plan.Run, *jobdir.Intent, error) {
	s, err := c.staged(ctx, t)
	if err != nil {
		return nil, nil, err
	}
	t.attempt, t.phase, t.mine = s.attempt, active, true
	t.tries++
	t.enter(Status{State: Intent}, time.Now())
	intent := &s.prepared.Intent
	intent.Created = time.Now().UTC()
	return t.run, intent, t.attempt.Intend(*intent)
}

// prepared is what goes into the folders of a task's attempts.
func (c *Campaign) prepared(t *task, data string) runs.Prepared {
	run := t.run
	files := map[string]string{}
	for _, s := range run.Steps {
		for name, content := range s.Files {
			files[name] = content
		}
	}
	nonce := newNonce()
	p := runs.Prepared{
		Run: run, Identity: plan.NewIdentity(run, run.Settings).Canonical(), Files: files, Dataset: data,
		Intent: jobdir.Intent{
			Address: run.Address, Fingerprint: run.Fingerprint, Cluster: t.backend.Cluster,
			Executor: run.Executor.Type + "." + string(run.Executor.Name),
			User:     userName(), Host: hostName(), Nonce: nonce, Created: time.Now().UTC(),
			LLMBenchVersion: c.Plan.LLMBenchVersion, Git: gitText(c.Plan.Git),
			ChecksSkipped: c.ChecksSkipped,
		},
		Vars: []string{
			"LLMBENCH_STORE=" + c.Store.Dir(),
			"LLMBENCH_DATASETS=" + filepath.Dir(data),
			"LLMBENCH_MODEL_PATH=" + modelPath(run),
			"LLMBENCH_NONCE=" + nonce,
			"LLMBENCH_GPU=" + run.Hardware.GPU,
			"LLMBENCH_TRTLLM_VERSION=" + run.Image.TRTLLMVersion,
		},
	}
	if run.Job.Script != nil {
		p.Script = []byte(*run.Job.Script)
		sum := sha256.Sum256(p.Script)
		p.Intent.ScriptSHA256 = hex.EncodeToString(sum[:])
	}
	if c.Secrets != nil && p.Script != nil { // what is simulated here needs none
		p.Secrets, p.Hidden = c.Secrets(run.Address), c.Hidden
	}
	return p
}

// forAttempt is p with what only the attempt's number tells.
func forAttempt(p runs.Prepared, a *runs.Attempt) runs.Prepared {
	name := p.Run.Job.Name + "-" + attemptMark(a.Sample, a.Number) + "-" + p.Intent.Nonce[:6]
	p.Intent.JobName, p.Intent.Sample, p.Intent.Attempt = name, a.Sample, a.Number
	p.Vars = append([]string{"LLMBENCH_ATTEMPT=" + a.Dir, "LLMBENCH_JOB_NAME=" + name}, p.Vars...)
	return p
}

// Dataset returns the absolute path of a run's data set, whose content was checked.
// One that is ours is generated where it is not there, or not what it should be.
func (c *Campaign) Dataset(ctx context.Context, run *plan.Run) (string, error) {
	if run.Dataset.Generator == nil {
		if why := c.datasetChanged(run); why != "" {
			return "", errors.New(why)
		}
		return filepath.Abs(*run.Dataset.Path)
	}
	shape := c.shape(run)
	path, _, err := c.Store.EnsureDataset(ctx, shape, func(rows int) {
		c.tell(&task{run: run}, RunProgress, Event{Done: rows, Total: shape.Rows, Text: "writing data set"})
	})
	if err != nil {
		return "", fmt.Errorf("data set of %s: %w", run.Address, err)
	}
	return filepath.Abs(path)
}

// datasetChanged says why a data set of the user's own cannot be sent, "" where it is
// what was planned, or is not of the user's own.
func (c *Campaign) datasetChanged(run *plan.Run) string {
	if run.Dataset.Generator != nil {
		return ""
	}
	d, _ := c.FindDataset(run)
	if err := c.Store.CheckDataset(d); err != nil {
		return fmt.Sprintf("the data set is not what was planned: %v; bring the file back, or plan again", err)
	}
	return ""
}

// FindDataset returns a run's data set if it is there, without a look at its content.
func (c *Campaign) FindDataset(run *plan.Run) (runs.Dataset, bool) {
	if own := run.Dataset; own.Generator == nil {
		_, err := os.Stat(*own.Path)
		d := runs.Dataset{Path: *own.Path, Rows: own.Rows}
		if own.SHA256 != nil {
			d.SHA256 = *own.SHA256
		}
		return d, err == nil
	}
	return c.Store.FindDataset(c.shape(run))
}

// shape is the shape of a run's generated data set.
func (c *Campaign) shape(run *plan.Run) trtllm.Shape {
	shape := plan.Shape(*run.UseCase.ISL, *run.UseCase.OSL, *run.UseCase.ISLStdev, *run.UseCase.OSLStdev, *run.Dataset.Seed, run.Dataset.Rows)
	shape.Vocab, shape.EOS = c.Vocabulary(run)
	return shape
}

func gitText(g *plan.Git) string {
	if g == nil {
		return ""
	}
	if g.Dirty {
		return g.Commit + "-dirty"
	}
	return g.Commit
}

func modelPath(run *plan.Run) string {
	if run.Model.Path == nil {
		return ""
	}
	return *run.Model.Path
}

func newJobRecord(b *Backend, h Handle) jobdir.JobRecord {
	return jobdir.JobRecord{Handle: string(h), JobID: JobID(h), Cluster: b.Cluster, Submitted: time.Now().UTC()}
}

// link makes the links that a site's own tools expect, with a name for the job
// that no other run has. Their absence loses nothing, so that a failure is only
// logged.
func (c *Campaign) link(t *task, job string) {
	b := t.backend
	if b.Links == nil || b.LinksDir == "" {
		return
	}
	for name, file := range b.Links(t.run, job) {
		at := filepath.Join(b.LinksDir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			c.Log.Warn("cannot link", "error", err)
			return
		}
		if err := os.Symlink(filepath.Join(t.attempt.Dir, file), at); err != nil && !os.IsExist(err) {
			c.Log.Warn("cannot link", "error", err)
		}
	}
}

func newNonce() string {
	b := make([]byte, 8)
	if _, err := rand.Read(b); err != nil {
		panic("executors: no randomness: " + err.Error())
	}
	return hex.EncodeToString(b)
}

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprint(os.Getuid())
}

func hostName() string {
	h, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return h
}
