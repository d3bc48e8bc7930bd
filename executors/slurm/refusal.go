package slurm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/plan"
)

// answers are what the words of Slurm's commands mean, tried in order: first what leaves
// open whether the controller took the job, as it does where the connection breaks in the
// middle. Words that are not listed are ambiguous unless they say that the submission
// failed.
var answers = []struct {
	words  string
	means  error // executors.ErrRejected, ErrLimit, or nil where a job may exist
	remedy string
}{
	{"timed out", nil, ""},
	{"Unable to contact slurm controller", nil, ""},
	{"Zero Bytes were transmitted", nil, ""},
	{"Rate limit exceeded", nil, ""},
	{"Connection refused", nil, ""},
	{"Connection reset", nil, ""},
	{"connection failure", nil, ""},
	{"Broken pipe", nil, ""},
	{"No route to host", nil, ""},
	{"is unreachable", nil, ""},
	{"endpoint is not connected", nil, ""},
	{"Message send failure", nil, ""},
	{"Message receive failure", nil, ""},
	{"Communication shutdown failure", nil, ""},
	{"Unexpected message received", nil, ""},
	{"in standby mode", nil, ""},
	{"Interrupted system call", nil, ""},
	{"temporarily un", nil, ""},
	{"Slurm job queue full", nil, ""},
	{"authentication", nil, "munge does not work on this host, or its clock is wrong; use another login node"},
	{"munge", nil, "munge does not work on this host, or its clock is wrong; use another login node"},
	{"MaxSubmitJob", executors.ErrLimit, ""},
	{"GrpSubmitJob", executors.ErrLimit, ""},
	{"Unable to create job record", executors.ErrLimit, ""},
	{"QOSMax", executors.ErrRejected, "the job asks for more than the QOS allows: lower time_limit or the GPUs, or choose another qos"},
	{"QOSMin", executors.ErrRejected, "the job asks for less than the QOS requires: choose another qos"},
	{"QOSGrp", executors.ErrRejected, "the job asks for more than the QOS allows in total: choose another qos"},
	{"AssocMax", executors.ErrRejected, "the job asks for more than the account allows: lower time_limit or the GPUs, or choose another account"},
	{"AssocGrp", executors.ErrRejected, "the job asks for more than the account allows in total: choose another account"},
	{"RunMinsPer", executors.ErrRejected, "the job asks for more than the QOS allows: lower time_limit or the GPUs, or choose another qos"},
	{"PerAccount", executors.ErrRejected, "the job asks for more than the QOS allows the account: lower the GPUs, or choose another qos"},
	{"violates accounting/QOS policy", executors.ErrLimit, ""},
	{"Invalid account", executors.ErrRejected, "set account to one that may use the partition (`sacctmgr show assoc user=$USER` lists them)"},
	{"Invalid qos", executors.ErrRejected, "`sacctmgr show assoc user=$USER format=account,qos` lists your QOS"},
	{"not permitted to use this partition", executors.ErrRejected, "choose another partition"},
	{"invalid partition", executors.ErrRejected, "`sinfo` lists the partitions"},
	{"Invalid node name", executors.ErrRejected, "`sinfo -N` lists the nodes"},
	{"node configuration is not available", executors.ErrRejected, "no node has that many GPUs, tasks or memory; `sinfo -o '%P %G %c %m %D'` shows what there is"},
	{"Invalid generic resource", executors.ErrRejected, "the cluster names its GPUs otherwise; try gpus_per_node_flag = false with extra_args = [\"--gres=…\"]"},
	{"Invalid --segment", executors.ErrRejected, "set segment = false"},
	{"topology configuration is not available", executors.ErrRejected, "set segment = false, or use fewer nodes"},
	{"time limit is invalid", executors.ErrRejected, "set time_limit below the partition's limit"},
	{"Time limit specification required", executors.ErrRejected, "set time_limit"},
	{"unrecognized option", executors.ErrRejected, "this cluster's sbatch does not know the option; switch its argument off"},
	{"Incompatible versions of client and server", executors.ErrRejected, "sbatch belongs to a different Slurm than the cluster; use the host's, not a container's"},
	{"other parameter too long", executors.ErrRejected, "shorten the environment of the definitions"},
	{"DOS line breaks", executors.ErrRejected, "write the prolog with line feeds only"},
	{"Access denied to requested reservation", executors.ErrRejected, "check the reservation's users"},
	{"partition not available (inactive or drain)", executors.ErrRejected, "choose another partition, or wait until an administrator sets it up"},
	{"submissions disabled", executors.ErrRejected, "an administrator has disabled submissions; apply again once they are enabled"},
	{"requested reservation is invalid", executors.ErrRejected, "`scontrol show reservation` lists the reservations"},
	{"Batch job submission failed", executors.ErrRejected, ""},
	{"sbatch: error:", executors.ErrRejected, ""},
}

// classify says what to do about a failed sbatch, and what it means, as answers do.
func classify(stderr string) (remedy string, means error) {
	text := strings.ToLower(stderr)
	for _, a := range answers {
		if strings.Contains(text, strings.ToLower(a.words)) {
			return a.remedy, a.means
		}
	}
	return "", nil
}

// refusal marks what sbatch's failure means.
func refusal(err error) error {
	var ce *commandError
	if !errors.As(err, &ce) || !ce.answered {
		return err
	}
	remedy, means := classify(ce.stderr)
	if remedy != "" {
		err = fmt.Errorf("%w; %s", ce, remedy)
	}
	if means != nil {
		err = fmt.Errorf("%w (%w)", err, means)
	}
	return err
}

// limitedAlone turns an answer that says "your queue is full" into a refusal where
// none of the user's jobs is in the queue: waiting does not help. Jobs that ended a
// moment ago may count still, so that with such ones it takes two answers in a row.
// The limits of groups are left alone: there others' jobs count.
func (e *Executor) limitedAlone(ctx context.Context, name string, err error) error {
	var ce *commandError
	if !errors.As(err, &ce) || strings.Contains(ce.stderr, "Grp") || strings.Contains(ce.stderr, "PerAccount") || strings.Contains(ce.stderr, "job record") {
		return err
	}
	jobs, asked := e.slurm.queue(ctx)
	if asked != nil {
		return err
	}
	alone := !slices.ContainsFunc(jobs, func(r queuedJob) bool { return states[r.base()].State != plan.Ended })
	again := e.alone[name]
	e.alone[name] = alone
	if !alone || len(jobs) > 0 && !again {
		return err
	}
	return fmt.Errorf("%w; none of your jobs is in the queue, so waiting does not help: ask for fewer GPUs or less time, or choose another account or qos (%w)", ce, executors.ErrRejected)
}

// Preflight asks sbatch --test-only for executors.Backend. That nodes are down or drained
// for now is no refusal, although --test-only words it as if there were none such: the
// job itself would wait.
func (e *Executor) Preflight(ctx context.Context, job *executors.Job) error {
	argv := job.Argv
	argv = append([]string{argv[0], "--test-only"}, argv[1:len(argv)-1]...) // without its script
	_, err := e.slurm.run(ctx, queryTimeout, job.Dir, append(argv, "--wrap=true")...)
	var ce *commandError
	if errors.As(err, &ce) && strings.Contains(strings.ToLower(ce.stderr), "node configuration is not available") {
		return err
	}
	return refusal(err)
}
