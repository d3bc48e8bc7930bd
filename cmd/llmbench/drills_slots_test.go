package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// packsSideBySide measures in two slots of two nodes: apply is killed, one of two
// runs that are measured at once is cancelled, one fails, and a slot loses a node.
func (d *drill) packsSideBySide() {
	// The driver's version names the node that was looked at, a file those sampled.
	smi := filepath.Join(d.bin, "nvidia-smi")
	text := strings.Replace(nvidiaSMI, "GB200, 570.12,", "GB200, $SLURMD_NODENAME,", 1)
	text = strings.Replace(text, "  mask=", "  : >sampled.$SLURMD_NODENAME\n  mask=", 1)
	d.ok(os.WriteFile(smi, []byte(text), 0o755))
	defer os.Remove(smi)
	g := turnstile{d, d.t.TempDir()}
	d.sweepWith("max_runs = 12\n    side_by_side = 2", g.prolog())
	targets := []string{"-target=use_case=chat/concurrency=16", "-target=use_case=chat/concurrency=32"}
	a := d.start(targets...)
	id := g.arrived()
	d.ok(a.cmd.Process.Signal(syscall.SIGKILL))
	<-a.done
	running := d.running()
	cancelled := running[slices.IndexFunc(running, func(address string) bool { return !strings.Contains(address, "=16/streaming=true/moe_backend=CUTLASS") })]
	a = d.start(targets...)
	if out, code := d.llmbench("cancel", "-auto-approve", "-store="+d.store, "-dir="+d.dir, cancelled); code != 0 {
		d.t.Errorf("cancel: exit %d: %s", code, out)
	}
	d.until("the slot goes on with another run", func() bool {
		now := d.running()
		return !slices.Contains(now, cancelled) && slices.ContainsFunc(now, func(address string) bool { return slices.Contains(running, address) })
	})
	for n := range 2 {
		g.pass("gb01")
		g.pass("gb03")
		d.until("both slots have ended a run", func() bool { return d.ended(id) == 1+2*(n+1) })
	}
	if got := g.arrived(); got != id {
		d.t.Errorf("job %s measures, want %s", got, id)
	}
	d.ok(a.cmd.Process.Signal(syscall.SIGKILL))
	<-a.done
	d.ok(d.cluster.KillNode("gb04"))
	a = d.start(targets...)
	a.says("a new attempt follows")
	a.says("deferred: node gb04 is down")
	if !d.queued(id) {
		d.t.Errorf("job %s is gone with one of its nodes", id)
	}
	d.ok(d.cluster.StartNode("gb04"))
	g.open()
	if _, code := a.wait(); code != 3 {
		d.t.Errorf("exit %d, want 3: one run fails", code)
	}
	d.measuredOnce(id)
}

// packBeheaded takes away the node on which the script of a job with two slots
// runs: Slurm would keep the others to the time limit. It cancels another such job
// while both slots measure.
func (d *drill) packBeheaded() {
	g := turnstile{d, d.t.TempDir()}
	d.sweepWith("max_runs = 12\n    side_by_side = 2", g.prolog())
	a := d.start("-target=use_case=chat/concurrency=8", "-target=use_case=chat/concurrency=32")
	id := g.arrived()
	d.ok(d.cluster.KillNode("gb01"))
	d.must("scontrol", "update", "nodename=gb01", "state=down", "reason=drill") // the controller would take half a minute
	a.says("node gb01 failed, on which the job's script ran")
	a.says("deferred: its pack ended before it began: node_fail")
	d.ok(d.cluster.StartNode("gb01"))
	d.until("the job is gone", func() bool { return !d.queued(id) })
	g.open()
	if _, code := a.wait(); code != 0 {
		d.t.Errorf("exit %d", code)
	}
	for sample, n := range d.measured() {
		if n != 1 {
			d.t.Errorf("%s was measured %d times", sample, n)
		}
	}

	d.ok(os.Remove(filepath.Join(g.dir, "open")))
	a = d.start("-target=use_case=reasoning/concurrency=8", "-target=use_case=reasoning/concurrency=16")
	g.arrived()
	if _, code := d.llmbench("cancel", "-auto-approve", "-store="+d.store, "-dir="+d.dir); code != 0 {
		d.t.Errorf("cancel: exit %d", code)
	}
	if out, code := a.wait(); code != 3 || strings.Count(out, "  failed  cancelled") != 6 {
		d.t.Errorf("exit %d, want 3 and all cancelled", code)
	}
	d.until("the queue is empty", func() bool { return strings.TrimSpace(d.must("squeue", "-h", "-o", "%i")) == "" })
}

// A turnstile lets the runs of a slot through one by one, by its first node, until
// it is opened.
type turnstile struct {
	d   *drill
	dir string
}

func (g turnstile) prolog() string {
	return fmt.Sprintf(`[ "$SLURM_PROCID" != 0 ] || until [ -e %[1]s/open ] || rm %[1]s/go.$SLURMD_NODENAME 2>/dev/null; do touch %[1]s/at.$SLURM_JOB_ID.$SLURMD_NODENAME; sleep 0.1; done`, g.dir)
}

func (g turnstile) put(name string) { g.d.ok(os.WriteFile(filepath.Join(g.dir, name), nil, 0o644)) }

func (g turnstile) pass(node string) { g.put("go." + node) }

func (g turnstile) open() { g.put("open") }

// arrived waits until two runs of one job wait at once on nodes of their own, and
// returns the job.
func (g turnstile) arrived() (id string) {
	g.d.t.Helper()
	forget(filepath.Join(g.dir, "at.*"))
	g.d.until("two runs wait at once", func() bool {
		found, _ := filepath.Glob(filepath.Join(g.dir, "at.*"))
		nodes := map[string]string{}
		for _, path := range found {
			job, node, _ := strings.Cut(strings.TrimPrefix(filepath.Base(path), "at."), ".")
			nodes[node], id = job, job
		}
		return len(found) == 2 && nodes["gb01"] == id && nodes["gb03"] == id
	})
	return id
}

// ended counts the runs that a job has ended.
func (d *drill) ended(id string) (n int) {
	found, _ := filepath.Glob(filepath.Join(d.store, "simulated", "runs", "*", "*", "sample-*", "attempt-*", "exit"))
	for _, path := range found {
		if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), fmt.Sprintf(`"job_id":"%s"`, id)) {
			n++
		}
	}
	return n
}

// running are the addresses of the runs that are measured.
func (d *drill) running() (list []string) {
	d.t.Helper()
	d.until("two runs are measured", func() bool {
		out, err := d.command("llmbench", "status", "-json", "-store="+d.store, d.dir).Output()
		var doc struct {
			Runs []struct{ Address, State string }
		}
		if json.Unmarshal(out, &doc) != nil {
			d.t.Fatalf("%s: %v", out, err)
		}
		list = nil
		for _, r := range doc.Runs {
			if r.State == "running" {
				list = append(list, r.Address)
			}
		}
		return len(list) >= 2
	})
	return list
}

// measuredOnce checks the results of a campaign in slots: none twice, each on the
// nodes of one slot, and all but the one that fails; what was cancelled was measured
// by a later apply. The job that lost a node went on.
func (d *drill) measuredOnce(id string) {
	d.t.Helper()
	out, _ := d.llmbench("results", "-store="+d.store, "-all", "-format=json", d.dir)
	var doc struct {
		Results []struct {
			Verdict string
			Job     struct {
				ID    string
				Nodes []string
			}
			Provenance struct {
				SideBySide *int `json:"side_by_side"`
				Driver     string
			}
			Files struct{ Report string }
		}
	}
	d.ok(json.Unmarshal([]byte(out), &doc))
	slots, valid := map[string]int{}, 0
	for _, r := range doc.Results {
		if r.Verdict != "valid" {
			continue
		}
		valid++
		if r.Job.ID != id {
			continue
		}
		slots[strings.Join(r.Job.Nodes, " ")]++
		if n := r.Provenance.SideBySide; n == nil || *n != 2 || r.Provenance.Driver != r.Job.Nodes[0] {
			d.t.Errorf("a result does not tell that it was measured beside another, on nodes of its own: %+v", r)
		}
		sampled, _ := filepath.Glob(filepath.Join(filepath.Dir(r.Files.Report), "sampled.*"))
		for i, path := range sampled {
			sampled[i] = strings.TrimPrefix(filepath.Ext(path), ".")
		}
		if !slices.Equal(sampled, r.Job.Nodes) {
			d.t.Errorf("%v were sampled, and the run was on %v", sampled, r.Job.Nodes)
		}
	}
	all := d.measured()
	for sample, n := range all {
		if n != 1 {
			d.t.Errorf("%s was measured %d times", sample, n)
		}
	}
	d.t.Logf("slots of the first job: %v", slots)
	if len(slots) != 2 || slots["gb01 gb02"] == 0 || slots["gb03 gb04"] == 0 {
		d.t.Errorf("job %s measured on %v, want gb01 gb02 and gb03 gb04", id, slots)
	}
	if len(doc.Results)-valid != 1 || len(all) != valid {
		d.t.Errorf("%d valid of %d results and %d measured, want all but one", valid, len(doc.Results), len(all))
	}
	d.until("the job that lost a node has completed", func() bool {
		states := strings.Fields(d.must("sacct", "-X", "-n", "-o", "State", "-j", id))
		return len(states) > 1 && states[len(states)-1] == "COMPLETED" // with a line from before
	})
}
