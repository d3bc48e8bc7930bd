// Package jobdir is the protocol of a job's folder, both sides: the names of its
// files, who writes which and when, and the records in them. The store, the
// executors, tests and benchmarks know them from here; the bash scripts of
// executors/slurm are held against it by a test there.
//
//  1. The client makes the folder and fills it: run.json, the files of the steps,
//     script.sh, attempt, secrets, and intent.json last. Without an intent no job
//     was ever submitted. The receipt of the submission is job.json.
//  2. The job claims the folder by link(2): a job that comes second, is started
//     again, or was cancelled leaves it alone and says so in refused.JOB. Then it
//     writes start, observed, stdout, stderr (of other ranks with their numbers),
//     bench_exit, report.json, and exit last, whatever happens to it.
//  3. The client writes cancelled before it stops a job, and ended.json where the
//     job can say nothing any more. A job's exit is believed before it.
//
// A record is one line of JSON with "end":true as its last key: what is not whole
// does not exist. What must survive a power cut is written to a temporary file,
// synced, renamed, and its folder synced. The files before the intent are not synced
// but listed in it, with their checksums.
package jobdir

import (
	"slices"
	"strconv"
)

// Names of the files in a job's folder. The folder of a job of one member is that of
// the attempt; a job of several has a folder of its own, and each member has its.
const (
	// The client writes these, the intent last.
	IntentFile     = "intent.json"
	RunFile        = "run.json"      // the run as planned
	IdentityFile   = "identity.json" // what the run's fingerprint is the SHA-256 of
	PlannedJobFile = "pack.json"     // the job of several members as planned
	MembersFile    = "members"       // the attempt folders of the members, a line each
	ScriptFile     = "script.sh"
	VarsFile       = "attempt" // NAME=VALUE lines that the script reads
	SecretsFile    = "secrets" // as VarsFile, for its owner alone

	// The client writes these later.
	JobFile       = "job.json"      // the receipt of the submission
	EndedFile     = "ended.json"    // the end as the backend reports it
	CancelledFile = "cancelled"     // asks the job to stop; empty
	RequestsCSV   = "requests.csv"  // RequestsFile without the output; it is removed then
	JudgedPrefix  = "judged."       // with a member's number: its failure was looked at
	DiagnosisFile = "diagnosis.txt" // what was found out about a job that made no progress

	// The job writes these, the exit last.
	ClaimFile       = "claim"    // who owns the folder; won by link(2)
	ClaimPrefix     = "claim."   // with the job's id: its bid for the claim
	claimDir        = "claim.d"  // won by mkdir(2) where there are no links
	RefusedPrefix   = "refused." // with the job's id: why it left the folder alone
	StartFile       = "start"
	ObservedFile    = "observed" // NAME=VALUE lines: what the job ran on
	StdoutFile      = "stdout"   // of the first rank; RankFile names those of the others
	StderrFile      = "stderr"
	JobOutFile      = "job.out" // what the script itself says
	BenchFile       = "bench"   // runs what is measured
	BenchExitFile   = "bench_exit"
	ReportFile      = "report.json"
	RequestsFile    = "requests.json" // a record of each request, with all output
	ExitFile        = "exit"
	TelemetryPrefix = "telemetry."  // with a node's name: what was sampled there
	MemberFile      = "member.json" // what an engine that runs share says of this one
	EngineFile      = "engine.json" // what became of that engine, once it has ended

	// DatasetFile is a link to the requests.
	DatasetFile = "dataset.jsonl"
)

// RankFile names the output file of a rank other than the first. name is StdoutFile or
// StderrFile, which are the first rank's.
func RankFile(name string, rank int) string { return name + "." + strconv.Itoa(rank) }

// Ranks lists the ranks other than the first that have left output, ascending.
func (l Listing) Ranks() []int {
	ranks := append(l.Numbered(StdoutFile+"."), l.Numbered(StderrFile+".")...)
	slices.Sort(ranks)
	return slices.Compact(ranks)
}
