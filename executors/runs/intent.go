package runs

import "time"

// Names of the files in an attempt's folder.
const (
	intentFile    = "intent.json"
	runFile       = "run.json"
	scriptFile    = "script.sh"
	varsFile      = "attempt"
	secretsFile   = "secrets"
	jobFile       = "job.json"
	endedFile     = "ended.json"
	cancelledFile = "cancelled"
	claimFile     = "claim"
	startFile     = "start"
	exitFile      = "exit"
	stdoutFile    = "stdout"
	stderrFile    = "stderr"
	jobOutFile    = "job.out"
	benchExitFile = "bench_exit"
	claimDir      = "claim.d"
	packFile      = "pack.json"
	membersFile   = "members"
)

// An Intent says who was about to submit what. It is written before the
// submission, so that a job can be found again whatever happens to the client.
type Intent struct {
	Address     string `json:"address"`
	Fingerprint string `json:"fingerprint"`
	// JobName is unique to the attempt.
	JobName string `json:"job_name"`
	Cluster string `json:"cluster"`
	// Executor is TYPE.NAME, or TYPE for an executor without a block.
	Executor string `json:"executor"`
	Sample   int    `json:"sample"`
	Attempt  int    `json:"attempt"`
	// Pack names the pack whose job runs the attempt, "" for a job of its own.
	Pack string `json:"pack,omitempty"`
	// ScriptSHA256 is the hexadecimal hash of script.sh; "" without one.
	ScriptSHA256 string `json:"script_sha256"`
	User         string `json:"user"`
	Host         string `json:"host"`
	// Nonce is in the attempt's variables too: what a job reads proves that it
	// sees the folder that the client wrote.
	Nonce   string    `json:"nonce"`
	Created time.Time `json:"created"`
	// LLMBenchVersion and Git tell what planned the run: the version, and the
	// commit of the definitions with "-dirty" where files differed from it. Both
	// may be empty.
	LLMBenchVersion string `json:"llmbench_version"`
	Git             string `json:"definitions_git"`
	// ChecksSkipped says that apply was told not to look at the site, the weights
	// and the image first.
	ChecksSkipped bool `json:"checks_skipped"`
}

// A JobRecord is the receipt of a submission.
type JobRecord struct {
	Handle    string    `json:"handle"`
	JobID     string    `json:"job_id"`
	Cluster   string    `json:"cluster"`
	Submitted time.Time `json:"submitted"`
}

// An EndRecord is the backend's word on an attempt whose job may have left none
// of its own. A job's exit, where there is one, is believed before it.
type EndRecord struct {
	// Code is one of the codes of failed results: time_limit, host_oom,
	// cancelled, preempted, node_fail, submit_rejected, blocked, lost, …
	Code   string `json:"code"`
	Detail string `json:"detail"`
	JobID  string `json:"job_id"`
	// Raw is the backend's own word for the job's state.
	Raw   string   `json:"raw"`
	Nodes []string `json:"nodes"`
	// Suspended says that the job was stopped and resumed: what it measured is
	// suspect.
	Suspended bool      `json:"suspended"`
	Time      time.Time `json:"time"`
}
