package slurm

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
)

const revoked = "REVOKED"

// states maps the words of squeue, scontrol and sacct. A word that is not here
// keeps the job where it was.
var states = map[string]executors.Status{
	"PENDING": {State: plan.Queued}, "REQUEUED": {State: plan.Queued}, "REQUEUE_FED": {State: plan.Queued},
	"CONFIGURING": {State: plan.Starting}, "POWER_UP_NODE": {State: plan.Starting}, "EXPEDITING": {State: plan.Starting},
	"RUNNING":   {State: plan.Running},
	"SUSPENDED": {State: plan.Running, Suspended: true}, "STOPPED": {State: plan.Running, Suspended: true},
	"SIGNALING": {State: plan.Running}, "RESIZING": {State: plan.Running},
	"COMPLETING": {State: plan.Finishing}, "STAGE_OUT": {State: plan.Finishing}, "UPDATE_DB": {State: plan.Finishing},
	"REQUEUE_HOLD": {State: plan.Held}, "SPECIAL_EXIT": {State: plan.Held}, "RESV_DEL_HOLD": {State: plan.Held},
	"COMPLETED": {State: plan.Ended}, "FAILED": {State: plan.Ended},
	"TIMEOUT": {State: plan.Ended, End: failure.TimeLimit}, "OUT_OF_MEMORY": {State: plan.Ended, End: failure.HostOOM}, "OUT_OF_ME": {State: plan.Ended, End: failure.HostOOM},
	"CANCELLED": {State: plan.Ended, End: failure.Cancelled}, "PREEMPTED": {State: plan.Ended, End: failure.Preempted},
	"NODE_FAIL": {State: plan.Ended, End: failure.NodeFail}, "BOOT_FAIL": {State: plan.Ended, End: failure.NodeFail},
	"LAUNCH_FAILED": {State: plan.Ended, End: failure.NodeFail}, "RECONFIG_FAIL": {State: plan.Ended, End: failure.NodeFail},
	"DEADLINE": {State: plan.Ended, End: failure.Deadline},
	// Another cluster of the federation has the job; its files tell the rest.
	revoked: {State: plan.Queued},
}

// status is what a row says; known is false for a state that is not known.
func (e *Executor) status(r queuedJob) (s executors.Status, known bool) {
	if s, known = states[r.base()]; !known {
		e.log.Warn("unknown state of a job", "job", r.id, "state", r.state)
		return s, false
	}
	s.Raw, s.Reason, s.JobID, s.ExitCode = r.state, shortReason(r.reason), r.id, r.exit
	s.Submitted, s.Started = slurmTime(r.submit), slurmTime(r.start)
	if s.State == plan.Ended { // before that it is the end of the time limit
		s.Finished = slurmTime(r.end)
	}
	if r.nodes != "" && r.nodes != "None assigned" && r.nodes != "(null)" {
		s.Nodes = jobdir.ExpandNodes(r.nodes)
	}
	switch {
	case r.base() == revoked:
		s.Reason = "another cluster of the federation has the job"
	case s.State == plan.Queued:
		s.State, s.Remedy = pending(r.id, r.reason)
		if strings.HasPrefix(r.reason, "launch fail") {
			s.End = failure.NodeFail
		}
		if strings.Contains(r.reason, "PartitionNodeLimit") { // nodes that are down count as none
			s.Hope = 15 * time.Minute
		}
	}
	return s, true
}

// slurmTime is a time that a command printed, zero for none.
func slurmTime(s string) time.Time {
	t, _ := time.ParseInLocation(timeFormat, s, time.Local) // zero with an error
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
		if slices.ContainsFunc(r.words, func(w string) bool { return strings.Contains(reason, w) }) {
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
