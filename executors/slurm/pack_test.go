package slurm

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/llmbench/llmbench/plan"
)

// A packJob is a job of several runs whose script runs in this process's place of a
// batch job, with steps that are lines of shell.
type packJob struct {
	t    testing.TB
	dir  string
	cmd  *exec.Cmd
	dirs []string
}

// newPackJob prepares a job of members with a time limit each.
func newPackJob(t testing.TB, limit int, vars string, scripts ...string) *packJob {
	t.Helper()
	p := &packJob{t: t, dir: t.TempDir()}
	cfg := testConfig()
	cfg.Pack = &Pack{MaxRuns: len(scripts), MaxTime: 100 * time.Hour}
	run := testRun("true")
	run.TimeLimitSeconds = limit
	list := slices.Repeat([]*plan.Run{run}, len(scripts))
	p.write("script.sh", cfg.Job(list...).Script)
	p.write("attempt", "LLMBENCH_NONCE=n\n"+vars)
	members := ""
	for i, script := range scripts {
		dir := filepath.Join(p.dir, fmt.Sprintf("m%d", i+1))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		p.dirs = append(p.dirs, dir)
		members += dir + "\n"
		p.write(fmt.Sprintf("m%d/intent.json", i+1), "{}\n")
		p.write(fmt.Sprintf("m%d/attempt", i+1), "LLMBENCH_NONCE=n\nLLMBENCH_ATTEMPT="+dir+"\n")
		p.write(fmt.Sprintf("m%d/step", i+1), "echo \"${PWD##*/}\" >>../order\n"+script)
	}
	p.write("members", members)
	p.cmd = exec.Command("bash", "script.sh")
	p.cmd.Dir = p.dir
	bin := t.TempDir()
	fake(t, bin, "srun", "exec bash step")
	p.cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin", "SLURM_JOB_ID=7", "SLURM_JOB_NODELIST=gb01"}
	return p
}

func (p *packJob) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o755); err != nil {
		p.t.Fatal(err)
	}
}

func (p *packJob) run() {
	p.t.Helper()
	if out, err := p.cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("%v: %s", err, out)
	}
}

// start runs the pack and waits until a file is there.
func (p *packJob) start(name string) {
	p.t.Helper()
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	until(p.t, func() bool { return p.has(name) })
}

func (p *packJob) has(name string) bool {
	_, err := os.Stat(filepath.Join(p.dir, name))
	return err == nil
}

// word reads a record that the job left.
func (p *packJob) word(name string) (word struct {
	RC                     int
	Signal, Reason         string
	Deferred               any
	Runs, Failed, Restarts int
	End                    bool
}) {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil || json.Unmarshal(text, &word) != nil || !word.End {
		p.t.Errorf("%s is %q: %v", name, text, err)
	}
	return word
}

// order is which members ran, in order.
func (p *packJob) order() string {
	text, _ := os.ReadFile(filepath.Join(p.dir, "order"))
	return strings.Join(strings.Fields(string(text)), " ")
}

// A failed run does not end the pack, and each run has its exit record.
func TestPackGoesOn(t *testing.T) {
	p := newPackJob(t, 60, "", "true", "false", "true")
	p.run()
	if got := p.order(); got != "m1 m2 m3" {
		t.Errorf("ran %s", got)
	}
	if w := p.word("exit"); w.Runs != 3 || w.Failed != 1 || w.Deferred != float64(0) {
		t.Errorf("%+v", w)
	}
	if w := p.word("m2/exit"); w.RC != 1 {
		t.Errorf("%+v", w)
	}
}

// What others have claimed, cancelled or never prepared is passed over.
func TestPackPassesOver(t *testing.T) {
	p := newPackJob(t, 60, "", "true", "true", "true", "true")
	p.write("m1/claim", "{}\n")
	p.write("m2/cancelled", "")
	if err := os.Remove(filepath.Join(p.dir, "m3/intent.json")); err != nil {
		t.Fatal(err)
	}
	p.run()
	if got := p.order(); got != "m4" {
		t.Errorf("ran %s", got)
	}
}

// A run that no longer fits into the allocation's time is given back; a shorter
// one may still fit.
func TestPackDefersForTime(t *testing.T) {
	p := newPackJob(t, 600, "", "true", "true")
	p.cmd.Env = append(p.cmd.Env, fmt.Sprintf("SLURM_JOB_END_TIME=%d", time.Now().Add(12*time.Minute).Unix()-5))
	script, err := os.ReadFile(filepath.Join(p.dir, "script.sh"))
	if err != nil {
		t.Fatal(err)
	}
	second := strings.LastIndex(string(script), "\n600 ") + 1
	p.write("script.sh", string(script[:second])+"30 "+string(script[second+4:]))
	p.run()
	if got := p.order(); got != "m2" {
		t.Errorf("ran %s", got)
	}
	if w := p.word("m1/claim"); w.Deferred != "too little of the allocation's time was left" {
		t.Errorf("%+v", w)
	}
}

// The end of the job ends the run that is measured; the others are given back.
func TestPackEnds(t *testing.T) {
	p := newPackJob(t, 60, "", "true", "trap 'kill $!; exit 143' TERM; sleep 60 & : >began; wait", "true")
	p.start("m2/began")
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
	if got := p.order(); got != "m1 m2" {
		t.Errorf("ran %s", got)
	}
	if w := p.word("m2/exit"); w.RC != 143 || w.Reason != "cancelled" {
		t.Errorf("%+v", w)
	}
	if w := p.word("m3/claim"); w.Deferred != "the job was ended" {
		t.Errorf("%+v", w)
	}
	if w := p.word("exit"); w.Signal != "TERM" || w.Runs != 2 {
		t.Errorf("%+v", w)
	}
}

// A signal that comes before the step does ends it, and the run has its exit record.
func TestPackEndsBeforeTheStep(t *testing.T) {
	p := newPackJob(t, 600, "", "sleep 60", "true")
	bin, _, _ := strings.Cut(strings.TrimPrefix(p.cmd.Env[0], "PATH="), ":")
	fake(t, bin, "scontrol", ": >../observing; sleep 1")
	p.start("observing")
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := p.cmd.Wait(); err != nil || time.Since(began) > 30*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
	if w := p.word("m1/exit"); w.Signal != "TERM" || w.Reason != "cancelled" {
		t.Errorf("%+v", w)
	}
}

// A run that is cancelled while it is measured ends alone.
func TestPackLosesOneRun(t *testing.T) {
	p := newPackJob(t, 60, "", "trap 'kill $!; exit 143' TERM; sleep 60 & : >began; wait", "true")
	p.start("m1/began")
	if err := p.cmd.Process.Signal(syscall.SIGUSR2); err != nil { // nobody is cancelled
		t.Fatal(err)
	}
	p.write("m1/cancelled", "")
	if err := p.cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
	if got := p.order(); got != "m1 m2" {
		t.Errorf("ran %s", got)
	}
	if w := p.word("m1/exit"); w.RC != 143 || w.Reason != "cancelled" {
		t.Errorf("%+v", w)
	}
}

// A run that meets its own time limit ends alone, and says so.
func TestPackKeepsTimeLimits(t *testing.T) {
	p := newPackJob(t, 1, "", "trap 'kill $!; exit 143' TERM; sleep 60 & wait", "true")
	p.run()
	if w := p.word("m1/exit"); w.Reason != "time_limit" {
		t.Errorf("%+v", w)
	}
	if got := p.order(); got != "m1 m2" {
		t.Errorf("ran %s", got)
	}
}

// After a failure before any success the job waits for the word that it was
// looked at; runs that were taken out meanwhile are passed over.
func TestPackAwaitsVerdict(t *testing.T) {
	p := newPackJob(t, 60, "LLMBENCH_CANARY=600\n", "false", "true", "true")
	p.start("m1/exit")
	p.write("m2/claim", `{"deferred":"not tried","end":true}`+"\n")
	p.write("judged.1", "")
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
	if got := p.order(); got != "m1 m3" {
		t.Errorf("ran %s", got)
	}
}

// A job that Slurm starts again, and one that comes second, leave the pack alone.
func TestPackRefuses(t *testing.T) {
	p := newPackJob(t, 60, "", "true")
	p.cmd.Env = append(p.cmd.Env, "SLURM_RESTART_COUNT=1")
	if err := p.cmd.Run(); err == nil || p.cmd.ProcessState.ExitCode() != 78 || p.order() != "" || !p.has("refused.7") {
		t.Errorf("%v, ran %q", err, p.order())
	}
	p = newPackJob(t, 60, "", "true")
	p.write("claim", "{}\n")
	if err := p.cmd.Run(); err == nil || p.cmd.ProcessState.ExitCode() != 77 || p.order() != "" {
		t.Errorf("%v, ran %q", err, p.order())
	}
}

// Runs of a pack share a container that none of them can write to, and each has
// its own of one that they can.
func TestPackContainer(t *testing.T) {
	for writable, want := range map[bool]string{true: "fresh", false: "shared"} {
		cfg := testConfig()
		cfg.Pack, cfg.Container = &Pack{MaxRuns: 2, MaxTime: time.Hour}, &Container{ImageDir: "/images", Writable: writable}
		run := testRun("true")
		two, one := cfg.Job(run, run), cfg.Job(run)
		if *two.Container != want || one.Container != nil {
			t.Errorf("writable %v: %s, %v", writable, *two.Container, one.Container)
		}
		const name = `--container-name="llmbench-${SLURM_CLUSTER_NAME:-}-$SLURM_JOB_ID"`
		for script, shares := range map[string]bool{two.Script: !writable, one.Script: false} {
			if strings.Contains(script, name) != shares {
				t.Errorf("writable %v: %s is in the script: %v", writable, name, !shares)
			}
		}
	}
}
