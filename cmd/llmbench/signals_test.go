package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestSignals interrupts what follows runs: the exit code tells which signal it
// was, and others see meanwhile and afterwards how the runs stand.
func TestSignals(t *testing.T) {
	for sig, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		t.Run(sig.String(), func(t *testing.T) {
			d := newDesk(t)
			d.slow()
			apply := d.start("running", "llmbench apply -auto-approve -executor=simulate -target=use_case=chat examples/llama4-maverick")
			d.wants(1, "llmbench apply -auto-approve -executor=simulate examples/llama4-maverick") // the lease is held
			d.wants(4, "llmbench status -executor=simulate examples/llama4-maverick")
			logs := d.start("Starting benchmark", "llmbench logs -follow -executor=simulate use_case=chat examples/llama4-maverick")
			logs.ends(sig, want)
			status := d.start("running", "llmbench status -watch -executor=simulate examples/llama4-maverick")
			status.ends(sig, want)
			said := apply.ends(sig, want)
			if !strings.Contains(said, "resume:  llmbench apply -executor=simulate examples/llama4-maverick\n") {
				t.Errorf("apply does not say how to resume:\n%s", said)
			}
			d.wants(3, "llmbench status -executor=simulate examples/llama4-maverick")
			d.wants(1, "llmbench apply -auto-approve -detach -executor=simulate examples/llama4-maverick")
		})
	}
}

// slow makes the simulated runs of the example take for ever.
func (d desk) slow() {
	path := filepath.Join(d.dir, "examples", "llama4-maverick", "main.hcl")
	src, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	text := strings.Replace(string(src), "  time_limit = \"30m\"\n", "  time_limit = \"30m\"\n  env        = { LLMBENCH_SIMULATED_SPEED = \"0.0001\" }\n", 1)
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
