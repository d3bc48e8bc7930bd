package slurm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/plan"
)

// standIns stand in for Slurm's commands where a pack's script asks which nodes
// it has: those in the file "hosts", but for those in "lost", and what it has to
// stop.
var standIns = map[string]string{
	"scontrol": `case $3 in *'['*) cat DIR/hosts ;; *) tr , '\n' <<<"$3" ;; esac`,
	"squeue": `case $1 in
-s) echo "$*" >>DIR/asked && echo 7.3 && echo 7.batch ;;
*) cat DIR/hosts | grep -vxf DIR/lost | paste -sd, ;;
esac`,
	"sinfo":   `cat DIR/states`,
	"scancel": `echo "$*" >>DIR/stopped`,
}

// notes has a member note what allocation it sees, and then do something.
func notes(do string) string {
	return `echo "$SLURM_JOB_NODELIST $SLURM_JOB_NUM_NODES $LLMBENCH_SIDE_BY_SIDE" >saw; : >began; ` + do
}

// meets waits until another member has begun too.
func meets(other int) string {
	return notes(fmt.Sprintf("until [ -e ../m%d/began ]; do sleep 0.02; done", other))
}

const waits = "trap 'kill $!; exit 143' TERM; sleep 60 & wait"

// newSlots prepares a pack with two slots of two nodes each.
func newSlots(t *testing.T, vars string, scripts ...string) *packJob {
	t.Helper()
	p := newWidePackJob(t, 2, 60, vars, scripts...)
	bin := t.TempDir()
	for name, text := range standIns {
		text = "#!/bin/bash\n" + strings.ReplaceAll(text, "DIR", p.dir) + "\n"
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p.write("hosts", "gb01\ngb02\ngb03\ngb04\n")
	p.write("lost", "")
	p.write("states", "gb01 allocated\n")
	p.cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin", "SLURM_JOB_ID=7", "SLURM_JOB_NODELIST=gb[01-04]", "SLURM_JOB_NUM_NODES=4"}
	return p
}

func (p *packJob) text(name string) string {
	text, _ := os.ReadFile(filepath.Join(p.dir, name))
	return strings.TrimSpace(string(text))
}

func (p *packJob) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

func (p *packJob) ends() {
	p.t.Helper()
	if err := p.cmd.Wait(); err != nil {
		p.t.Error(err)
	}
}

// Slots measure side by side, each on its nodes, and the last word sums them up.
func TestSlots(t *testing.T) {
	p := newSlots(t, "", meets(2), meets(1), meets(4), meets(3)+"; false", notes("true"))
	p.run()
	for member, want := range map[int]string{1: "gb01,gb02 2 2", 2: "gb03,gb04 2 2", 3: "gb01,gb02 2 2", 4: "gb03,gb04 2 2", 5: "gb01,gb02 2 2"} {
		if got := p.text(fmt.Sprintf("m%d/saw", member)); got != want {
			t.Errorf("run %d saw %q, want %q", member, got, want)
		}
	}
	if w := p.word("exit"); w.Runs != 5 || w.Failed != 1 || w.Deferred != float64(0) || w.Signal != "" {
		t.Errorf("%+v", w)
	}
	if log := p.text("start"); !strings.Contains(log, `"nodes":"gb[01-04]"`) {
		t.Errorf("the pack started with %s", log)
	}
}

// The end of the job ends what all slots measure; the rest is given back.
func TestSlotsEnd(t *testing.T) {
	p := newSlots(t, "", notes(waits), notes(waits), "true", "true", "true")
	p.start("m1/began")
	until(t, func() bool { return p.has("m2/began") })
	p.signal(syscall.SIGTERM)
	p.ends()
	for i, deferred := range []bool{false, false, true, true, true} {
		if w := p.word(fmt.Sprintf("m%d/claim", i+1)); (w.Deferred == "the pack's job was ended") != deferred {
			t.Errorf("run %d: %+v", i+1, w)
		}
	}
	if w := p.word("exit"); w.Signal != "TERM" || w.Runs != 2 || w.Failed != 2 || w.Deferred != float64(3) {
		t.Errorf("%+v", w)
	}
}

// A run that is cancelled ends alone: the one beside it goes on, and only the
// steps on its own nodes are ended.
func TestSlotsLoseOneRun(t *testing.T) {
	p := newSlots(t, "", notes("until [ -e ../m4/exit ]; do sleep 0.02; done"), `echo '{"end":true}' >claim; `+notes("\n"+waits), "true", notes("true"))
	p.start("m1/began")
	until(t, func() bool { return p.has("m2/began") })
	p.signal(syscall.SIGUSR2) // nobody is cancelled
	p.write("m2/cancelled", "")
	p.signal(syscall.SIGUSR2)
	p.ends()
	if w := p.word("m1/exit"); w.RC != 0 {
		t.Errorf("%+v", w)
	}
	if w := p.word("m2/exit"); w.Reason != "cancelled" || w.Signal != "KILL" {
		t.Errorf("%+v", w)
	}
	if got := p.text("asked"); !strings.Contains(got, "-w gb03,gb04") || strings.Contains(got, "gb01") {
		t.Errorf("the steps of %q were looked for", got)
	}
	if got := p.text("stopped"); got != "-s KILL 7.3" {
		t.Errorf("stopped: %q", got)
	}
}

// A slot that has lost a node gives the rest of its queue back; the others go on.
func TestSlotDies(t *testing.T) {
	for name, c := range map[string]struct{ lost, states, why string }{
		"lost":                {lost: "gb04\n", states: "gb03 allocated\ngb04 down*\n", why: "node gb04 is down"},
		"came back":           {lost: "gb04\n", states: "gb04 idle\n", why: "node gb04 is down"},
		"does not answer":     {states: "gb03 allocated*\n", why: "node gb03 does not answer"},
		"all are well":        {states: "gb03 draining\ngb04 allocated\n"},
		"Slurm does not tell": {lost: "gb01\ngb02\ngb03\ngb04\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newSlots(t, "", "true", "false", "true", "true")
			p.write("lost", c.lost)
			p.write("states", c.states)
			p.run()
			ran := map[bool]string{true: "true", false: ""}[p.has("m4/exit")]
			if got := p.word("m4/claim").Deferred; c.why != "" && (got != c.why || ran != "") || c.why == "" && ran == "" {
				t.Errorf("deferred %v, want %q", got, c.why)
			}
			if w := p.word("m3/exit"); w.RC != 0 {
				t.Errorf("the other slot: %+v", w)
			}
		})
	}
}

// A slot whose run failed before anything succeeded waits for the word on that
// run, or for another slot to succeed.
func TestSlotsAwaitVerdict(t *testing.T) {
	p := newSlots(t, "LLMBENCH_CANARY=600\n", notes("until [ -e ../m4/exit ]; do sleep 0.02; done"), "false", "true", "true")
	p.start("m2/exit")
	p.write("judged.1", "")
	p.write("judged.2", "")
	p.ends()
	if got := p.order(); got != "m1 m2 m4 m3" && got != "m2 m1 m4 m3" {
		t.Errorf("ran %s", got)
	}
	p = newSlots(t, "LLMBENCH_CANARY=600\n", notes("until [ -e ../m2/exit ]; do sleep 0.02; done"), "false", "true", "true")
	p.run()
	if got := len(strings.Fields(p.order())); got != 4 {
		t.Errorf("ran %s", p.order())
	}
}

// Without the names of its nodes no slot begins anything.
func TestSlotsWithoutNodes(t *testing.T) {
	p := newSlots(t, "", "true", "true", "true")
	p.write("hosts", "gb01\ngb02\n")
	p.run()
	if got := p.order(); got != "m1 m3" {
		t.Errorf("ran %s", got)
	}
	if w := p.word("m2/claim"); w.Deferred != "the nodes of slot 2 are not known" {
		t.Errorf("%+v", w)
	}
}

// A pack asks for the nodes of all its slots, outlives one of them, and keeps the
// nodes of a run in one domain; one slot asks for what it always did.
func TestSlotsAreAskedFor(t *testing.T) {
	cfg := testConfig()
	cfg.Segment, cfg.Pack = true, &Pack{MaxRuns: 8, SideBySide: 3}
	run := testRun("true")
	for n, want := range map[int]string{
		5: "--nodes=6 --ntasks=24 --ntasks-per-node=4 --gpus-per-node=4 --exclusive --segment=2 --no-kill --time=36",
		2: "--nodes=4 --ntasks=16 --ntasks-per-node=4 --gpus-per-node=4 --exclusive --segment=2 --no-kill --time=19",
		1: "--nodes=2 --ntasks=8 --ntasks-per-node=4 --gpus-per-node=4 --exclusive --segment=2 --time=19",
	} {
		var list []*plan.Run
		var scripts []string
		for range n {
			list, scripts = append(list, run), append(scripts, "/s/run.sh")
		}
		pack, err := cfg.Target().(plan.Packer).PackJob(list, plan.Packing{Margin: packMargin, SideBySide: 3})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(pack.Argv, " "); !strings.Contains(got, want) {
			t.Errorf("%d runs: %s, want %s", n, got, want)
		}
		if pack.SideBySide() != min(n, 3) || pack.GPUs != 8*min(n, 3) {
			t.Errorf("%d runs: %d slots with %d GPUs", n, pack.SideBySide(), pack.GPUs)
		}
		hand, err := cfg.Target().(executors.Hand).HandPack(pack, list, scripts, "/s/out")
		if err != nil || !strings.Contains(hand, strings.ReplaceAll(want, " ", "\n#SBATCH ")) {
			t.Errorf("by hand: %v\n%s", err, hand)
		}
	}
}

// Scripts of executors that put runs side by side keep to their nodes; those of
// others are as they were.
func TestSlotScripts(t *testing.T) {
	cfg := testConfig()
	cfg.Telemetry, cfg.Container = true, &Container{ImageDir: "/images"}
	for side, want := range map[int]int{1: 0, 2: 2} {
		cfg.Pack = &Pack{MaxRuns: 2, SideBySide: side}
		job, err := cfg.Target().(plan.Packer).Member(testRun("true"))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(*job.Script, slotNodes); got != want {
			t.Errorf("side_by_side %d: %d steps name their nodes, want %d", side, got, want)
		}
		if got := strings.Contains(*job.Script, "\nobserve 2>/dev/null | put observed\n"); got != (side == 1) {
			t.Errorf("side_by_side %d: the host of the script is looked at: %v", side, got)
		}
	}
}
