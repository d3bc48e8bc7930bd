package executors

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
)

// A noted executor notes what it is told.
type noted struct {
	Queue
	queue map[string][]Handle
	told  []string
}

func (n *noted) Submit(context.Context, *Job) (Handle, error) { return "", ErrRejected }

func (n *noted) Poll(context.Context, []Handle) (map[Handle]Status, error) { return nil, nil }

func (n *noted) Cancel(_ context.Context, h Handle) error {
	n.told = append(n.told, "cancel "+JobID(h))
	return nil
}

func (n *noted) Nudge(_ context.Context, h Handle) error {
	n.told = append(n.told, "nudge "+JobID(h))
	return nil
}

func (n *noted) List(context.Context) (map[string][]Handle, error) { return n.queue, nil }

const packHandle = Handle("slurm:-:7:llmb-pack-0123-p1")

// A packed store has one pack of three runs in flight.
type packed struct {
	t       *testing.T
	store   *store.Store
	backend *Backend
	noted   *noted
	folder  *store.Job
	members []*store.Attempt
}

func newPacked(t *testing.T) *packed {
	t.Helper()
	p := &packed{t: t, store: store.Open(t.TempDir()), noted: &noted{queue: map[string][]Handle{}}}
	p.backend = &Backend{Cluster: "gb", Executor: p.noted}
	var err error
	if p.folder, err = p.store.ReserveJob("gb", false, "llmb-pack-0123"); err != nil {
		t.Fatal(err)
	}
	p.noted.queue[p.folder.Name] = []Handle{packHandle}
	var list []jobdir.Member
	for _, digits := range []string{"ab", "cd", "ef"} {
		key := store.Key{Fingerprint: strings.Repeat(digits, 32), Cluster: "gb"}
		a, err := p.store.Reserve(key, 1)
		if err != nil {
			t.Fatal(err)
		}
		p.members = append(p.members, a)
		list = append(list, jobdir.Member{Fingerprint: key.Fingerprint, Sample: 1, Attempt: 1})
	}
	p.ok(p.folder.RecordJob(jobdir.JobRecord{Handle: string(packHandle), JobID: "7"}))
	_, err = p.folder.Fill(&plan.Job{}, nil, p.members)
	p.ok(err)
	p.ok(p.folder.Intend(jobdir.Intent{JobName: p.folder.Name, Members: list}))
	for _, a := range p.members {
		intent, err := a.Fill(store.Prepared{
			Job:    &plan.Job{},
			Run:    &plan.Run{Address: "a", Fingerprint: a.Key.Fingerprint, Dataset: plan.Dataset{}, Env: map[string]*string{}},
			Intent: jobdir.Intent{Fingerprint: a.Key.Fingerprint, JobFolder: p.folder.Name},
		})
		p.ok(err)
		p.ok(a.Intend(intent))
	}
	return p
}

func (p *packed) ok(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *packed) put(dir, name, text string) {
	p.t.Helper()
	p.ok(os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o644))
}

// begins has the job begin a member, or all of the pack for none.
func (p *packed) begins(members ...int) {
	for _, i := range members {
		p.put(p.members[i].Dir, "claim", `{"job_id":"7","end":true}`)
		p.put(p.members[i].Dir, "start", `{"job_id":"7","nodes":"gb01","end":true}`)
	}
}

func (p *packed) cancel(members ...int) {
	p.t.Helper()
	var list []CancelRequest
	for _, i := range members {
		list = append(list, CancelRequest{Attempt: p.members[i], Backend: p.backend})
	}
	p.ok(Cancel(p.t.Context(), list))
}

func (p *packed) phases() string {
	p.t.Helper()
	var list []string
	for _, a := range p.members {
		phase, err := a.State()
		p.ok(err)
		list = append(list, string(phase))
	}
	return strings.Join(list, " ")
}

func TestCancelInPack(t *testing.T) {
	for _, c := range []struct {
		name         string
		begun        []int
		cancelled    []int
		told, phases string
	}{
		{"one that has not begun", []int{0}, []int{1}, "", "running ended intent"},
		{"the one that is measured", []int{0}, []int{0}, "nudge 7", "ended intent intent"},
		{"both", []int{0}, []int{0, 2}, "nudge 7", "ended intent ended"},
		{"all", []int{0}, []int{0, 1, 2}, "cancel 7", "ended ended ended"},
		{"all before any has begun", nil, []int{0, 1, 2}, "cancel 7", "ended ended ended"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPacked(t)
			p.begins(c.begun...)
			p.cancel(c.cancelled...)
			if got := strings.Join(p.noted.told, ", "); got != c.told {
				t.Errorf("the executor was told %q, want %q", got, c.told)
			}
			if got := p.phases(); got != c.phases {
				t.Errorf("phases are %s, want %s", got, c.phases)
			}
			for _, i := range c.cancelled {
				if r, err := p.members[i].Result(); err != nil || r.Code() != "cancelled" {
					t.Errorf("%v, %v", r, err)
				}
				if claim, err := p.members[i].Claim(); err != nil || claim == nil {
					t.Error("a job could still begin it")
				}
			}
			if whole := len(c.cancelled) == 3; p.folder.Cancelled() != whole {
				t.Errorf("the pack is cancelled: %v", !whole)
			}
		})
	}
}

func TestStraysKnowPacks(t *testing.T) {
	p := newPacked(t)
	strays := func() []Handle {
		t.Helper()
		found, err := Strays(t.Context(), p.store, nil, p.backend)
		p.ok(err)
		return found
	}
	p.begins(0)
	if found := strays(); len(found) > 0 {
		t.Errorf("a pack that is measured is a stray: %v", found)
	}
	for _, a := range p.members {
		p.ok(a.RecordEnd(jobdir.EndRecord{Code: "lost"}))
	}
	if found := strays(); !slices.Equal(found, []Handle{packHandle}) {
		t.Errorf("strays are %v", found)
	}
	p.put(p.folder.Dir, "exit", `{"job_id":"8","rc":0,"end":true}`)
	if found := strays(); len(found) != 1 {
		t.Errorf("another job's word ends it: %v", found)
	}
	p.put(p.folder.Dir, "exit", `{"job_id":"7","rc":0,"end":true}`)
	if found := strays(); len(found) > 0 {
		t.Errorf("a job that has said its last word is a stray: %v", found)
	}
}

// What a pack's job left is given back when it was not begun, and lost when it
// was, but only once its own word is overdue.
func TestSettle(t *testing.T) {
	p := newPacked(t)
	p.begins(0)
	open, err := settle(p.folder, jobdir.EndRecord{Code: "node_fail"}, false)
	if err != nil || !open || p.phases() != "running deferred deferred" {
		t.Errorf("open %v, %s, %v", open, p.phases(), err)
	}
	open, err = settle(p.folder, jobdir.EndRecord{Code: "node_fail"}, true)
	if err != nil || open || p.phases() != "ended deferred deferred" {
		t.Errorf("open %v, %s, %v", open, p.phases(), err)
	}
	if r, err := p.members[0].Result(); err != nil || r.Code() != "node_fail" {
		t.Errorf("%v %v", r, err)
	}
}

// A run that is being taken out of its pack is given back before its end is written
// down: an apply that looks meanwhile does not measure it again.
func TestCancelSeenHalfway(t *testing.T) {
	p := newPacked(t)
	a := p.members[1]
	p.ok(a.MarkCancelled())
	if given, err := a.Defer("cancelled on request"); !given || err != nil {
		t.Fatal(given, err)
	}
	run := &task{backend: p.backend, run: &plan.Run{Fingerprint: a.Key.Fingerprint}, attempt: a, phase: active, siblings: &canaryGroup{}}
	run.job = &job{backend: p.backend, handle: packHandle, folder: p.folder, phase: active, mine: true, tasks: []*task{run}}
	c := &Campaign{Store: p.store, open: []*task{run}}
	p.ok(c.read(run))
	c.takeUpCancels(t.Context(), p.backend)
	if run.phase != done || run.result.Code() != "cancelled" {
		t.Errorf("phase %v, %v", run.phase, run.result)
	}
}

// Whoever takes up a job in flight removes what a killed writer left in its folders.
func TestTakenUpJobIsSwept(t *testing.T) {
	p := newPacked(t)
	a := p.members[1]
	for _, dir := range []string{a.Dir, p.folder.Dir} {
		left := filepath.Join(dir, ".job.json123456")
		p.ok(os.WriteFile(left, nil, 0o600))
		p.ok(os.Chtimes(left, time.Time{}, time.Now().Add(-48*time.Hour)))
		p.ok((&task{backend: p.backend}).takeUp(store.Sample{Attempt: a, Mine: true}))
		if _, err := os.Stat(left); err == nil {
			t.Errorf("%s is left", left)
		}
	}
}

// Runs of one pack have links of their own, although they share a job; whoever shares
// the store may add to them.
func TestPackLinks(t *testing.T) {
	p := newPacked(t)
	group, err := user.LookupGroupId(strconv.Itoa(os.Getgid()))
	p.ok(err)
	p.ok(p.store.ShareWith(group.Name))
	p.backend.LinksDir = filepath.Join(t.TempDir(), "experiments")
	p.backend.Links = func(_ *plan.Run, job string) map[string]string {
		return map[string]string{"llama4/" + job + ".out": "stdout"}
	}
	j := &job{backend: p.backend, handle: packHandle, folder: p.folder}
	for _, i := range []int{2, 0, 1} { // in whatever order they were found again
		j.tasks = append(j.tasks, &task{backend: p.backend, run: &plan.Run{}, attempt: p.members[i], phase: active, job: j})
	}
	c := &Campaign{Store: p.store}
	p.ok(c.announce(j, newJobRecord(p.backend, packHandle)))
	p.ok(c.receipts.Wait())
	for i, a := range p.members {
		at := filepath.Join(p.backend.LinksDir, fmt.Sprintf("llama4/7.%d.out", i+1))
		if to, err := os.Readlink(at); err != nil || to != filepath.Join(a.Dir, "stdout") {
			t.Errorf("%s leads to %s, %v", at, to, err)
		}
	}
	for _, dir := range []string{p.backend.LinksDir, filepath.Join(p.backend.LinksDir, "llama4")} {
		if info, err := os.Stat(dir); err != nil || info.Mode()&(0o070|fs.ModeSetgid) != 0o070|fs.ModeSetgid {
			t.Errorf("%s: %v, %v", dir, info.Mode(), err)
		}
	}
}
