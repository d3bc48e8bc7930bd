package main

import (
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/slurm/slurmtest"
)

// TestDrills breaks a real Slurm under a campaign, part by part.
func TestDrills(t *testing.T) {
	c, cluster := newCampaignOn(t, slurmtest.Options{Accounting: true, MinJobAge: 2, SlurmdTimeout: 5})
	drills(t, c, cluster, []namedDrill{
		{"controller restarts", (*drill).controllerRestarts},
		{"job is purged before it is looked for", (*drill).purged},
		{"nodes are drained, then the job is held", (*drill).held},
		{"job is cancelled by hand", (*drill).cancelledByHand},
		{"job hangs", (*drill).hangs},
		{"jobs are silent and well", (*drill).silences},
		{"job is requeued by hand", (*drill).requeued},
		{"cancel dies", (*drill).cancelDies},
		{"another store measures the same", (*drill).otherStore},
		{"jobs are suspended", (*drill).suspended},
		{"nodes are bad", (*drill).badNodes},
		{"accounting stops", (*drill).accountingStops},
		{"node dies", (*drill).nodeDies},
		{"in an allocation", (*drill).inAllocation},
		{"clocks are held down", (*drill).throttled},
		{"packs lose jobs, runs and apply", (*drill).packs},
		{"packs lose what is cancelled", (*drill).packCancelled},
		{"packs in other ways", (*drill).packsOtherwise},
		{"secrets stay private", (*drill).secretsStayPrivate},
	})
}

// TestDrillsWithoutAccounting is for clusters where only the queue tells how a job
// ended, and forgets it soon.
func TestDrillsWithoutAccounting(t *testing.T) {
	c, cluster := newCampaignOn(t, slurmtest.Options{MinJobAge: 2, SlurmdTimeout: 5})
	drills(t, c, cluster, []namedDrill{
		{"controller restarts", (*drill).controllerRestarts},
		{"node dies", (*drill).nodeDies},
		{"job is purged before it is looked for", (*drill).purged},
		{"job is cancelled by hand", (*drill).cancelledByHand},
		{"job is requeued by hand", (*drill).requeued},
	})
}

// TestOnSlurmContainers stands apart from the other drills, which it would make longer by
// Slurm's shortest time limit.
func TestOnSlurmContainers(t *testing.T) {
	c, cluster := newCampaignOn(t, slurmtest.Options{Accounting: true, MinJobAge: 2, SlurmdTimeout: 5})
	drills(t, c, cluster, []namedDrill{{"containers are removed", (*drill).containers}})
}

// TestOnSlurmEngines needs nothing of what the other drills break.
func TestOnSlurmEngines(t *testing.T) {
	c, cluster := newCampaignOn(t, slurmtest.Options{Accounting: true, MinJobAge: 2, SlurmdTimeout: 5})
	drills(t, c, cluster, []namedDrill{{"runs share an engine", (*drill).engines}, {"shared engines are lost", (*drill).enginesLost}})
}

type namedDrill struct {
	name string
	run  func(*drill)
}

func drills(t *testing.T, c *campaign, cluster *slurmtest.Cluster, list []namedDrill) {
	for _, d := range list {
		ok := t.Run(d.name, func(t *testing.T) {
			d.run(newDrill(t, &campaign{t: t, bin: c.bin, dir: c.dir}, cluster))
		})
		if !ok {
			t.Fatalf("the drill %q failed; those behind it are left out, since its cluster may not be whole", d.name)
		}
	}
}

// A drill is a campaign with a store of its own on a cluster that it breaks.
type drill struct {
	*campaign
	cluster *slurmtest.Cluster
	store   string
}

// newDrill returns a drill after which no job is left on the cluster.
func newDrill(t *testing.T, c *campaign, cluster *slurmtest.Cluster) *drill {
	d := &drill{campaign: c, cluster: cluster, store: filepath.Join(t.TempDir(), "store")}
	t.Cleanup(func() {
		if t.Failed() {
			_ = exec.Command("bash", "-c", "scancel $(squeue -h -a -o %i)").Run()
		}
		quiet(t, cluster)
	})
	return d
}

// An applying is an apply that runs.
type applying struct {
	d    *drill
	cmd  *exec.Cmd
	done chan struct{}

	mu  sync.Mutex
	out strings.Builder
}

func (a *applying) Write(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.out.Write(b)
}

func (a *applying) output() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.out.String()
}

// start begins an apply.
func (d *drill) start(args ...string) *applying {
	d.t.Helper()
	a := &applying{d: d, done: make(chan struct{})}
	a.cmd = d.asUser(exec.Command("llmbench", append([]string{"apply", "-auto-approve", "-store=" + d.store}, append(args, d.dir)...)...))
	a.cmd.Stdout, a.cmd.Stderr = a, a
	d.ok(a.cmd.Start())
	go func() { _ = a.cmd.Wait(); close(a.done) }()
	d.t.Cleanup(func() { _ = a.cmd.Process.Kill(); <-a.done })
	return a
}

// says waits until the apply has said something.
func (a *applying) says(text string) {
	a.d.t.Helper()
	a.d.until("apply says "+text, func() bool {
		select {
		case <-a.done:
			if !strings.Contains(a.output(), text) {
				a.d.t.Fatalf("apply ended and did not say %q:\n%s", text, a.output())
			}
		default:
		}
		return strings.Contains(a.output(), text)
	})
}

// wait waits for the apply's end.
func (a *applying) wait() (string, int) {
	a.d.t.Helper()
	select {
	case <-a.done:
	case <-time.After(patience):
		a.d.stuck("apply ends, which has said\n" + a.output())
		a.d.t.FailNow()
	}
	a.d.t.Logf("apply: exit %d\n%s", a.cmd.ProcessState.ExitCode(), a.output())
	return a.output(), a.cmd.ProcessState.ExitCode()
}

// until waits for something to hold.
func (d *drill) until(what string, holds func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			d.stuck(what)
			d.t.FailNow()
		}
	}
}

func (d *drill) must(name string, args ...string) string {
	d.t.Helper()
	out, err := d.command(name, args...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// job waits for a job in a state and returns its id.
func (d *drill) job(state string) (id string) {
	d.t.Helper()
	d.until("a job is "+state, func() bool {
		out, err := d.command("squeue", "-h", "-t", state, "-o", "%i").Output()
		ids := strings.Fields(string(out))
		if err != nil || len(ids) == 0 {
			return false
		}
		id = ids[0]
		return true
	})
	return id
}

func (d *drill) ok(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// A gate is where jobs wait before they measure until it is opened.
type gate struct {
	d   *drill
	dir string
}

// gated gives the drill definitions whose jobs wait at a gate.
func (d *drill) gated() gate {
	d.t.Helper()
	g := gate{d, d.t.TempDir()}
	lines := fmt.Sprintf(`touch %[1]s/$SLURM_JOB_ID.$SLURMD_NODENAME; until [ -e %[1]s/open ]; do sleep 0.2; done`, g.dir)
	d.definitions(strings.Replace(rehearsal, `canary        = false`, fmt.Sprintf("canary        = false\n  prolog        = [%q]", lines), 1))
	return g
}

// open lets the jobs go on.
func (g gate) open() { g.d.ok(os.WriteFile(filepath.Join(g.dir, "open"), nil, 0o644)) }

// arrived waits for a job and returns its id and the nodes that it is on.
func (g gate) arrived(after string) (id string, nodes []string) {
	g.d.t.Helper()
	g.d.until("a job waits at the gate", func() bool {
		nodes = nil
		found, _ := filepath.Glob(filepath.Join(g.dir, "*.gb*"))
		for _, path := range found {
			job, node, _ := strings.Cut(filepath.Base(path), ".")
			if job != after {
				id, nodes = job, append(nodes, node)
			}
		}
		return len(nodes) == 2
	})
	return id, nodes
}

func (d *drill) definitions(text string) {
	d.t.Helper()
	d.dir = filepath.Join(d.t.TempDir(), "defs")
	d.ok(os.MkdirAll(d.dir, 0o755))
	d.ok(os.WriteFile(filepath.Join(d.dir, "main.hcl"), []byte(text), 0o644))
}

// wantValid checks that n runs have a valid sample.
func (d *drill) wantValid(n int) {
	d.t.Helper()
	out, code := d.llmbench("results", "-store="+d.store, "-all", d.dir)
	if got := strings.Count(out, "valid (simulated)"); got != n || code != 0 {
		d.t.Errorf("%d valid results, want %d (exit %d)", got, n, code)
	}
}

// attempts counts the attempts in the store that a job has claimed. A killed
// apply may leave folders behind that no job was submitted for.
func (d *drill) attempts() int {
	found, _ := filepath.Glob(filepath.Join(d.store, "simulated", "runs", "*", "*", "sample-*", "attempt-*", "claim"))
	return len(found)
}

// interposed stands before sbatch: a submission waits until the drill goes on.
const interposed = `#!/bin/bash
case " $* " in
*" --test-only "*|*" --help "*) ;;
*) touch %[1]s/submits; until [ -e %[1]s/go ]; do sleep 0.05; done ;;
esac
exec %[2]s "$@"
`

// controllerRestarts kills the controller while sbatch talks to it.
func (d *drill) controllerRestarts() {
	sbatch, err := exec.LookPath("sbatch")
	d.ok(err)
	dir := d.t.TempDir()
	d.ok(os.WriteFile(filepath.Join(d.bin, "sbatch"), fmt.Appendf(nil, interposed, dir, sbatch), 0o755))
	defer os.Remove(filepath.Join(d.bin, "sbatch"))
	a := d.start()
	d.until("apply submits", func() bool { _, err := os.Stat(filepath.Join(dir, "submits")); return err == nil })
	d.ok(d.cluster.FreezeController())
	d.ok(os.WriteFile(filepath.Join(dir, "go"), nil, 0o644))
	d.until("sbatch runs", func() bool { return d.runs(sbatch) })
	d.ok(d.cluster.KillController())
	a.says("submission not confirmed")
	d.ok(d.cluster.StartController())
	if _, code := a.wait(); code != 0 {
		d.t.Errorf("exit %d", code)
	}
	// The controller may have forgotten jobs that it had not saved: these are lost
	// and get a new attempt.
	d.wantValid(4)
}

// runs reports whether a program runs on this host.
func (d *drill) runs(program string) bool {
	found, _ := filepath.Glob("/proc/[0-9]*/exe")
	return slices.ContainsFunc(found, func(exe string) bool { at, _ := os.Readlink(exe); return at == program })
}

func (d *drill) purged() {
	if _, code := d.llmbench("apply", "-auto-approve", "-detach", "-target=use_case=chat", "-store="+d.store, d.dir); code != 0 {
		d.t.Fatalf("exit %d", code)
	}
	d.until("the job is purged", func() bool { return len(d.jobs()) == 0 })
	if _, code := d.llmbench("apply", "-auto-approve", "-target=use_case=chat", "-store="+d.store, d.dir); code != 0 {
		d.t.Errorf("exit %d", code)
	}
	d.wantValid(1)
	if n := d.attempts(); n != 1 {
		d.t.Errorf("%d attempts for one run", n)
	}
}

// held: a job for which all nodes are drained waits; one that its user holds by hand is
// left alone, and runs once it is released.
func (d *drill) held() {
	d.must("scontrol", "update", "nodename=gb[01-04]", "state=drain", "reason=drill")
	a := d.start("-target=use_case=chat")
	a.says("an administrator has to return them to service")
	id := d.job("PENDING")
	d.must("scontrol", "uhold", id)
	a.says("scontrol release " + id)
	d.must("scontrol", "update", "nodename=gb[01-04]", "state=resume")
	d.must("scontrol", "release", id)
	if _, code := a.wait(); code != 0 {
		d.t.Errorf("exit %d", code)
	}
	d.wantValid(1)
}

func (d *drill) cancelledByHand() {
	g := d.gated()
	a := d.start("-target=use_case=generation")
	id, _ := g.arrived("")
	d.must("scancel", id)
	if out, code := a.wait(); code != 3 || !strings.Contains(out, "cancelled") {
		d.t.Errorf("exit %d, want 3 and the cause", code)
	}
}

// requeued has an administrator put a job back into the queue: it is cancelled
// there, and a new attempt follows.
func (d *drill) requeued() {
	g := d.gated()
	a := d.start("-target=use_case=chat")
	id, _ := g.arrived("")
	d.must("scontrol", "update", "jobid="+id, "requeue=1")
	d.must("scontrol", "requeue", id)
	a.says("a new attempt follows")
	g.open()
	if _, code := a.wait(); code != 0 {
		d.t.Errorf("exit %d", code)
	}
	d.wantValid(1)
	d.until("the first job is gone", func() bool { return !d.queued(id) })
}

// queued reports whether the queue has a job.
func (d *drill) queued(id string) bool {
	d.t.Helper()
	return slices.Contains(strings.Fields(d.must("squeue", "-h", "-o", "%i")), id)
}

// cancelDies leaves the wish to cancel a job behind, as a cancel does that is
// killed before it reaches Slurm.
func (d *drill) cancelDies() {
	g := d.gated()
	if _, code := d.llmbench("apply", "-auto-approve", "-detach", "-target=use_case=chat", "-store="+d.store, d.dir); code != 0 {
		d.t.Fatalf("exit %d", code)
	}
	id, _ := g.arrived("")
	attempts, _ := filepath.Glob(filepath.Join(d.store, "simulated", "runs", "*", "*", "sample-1", "attempt-1"))
	d.ok(os.WriteFile(filepath.Join(attempts[0], "cancelled"), nil, 0o644))
	if out, code := d.start("-target=use_case=chat").wait(); code != 3 || !strings.Contains(out, "cancelled: on request") {
		d.t.Errorf("exit %d, want 3 and the cause", code)
	}
	d.until("the job is gone", func() bool { return !d.queued(id) })
}

// otherStore measures one run into two stores at once: neither touches the
// other's job. One of the applies is interrupted, and says what of its job.
func (d *drill) otherStore() {
	g := d.gated()
	a := d.start("-target=use_case=chat")
	id, _ := g.arrived("")
	a.says("submitted as job " + id)
	d.ok(a.cmd.Process.Signal(syscall.SIGINT))
	if out, code := a.wait(); code != 130 || !strings.Contains(out, "job "+id) || strings.Count(out, " -store="+d.store+" "+d.dir) != 3 {
		d.t.Errorf("interrupted: exit %d, want 130, the job, and how to follow, resume and cancel it", code)
	}
	a = d.start("-target=use_case=chat")
	other := newDrill(d.t, d.campaign, d.cluster)
	dir := d.dir
	other.definitions(rehearsal)
	if _, code := other.start("-target=use_case=chat").wait(); code != 0 {
		d.t.Errorf("the other store: exit %d", code)
	}
	other.wantValid(1)
	d.dir = dir
	g.open()
	if _, code := a.wait(); code != 0 {
		d.t.Errorf("exit %d", code)
	}
	d.wantValid(1)
	if n := d.attempts(); n != 1 {
		d.t.Errorf("%d attempts for one run", n)
	}
}

// hangs lets trtllm-bench hang after a failure: the job is looked into and
// cancelled long before its time limit. A job that moves a bar and ends no line lives.
func (d *drill) hangs() {
	text := strings.Replace(rehearsal, `LLMBENCH_SIMULATED_SPEED = "20"`, `LLMBENCH_SIMULATED_FAULT = each.use_case.label == "chat" ? "hang" : ""`, 1)
	d.definitions(strings.Replace(text, `canary        = false`, `canary        = false
  max_quiet     = "6s"
  prolog        = ["for i in $(seq 12); do [ -n \"$LLMBENCH_SIMULATED_FAULT\" ] || { printf '\\r%s shards' $i >&2; sleep 1; }; done"]`, 1))
	out, code := d.start("-target=use_case=chat", "-target=use_case=reasoning").wait()
	if code != 3 || !strings.Contains(out, "/chat  failed  hang: nothing was written for") || !strings.Contains(out, "/reasoning  valid") {
		d.t.Errorf("exit %d, want 3 and the cause", code)
	}
	d.wantLog("\r12 shards", "-stderr", "-rank=7", "use_case=reasoning")
	d.wantLog("PERFORMANCE OVERVIEW", "use_case=reasoning")
	found, _ := filepath.Glob(filepath.Join(d.store, "simulated", "runs", "*", "*", "sample-1", "attempt-1", "diagnosis.txt"))
	if len(found) != 1 {
		d.t.Fatalf("no diagnosis")
	}
	text2, err := os.ReadFile(found[0])
	d.ok(err)
	if !strings.Contains(string(text2), "process") || !strings.Contains(string(text2), "nvidia-smi") {
		d.t.Errorf("the diagnosis says nothing: %s", text2)
	}
}

// wantLog checks that logs prints something.
func (d *drill) wantLog(text string, args ...string) {
	d.t.Helper()
	if out, code := d.llmbench(append(append([]string{"logs", "-raw", "-store=" + d.store}, args...), d.dir)...); code != 0 || !strings.Contains(out, text) {
		d.t.Errorf("logs %v: exit %d, and no %q", args, code, text)
	}
}

// silences lets five runs say something harmless, or nothing, and then nothing for
// long by the measure of their polls: none is cancelled.
func (d *drill) silences() {
	text := strings.Replace(rehearsal, `canary        = false`, `canary        = false
  max_in_queue  = 5
  exclusive     = false
  prolog        = [ "printf '%b' \"$SAY\" >&2", "sleep 7" ]`, 1)
	head, body, _ := strings.Cut(text, `benchmark "max_throughput"`)
	body, _, _ = strings.Cut(body, `  use_case "reasoning" {}`)
	var defs strings.Builder
	defs.WriteString(head)
	for i, say := range []string{
		"", "[gb01:7] PMIX ERROR: ERROR in file gds_ds12_lock_pthread.c at line 169\\\\n",
		"gb01:7:8 [0] init.cc:100 NCCL WARN NET/Plugin: no plugin found\\\\n",
		"[TRT-LLM] [W] Failed to import a kernel, falls back\\\\n", "\\\\rLoading weights: 12%",
	} {
		fmt.Fprintf(&defs, "benchmark \"silence%d\"%s  use_case \"chat\" {}\n}\n", i,
			strings.Replace(body, `LLMBENCH_SIMULATED_SPEED = "20"`, fmt.Sprintf(`SAY = "%s"`, say), 1))
	}
	d.definitions(defs.String())
	began := time.Now()
	if out, code := d.start().wait(); code != 0 || strings.Contains(out, "cancelled") {
		d.t.Errorf("exit %d", code)
	}
	d.wantValid(5)
	if took := time.Since(began); took > time.Minute {
		d.t.Errorf("the drill took %s", took)
	}
}

// callerHas puts a setting and a secret into the caller's shell and returns the
// argument that ends jobs which see one of them.
func (d *drill) callerHas() string {
	d.t.Setenv("NCCL_ALGO", "Ring")
	d.t.Setenv("CALLERS_SECRET", "of nobody's business")
	return `prolog = ["[ -z \"$NCCL_ALGO$CALLERS_SECRET\" ]"]`
}

// suspended stops two jobs while they measure, of which nobody follows one: what they
// report does not count.
func (d *drill) suspended() {
	d.definitions(strings.Replace(rehearsal, `LLMBENCH_SIMULATED_SPEED = "20"`, `LLMBENCH_SIMULATED_SPEED = "0.1"`, 1))
	alone := newDrill(d.t, d.campaign, d.cluster)
	a := d.start("-target=use_case=chat")
	if _, code := d.llmbench("apply", "-auto-approve", "-detach", "-target=use_case=chat", "-store="+alone.store, d.dir); code != 0 {
		d.t.Fatalf("exit %d", code)
	}
	for _, of := range []*drill{d, alone} {
		d.until("a job measures", func() bool { return of.wrote(jobdir.StdoutFile, "Starting benchmark...") })
	}
	ids := strings.Fields(d.must("squeue", "-h", "-t", "R", "-o", "%i"))
	for _, does := range []string{"suspend", "resume"} {
		for _, id := range ids {
			d.must("scontrol", does, id)
		}
		time.Sleep(7 * time.Second)
	}
	if out, code := a.wait(); code != 3 || !strings.Contains(out, "/chat  invalid  suspended: ") {
		d.t.Errorf("exit %d, want 3 and the verdict", code)
	}
	d.until("the other job has ended", func() bool { return alone.wrote(jobdir.ExitFile, "end") })
	if out, code := d.llmbench("results", "-store="+alone.store, d.dir); code != 3 || !strings.Contains(out, "invalid") || !strings.Contains(out, "suspended: ") {
		d.t.Errorf("results: exit %d, want 3 and the verdict", code)
	}
}

// wrote reports whether a file of an attempt contains a string.
func (d *drill) wrote(name, text string) bool {
	found, _ := filepath.Glob(filepath.Join(d.store, "simulated", "runs", "*", "*", "sample-*", "attempt-*", name))
	return slices.ContainsFunc(found, func(path string) bool {
		b, _ := os.ReadFile(path)
		return strings.Contains(string(b), text)
	})
}

// badNodes has a node on which no container starts and one on which Slurm starts no
// task: both are left alone, and the runs measured elsewhere. What two nodes have is
// no node's.
func (d *drill) badNodes() {
	bad := d.t.TempDir()
	d.definitions(strings.Replace(rehearsal, `canary        = false`, fmt.Sprintf(`canary        = false
  prolog        = ["[ ! -e %s/$SLURMD_NODENAME ] || { echo \"slurmstepd: error: pyxis: couldn't start container\" >&2; exit 1; }", "sleep 2"]`, bad), 1))
	mark := func(nodes ...string) {
		for _, node := range nodes {
			d.ok(os.WriteFile(filepath.Join(bad, node), nil, 0o644))
		}
	}
	// apply keeps other nodes from a run until it has failed.
	apply := func(useCase, drained, says string) {
		d.must("scontrol", "update", "nodename="+drained, "state=drain", "reason=drill")
		a := d.start("-target=use_case=" + useCase)
		a.says(says)
		d.must("scontrol", "update", "nodename="+drained, "state=resume")
		if _, code := a.wait(); code != 0 {
			d.t.Errorf("exit %d", code)
		}
	}
	mark("gb02")
	apply("chat", "gb[03-04]", "node gb02 is left alone for 12h0m0s: rank ")
	// PMIx has its files below TmpFS.
	tmp := filepath.Join(d.cluster.Dir, "tmp", "gb03")
	d.ok(os.RemoveAll(tmp))
	d.ok(os.WriteFile(tmp, nil, 0o644))
	apply("reasoning", "gb04", "node gb03 is left alone for 12h0m0s: srun: error: task")
	d.ok(os.Remove(tmp))
	d.ok(os.Mkdir(tmp, 0o755))
	d.wantValid(2)
	if n := d.attempts(); n != 4 {
		d.t.Errorf("%d attempts, want 2 for each run", n)
	}

	d.store += "-of-all"
	mark("gb01", "gb03", "gb04")
	out, code := d.start("-target=use_case=chat").wait()
	if code != 3 || !strings.Contains(out, "it is not the node's") || d.attempts() != 2 {
		d.t.Errorf("exit %d after %d attempts, want 3 after 2, and no node to blame", code, d.attempts())
	}
	if out, _ := d.llmbench("plan", "-store="+d.store, "-target=use_case=chat", d.dir); !strings.Contains(out, "blocked") {
		d.t.Error("plan does not block the run")
	}
}

func (d *drill) accountingStops() {
	d.ok(d.cluster.KillAccounting())
	if _, code := d.start().wait(); code != 0 {
		d.t.Errorf("exit %d", code)
	}
	d.wantValid(4)
	d.ok(d.cluster.StartAccounting())
}

// nodeDies takes a node away from a running job: it runs again elsewhere.
func (d *drill) nodeDies() {
	g := d.gated()
	a := d.start("-target=use_case=generation")
	id, nodes := g.arrived("")
	d.ok(d.cluster.KillNode(nodes[1]))
	a.says("a new attempt follows")
	if _, on := g.arrived(id); slices.Contains(on, nodes[1]) {
		d.t.Errorf("the new attempt is on %v, and %s is dead", on, nodes[1])
	}
	g.open()
	if out, code := a.wait(); code != 0 || !strings.Contains(out, "node "+nodes[1]+" is left alone") {
		d.t.Errorf("exit %d, want 0 after a new attempt, and %s left alone", code, nodes[1])
	}
	d.ok(d.cluster.StartNode(nodes[1]))
	d.wantValid(1)
	if n := d.attempts(); n != 2 {
		d.t.Errorf("%d attempts, want 2", n)
	}
}

// inAllocation measures in an allocation that the user has, kills apply on the
// way, and takes the run up again.
func (d *drill) inAllocation() {
	d.definitions(strings.Replace(rehearsal, `canary        = false`, "canary        = false\n  in_allocation = true\n  "+d.callerHas(), 1))
	if out, code := d.llmbench("apply", "-auto-approve", "-store="+d.store, d.dir); code != 1 || strings.Contains(out, "submitted") {
		d.t.Errorf("outside of an allocation: exit %d, want 1", code)
	}
	apply := fmt.Sprintf("llmbench apply -auto-approve -store=%s %s", d.store, d.dir)
	claimed := filepath.Join(d.store, "simulated", "runs", "*", "*", "sample-*", "attempt-*", "claim")
	script := fmt.Sprintf("%s & until compgen -G '%s' >/dev/null || ! kill -0 $!; do sleep 0.1; done; kill -KILL $!; wait; %s", apply, claimed, apply)
	out, err := d.command("salloc", "-N", "2", "--exclusive", "--gpus-per-node=4", "--ntasks-per-node=4", "-t", "60", "bash", "-c", script).CombinedOutput()
	d.t.Logf("%s", out)
	if err != nil {
		d.t.Errorf("apply in an allocation: %v", err)
	}
	d.wantValid(4)
	if n := d.attempts(); n != 4 {
		d.t.Errorf("%d attempts for 4 runs", n)
	}
}

// nvidiaSMI stands in for nvidia-smi: it tells of a GPU, and samples clocks that
// are held down where the run's environment says so.
const nvidiaSMI = `#!/bin/bash
case $* in
*name,driver*) echo "NVIDIA GB200, 570.12, 2062, 1200.00" ;;
*timestamp*)
  mask=0x0000000000000004
  [ -n "$DRILL_THROTTLE" ] && mask=0x0000000000000040
  while :; do
    for gpu in 0 1 2 3; do echo "$(date '+%Y/%m/%d %H:%M:%S.000'), $gpu, 1800, 3996, 900.50, 64, $mask, 150000"; done
    sleep 0.2
  done ;;
*) echo "| NVIDIA-SMI 570.12  Driver Version: 570.12  CUDA Version: 12.8 |" ;;
esac
`

// throttled samples a run whose clocks are held down beside one whose are not.
func (d *drill) throttled() {
	d.ok(os.WriteFile(filepath.Join(d.bin, "nvidia-smi"), []byte(nvidiaSMI), 0o755))
	defer os.Remove(filepath.Join(d.bin, "nvidia-smi"))
	text := strings.Replace(rehearsal, `LLMBENCH_SIMULATED_SPEED = "20"`, `LLMBENCH_SIMULATED_SPEED = "2"`, 1)
	d.definitions(strings.Replace(text, `  use_case "chat" {}`, "  use_case \"chat\" {\n    env = { DRILL_THROTTLE = \"1\" }\n  }", 1))
	out, code := d.start("-target=use_case=chat", "-target=use_case=reasoning").wait()
	if code != 0 || !strings.Contains(out, "suspect (simulated)") || !strings.Contains(out, "throttled: clocks were held down in 100 % of the samples: hardware thermal slowdown") {
		d.t.Errorf("exit %d, want 0 and chat suspect", code)
	}
	for _, format := range []string{"markdown", "csv", "json"} {
		got, _ := d.llmbench("results", "-store="+d.store, "-format="+format, d.dir)
		if !strings.Contains(got, "throttled") {
			d.t.Errorf("%s does not mark the result", format)
		}
		if format == "json" && (!strings.Contains(got, `"driver": "570.12"`) || !strings.Contains(got, `"cuda": "12.8"`) || !strings.Contains(got, `"tokens_per_joule": `) || !strings.Contains(got, `"power_cap_w": 1200`)) {
			d.t.Errorf("the provenance is not whole: %s", got)
		}
	}
}

// many is the rehearsal with samples of one run.
func many(samples int) string {
	text := strings.Replace(rehearsal, `LLMBENCH_SIMULATED_SPEED = "20"`, `LLMBENCH_SIMULATED_SPEED = "1000"`, 1)
	text = strings.Replace(text, "num_requests   = 64", fmt.Sprintf("num_requests   = 64\n  samples        = %d", samples), 1)
	return strings.Replace(text, "poll_interval = \"1s\"", "poll_interval = \"1s\"\n  commands_per_minute = 100000", 1)
}

// TestOnSlurmManyKills kills apply thirty times at random during one campaign of
// forty samples.
func TestOnSlurmManyKills(t *testing.T) {
	// Jobs stay known to the end of a slow test.
	c, cluster := newCampaignOn(t, slurmtest.Options{Nodes: 8, MinJobAge: 86400})
	d := newDrill(t, c, cluster)
	d.definitions(many(10))
	rng := rand.New(rand.NewSource(1))
	for range 30 {
		cmd := exec.Command("llmbench", "apply", "-auto-approve", "-store="+d.store, d.dir)
		d.ok(cmd.Start())
		time.Sleep(time.Duration(50+rng.Intn(700)) * time.Millisecond)
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
	}
	if _, code := d.start().wait(); code != 0 {
		t.Fatalf("exit %d", code)
	}
	out, _ := d.llmbench("results", "-store="+d.store, "-format=csv", d.dir)
	if n := strings.Count(out, ",valid,"); n != 40 {
		t.Errorf("%d results, want 40", n)
	}
	if n := d.attempts(); n != 40 {
		t.Errorf("%d attempts for 40 samples", n)
	}
	names := d.jobs()
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			t.Errorf("%s was submitted twice", name)
		}
		seen[name] = true
	}
	if len(names) != 40 {
		t.Errorf("%d jobs for 40 samples", len(names))
	}
}

// TestOnSlurmWindow sends sixty samples through the window that the QOS of a
// partition leaves, and a few through that of the user's default QOS, and counts what
// that costs the controller. No job is refused.
func TestOnSlurmWindow(t *testing.T) {
	c, cluster := newCampaignOn(t, slurmtest.Options{Nodes: 8, MinJobAge: 2, Accounting: true, Enforced: true})
	d := newDrill(t, c, cluster)
	for _, change := range []string{
		"add qos five set MaxSubmitJobsPerUser=5", "add qos two set MaxSubmitJobsPerUser=2", "modify user where name=root set qos+=five,two",
	} {
		d.must("sacctmgr", append([]string{"-i"}, strings.Fields(change)...)...)
	}
	d.must("scontrol", "update", "partitionname=batch", "qos=five")
	d.definitions(many(15))
	squeue, err := exec.LookPath("squeue")
	d.ok(err)
	calls := filepath.Join(t.TempDir(), "calls")
	d.ok(os.WriteFile(filepath.Join(d.bin, "squeue"), fmt.Appendf(nil, "#!/bin/sh\necho >>%s\nexec %s \"$@\"\n", calls, squeue), 0o755))
	began := time.Now()
	most := 0
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(300 * time.Millisecond):
			}
			out, err := exec.Command(squeue, "-h", "-o", "%i").Output()
			if err == nil {
				most = max(most, len(strings.Fields(string(out))))
			}
		}
	}()
	said, code := d.start().wait()
	close(stop)
	<-done
	if code != 0 || strings.Contains(said, "waits: ") || strings.Contains(said, "not confirmed") {
		t.Fatalf("exit %d", code)
	}
	out, _ := d.llmbench("results", "-store="+d.store, "-format=csv", d.dir)
	if n := strings.Count(out, ",valid,"); n != 60 {
		t.Errorf("%d results, want 60", n)
	}
	// One a second, whatever the number of jobs, and a few as it ends.
	asked, _ := os.ReadFile(calls)
	if n, ticks := len(asked), int(time.Since(began).Seconds()); n == 0 || n > ticks+10 {
		t.Errorf("squeue was run %d times in %d ticks", n, ticks)
	}
	if most > 5 || most < 3 {
		t.Errorf("up to %d jobs were in the queue, want at most 5", most)
	}
	d.must("sacctmgr", "-i", "modify", "user", "where", "name=root", "set", "defaultqos=two")
	d.definitions(many(2))
	said, code = d.start("-replace=*").wait()
	if code != 0 || strings.Contains(said, "waits: ") || strings.Contains(said, "not confirmed") {
		t.Errorf("in a window of two: exit %d", code)
	}
}
