package slurm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"github.com/llmbench/llmbench/executors/store"
)

// A client talks to the Slurm of one cluster. Nothing else runs its commands.
type client struct {
	// cluster is named in every question where the executor's block names one.
	cluster string
	runner  runner
	// bucket gives a token for each command: the controller is shared by all users of
	// the cluster. nil sets no pace.
	bucket *rate.Limiter
}

// run runs a command at the pace of the bucket.
func (c *client) run(ctx context.Context, timeout time.Duration, dir string, argv ...string) (string, error) {
	if c.bucket != nil {
		if err := c.bucket.Wait(ctx); err != nil {
			return "", &commandError{name: argv[0], err: err}
		}
	}
	return c.runner(ctx, timeout, dir, argv...)
}

// ask runs one of Slurm's commands for the cluster.
func (c *client) ask(ctx context.Context, name string, args ...string) (string, error) {
	return c.run(ctx, queryTimeout, "", c.command(name, args...)...)
}

// command is a command line that carries the cluster.
func (c *client) command(name string, args ...string) []string {
	if c.cluster != "" {
		args = append([]string{"--clusters=" + c.cluster}, args...)
	}
	return append([]string{name}, args...)
}

// config is the controller's configuration. Where a user's bucket of commands is
// empty, scontrol prints all of it and fails at the ping that follows.
func (c *client) config(ctx context.Context) (string, error) {
	return c.run(ctx, probeTimeout, "", c.command("scontrol", "show", "config")...)
}

// Available implements executors.Scheduler.
func (c *Config) Available(ctx context.Context) error {
	for _, name := range []string{"sbatch", "squeue", "scancel", "scontrol"} {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%s is not on this host: apply on a login node of the cluster, or rehearse with -executor=simulate", name)
		}
	}
	out, err := c.client(nil).config(ctx)
	var ce *commandError
	switch {
	case err == nil, strings.Contains(out, "ClusterName"):
		return nil
	case errors.As(err, &ce) && strings.Contains(strings.ToLower(ce.stderr), "rate limit exceeded"):
		return nil // the controller answers, and all that follows waits for its turn
	case errors.As(err, &ce):
		return fmt.Errorf("the controller of Slurm does not answer on this host: apply on a login node of the cluster, or rehearse with -executor=simulate.\n%w", err)
	}
	return err
}

// sbatch submits script.sh in its working directory with options.
func sbatch(options []string) []string {
	argv := append([]string{"sbatch", "--parsable"}, options...)
	return append(argv, "--output=job.out", "--error=job.out", "script.sh")
}

// queueFormat asks for whole columns; what may hold anything stands last.
const queueFormat = "JobID:0|,Name:0|,State:0|,exit_code:0|,SubmitTime:0|,StartTime:0|,NodeList:0|,Reason:0|"

// queueText asks once about all of the user's jobs.
func (c *client) queueText(ctx context.Context) (string, error) {
	return c.ask(ctx, "squeue", "--me", "-a", "-r", "-h", "-t", "all", "-O", queueFormat)
}

// queue is queueText, read; an answer that is damaged tells nothing.
func (c *client) queue(ctx context.Context) ([]queuedJob, error) {
	out, err := c.queueText(ctx)
	if err != nil {
		return nil, err
	}
	jobs, whole := parseQueue(out)
	if !whole {
		return nil, errors.New("squeue's output is truncated")
	}
	return jobs, nil
}

// show asks the controller about one job; known is false where it does not know
// it, as it says itself without an error.
func (c *client) show(ctx context.Context, h handle) (r queuedJob, known bool, err error) {
	out, err := c.ask(ctx, "scontrol", "-o", "show", "job", h.id)
	var ce *commandError
	switch {
	case errors.As(err, &ce) && strings.Contains(ce.stderr, "Invalid job id"):
		return queuedJob{}, false, nil
	case err != nil:
		return queuedJob{}, false, err
	}
	fields := keyValues(out)
	r = queuedJob{
		id: fields["JobId"], name: fields["JobName"], state: fields["JobState"], exit: fields["ExitCode"],
		submit: fields["SubmitTime"], start: fields["StartTime"], end: fields["EndTime"], nodes: fields["NodeList"], reason: fields["Reason"],
	}
	return r, r.id == h.id && r.name == h.name, nil
}

// keyValues reads the KEY=VALUE words of `scontrol -o show`; the first of a key
// counts.
func keyValues(line string) map[string]string {
	fields := map[string]string{}
	for word := range strings.FieldsSeq(line) {
		if k, v, ok := strings.Cut(word, "="); ok {
			if _, twice := fields[k]; !twice {
				fields[k] = v
			}
		}
	}
	return fields
}

// accounted asks the accounting about one job; false where it does not know it.
func (c *client) accounted(ctx context.Context, h handle) (queuedJob, bool) {
	out, err := c.ask(ctx, "sacct", "-D", "-X", "-n", "-P", "-j", h.id, "-o", "JobID,JobName,State,ExitCode,Submit,Start,NodeList,End")
	if err != nil {
		return queuedJob{}, false
	}
	var newest queuedJob
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) < 7 || f[0] != h.id || f[1] != h.name || f[4] < newest.submit {
			continue
		}
		newest = queuedJob{id: f[0], name: f[1], state: f[2], exit: f[3], submit: f[4], start: f[5], nodes: f[6]}
		if len(f) > 7 {
			newest.end = f[7]
		}
	}
	return newest, newest.id != ""
}

// named is the id of the job of a name that the accounting knows, submitted an
// hour before since or later; "" for none.
func (c *client) named(ctx context.Context, name string, since time.Time) string {
	from := since.Add(-time.Hour).Local().Format(timeFormat)
	out, err := c.ask(ctx, "sacct", "-X", "-n", "-P", "--name="+name, "-S", from, "-o", "JobID,JobName")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(out) {
		id, its, _ := strings.Cut(strings.TrimSpace(line), "|")
		if its == name && isID(id) {
			return id
		}
	}
	return ""
}

// cancel runs scancel for the job id.
func (c *client) cancel(ctx context.Context, id string, options ...string) error {
	_, err := c.ask(ctx, "scancel", append(options, id)...)
	return err
}

// survey asks for all of a profile but the configuration, at once.
func (c *client) survey(ctx context.Context, p *Profile) {
	var mpi, help, show, gres, topology, assoc, user, qos string
	var g sync.WaitGroup
	ask := func(into *string, argv ...string) {
		g.Go(func() {
			if out, err := c.run(ctx, probeTimeout, "", argv...); err == nil {
				*into = out
			}
		})
	}
	ask(&mpi, "srun", "--mpi=list") // of this host, as is the next
	ask(&help, "srun", "--help")
	ask(&show, c.command("scontrol", "-a", "-o", "show", "partition")...)
	ask(&gres, c.command("sinfo", "-a", "-h", "-o", "%R|%G")...)
	ask(&topology, c.command("scontrol", "show", "topology")...)
	if p.accounts() {
		show := []string{"sacctmgr", "-n", "-P", "show"}
		cluster := "cluster=" + p.Cluster // one slurmdbd serves several
		ask(&assoc, append(show[:4:4], "assoc", "user="+store.UserName(), cluster, "format=account,partition,maxsubmit,qos,defaultqos")...)
		ask(&user, append(show[:4:4], "user", store.UserName(), cluster, "format=defaultaccount")...)
		ask(&qos, append(show[:4:4], "qos", "format=name,maxwall,maxsubmitpu,maxsubmitpa,grpsubmit")...)
	}
	g.Wait()
	p.MPI = mpiTypes(mpi)
	p.Pyxis = strings.Contains(help, "--container-image")
	p.partitions(show, gres)
	p.topologies(ctx, c, topology)
	p.associations(assoc)
	p.DefaultAccount = strings.TrimSpace(user)
	p.limits(qos)
}

// nodeStates asks for NODE|STATE of nodes, a line for each of their partitions.
func (c *client) nodeStates(ctx context.Context, nodes []string) (string, error) {
	return c.ask(ctx, "sinfo", "-h", "-N", "-n", strings.Join(nodes, ","), "-o", "%N|%T")
}

// topology asks for a topology by its name.
func (c *client) topology(ctx context.Context, name string) (string, error) {
	return c.run(ctx, probeTimeout, "", c.command("scontrol", "show", "topology", name)...)
}

// How long Slurm's commands may take. sbatch itself tries again for two minutes
// when the controller does not answer.
const (
	submitTimeout = 200 * time.Second
	queryTimeout  = 45 * time.Second
	probeTimeout  = 15 * time.Second // where somebody waits
)

// A commandError is a command of Slurm's that failed, with its own words.
type commandError struct {
	name   string
	stderr string
	err    error
	// answered is false when the command did not end by itself.
	answered bool
}

func (e *commandError) Error() string {
	if e.stderr == "" {
		return fmt.Sprintf("%s: %v", e.name, e.err)
	}
	return fmt.Sprintf("%s: %s", e.name, strings.TrimPrefix(e.stderr, e.name+": "))
}

func (e *commandError) Unwrap() error { return e.err }

// A runner runs one of Slurm's commands in dir for at most timeout and returns its
// standard output.
type runner func(ctx context.Context, timeout time.Duration, dir string, argv ...string) (stdout string, err error)

// call is the runner of this host's commands.
func call(ctx context.Context, timeout time.Duration, dir string, argv ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, commandEnvironment(os.Environ(), argv)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err == nil {
		return stdout.String(), nil
	}
	var exit *exec.ExitError
	return stdout.String(), &commandError{
		name: argv[0], stderr: strings.TrimSpace(stderr.String()), err: err,
		answered: ctx.Err() == nil && errors.As(err, &exit) && exit.Exited(),
	}
}

// commandEnvironment is the caller's for a command of Slurm's: sites need their
// own variables for it. What would change what the commands do or print stays
// behind. sbatch and srun hand theirs on to the job, which is to get no more than
// environment has: they get that, and what they need to reach the controller, which
// the job's script drops first. (--export with a list of names is no way: as with
// NONE, sbatch then has the node load a login environment, from 22.05 to 25.11.)
func commandEnvironment(environ, argv []string) []string {
	if argv[0] == "sbatch" || argv[0] == "srun" && len(argv) > 2 {
		return append(environment(environ), variables(environ, oneOf(reaching...))...)
	}
	keep := variables(environ, func(name string) bool { return !affectsSlurm(name) })
	return append(keep, "LC_ALL=C", "SLURM_TIME_FORMAT=standard")
}

// reaching are the variables by which commands reach and convince the controller;
// common.sh unsets them.
var reaching = []string{"SLURM_CONF_SERVER", "SLURM_JWT", "KRB5CCNAME", "LD_LIBRARY_PATH"}

// affectsSlurm reports whether a variable changes what Slurm's commands do or print.
func affectsSlurm(name string) bool {
	switch name {
	case "SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_JWT":
		return false
	case "LC_ALL":
		return true
	}
	return slices.ContainsFunc(slurmPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

var slurmPrefixes = []string{
	"SLURM_", "SBATCH_", "SRUN_", "SALLOC_", "SQUEUE_", "SINFO_", "SACCT_", "SACCTMGR_", "SPRIO_", "SCANCEL_", "SCONTROL_",
}

// environment keeps of the caller's what jobs get: secrets and what would change
// the run stay behind.
func environment(environ []string) []string {
	return append([]string{"LC_ALL=C"}, variables(environ, oneOf("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "SLURM_CONF"))...)
}

// allocationEnvironment is environment with what tells of the allocation.
func allocationEnvironment(environ []string) []string {
	return append(environment(environ), variables(environ, func(name string) bool {
		return strings.HasPrefix(name, "SLURM_") && name != "SLURM_CONF"
	})...)
}

// variables are the NAME=VALUE of environ whose names are to be kept.
func variables(environ []string, keep func(name string) bool) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return !keep(name)
	})
}

func oneOf(names ...string) func(string) bool {
	return func(name string) bool { return slices.Contains(names, name) }
}
