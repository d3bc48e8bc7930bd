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

// An answer is what a failed sbatch means for the job.
type answer int

const (
	ambiguous answer = iota // a job may exist
	rejected                // none exists, and none will as it stands
	full                    // none exists; the queue is full for this user
)

// answers are the words of Slurm's commands, tried in order: first what leaves
// open whether the controller took the job, as it does where the connection
// breaks in the middle. Words that are not listed are ambiguous unless they say
// that the submission failed.
var answers = []struct {
	words  string
	means  answer
	remedy string
}{
	{"timed out", ambiguous, ""},
	{"Unable to contact slurm controller", ambiguous, ""},
	{"Zero Bytes were transmitted", ambiguous, ""},
	{"Rate limit exceeded", ambiguous, ""},
	{"Connection refused", ambiguous, ""},
	{"Connection reset", ambiguous, ""},
	{"connection failure", ambiguous, ""},
	{"Broken pipe", ambiguous, ""},
	{"No route to host", ambiguous, ""},
	{"is unreachable", ambiguous, ""},
	{"endpoint is not connected", ambiguous, ""},
	{"Message send failure", ambiguous, ""},
	{"Message receive failure", ambiguous, ""},
	{"Communication shutdown failure", ambiguous, ""},
	{"Unexpected message received", ambiguous, ""},
	{"in standby mode", ambiguous, ""},
	{"Interrupted system call", ambiguous, ""},
	{"temporarily un", ambiguous, ""},
	{"Slurm job queue full", ambiguous, ""},
	{"authentication", ambiguous, "munge does not work on this host, or its clock is wrong; use another login node"},
	{"munge", ambiguous, "munge does not work on this host, or its clock is wrong; use another login node"},
	{"MaxSubmitJob", full, ""},
	{"GrpSubmitJob", full, ""},
	{"Unable to create job record", full, ""},
	{"QOSMax", rejected, "the job asks for more than the QOS allows: lower time_limit or the GPUs, or choose another qos"},
	{"QOSMin", rejected, "the job asks for less than the QOS requires: choose another qos"},
	{"QOSGrp", rejected, "the job asks for more than the QOS allows in total: choose another qos"},
	{"AssocMax", rejected, "the job asks for more than the account allows: lower time_limit or the GPUs, or choose another account"},
	{"AssocGrp", rejected, "the job asks for more than the account allows in total: choose another account"},
	{"RunMinsPer", rejected, "the job asks for more than the QOS allows: lower time_limit or the GPUs, or choose another qos"},
	{"PerAccount", rejected, "the job asks for more than the QOS allows the account: lower the GPUs, or choose another qos"},
	{"violates accounting/QOS policy", full, ""},
	{"Invalid account", rejected, "set account to one that may use the partition (`sacctmgr show assoc user=$USER` lists them)"},
	{"Invalid qos", rejected, "`sacctmgr show assoc user=$USER format=account,qos` lists your QOS"},
	{"not permitted to use this partition", rejected, "choose another partition"},
	{"invalid partition", rejected, "`sinfo` lists the partitions"},
	{"Invalid node name", rejected, "`sinfo -N` lists the nodes"},
	{"node configuration is not available", rejected, "no node has that many GPUs, tasks or memory; `sinfo -o '%P %G %c %m %D'` shows what there is"},
	{"Invalid generic resource", rejected, "the cluster names its GPUs otherwise; try gpus_per_node_flag = false with extra_args = [\"--gres=…\"]"},
	{"Invalid --segment", rejected, "set segment = false"},
	{"topology configuration is not available", rejected, "set segment = false, or use fewer nodes"},
	{"time limit is invalid", rejected, "set time_limit below the partition's limit"},
	{"Time limit specification required", rejected, "set time_limit"},
	{"unrecognized option", rejected, "this cluster's sbatch does not know the option; switch its argument off"},
	{"Incompatible versions of client and server", rejected, "sbatch belongs to a different Slurm than the cluster; use the host's, not a container's"},
	{"other parameter too long", rejected, "shorten the environment of the definitions"},
	{"DOS line breaks", rejected, "write the prolog with line feeds only"},
	{"Access denied to requested reservation", rejected, "check the reservation's users"},
	{"partition not available (inactive or drain)", rejected, "choose another partition, or wait until an administrator sets it up"},
	{"submissions disabled", rejected, "an administrator has disabled submissions; apply again once they are enabled"},
	{"requested reservation is invalid", rejected, "`scontrol show reservation` lists the reservations"},
	{"Batch job submission failed", rejected, ""},
	{"sbatch: error:", rejected, ""},
}

// classify says what a failed sbatch means, and what to do about a refusal.
func classify(stderr string) (answer, string) {
	text := strings.ToLower(stderr)
	for _, a := range answers {
		if strings.Contains(text, strings.ToLower(a.words)) {
			return a.means, a.remedy
		}
	}
	return ambiguous, ""
}

// refusal marks what sbatch's failure means.
func refusal(err error) error {
	var ce *commandError
	if !errors.As(err, &ce) || !ce.answered {
		return err
	}
	means, remedy := classify(ce.stderr)
	if remedy != "" {
		remedy = "; " + remedy
	}
	switch means {
	case rejected:
		return fmt.Errorf("%w%s (%w)", ce, remedy, executors.ErrRejected)
	case full:
		return fmt.Errorf("%w (%w)", ce, executors.ErrLimit)
	}
	return fmt.Errorf("%w%s", ce, remedy)
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
	alone := !slices.ContainsFunc(jobs, func(r queuedJob) bool { return states[r.base()].state != plan.Ended })
	e.mu.Lock()
	again := alone && e.alone[name]
	e.alone[name] = alone
	e.mu.Unlock()
	if !alone {
		return err
	}
	if len(jobs) > 0 && !again {
		return err
	}
	return fmt.Errorf("%w; none of your jobs is in the queue, so waiting does not help: ask for fewer GPUs or less time, or choose another account or qos (%w)", ce, executors.ErrRejected)
}
