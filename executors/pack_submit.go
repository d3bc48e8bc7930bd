package executors

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/runs"
	"github.com/llmbench/llmbench/plan/failure"
)

// verdictWait is for how many seconds a pack's job waits, after a run failed, for
// the word that its family is to be tried all the same.
const verdictWait = 30

// submitPacks submits the packs that may be submitted now.
func (c *Campaign) submitPacks(ctx context.Context) error {
	if err := c.repack(); err != nil {
		return err
	}
	for _, p := range c.packs {
		if ctx.Err() != nil {
			return nil
		}
		if p.phase == done || p.handle != "" || time.Now().Before(p.notBefore) {
			continue
		}
		if p.phase == waiting && (c.packHeld(p) || !c.windowOpen(p.backend)) {
			continue
		}
		if p.phase != done {
			if err := c.submitPack(ctx, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// packHeld reports whether a pack waits for a canary. Tasks that are not tried
// leave it.
func (c *Campaign) packHeld(p *pack) bool {
	held := false
	for _, t := range p.waits() {
		if c.held(t) && t.phase == waiting {
			held = true
		}
	}
	if len(p.waits()) == 0 {
		p.phase = done
	}
	return held
}

// submitPack submits the job of a pack, reserving its attempts first where it has
// none. Only failures of the store are errors.
func (c *Campaign) submitPack(ctx context.Context, p *pack) error {
	resumed := p.phase == active
	if !resumed {
		for _, t := range p.waits() {
			if why := c.datasetChanged(t.run); why != "" {
				c.skip(t, why)
			}
		}
		if len(p.waits()) == 0 {
			return nil // packHeld ends it
		}
		if err := c.render(p); err != nil {
			return err
		}
		if !c.affords(p.gpuHoursLimit(), p.waits()...) {
			return nil
		}
		if err := c.reservePack(ctx, p); err != nil {
			return err
		}
	}
	job, err := c.packJob(p, resumed)
	if err != nil {
		return err
	}
	handle, err := p.backend.Executor.Submit(ctx, job)
	switch {
	case err == nil:
		return c.submittedPack(p, handle)
	case errors.Is(err, ErrRejected):
		return c.endPack(p, failure.SubmitRejected, trimError(err))
	}
	c.unconfirmed(ctx, &p.submission, p.tasks[0], err)
	return nil
}

// reservePack gives a waiting pack its folder and its tasks their attempts. The
// pack's intent names them all before any of them has its own: what is cut off
// here leaves attempts that were never prepared, which the job passes over.
func (c *Campaign) reservePack(ctx context.Context, p *pack) error {
	data := make([]string, len(p.tasks))
	for i, t := range p.tasks {
		var err error
		if data[i], err = c.Dataset(ctx, t.run); err != nil {
			return err
		}
	}
	b := p.backend
	folder, err := c.Store.ReservePack(b.Cluster, b.Simulated, p.planned.Name)
	if err != nil {
		return err
	}
	var members []jobdir.Member
	for _, t := range p.tasks {
		if t.attempt, err = c.Store.Reserve(t.key(), t.sample); err != nil {
			return err
		}
		members = append(members, jobdir.Member{Fingerprint: t.run.Fingerprint, Sample: t.sample, Attempt: t.attempt.Number})
	}
	if err := folder.Prepare(c.preparedPack(p, folder, members)); err != nil {
		return err
	}
	for i, t := range p.tasks {
		prepared := forAttempt(c.prepared(t, data[i]), t.attempt)
		prepared.Intent.Pack = folder.Name
		if err := t.attempt.Prepare(prepared); err != nil {
			return err
		}
		if err := c.Store.LinkAddress(t.run.Address, t.attempt); err != nil {
			return err
		}
		t.phase, t.mine, t.packed = active, true, true
		t.tries++
		t.enter(Status{State: Intent}, time.Now())
	}
	p.folder, p.phase = folder, active
	p.enter(Status{State: Intent}, time.Now())
	return nil
}

// preparedPack is what goes into the folder of a pack.
func (c *Campaign) preparedPack(p *pack, folder *runs.Pack, members []jobdir.Member) runs.PreparedPack {
	run, nonce := p.tasks[0].run, newNonce()
	name := folder.Name + "-" + nonce[:6]
	sum := sha256.Sum256([]byte(p.planned.Script))
	in := runs.PreparedPack{
		Pack: p.planned,
		Intent: jobdir.PackIntent{
			JobName: name, Cluster: p.backend.Cluster, Executor: run.Executor.Type + "." + string(run.Executor.Name),
			ScriptSHA256: hex.EncodeToString(sum[:]), User: userName(), Host: hostName(), Nonce: nonce, Created: time.Now().UTC(),
			Members: members,
		},
		Vars: []string{"LLMBENCH_STORE=" + c.Store.Dir(), "LLMBENCH_NONCE=" + nonce, "LLMBENCH_JOB_NAME=" + name},
	}
	if c.canaries(p.backend) {
		in.Vars = append(in.Vars, fmt.Sprintf("LLMBENCH_CANARY=%d", verdictWait))
	}
	return in
}

// packJob is what the executor gets of a pack.
func (c *Campaign) packJob(p *pack, resumed bool) (*Job, error) {
	intent, err := p.folder.Intent()
	if err != nil {
		return nil, err
	}
	if intent == nil || p.planned == nil {
		return nil, fmt.Errorf("%s: the pack is not complete", p.folder.Dir)
	}
	job := &Job{
		Name: intent.JobName, Dir: p.folder.Dir, Run: p.tasks[0].run, Resumed: resumed, NotBefore: intent.Created,
		Argv: withMark(p.planned.Argv, p.folder.Mark()+strings.TrimPrefix(intent.JobName, p.folder.Name)), Script: []byte(p.planned.Script),
	}
	if p.backend.Avoid == nil {
		return job, nil
	}
	job.Argv, err = c.avoiding(p.backend, job.Argv)
	return job, err
}

// submittedPack notes the receipt of a pack's job, and in each of its attempts.
func (c *Campaign) submittedPack(p *pack, handle Handle) error {
	p.handle, p.backoff = handle, 0
	p.enter(Status{State: Submitted, JobID: JobID(handle)}, time.Now())
	receipt := newJobRecord(p.backend, handle)
	if err := p.folder.RecordJob(receipt); err != nil {
		return err
	}
	return c.receive(p, receipt)
}

// receive notes a pack's receipt in the attempts that have none.
func (c *Campaign) receive(p *pack, receipt jobdir.JobRecord) error {
	var numbers map[string]int
	for _, t := range p.tasks {
		if t.pack != p || t.phase != active || t.handle != "" {
			continue
		}
		t.handle = p.handle
		t.enter(Status{State: Submitted, JobID: receipt.JobID}, time.Now())
		if err := t.attempt.RecordJob(receipt); err != nil {
			return err
		}
		if numbers == nil {
			var err error
			if numbers, err = p.numbers(); err != nil {
				return err
			}
		}
		c.link(t, fmt.Sprintf("%s.%d", receipt.JobID, numbers[t.attempt.Dir]))
		c.tell(t, RunSubmitted, Event{Text: fmt.Sprintf("in a pack of %d", len(p.planned.Runs))})
	}
	return nil
}

// numbers are the places of attempts in the order of the pack, from 1, by folder.
func (p *pack) numbers() (map[string]int, error) {
	members, err := p.folder.Members()
	numbers := map[string]int{}
	for i, a := range members {
		numbers[a.Dir] = i + 1
	}
	return numbers, err
}
