package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSignals interrupts what follows runs: the exit code tells which signal it
// was, and others see meanwhile and afterwards how the runs stand.
func TestSignals(t *testing.T) {
	for sig, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		t.Run(sig.String(), func(t *testing.T) {
			d := newDesk(t)
			d.slow("0.0001")
			apply := d.start("running", "llmbench apply -auto-approve -executor=simulate -target=use_case=chat examples/llama4-maverick")
			d.wants(1, "llmbench apply -auto-approve -executor=simulate examples/llama4-maverick") // the lease is held
			d.wants(4, "llmbench status -executor=simulate examples/llama4-maverick")
			logs := d.start("Starting benchmark", "llmbench logs -follow -executor=simulate use_case=chat examples/llama4-maverick")
			logs.ends(sig, want)
			status := d.start("running", "llmbench status -watch -executor=simulate examples/llama4-maverick")
			status.ends(sig, want)
			waits := d.start("waiting up to", "llmbench apply -auto-approve -executor=simulate -lock-timeout=1m examples/llama4-maverick")
			const nothing = "Interrupted: this apply started nothing.\n  resume:  llmbench apply -executor=simulate examples/llama4-maverick\n"
			if said := waits.ends(sig, want); !strings.Contains(said, nothing) {
				t.Errorf("the apply that waits says:\n%s", said)
			}
			said := apply.ends(sig, want)
			if !strings.Contains(said, "resume:  llmbench apply -executor=simulate examples/llama4-maverick\n") {
				t.Errorf("apply does not say how to resume:\n%s", said)
			}
			d.wants(3, "llmbench status -executor=simulate examples/llama4-maverick")
			d.wants(1, "llmbench apply -auto-approve -detach -executor=simulate examples/llama4-maverick")
		})
	}
}

// What is interrupted before there are jobs ends at once: while it plans, asks, or writes
// a data set.
func TestSignalsBeforeJobs(t *testing.T) {
	d := newDesk(t)
	defs := filepath.Join(d.dir, "defs")
	large := strings.Replace(rehearsal, "num_requests   = 64", "num_requests   = 100000", 1)
	bin := t.TempDir()
	mark := filepath.Join(bin, "mark")
	git := "#!/bin/sh\ntouch " + mark + "\nexec sleep 60\n"
	if err := errors.Join(os.Mkdir(defs, 0o755), os.WriteFile(filepath.Join(defs, "main.hcl"), []byte(large), 0o644), os.WriteFile(filepath.Join(bin, "git"), []byte(git), 0o755)); err != nil {
		t.Fatal(err)
	}
	writes := d.start("writing data set", "llmbench apply -auto-approve -executor=simulate -target=use_case=summarization defs")
	writes.ends(syscall.SIGINT, 130)
	if left, _ := filepath.Glob(filepath.Join(defs, ".llmbench", "datasets", "*.jsonl")); len(left) > 0 {
		t.Errorf("the data set was written to its end: %v", left)
	}

	asks := exec.Command("script", "-qec", "llmbench apply -executor=simulate -target=use_case=chat defs", os.DevNull)
	asks.Dir = d.dir
	keys, err := asks.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	screen, err := asks.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := asks.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { asks.Process.Kill() })
	for seen := ""; !strings.Contains(seen, "Simulate 1 run?"); {
		piece := make([]byte, 4096)
		n, err := screen.Read(piece)
		if seen += string(piece[:n]); err != nil {
			t.Fatalf("it does not ask: %v\n%s", err, seen)
		}
	}
	if _, err := keys.Write([]byte{3}); err != nil { // Ctrl-C
		t.Fatal(err)
	}
	io.Copy(io.Discard, screen)
	if asks.Wait(); asks.ProcessState.ExitCode() != 130 {
		t.Errorf("Ctrl-C at the prompt: %v", asks.ProcessState)
	}

	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	for sig, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		plans := exec.Command("llmbench", "plan", "-executor=simulate", "defs")
		plans.Dir = d.dir
		if err := plans.Start(); err != nil {
			t.Fatal(err)
		}
		for tries := 0; os.Remove(mark) != nil && tries < 3000; tries++ {
			time.Sleep(10 * time.Millisecond)
		}
		if plans.Process.Signal(sig); plans.Wait() == nil || plans.ProcessState.ExitCode() != want {
			t.Errorf("plan, %s: %v", sig, plans.ProcessState)
		}
	}
}

// A saved plan that was interrupted goes on: what it has measured is kept, and what
// it set aside is not set aside again.
func TestSavedPlanGoesOn(t *testing.T) {
	d := newDesk(t)
	const dir = "examples/llama4-maverick"
	d.slow("20") // some seconds a run
	for _, flags := range []string{"", "-replace=max_throughput "} {
		d.wants(0, "llmbench plan -executor=simulate -out=saved -target=use_case=chat -target=use_case=reasoning "+flags+dir)
		said := d.start("  valid  ", "llmbench apply saved").ends(syscall.SIGINT, 130)
		if !strings.Contains(said, "resume:  llmbench apply saved\n") {
			t.Errorf("apply does not say how to resume:\n%s", said)
		}
		before, _ := d.run("llmbench plan -executor=simulate " + dir)
		d.wants(0, "llmbench apply saved")
		after, code := d.run("llmbench apply saved")
		if code != 0 || !strings.Contains(after, "0 to run, 0 to rerun, 2 unchanged") {
			t.Errorf("the plan is not done: exit %d\n%s\nwhen it was interrupted:\n%s", code, after, before)
		}
	}
}

// Another user's plan is asked about: there is no terminal here, so that nothing is
// started without -auto-approve.
func TestPlanOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root runs commands as two users")
	}
	const nobody = 65534
	d := newDesk(t)
	store := filepath.Join(d.dir, "store")
	if err := errors.Join(os.Mkdir(store, 0o755), os.Chown(store, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	binary, err := exec.LookPath("llmbench")
	if err != nil {
		t.Fatal(err)
	}
	theirs := filepath.Join(d.dir, "llmbench")
	if b, err := os.ReadFile(binary); err != nil || os.WriteFile(theirs, b, 0o755) != nil || os.Chmod(filepath.Dir(d.dir), 0o755) != nil {
		t.Fatal("the binary cannot be given to another user", err)
	}
	d.wants(0, "llmbench plan -executor=simulate -target=use_case=chat -out=saved -store=store examples/llama4-maverick")
	for _, c := range []struct {
		words []string
		code  int
		says  string
	}{
		{[]string{"apply", "saved"}, 1, "Others may have written this plan: saved belongs to root"},
		{[]string{"apply", "-auto-approve", "saved"}, 0, "valid (simulated)"},
	} {
		cmd := exec.Command(theirs, c.words...)
		cmd.Dir, cmd.Env = d.dir, append(os.Environ(), "HOME="+d.dir, "NO_COLOR=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		if got := cmd.ProcessState.ExitCode(); got != c.code || !strings.Contains(string(out), c.says) {
			t.Errorf("%s: exit %d, want %d and %q\n%s", c.words, got, c.code, c.says, out)
		}
	}
}

// slow makes the simulated runs of the example take time.
func (d desk) slow(speed string) {
	path := filepath.Join(d.dir, "examples", "llama4-maverick", "main.hcl")
	src, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	text := strings.Replace(string(src), "  time_limit = \"30m\"\n", "  time_limit = \"30m\"\n  env        = { LLMBENCH_SIMULATED_SPEED = \""+speed+"\" }\n", 1)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		d.t.Fatal(err)
	}
}

func (d desk) wants(code int, line string) {
	d.t.Helper()
	if out, got := d.run(line); got != code {
		d.t.Errorf("%s: exit %d, want %d\n%s", line, got, code, out)
	}
}

// A follower is a command that runs until a signal ends it.
type follower struct {
	t    *testing.T
	line string
	cmd  *exec.Cmd
	rest chan string
}

// start starts a command and returns once it has printed until.
func (d desk) start(until, line string) *follower {
	d.t.Helper()
	words := strings.Fields(line)
	f := &follower{t: d.t, line: line, cmd: exec.Command(words[0], words[1:]...), rest: make(chan string, 1)}
	f.cmd.Dir = d.dir
	out, in, err := os.Pipe()
	if err != nil {
		d.t.Fatal(err)
	}
	f.cmd.Stdout, f.cmd.Stderr = in, in
	if err := f.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	in.Close()
	d.t.Cleanup(func() { f.cmd.Process.Kill() })
	printed := bufio.NewReader(out)
	for {
		text, err := printed.ReadString('\n')
		if err != nil {
			d.t.Fatalf("%s ends without %q: %v", line, until, err)
		}
		if strings.Contains(text, until) {
			break
		}
	}
	go func() {
		rest, _ := io.ReadAll(printed)
		f.rest <- string(rest)
	}()
	return f
}

// ends sends the signal, wants the exit code, and returns what was printed since
// the start.
func (f *follower) ends(sig syscall.Signal, want int) string {
	f.t.Helper()
	if err := f.cmd.Process.Signal(sig); err != nil {
		f.t.Fatal(err)
	}
	err := f.cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != want {
		f.t.Errorf("%s: %v, want exit %d", f.line, err, want)
	}
	return <-f.rest
}

// A search that is killed again and again measures the rounds that it measures when it
// is left alone.
func TestSearchKilled(t *testing.T) {
	d := newDesk(t)
	rounds := func(store string) (out []string) {
		files, err := filepath.Glob(filepath.Join(d.dir, store, "simulated", "searches", "tune", "*", "round-*.json"))
		if err != nil || len(files) == 0 {
			t.Fatal("no rounds", err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, runs, _ := strings.Cut(string(b), `"runs":`) // before them is the time
			out = append(out, filepath.Base(filepath.Dir(file))+" "+filepath.Base(file)+runs)
		}
		return out
	}
	apply := "llmbench apply -auto-approve -executor=simulate -store="
	if out, code := d.run(apply + "whole examples/search"); code != 0 {
		t.Fatal(out)
	}
	for after := 150 * time.Millisecond; after < 900*time.Millisecond; after += 150 * time.Millisecond {
		cmd := exec.Command(built(t), strings.Fields(apply + "killed examples/search")[1:]...)
		cmd.Dir, cmd.Env = d.dir, append(os.Environ(), "HOME="+d.dir, "SBATCH_ACCOUNT=perf")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	}
	if out, code := d.run(apply + "killed examples/search"); code != 0 {
		t.Fatal(out)
	}
	if whole, killed := rounds("whole"), rounds("killed"); !slices.Equal(whole, killed) {
		t.Errorf("rounds without kills\n%s\nwith kills\n%s", strings.Join(whole, ""), strings.Join(killed, ""))
	}
}
