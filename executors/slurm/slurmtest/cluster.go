// Package slurmtest runs a real throwaway Slurm cluster on one host, for tests
// and for trying things: a controller and several nodes with GPUs that are none,
// a munge of its own, and accounting on request. It needs Debian's packages
// slurmctld, slurmd, slurm-client and munge, slurmdbd and mariadb-server for
// accounting, and root.
//
// Command slurmup, below, runs a command inside such a cluster.
package slurmtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Options describe a cluster. The zero value is four nodes with four GPUs each
// and no accounting.
type Options struct {
	Nodes, GPUs int
	// Accounting starts slurmdbd on a MariaDB of its own.
	Accounting bool
	// Enforced has Slurm enforce the limits of QOS and associations; it needs Accounting.
	Enforced bool
	// MinJobAge is how long ended jobs stay known, in seconds; 0 is 300.
	MinJobAge int
	// Beside is a cluster with accounting whose munge and slurmdbd this one shares, as
	// the clusters of a site do; nil for none. Name and Partition, the first one, are
	// "throwaway" and "batch" where they are "".
	Beside          *Cluster
	Name, Partition string
	// SlurmdTimeout is after how many seconds a node that does not answer is
	// down; 0 is 300.
	SlurmdTimeout int
}

// A Cluster is a running Slurm.
type Cluster struct {
	// Name is Slurm's ClusterName; Dir holds everything, logs included.
	Name, Dir string
	opts      Options
	procs     []*exec.Cmd
	daemons   map[string]*exec.Cmd // by log
	munge     string               // its socket
	dbdPort   int
}

// Available says why no cluster can be started here, nil if one can.
func Available(opts Options) error {
	if os.Getuid() != 0 {
		return errors.New("a throwaway Slurm needs root")
	}
	need := []string{"slurmctld", "slurmd", "munged", "sbatch", "squeue", "scontrol"}
	if opts.Accounting {
		need = append(need, "slurmdbd", "mariadbd", "mariadb-install-db", "sacctmgr")
	}
	for _, name := range need {
		if _, err := lookPath(name); err != nil {
			return fmt.Errorf("%s is not installed; `make deps` installs it", name)
		}
	}
	return nil
}

// lookPath also looks where Debian puts daemons.
func lookPath(name string) (string, error) {
	if p, err := exec.LookPath(name); err == nil {
		return p, nil
	}
	p := filepath.Join("/usr/sbin", name)
	_, err := os.Stat(p)
	return p, err
}

// Start starts a cluster in dir, which must be empty, and waits until its nodes
// are idle. Stop must be called whatever happens.
func Start(ctx context.Context, dir string, opts Options) (*Cluster, error) {
	opts.Nodes, opts.GPUs = cmp.Or(opts.Nodes, 4), cmp.Or(opts.GPUs, 4)
	opts.MinJobAge, opts.SlurmdTimeout = cmp.Or(opts.MinJobAge, 300), cmp.Or(opts.SlurmdTimeout, 300)
	opts.Name, opts.Partition = cmp.Or(opts.Name, "throwaway"), cmp.Or(opts.Partition, "batch")
	c := &Cluster{Name: opts.Name, daemons: map[string]*exec.Cmd{}, Dir: dir, opts: opts, munge: filepath.Join(dir, "munge.socket")}
	shared := []func(context.Context) error{c.startMunge, c.startAccounting}
	if other := opts.Beside; other != nil {
		c.opts.Accounting, c.munge, c.dbdPort, shared = true, other.munge, other.dbdPort, nil
	}
	for _, step := range append(shared, c.configure, c.startDaemons, c.ready) {
		if err := step(ctx); err != nil {
			return c, fmt.Errorf("throwaway Slurm: %w\n%s", err, c.logs())
		}
	}
	return c, nil
}

// Env is the environment for Slurm's commands and for what calls them.
func (c *Cluster) Env() []string {
	return []string{"SLURM_CONF=" + c.path("slurm.conf")}
}

// Stop ends all daemons and what they started.
func (c *Cluster) Stop() {
	for i := len(c.procs) - 1; i >= 0; i-- {
		_ = syscall.Kill(-c.procs[i].Process.Pid, syscall.SIGTERM)
	}
	deadline := time.Now().Add(5 * time.Second)
	for i := len(c.procs) - 1; i >= 0; i-- {
		done := make(chan struct{})
		go func() { _ = c.procs[i].Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(time.Until(deadline)):
		}
		_ = syscall.Kill(-c.procs[i].Process.Pid, syscall.SIGKILL)
	}
	_ = c.signal(syscall.SIGKILL, "") // all is taken down anyway
}

// spawn starts a daemon in a process group of its own, with its output in a log and with
// environ in its environment.
func (c *Cluster) spawn(environ []string, log, name string, args ...string) error {
	path, err := lookPath(name)
	if err != nil {
		return err
	}
	f, err := os.Create(c.path(log))
	if err != nil {
		return err
	}
	defer f.Close()
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = f, f
	cmd.Env = slices.Concat(os.Environ(), c.Env(), environ)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.procs = append(c.procs, cmd)
	c.daemons[log] = cmd
	return nil
}

// run runs a command to its end, which comes soon or never.
func (c *Cluster) run(ctx context.Context, name string, args ...string) (string, error) {
	path, err := lookPath(name)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), c.Env()...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// until tries step until it works. Limits are for what never comes; a loaded
// machine takes long for what does.
func until(ctx context.Context, limit time.Duration, step func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := step()
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// ports returns n ports in a row that are free now. They lie below those that the
// kernel gives to connections, so that only another cluster could take them.
func ports(n int) (int, error) {
	const low, high = 10000, 32000
	for range 50 {
		if first := low + rand.Intn(high-low-n); allFree(first, n) {
			return first, nil
		}
	}
	return 0, errors.New("no free ports")
}

func allFree(first, n int) bool {
	for p := first; p < first+n; p++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}

// logs are the ends of the daemons' logs, for errors.
func (c *Cluster) logs() string {
	var b strings.Builder
	found, _ := filepath.Glob(filepath.Join(c.Dir, "*.log"))
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		fmt.Fprintf(&b, "== %s\n%s\n", filepath.Base(path), text[max(0, len(text)-1500):])
	}
	return b.String()
}

// ForTest starts a cluster that ends with the test and sets SLURM_CONF. Where
// none can be started the test is skipped with the reason, unless
// LLMBENCH_REQUIRE_SLURM=1, where it fails.
func ForTest(t testing.TB, opts Options) *Cluster {
	t.Helper()
	if err := Available(opts); err != nil {
		if os.Getenv("LLMBENCH_REQUIRE_SLURM") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	// Sockets have short names only.
	dir, err := os.MkdirTemp("", "slurm")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	c, err := Start(ctx, dir, opts)
	t.Cleanup(func() {
		c.Stop()
		if t.Failed() {
			t.Log(c.logs())
		}
		os.RemoveAll(dir)
	})
	if err != nil {
		t.Fatal(err)
	}
	if tt, ok := t.(*testing.T); ok {
		tt.Setenv("SLURM_CONF", c.path("slurm.conf"))
	}
	return c
}
