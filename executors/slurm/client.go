package slurm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/store"
)

// A client talks to the Slurm of one cluster. Nothing else runs its commands.
type client struct {
	// cluster is named in every question where the executor's block names one.
	cluster string
	runner  runner
}

// ask runs one of Slurm's commands for the cluster.
func (c *client) ask(ctx context.Context, name string, args ...string) (string, error) {
	return c.runner.Run(ctx, queryTimeout, "", append(c.command(name), args...)...)
}

// command is the start of a command line that carries the cluster.
func (c *client) command(name string) []string {
	if c.cluster == "" {
		return []string{name}
	}
	return []string{name, "--clusters=" + c.cluster}
}

// sbatch submits script.sh in its working directory with options.
func sbatch(options []string) []string {
	argv := append([]string{"sbatch", "--parsable"}, options...)
	return append(argv, "--output=job.out", "--error=job.out", "script.sh")
}

// submit runs the submission argv, which names the cluster itself, in dir. An
// error says what sbatch's failure means; see refusal.
func (c *client) submit(ctx context.Context, dir string, argv []string) (id string, err error) {
	stdout, err := c.runner.Run(ctx, submitTimeout, dir, argv...)
	if err != nil {
		return "", refusal(err)
	}
	if id, ok := parseSubmitted(stdout); ok {
		return id, nil
	}
	return "", fmt.Errorf("sbatch gave no job id: %q", stdout)
}

// testOnly asks whether argv would be taken, without its script.
func (c *client) testOnly(ctx context.Context, dir string, argv []string) error {
	argv = append([]string{argv[0], "--test-only"}, argv[1:len(argv)-1]...)
	_, err := c.runner.Run(ctx, queryTimeout, dir, append(argv, "--wrap=true")...)
	return err
}

// parseSubmitted finds ID or ID;CLUSTER in what sbatch --parsable printed. Sites
// print banners on the same stream, so that the last such line counts.
func parseSubmitted(stdout string) (id string, ok bool) {
	for line := range strings.Lines(stdout) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		if isID(word) {
			id, ok = word, true
		}
	}
	return id, ok
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

// nodeStates asks for NODE|STATE of nodes, a line for each of their partitions.
func (c *client) nodeStates(ctx context.Context, nodes []string) (string, error) {
	return c.ask(ctx, "sinfo", "-h", "-N", "-n", strings.Join(nodes, ","), "-o", "%N|%T")
}

// step runs a step beside those of a job.
func (c *client) step(ctx context.Context, id string, options []string, argv ...string) (string, error) {
	words := append(c.command("srun"), "--jobid="+id, "--overlap", "--ntasks-per-node=1", "--mpi=none", "--mem=0", "--input=none")
	return c.runner.Run(ctx, time.Minute, "", append(append(words, options...), argv...)...)
}

// config is the controller's configuration. Where a user's bucket of commands is
// empty, scontrol prints all of it and fails at the ping that follows.
func (c *client) config(ctx context.Context) (string, error) {
	return c.inquire(ctx, "scontrol", "show", "config")
}

// inquire is ask for questions that somebody waits for.
func (c *client) inquire(ctx context.Context, name string, args ...string) (string, error) {
	return c.runner.Run(ctx, probeTimeout, "", append(c.command(name), args...)...)
}

func (c *client) partitions(ctx context.Context) (string, error) {
	return c.inquire(ctx, "scontrol", "-a", "-o", "show", "partition")
}

func (c *client) partitionGres(ctx context.Context) (string, error) {
	return c.inquire(ctx, "sinfo", "-a", "-h", "-o", "%R|%G")
}

// topology asks for a topology by its name, or for the cluster's own.
func (c *client) topology(ctx context.Context, name string) (string, error) {
	args := []string{"show", "topology"}
	if name != "" {
		args = append(args, name)
	}
	return c.inquire(ctx, "scontrol", args...)
}

// associations asks for those of the user on a cluster: one slurmdbd serves several.
func (c *client) associations(ctx context.Context, cluster string) (string, error) {
	return c.runner.Run(ctx, probeTimeout, "", "sacctmgr", "-n", "-P", "show", "assoc", "user="+store.UserName(), "cluster="+cluster, "format=account,partition,maxsubmit,qos,defaultqos")
}

func (c *client) defaultAccount(ctx context.Context, cluster string) (string, error) {
	return c.runner.Run(ctx, probeTimeout, "", "sacctmgr", "-n", "-P", "show", "user", store.UserName(), "cluster="+cluster, "format=defaultaccount")
}

func (c *client) qos(ctx context.Context) (string, error) {
	return c.runner.Run(ctx, probeTimeout, "", "sacctmgr", "-n", "-P", "show", "qos", "format=name,maxwall,maxsubmitpu,maxsubmitpa,grpsubmit")
}

// mpiTypes and srunHelp ask the srun of this host.
func (c *client) mpiTypes(ctx context.Context) (string, error) {
	return c.runner.Run(ctx, probeTimeout, "", "srun", "--mpi=list")
}

func (c *client) srunHelp(ctx context.Context) (string, error) {
	return c.runner.Run(ctx, probeTimeout, "", "srun", "--help")
}
