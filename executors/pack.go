package executors

import (
	"time"

	"github.com/llmbench/llmbench/executors/runs"
	"github.com/llmbench/llmbench/plan"
)

// A pack is several tasks that one job runs one after another. Only this user's are
// followed as packs; of another's the attempts are read as any.
type pack struct {
	submission
	phase   phase // waiting, active or done
	planned *plan.Pack
	folder  *runs.Pack // nil until it is reserved
	// tasks are those of this campaign, in the order of the pack. One
	// that was given back may be in another pack by now.
	tasks []*task
	// failed are the folders of the runs that failed and that the job was not told
	// of yet.
	failed []string
	// asked is when the job was last told to stop what goes on.
	asked time.Time
	// over is since when the job's last word is there, or the backend's.
	over time.Time
}

// inPack reports whether the task waits for, or is in, a pack that has not ended.
func (t *task) inPack() bool { return t.pack != nil && t.pack.phase != done }

// waits lists the tasks of the pack that wait for it.
func (p *pack) waits() []*task {
	var list []*task
	for _, t := range p.tasks {
		if t.pack == p && t.phase == waiting {
			list = append(list, t)
		}
	}
	return list
}

// findPacks puts waiting tasks into the packs that were planned, and takes up the
// packs of tasks in flight.
func (c *Campaign) findPacks() error {
	free := map[string][]*task{} // by address, by sample
	for _, t := range c.tasks {
		switch {
		case t.phase == waiting:
			free[t.run.Address] = append(free[t.run.Address], t)
		case t.packed && t.mine:
			if err := c.joinPack(t); err != nil {
				return err
			}
		}
	}
	members := map[string]bool{}
	for _, planned := range c.Plan.Packs {
		p := &pack{planned: planned, submission: submission{since: time.Now()}}
		for _, address := range planned.Runs {
			members[address] = true
			list := free[address]
			if len(list) == 0 {
				continue // somebody else's by now
			}
			p.tasks, free[address] = append(p.tasks, list[0]), list[1:]
			p.backend, list[0].pack = list[0].backend, p
		}
		if len(p.tasks) > 0 {
			c.packs = append(c.packs, p)
		}
	}
	for _, t := range c.tasks {
		t.member = members[t.run.Address]
	}
	return nil
}

// joinPack finds the pack of a task in flight.
func (c *Campaign) joinPack(t *task) error {
	intent, err := t.attempt.Intent()
	if err != nil || intent == nil {
		return err
	}
	folder := c.Store.Pack(t.backend.Cluster, t.backend.Simulated, intent.Pack)
	for _, p := range c.packs {
		if p.folder.Dir == folder.Dir {
			p.tasks, t.pack = append(p.tasks, t), p
			return nil
		}
	}
	p := &pack{submission: submission{backend: t.backend, since: time.Now()}, phase: active, folder: folder, tasks: []*task{t}}
	if p.planned, err = folder.Planned(); err != nil {
		return err
	}
	receipt, err := folder.Job()
	if err != nil {
		return err
	}
	p.status.State = Intent
	if receipt != nil {
		p.handle, p.status = Handle(receipt.Handle), Status{State: Submitted, JobID: receipt.JobID}
	}
	c.packs, t.pack = append(c.packs, p), p
	return nil
}

// repack puts tasks that were given back, or need another attempt, into new
// packs, once the packs that they were in have ended. Where the executor packs no
// more they get jobs of their own.
func (c *Campaign) repack() error {
	left := map[*Backend][]*task{}
	for _, t := range c.open {
		if t.phase == waiting && (t.pack == nil && t.member || t.pack != nil && t.pack.phase == done) {
			left[t.backend] = append(left[t.backend], t)
		}
	}
	for _, b := range c.backendsInUse() {
		if err := c.packAgain(b, left[b]); err != nil {
			return err
		}
	}
	return nil
}

func (c *Campaign) packAgain(b *Backend, tasks []*task) error {
	if len(tasks) == 0 {
		return nil
	}
	if b.Packer == nil || b.Packer.Packing() == nil {
		for _, t := range tasks {
			t.pack = nil
		}
		return nil
	}
	list := make([]*plan.Run, len(tasks))
	for i, t := range tasks {
		run := *t.run // planned with a job of its own, where it was in flight then
		job, err := b.Packer.Member(&run)
		if err != nil {
			return err
		}
		job.PackedWith = run.Job.PackedWith
		run.Job, t.run, list[i] = job, &run, &run
	}
	for _, t := range tasks {
		t.pack, t.member = nil, false
	}
	for _, indexes := range b.Packer.Packing().Arrange(list) {
		p := &pack{submission: submission{backend: b, since: time.Now()}}
		for _, i := range indexes {
			p.tasks = append(p.tasks, tasks[i])
			tasks[i].pack, tasks[i].member = p, true
		}
		c.packs = append(c.packs, p)
	}
	for _, t := range tasks {
		if t.pack != nil {
			continue
		}
		var err error
		if t.run.Job, err = b.Packer.Job(t.run); err != nil { // a pack may no longer take as long
			return err
		}
	}
	return nil
}

// render renders the job anew where the pack's runs are not those that were
// planned.
func (c *Campaign) render(p *pack) (err error) {
	tasks := p.waits()
	list, same := make([]*plan.Run, len(tasks)), p.planned != nil && len(p.planned.Runs) == len(tasks)
	for i, t := range tasks {
		list[i] = t.run
		same = same && p.planned.Runs[i] == t.run.Address
	}
	if same {
		return nil
	}
	p.planned, err = p.backend.Packer.PackJob(list)
	p.tasks = tasks
	return err
}
