package executors

import "fmt"

// held reports whether a task waits for its family's canary; a task whose
// family failed to start is skipped for good.
func (c *Campaign) held(t *task) bool {
	if !c.canaries(t.backend) {
		return false
	}
	canary := t.family.canary
	if t.family.started || canary == t {
		return false
	}
	if canary.phase == waiting && canary.inPack() && canary.pack == t.pack {
		return false // it is the first of its family in the pack
	}
	if why := canary.dooms(); why != "" {
		c.skip(t, why)
		return true
	}
	return canary.phase != done
}

// canaries reports whether one run of a family goes first.
func (c *Campaign) canaries(b *Backend) bool { return b.Pace.Canary && !c.Detach && !c.KeepGoing }

// dooms says why the family of a canary is not tried, "" while it is.
func (t *task) dooms() string {
	if t.phase != done || t.ok() || !t.result.Code().Entry().Siblings {
		return ""
	}
	return fmt.Sprintf("not tried: %s failed to start (%s); -keep-going tries all the same", t.run.Address, t.result.Code())
}

// skip gives a task up that has no attempt.
func (c *Campaign) skip(t *task, why string) {
	t.phase, t.reason = skipped, why
	c.tell(t, RunErrored, Event{Text: why})
}

// A family is tasks that can fail to start together: the cheapest of them, and
// whether some task has got as far as measuring.
type family struct {
	canary  *task
	started bool
}

// findFamilies tells each task what its family is.
func (c *Campaign) findFamilies() {
	byName := map[string]*family{}
	for _, t := range c.tasks {
		name := t.run.Image.Name + "\x00" + t.run.Model.Checkpoint + "\x00" + t.run.Executor.Type + "." + string(t.run.Executor.Name)
		f := byName[name]
		if f == nil {
			f = &family{}
			byName[name] = f
		}
		if f.canary == nil || t.run.ExpectedGPUHours() < f.canary.run.ExpectedGPUHours() {
			f.canary = t
		}
		t.family = f
	}
}
