package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// sweep is the example of that name with few requests, on packs of seven runs
// whose first rank waits while a file is there. One run fails.
func (d *drill) sweep(hold string) {
	d.t.Helper()
	d.sweepWith("max_runs = 7", fmt.Sprintf(`[ "$SLURM_PROCID" != 0 ] || while [ -e %[1]s ]; do touch %[1]s.$SLURM_JOB_ID; sleep 0.1; done`, hold))
}

func (d *drill) sweepWith(pack, prolog string) {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "sweep", "main.hcl"))
	d.ok(err)
	executor := fmt.Sprintf(`executor "slurm" "gb200" {
  partition     = "batch"
  poll_interval = "1s"
  canary        = false
  launcher      = ["llmbench", "trtllm-bench"]
  prolog        = [%q]

  pack {
    %s
  }
}
`, prolog, pack)
	s := regexp.MustCompile(`(?s)executor "slurm".*?\n}\n`).ReplaceAllLiteralString(string(text), executor)
	for _, change := range [][2]string{
		{`time_limit = "30m"`, `time_limit = "5m"`}, {`max(4000, 4 *`, `max(64, 4 *`},
		{`[64, 512, 4096]`, `[8, 16, 32]`}, {`concurrency = 64`, `concurrency = 8`},
		{`  warmup         = 10`, `  warmup         = 10
  env = {
    LLMBENCH_SIMULATED_SPEED = "1000"
    LLMBENCH_SIMULATED_FAULT = "${each.use_case.label}/${each.concurrency}/${each.streaming}/${each.moe_backend}" == "chat/16/true/CUTLASS" ? "crash" : ""
  }`},
	} {
		if !strings.Contains(s, change[0]) {
			d.t.Fatalf("the example has no %s", change[0])
		}
		s = strings.Replace(s, change[0], change[1], 1)
	}
	d.definitions(s)
}

// waiting waits for a job with a run that waits for the file to go, and returns
// the job and its nodes.
func (d *drill) waiting(hold string) (id string, nodes []string) {
	d.t.Helper()
	forget(hold + ".*")
	d.until("a run waits", func() bool {
		found, _ := filepath.Glob(hold + ".*")
		if len(found) > 0 {
			id = strings.TrimPrefix(found[0], hold+".")
		}
		return id != ""
	})
	list := strings.TrimSpace(d.must("squeue", "-h", "-j", id, "-o", "%N"))
	return id, strings.Fields(d.must("scontrol", "show", "hostnames", list))
}

// forget removes marks that were left before: who waits now makes his again.
func forget(pattern string) {
	old, _ := filepath.Glob(pattern)
	for _, path := range old {
		_ = os.Remove(path)
	}
}

func (d *drill) hold(path string) { d.ok(os.WriteFile(path, nil, 0o644)) }

// release lets all go on that waits for the file to go.
func (d *drill) release(path string) { d.ok(os.Remove(path)) }

// measured counts the jobs that measured, by the folder of the sample.
func (d *drill) measured() map[string]int {
	n := map[string]int{}
	found, _ := filepath.Glob(filepath.Join(d.store, "simulated", "runs", "*", "*", "sample-*", "attempt-*", "exit"))
	for _, path := range found {
		text, err := os.ReadFile(path)
		d.ok(err)
		var exit struct{ RC int }
		if json.Unmarshal(text, &exit) == nil && exit.RC == 0 {
			n[filepath.Dir(filepath.Dir(path))]++
		}
	}
	return n
}

// verdicts counts the results by their verdict.
func (d *drill) verdicts() map[string]int {
	d.t.Helper()
	out, _ := d.llmbench("results", "-store="+d.store, "-all", "-format=json", d.dir)
	var doc struct {
		Results []struct{ Verdict string }
	}
	d.ok(json.Unmarshal([]byte(out), &doc))
	n := map[string]int{}
	for _, r := range doc.Results {
		n[r.Verdict]++
	}
	return n
}

// packs measures a sweep in packs: apply is killed again and again, a run fails
// in the middle of a pack, and one allocation is lost.
func (d *drill) packs() {
	hold := filepath.Join(d.t.TempDir(), "hold")
	d.sweep(hold)
	d.hold(hold)
	for range 3 {
		a := d.start()
		d.waiting(hold)
		d.ok(a.cmd.Process.Signal(syscall.SIGKILL))
		<-a.done
	}
	d.release(hold)
	a := d.start()
	d.until("some have measured", func() bool { return len(d.measured()) >= 4 })
	d.hold(hold)
	_, nodes := d.waiting(hold)
	d.ok(a.cmd.Process.Signal(syscall.SIGKILL))
	<-a.done
	d.ok(d.cluster.KillNode(nodes[1]))
	a = d.start()
	a.says("a new attempt follows")
	a.says("deferred: ")
	d.release(hold)
	d.ok(d.cluster.StartNode(nodes[1]))
	out, code := a.wait()
	if code != 3 || strings.Contains(out, "deferred 5 times") {
		d.t.Errorf("exit %d, want 3: one run fails", code)
	}
	if n := d.verdicts(); n["valid"] != 19 || n["failed"] != 1 {
		d.t.Errorf("results %v, want 19 valid and 1 failed", n)
	}
	all := d.measured()
	for sample, n := range all {
		if n != 1 {
			d.t.Errorf("%s was measured %d times", sample, n)
		}
	}
	if len(all) != 19 {
		d.t.Errorf("%d samples were measured, want 19", len(all))
	}
	folders, _ := filepath.Glob(filepath.Join(d.store, "simulated", "packs", "*", "*", "claim"))
	if len(folders) < 4 || len(folders) > 6 {
		d.t.Errorf("%d packs ran, want the three that were planned and what was left of one", len(folders))
	}
}

// packCancelled takes runs out of a pack while it runs, and cancels a pack whole.
func (d *drill) packCancelled() {
	hold := filepath.Join(d.t.TempDir(), "hold")
	d.sweep(hold)
	d.hold(hold)
	const addresses = "-target=use_case=reasoning/concurrency=8"
	a := d.start(addresses, "-target=use_case=reasoning/concurrency=16")
	id, _ := d.waiting(hold)
	running, queued := "", ""
	states := map[string]int{}
	d.until("status tells which run is measured and which wait in its pack", func() bool {
		out, err := d.command("llmbench", "status", "-json", "-store="+d.store, d.dir).Output()
		var doc struct {
			Runs []struct{ Address, State, Reason string }
		}
		if json.Unmarshal(out, &doc) != nil {
			d.t.Fatalf("%s: %v", out, err)
		}
		states = map[string]int{}
		for _, r := range doc.Runs {
			states[r.State]++
			switch {
			case r.State == "running":
				running = r.Address
			case r.State == "queued" && r.Reason == "in its pack":
				queued = r.Address
			}
		}
		return running != "" && queued != ""
	})
	if states["running"] != 1 || states["queued"] != 5 || states["planned"] != 14 {
		d.t.Errorf("states %v", states)
	}
	for _, address := range []string{running, queued} {
		if out, code := d.llmbench("cancel", "-auto-approve", "-store="+d.store, "-dir="+d.dir, address); code != 0 {
			d.t.Errorf("cancel: exit %d: %s", code, out)
		}
	}
	d.until("the pack goes on with another run", func() bool { return strings.Count(a.output(), "cancelled") >= 2 })
	d.release(hold)
	if _, code := a.wait(); code != 3 {
		d.t.Errorf("exit %d, want 3", code)
	}
	if n := d.verdicts(); n["valid"] != 4 || n["failed"] != 2 {
		d.t.Errorf("results %v, want 4 valid and 2 cancelled", n)
	}
	d.until("the pack's job has completed", func() bool {
		return strings.TrimSpace(d.must("sacct", "-X", "-n", "-o", "State", "-j", id)) == "COMPLETED"
	})

	d.hold(hold)
	if _, code := d.llmbench("apply", "-auto-approve", "-detach", "-target=use_case=chat", "-store="+d.store, d.dir); code != 0 {
		d.t.Fatalf("exit %d", code)
	}
	if _, code := d.llmbench("cancel", "-auto-approve", "-store="+d.store, "-dir="+d.dir); code != 0 {
		d.t.Errorf("cancel: exit %d", code)
	}
	d.until("the queue is empty", func() bool {
		out, err := d.command("squeue", "-h", "-o", "%i").Output()
		return err == nil && strings.TrimSpace(string(out)) == ""
	})
	d.release(hold)
	if _, code := d.llmbench("status", "-store="+d.store, d.dir); code != 3 {
		d.t.Errorf("status: exit %d, want 3", code)
	}
}

// packsOtherwise packs by a flag, in a partition with a short time limit, and by
// hand; and lets the first run of a pack fail to start.
func (d *drill) packsOtherwise() {
	short := strings.Replace(strings.Replace(rehearsal, `partition     = "batch"`, "partition     = \"short\"\n  "+d.callerHas(), 1), `time_limit     = "5m"`, `time_limit     = "2m"`, 1)
	d.definitions(strings.Replace(short, `LLMBENCH_SIMULATED_SPEED = "20"`, `LLMBENCH_SIMULATED_SPEED = "1000"`, 1))
	out, code := d.start("-pack=4").wait() // the partition's ten minutes hold two runs with their margins
	if code != 0 || !strings.Contains(out, "packed: 4 samples in 2 jobs of 2 and 2") {
		d.t.Errorf("exit %d, want 0 and two packs", code)
	}
	d.wantValid(4)

	by := strings.Replace(rehearsal, `canary        = false`, "canary        = false\n  pack {}", 1)
	d.byHand(strings.Replace(by, "pack {}", "pack {}\n  "+d.callerHas(), 1))

	fails := strings.Replace(by, `canary        = false`, "canary        = true", 1)
	d.definitions(strings.Replace(fails, `["llmbench", "trtllm-bench"]`, `["bash", "-c", "echo 'Error: No such option: --x' >&2; exit 2", "x"]`, 1))
	out, code = d.start("-skip-checks").wait() // there are no weights
	if code != 3 || strings.Count(out, "not started: ") != 3 || strings.Count(out, "  failed  cli: ") != 1 {
		d.t.Errorf("exit %d, want 3 and one failure for all", code)
	}
	found, _ := filepath.Glob(filepath.Join(d.store, "packs", "*", "*", "exit"))
	if len(found) != 1 {
		d.t.Fatalf("%d packs", len(found))
	}
	if word, _ := os.ReadFile(found[0]); !strings.Contains(string(word), `"runs":1,"failed":1,`) {
		d.t.Errorf("the pack's last word is %s", word)
	}
	out, code = d.llmbench("status", "-store="+d.store, d.dir)
	if code != 3 || strings.Count(out, " deferred ") != 3 || !strings.Contains(out, " failed ") {
		d.t.Errorf("status: exit %d, want 3, one failed and three deferred", code)
	}
}

// byHand submits the scripts of definitions by hand: what shares a job in a campaign
// has a script and a job each.
func (d *drill) byHand(text string) {
	d.t.Helper()
	d.definitions(strings.Replace(text, `LLMBENCH_SIMULATED_SPEED = "20"`, `LLMBENCH_SIMULATED_SPEED = "1001"`, 1))
	scripts := filepath.Join(d.t.TempDir(), "by hand")
	if _, code := d.llmbench("plan", "-store="+d.store, "-write-scripts="+scripts, d.dir); code != 0 {
		d.t.Fatalf("plan -write-scripts: exit %d", code)
	}
	found, err := filepath.Glob(filepath.Join(scripts, "*.sh"))
	d.ok(err)
	for _, path := range found {
		d.must("sbatch", "--wait", path)
	}
	if out, code := d.llmbench("plan", "-detailed-exitcode", "-store="+d.store, d.dir); code != 0 {
		d.t.Errorf("plan after %d scripts by hand: exit %d\n%s", len(found), code, out)
	}
}

// fakePyxis are srun as pyxis 0.24 extends it, and what its task runs: a container is
// a folder on the node, called as pyxis_slurmstepd.c says; one without a name of its own
// goes when the task ends by itself, not when it is killed. enroot's answers are those of 4.1
// (src/runtime.sh).
var fakePyxis = map[string]string{
	"srun": `#!/bin/bash
options=() name= image=
while case ${1:-x} in -*) ;; *) false ;; esac; do
  case $1 in --container-image=*) image=1 ;; --container-name=*) name=${1#*=} ;; --*container-*) ;; *) options+=("$1") ;; esac
  shift
done
[ -n "$image" ] && set -- task "$name" "$@"
exec %[2]s "${options[@]}" "$@"
`,
	"task": `#!/bin/bash
at=%[1]s/$SLURMD_NODENAME/pyxis_${1:-$SLURM_JOB_ID.$SLURM_STEP_ID}
mkdir -p "$at"
"${@:2}"
rc=$?
[ -n "$1" ] || [ "$SLURM_LOCALID" != 0 ] || rm -rf "$at"
exit "$rc"
`,
	"enroot": `#!/bin/bash
cd "%[1]s/$SLURMD_NODENAME" 2>/dev/null || exit 1
case $1 in list) ls -1 ;; remove) rm -rf "./$3" ;; esac
`,
}

// containers counts what containers jobs leave: by a time limit, a cancel, the loss of
// a node, and success.
func (d *drill) containers() {
	nodes := d.t.TempDir()
	srun, err := exec.LookPath("srun")
	d.ok(err)
	for name, text := range fakePyxis {
		d.ok(os.WriteFile(filepath.Join(d.bin, name), []byte(strings.NewReplacer("%[1]s", nodes, "%[2]s", srun).Replace(text)), 0o755))
		defer os.Remove(filepath.Join(d.bin, name))
	}
	left := func(pattern string) int {
		found, _ := filepath.Glob(filepath.Join(nodes, "*", "pyxis_"+pattern))
		return len(found)
	}
	g := d.gated()
	text, err := os.ReadFile(filepath.Join(d.dir, "main.hcl"))
	d.ok(err)
	defs := strings.Replace(string(text), "canary        = false", "canary        = false\n  container {\n    image_dir = \"/images\"\n    writable  = false\n  }", 1)
	d.definitions(defs)
	seen := map[string]bool{}
	begin := func(pack, pattern string, addresses ...string) (id string, on []string) {
		d.t.Helper()
		args := append([]string{"apply", "-auto-approve", "-skip-checks", "-detach", pack, "-store=" + d.store}, addresses...)
		if _, code := d.llmbench(append(args, d.dir)...); code != 0 {
			d.t.Fatalf("exit %d", code)
		}
		d.until("another job waits at the gate", func() bool {
			marks := map[string][]string{}
			found, _ := filepath.Glob(filepath.Join(g.dir, "*.gb*"))
			for _, path := range found {
				job, node, _ := strings.Cut(filepath.Base(path), ".")
				marks[job] = append(marks[job], node)
				if !seen[job] && len(marks[job]) == 2 {
					id, on = job, marks[job]
				}
			}
			return id != ""
		})
		seen[id] = true
		if n := left(strings.ReplaceAll(pattern, "ID", id)); n != 2 {
			d.t.Fatalf("%d containers of job %s, want one on each node", n, id)
		}
		return id, on
	}
	slow, _ := begin("-pack=2", "llmbench-throwaway-ID", "-target=use_case=chat", "-target=use_case=reasoning")
	d.must("scontrol", "update", "jobid="+slow, "timelimit=1")

	id, _ := begin("-pack=1", "ID.*", "-target=use_case=generation")
	if _, code := d.llmbench("cancel", "-auto-approve", "-store="+d.store, "-dir="+d.dir, "use_case=generation"); code != 0 {
		d.t.Errorf("cancel: exit %d", code)
	}
	d.until("the cancelled job is gone", func() bool { return !d.queued(id) })
	if n := left(id + ".*"); n != 0 {
		d.t.Errorf("%d containers are left by a cancel", n)
	}

	id, on := begin("-pack=1", "ID.*", "-target=use_case=summarization")
	d.ok(d.cluster.KillNode(on[1]))
	d.until("the job without its node is gone", func() bool { return !d.queued(id) })
	d.ok(d.cluster.StartNode(on[1]))
	if n := left(id + ".*"); n != 1 {
		d.t.Errorf("%d containers are left by a job that lost a node, want that of the node", n)
	}

	d.until("the time limit has ended a job", func() bool { return !d.queued(slow) })
	if n := left("*" + slow); n != 0 {
		d.t.Errorf("%d containers are left by a time limit", n)
	}

	other := newDrill(d.t, d.campaign, d.cluster)
	other.definitions(strings.Replace(defs, "canary        = false", fmt.Sprintf("canary        = false\n  nodelist      = %q", strings.Join(on, ",")), 1))
	g.open()
	if _, code := other.start("-skip-checks", "-pack=2").wait(); code != 0 {
		d.t.Errorf("exit %d", code)
	}
	d.until("nothing is left", func() bool { return left("*") == 0 })
}
