package slurm

import (
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/jobdir"
)

// standing is what a state of Slurm's means for a job.
type standing struct {
	state     executors.State
	end       executors.End
	suspended bool
}

const revoked = "REVOKED"

// states maps the words of squeue, scontrol and sacct. A word that is not here
// keeps the job where it was.
var states = map[string]standing{
	"PENDING": {state: executors.Queued}, "REQUEUED": {state: executors.Queued}, "REQUEUE_FED": {state: executors.Queued},
	"CONFIGURING": {state: executors.Starting}, "POWER_UP_NODE": {state: executors.Starting}, "EXPEDITING": {state: executors.Starting},
	"RUNNING":   {state: executors.Running},
	"SUSPENDED": {state: executors.Running, suspended: true}, "STOPPED": {state: executors.Running, suspended: true},
	"SIGNALING": {state: executors.Running}, "RESIZING": {state: executors.Running},
	"COMPLETING": {state: executors.Finishing}, "STAGE_OUT": {state: executors.Finishing}, "UPDATE_DB": {state: executors.Finishing},
	"REQUEUE_HOLD": {state: executors.Held}, "SPECIAL_EXIT": {state: executors.Held}, "RESV_DEL_HOLD": {state: executors.Held},
	"COMPLETED": {executors.Ended, executors.Completed, false}, "FAILED": {executors.Ended, executors.Failed, false},
	"TIMEOUT": {executors.Ended, executors.TimedOut, false}, "OUT_OF_MEMORY": {executors.Ended, executors.OOM, false}, "OUT_OF_ME": {executors.Ended, executors.OOM, false},
	"CANCELLED": {executors.Ended, executors.Cancelled, false}, "PREEMPTED": {executors.Ended, executors.Preempted, false},
	"NODE_FAIL": {executors.Ended, executors.NodeFail, false}, "BOOT_FAIL": {executors.Ended, executors.NodeFail, false},
	"LAUNCH_FAILED": {executors.Ended, executors.NodeFail, false}, "RECONFIG_FAIL": {executors.Ended, executors.NodeFail, false},
	"DEADLINE": {executors.Ended, executors.Deadline, false},
	// Another cluster of the federation has the job; its files tell the rest.
	revoked: {state: executors.Queued},
}

// status is what a row says; known is false for a state that is not known.
func (e *Executor) status(r row) (s executors.Status, known bool) {
	is, ok := states[r.base()]
	if !ok {
		e.log.Warn("unknown state of a job", "job", r.id, "state", r.state)
		return s, false
	}
	s = executors.Status{
		State: is.state, End: is.end, Raw: r.state, Reason: r.reason, JobID: r.id, ExitCode: r.exit,
		Submitted: slurmTime(r.submit), Started: slurmTime(r.start), Suspended: is.suspended,
	}
	if is.state == executors.Ended { // before that it is the end of the time limit
		s.Finished = slurmTime(r.end)
	}
	if r.nodes != "" && r.nodes != "None assigned" && r.nodes != "(null)" {
		s.Nodes = jobdir.ExpandNodes(r.nodes)
	}
	if r.reason == "None" {
		s.Reason = ""
	}
	if is.state == executors.Queued {
		s.State, s.Remedy = pending(r.reason)
		if strings.HasPrefix(r.reason, "launch fail") {
			s.End = executors.NodeFail
		}
		if strings.Contains(r.reason, "PartitionNodeLimit") { // nodes that are down count as none
			s.Hope = 15 * time.Minute
		}
	}
	if r.base() == revoked {
		s.State, s.Reason, s.Remedy = executors.Queued, "another cluster of the federation has the job", ""
	}
	return s, true
}

func slurmTime(s string) time.Time {
	t, err := time.ParseInLocation(timeFormat, s, time.Local)
	if err != nil {
		return time.Time{}
	}
	return t
}

// never are the pending reasons with which a job does not start as it was
// asked; held those that leave it held; waits for an admin the last.
var (
	never = []string{
		"BadConstraints", "PartitionTimeLimit", "PartitionNodeLimit", "InvalidAccount", "InvalidQOS", "AccountNotAllowed", "QOSNotAllowed",
		"DependencyNeverSatisfied", "ReservationDeleted", "MaxMemPerLimit", "QOSMin",
	}
	held  = []string{"launch failed requeued held", "user env retrieval failed", "launch failure limit", "requeued in held state", "special exit state", "JobHeldUser"}
	admin = []string{"ReqNodeNotAvail", "PartitionDown", "PartitionInactive", "NodeDown", "JobHeldAdmin", "are DOWN, DRAINED"}
)

// pending says whether a job with a pending reason will start, and what to do
// if not.
func pending(reason string) (executors.State, string) {
	switch {
	case hasAny(reason, never), strings.Contains(reason, "PerJob") && strings.Contains(reason, "Max"):
		return executors.Held, neverRemedy(reason)
	case hasAny(reason, held):
		return executors.Held, "Slurm holds the job; it is cancelled here, apply again once the cause is mended"
	case hasAny(reason, admin):
		return executors.Queued, "nodes or partition are down; an administrator has to bring them back"
	}
	return executors.Queued, ""
}

func neverRemedy(reason string) string {
	switch {
	case strings.Contains(reason, "Time"):
		return "lower time_limit below the partition's limit"
	case strings.Contains(reason, "Account"), strings.Contains(reason, "QOS"):
		return "change account or qos of the executor"
	case strings.Contains(reason, "PartitionNodeLimit"):
		return "the partition does not give that many nodes, or too few are up; choose another"
	case strings.Contains(reason, "MaxMem"):
		return "lower the memory that extra_args asks for"
	}
	return "the job cannot start as it was asked"
}

func hasAny(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}
