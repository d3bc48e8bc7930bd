package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A lab is where rows are measured: a folder, and an llmbench of this commit.
type lab struct {
	ctx  context.Context
	dir  string
	tool string
	env  []string
	kept map[string]any // what rows prepared
	// atEnd takes down what rows started.
	atEnd []func()
}

func newLab(ctx context.Context) (*lab, error) {
	dir, err := os.MkdirTemp("", "llmbench-bench")
	if err != nil {
		return nil, err
	}
	l := &lab{ctx: ctx, dir: dir, tool: filepath.Join(dir, "llmbench"), env: append(os.Environ(), "SBATCH_ACCOUNT=bench"), kept: map[string]any{}}
	build := exec.CommandContext(ctx, "go", "build", "-o", l.tool, "./cmd/llmbench")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		l.close()
		return nil, fmt.Errorf("building llmbench: %w", err)
	}
	return l, nil
}

func (l *lab) close() {
	for _, end := range l.atEnd {
		end()
	}
	os.RemoveAll(l.dir)
}

// path is a file or folder of the lab.
func (l *lab) path(parts ...string) string {
	return filepath.Join(append([]string{l.dir}, parts...)...)
}

// llmbench runs a command of llmbench to its end; its output is dropped.
func (l *lab) llmbench(args ...string) (sample, error) { return l.process(nil, l.tool, args...) }

// process runs a command and takes its time and its peak memory, which Linux
// counts from that of this process on: what needs memory is done by children.
func (l *lab) process(stdout *bytes.Buffer, name string, args ...string) (sample, error) {
	cmd := exec.CommandContext(l.ctx, name, args...)
	var complaint bytes.Buffer
	cmd.Env, cmd.Stderr = l.env, &complaint
	if stdout != nil {
		cmd.Stdout = stdout
	}
	began := time.Now()
	err := cmd.Run()
	s := sample{Wall: time.Since(began)}
	if err != nil {
		return s, fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, complaint.String())
	}
	s.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.RSS = u.Maxrss << 10 // Linux counts KiB
	}
	return s, nil
}

const childFlag = "-child"

// children are the pieces of work that are no command of llmbench. They do it
// once and return time and bytes; the start of their process does not count.
var children = map[string]func(size int, args []string) (sample, error){}

// child does one of the children's work in a process of its own.
func (l *lab) child(name string, size int, args ...string) (sample, error) {
	self, err := os.Executable()
	if err != nil {
		return sample{}, err
	}
	var out bytes.Buffer
	_, err = l.process(&out, self, append([]string{childFlag, name, strconv.Itoa(size)}, args...)...)
	if err != nil {
		return sample{}, err
	}
	var s sample
	if err := json.Unmarshal(out.Bytes(), &s); err != nil {
		return s, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

func runChild(args []string) int {
	size, err := strconv.Atoi(args[1])
	if err == nil {
		var s sample
		before := cpuTime()
		began := time.Now()
		s, err = children[args[0]](size, args[2:])
		if s.Wall == 0 {
			s.Wall = time.Since(began)
		}
		if s.CPU == 0 {
			s.CPU = cpuTime() - before
		}
		if err == nil {
			s.RSS, err = ownPeak()
		}
		if err == nil {
			err = json.NewEncoder(os.Stdout).Encode(s)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// ownPeak is the most memory that this process has had, in bytes.
func ownPeak() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	_, err = fmt.Sscan(rest, &kib)
	return kib << 10, err
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
