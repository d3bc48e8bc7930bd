package slurm

import (
	"fmt"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
)

// jobState is what a state of Slurm's means for a job.
type jobState struct {
	state     plan.State
	end       executors.End
	suspended bool
}

const revoked = "REVOKED"

// states maps the words of squeue, scontrol and sacct. A word that is not here
// keeps the job where it was.
var states = map[string]jobState{
	"PENDING": {state: plan.Queued}, "REQUEUED": {state: plan.Queued}, "REQUEUE_FED": {state: plan.Queued},
	"CONFIGURING": {state: plan.Starting}, "POWER_UP_NODE": {state: plan.Starting}, "EXPEDITING": {state: plan.Starting},
	"RUNNING":   {state: plan.Running},
	"SUSPENDED": {state: plan.Running, suspended: true}, "STOPPED": {state: plan.Running, suspended: true},
	"SIGNALING": {state: plan.Running}, "RESIZING": {state: plan.Running},
	"COMPLETING": {state: plan.Finishing}, "STAGE_OUT": {state: plan.Finishing}, "UPDATE_DB": {state: plan.Finishing},
	"REQUEUE_HOLD": {state: plan.Held}, "SPECIAL_EXIT": {state: plan.Held}, "RESV_DEL_HOLD": {state: plan.Held},
	"COMPLETED": {plan.Ended, executors.Completed, false}, "FAILED": {plan.Ended, executors.Failed, false},
	"TIMEOUT": {plan.Ended, executors.TimedOut, false}, "OUT_OF_MEMORY": {plan.Ended, executors.OOM, false}, "OUT_OF_ME": {plan.Ended, executors.OOM, false},
	"CANCELLED": {plan.Ended, executors.Cancelled, false}, "PREEMPTED": {plan.Ended, executors.Preempted, false},
	"NODE_FAIL": {plan.Ended, executors.NodeFail, false}, "BOOT_FAIL": {plan.Ended, executors.NodeFail, false},
	"LAUNCH_FAILED": {plan.Ended, executors.NodeFail, false}, "RECONFIG_FAIL": {plan.Ended, executors.NodeFail, false},
	"DEADLINE": {plan.Ended, executors.Deadline, false},
	// Another cluster of the federation has the job; its files tell the rest.
	revoked: {state: plan.Queued},
}

// status is what a row says; known is false for a state that is not known.
func (e *Executor) status(r queuedJob) (s executors.Status, known bool) {
	is, ok := states[r.base()]
	if !ok {
		e.log.Warn("unknown state of a job", "job", r.id, "state", r.state)
		return s, false
	}
	s = executors.Status{
		State: is.state, End: is.end, Raw: r.state, Reason: r.reason, JobID: r.id, ExitCode: r.exit,
		Submitted: slurmTime(r.submit), Started: slurmTime(r.start), Suspended: is.suspended,
	}
	if is.state == plan.Ended { // before that it is the end of the time limit
		s.Finished = slurmTime(r.end)
	}
	if r.nodes != "" && r.nodes != "None assigned" && r.nodes != "(null)" {
		s.Nodes = jobdir.ExpandNodes(r.nodes)
	}
	s.Reason = shortReason(r.reason)
	if is.state == plan.Queued {
		s.State, s.Remedy = pending(r.id, r.reason)
		if strings.HasPrefix(r.reason, "launch fail") {
			s.End = executors.NodeFail
		}
		if strings.Contains(r.reason, "PartitionNodeLimit") { // nodes that are down count as none
			s.Hope = 15 * time.Minute
		}
	}
	if r.base() == revoked {
		s.State, s.Reason, s.Remedy = plan.Queued, "another cluster of the federation has the job", ""
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

// What the pending reasons of Slurm mean, found in its words in this order.
// Reasons that are not here are waits: the job starts by itself.
var reasons = []struct {
	words []string
	state plan.State // Held: it will not start as it stands
	// remedy is what to do; "" for what is only to be waited for.
	remedy string
}{
	{[]string{"PartitionTimeLimit", "MaxWall", "AssociationTimeLimit", "QOSTimeLimit"}, plan.Held, "set time_limit below the limits of the partition and the QOS"},
	{[]string{"PartitionNodeLimit"}, plan.Held, "the partition does not have that many nodes, or too few are up; choose another"},
	{[]string{"MaxMemPerLimit"}, plan.Held, "lower the memory that extra_args asks for"},
	{[]string{"InvalidAccount", "InvalidQOS", "AccountNotAllowed", "QOSNotAllowed"}, plan.Held, "change account or qos of the executor"},
	{[]string{"QOSMin"}, plan.Held, "the job asks for less than the QOS requires: choose another qos"},
	{[]string{"ReservationDeleted", "ReservationInvalid"}, plan.Held, "change reservation of the executor"},
	{[]string{"BadConstraints", "Constraints", "DependencyNeverSatisfied", "DeadLine"}, plan.Held, "the job cannot start as it was asked"},
	{
		[]string{"launch failed requeued held", "user env retrieval failed", "launch failure limit", "requeued in held state", "special exit state", "JobHoldMaxRequeue"}, plan.Held,
		"Slurm holds the job; it is cancelled here, apply again once the cause is fixed",
	},
	{[]string{"JobHeldUser"}, plan.Queued, "the job is held by its user; `scontrol release JOB` releases it"},
	{[]string{"JobHeldAdmin"}, plan.Queued, "the job is held by an administrator, who must release it"},
	{[]string{"May be reserved for other job"}, plan.Queued, "the nodes are kept for other jobs for now"},
	{[]string{"Reserved for maintenance"}, plan.Queued, "maintenance starts before the job could end; a shorter time_limit may fit before it"},
	{[]string{"UnavailableNodes"}, plan.Queued, "nodes that the job could use are down, drained or reserved; an administrator has to return them to service"},
	{[]string{"ReqNodeNotAvail"}, plan.Queued, "a node that the job needs is down, drained or reserved; an administrator has to return it to service"},
	{[]string{"PartitionDown", "PartitionInactive", "NodeDown", "are DOWN, DRAINED"}, plan.Queued, "nodes or partition are down; an administrator has to return them to service"},
	{[]string{"MaxPoweredUpNodes"}, plan.Queued, "the cluster powers no more nodes up for now"},
}

// pending says whether a job with a pending reason will start, and what to do
// if not.
func pending(id, reason string) (plan.State, string) {
	for _, r := range reasons {
		if hasAny(reason, r.words) {
			return r.state, strings.Replace(r.remedy, "JOB", id, 1)
		}
	}
	// A limit of one job, or of each of its nodes, is met by this one for ever.
	if strings.Contains(reason, "Max") && (strings.Contains(reason, "PerJob") || strings.HasSuffix(reason, "PerNode")) {
		return plan.Held, "the job asks for more than the account or the QOS allows per job: ask for less, or change account or qos"
	}
	return plan.Queued, ""
}

// mostReason is how much of a reason is told; UnavailableNodes may list a cluster.
const mostReason = 120

// shortReason leaves out what makes a reason long.
func shortReason(reason string) string {
	if reason == "None" || reason == "(null)" {
		return ""
	}
	head, list, ok := strings.Cut(reason, "UnavailableNodes:")
	names := jobdir.ExpandNodes(strings.TrimSpace(list))
	if ok && len(names) == 0 {
		return strings.TrimRight(head, ", ")
	}
	if ok && len(list) > mostReason/2 {
		return fmt.Sprintf("%sUnavailableNodes:%s and %d more", head, names[0], len(names)-1)
	}
	if len(reason) > mostReason {
		return reason[:mostReason] + "…"
	}
	return reason
}

func hasAny(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}
