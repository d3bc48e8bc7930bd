// Package failure is the one table of what may be wrong with a result: failure
// codes, verdict codes and notes, as pure data. What recognizes them in logs is a
// Patterns: trtllm-bench's words are in plan/trtllm, Slurm's in executors/slurm.
package failure

// A Code names why a sample failed, does not count, is doubtful, or what is to be
// known about it. It is a key of documents.
type Code string

// Failures that a log shows.
const (
	GPUOOM        Code = "gpu_oom"
	KVTooSmall    Code = "kv_too_small"
	HostOOM       Code = "host_oom"
	CUDAError     Code = "cuda_error"
	CUDAInit      Code = "cuda_init"
	DeviceAssert  Code = "device_assert"
	CLI           Code = "cli"
	YAML          Code = "yaml"
	ModelAccess   Code = "model_access"
	Container     Code = "container"
	Launch        Code = "launch"
	Disk          Code = "disk"
	Permission    Code = "permission"
	Network       Code = "network"
	UCX           Code = "ucx"
	IMEX          Code = "imex"
	NCCL          Code = "nccl"
	MPI           Code = "mpi"
	BusError      Code = "bus_error"
	Crash         Code = "crash"
	RequestFailed Code = "request_failed"
	EngineRefused Code = "engine_refused"
	TaskExit      Code = "task_exit"
)

// Failures that the backend, the job or its files tell of; a log may too.
const (
	ProbableOOM    Code = "probable_oom"
	Hang           Code = "hang"
	TimeLimit      Code = "time_limit"
	Deadline       Code = "deadline"
	Cancelled      Code = "cancelled"
	Preempted      Code = "preempted"
	NodeFail       Code = "node_fail"
	Requeue        Code = "requeue"
	Lost           Code = "lost"
	SubmitRejected Code = "submit_rejected"
	Blocked        Code = "blocked"
)

// Verdicts on a report that is there.
const (
	ArgumentMismatch      Code = "argument_mismatch"
	WrongImage            Code = "wrong_image"
	WrongGPU              Code = "wrong_gpu"
	FewerRequests         Code = "fewer_requests"
	ShortOutput           Code = "short_output"
	NoTokens              Code = "no_tokens"
	ImpossibleTime        Code = "impossible_time"
	RecordsMismatch       Code = "records_mismatch"
	ReportIncomplete      Code = "report_incomplete"
	ReportDamaged         Code = "report_damaged"
	RecordDamaged         Code = "record_damaged"
	Throttled             Code = "throttled"
	OutsidePrediction     Code = "outside_prediction"
	ConcurrencyNotReached Code = "concurrency_not_reached"
	UncleanExit           Code = "unclean_exit"
	Suspended             Code = "suspended"
	SeveralBlocks         Code = "several_blocks"
	EngineDrift           Code = "engine_drift"
	UnverifiedArguments   Code = "unverified_arguments"
)

// Notes.
const (
	UnlimitedConcurrency Code = "unlimited_concurrency"
	NoWarmup             Code = "no_warmup"
	OneSample            Code = "one_sample"
	NoRequestLog         Code = "no_request_log"
	NoSteadyWindow       Code = "no_steady_window"
	PrecisionNotReached  Code = "precision_not_reached"
	OutputNotChecked     Code = "output_not_checked"
	Replaced             Code = "replaced"
	ShortWindow          Code = "short_window"
	ChecksSkipped        Code = "checks_skipped"
	WaitsForKV           Code = "waits_for_kv"
	BatchSlotsUnused     Code = "batch_slots_unused"
	RanksIdle            Code = "ranks_idle"
	GraphSizesMissBatch  Code = "graph_sizes_miss_batch"
	VersionNotCatalogued Code = "version_not_catalogued"
	// DeclaredByUser marks what depends on facts of the user's own.
	DeclaredByUser Code = "declared_by_user"
	// NotModelled marks predictions that do not account for an option of the run.
	NotModelled          Code = "not_modelled"
	UnverifiedPrediction Code = "unverified_prediction"
	UnpinnedImage        Code = "unpinned_image"
	UnpinnedRevision     Code = "unpinned_revision"
	MNNVLOff             Code = "mnnvl_off"
)

// A Verdict is what a result is worth; a code asks for one.
type Verdict string

// The verdicts, and Note, the level of codes that change none.
const (
	Valid   Verdict = "valid"
	Suspect Verdict = "suspect"
	Invalid Verdict = "invalid"
	Failed  Verdict = "failed"
	Note    Verdict = "note"
)

// A Retry is where a new attempt is made without being asked for.
type Retry int

// NoRetry leaves it to the next apply. Anywhere retries at once; Elsewhere does
// too where the failure names a node, which is left alone.
const (
	NoRetry Retry = iota
	Anywhere
	Elsewhere
)

// A Fault is where the cause of a code lies.
type Fault string

// The faults. FaultUnknown is for what may have several.
const (
	FaultUnknown    Fault = "unknown"
	FaultDefinition Fault = "definition"
	FaultSite       Fault = "site"
	FaultNode       Fault = "node"
	FaultScheduler  Fault = "scheduler"
	FaultUser       Fault = "user"
)

// A Stop is how a code stops a job from outside.
type Stop int

// NotStopped is for causes inside the job, Announced for a stop that the job is
// told of, Torn for one that takes ranks away while others run on.
const (
	NotStopped Stop = iota
	Announced
	Torn
)

// A Follows says after which stops a code is a consequence, not a cause.
type Follows int

// FollowsNone is for causes, FollowsTorn for what the loss of ranks brings about,
// FollowsAny for what every stop does.
const (
	FollowsNone Follows = iota
	FollowsTorn
	FollowsAny
)

// A Change is the kind of change of the definition that a code proposes.
type Change int

// The changes; NoChange proposes none.
const (
	NoChange Change = iota
	LongerLimit
	LessGPUMemory
	MoreKVCache
	AllHostMemory
	OneNVLinkDomain
	PMIx
)

// An Entry is all that is decided by a code.
type Entry struct {
	Code    Code
	Verdict Verdict
	// Rule is when the code is given, Remedy what to do; Patterns may have a more
	// particular remedy. Caption is Rule in a few words, for a note below a table.
	Rule, Remedy, Caption string

	Fault Fault
	// Retry is where a new attempt is made without being asked for. Final failures
	// repeat: the plan blocks them until the definition changes; those of a node once
	// they came from two nodes.
	Retry Retry
	Final bool
	// Siblings says that runs with the same image and model fail alike.
	Siblings bool
	// Ends says that a line which shows the failure comes from a process that ends.
	Ends    bool
	Stop    Stop
	Follows Follows
	Change  Change
	// Advises says that a plan shows the note: it names an argument that could be
	// better.
	Advises bool
}

// Entry is the row of a code, one with no more than the code for a code that the
// table lacks, as one of a later version.
func (c Code) Entry() Entry {
	if e, ok := byCode[c]; ok {
		return e
	}
	return Entry{Code: c}
}

// Known reports whether the table has the code.
func (c Code) Known() bool { _, ok := byCode[c]; return ok }

var byCode = func() map[Code]Entry {
	m := make(map[Code]Entry, len(Table))
	for _, e := range Table {
		m[e.Code] = e
	}
	return m
}()

// A Strength says how much a line tells.
type Strength int

const (
	// Root names a cause, Plain a failure that may be one.
	Root Strength = iota
	Plain
	// Vague says that something failed and not what.
	Vague
	// Weak is a consequence.
	Weak
	// Hint may be harmless: it is shown where a run failed and nothing better is
	// there, and never says that a process ended.
	Hint
)

// A Signature is text that shows a failure. Marks are in lower case and stand in
// the line in this order.
type Signature struct {
	Code  Code
	Grade Strength
	Marks []string
	// Early limits it to lines before the first of trtllm-bench.
	Early bool
}

// Advice is what to do about a failure with a mark, in lower case, in the line that
// shows it or in what is said with it.
type Advice struct {
	Code         Code
	Mark, Remedy string
	// Everywhere says that every node would fail so: no node is to blame.
	Everywhere bool
}

// A HostPattern is where a line names the host that a failure of one of Codes is of:
// behind After, the last word up to Before or, where that is "", the first word.
type HostPattern struct {
	Codes         []Code
	After, Before string
	// Unless are words of lines that name a host for another reason.
	Unless []string
}

// Patterns are the words by which logs tell failures. Signatures and advice stand in
// the order in which they are tried.
type Patterns struct {
	Signatures []Signature
	Advice     []Advice
	Hosts      []HostPattern
	Blocks     []Block
	// Noise are lines, in lower case, that follow from a failure and never tell it, or
	// that healthy runs have too.
	Noise []string
}

// With is l followed by more: what is in l is tried first.
func (l Patterns) With(more Patterns) Patterns {
	return Patterns{
		Signatures: append(l.Signatures[:len(l.Signatures):len(l.Signatures)], more.Signatures...),
		Advice:     append(l.Advice[:len(l.Advice):len(l.Advice)], more.Advice...),
		Hosts:      append(l.Hosts[:len(l.Hosts):len(l.Hosts)], more.Hosts...),
		Blocks:     append(l.Blocks[:len(l.Blocks):len(l.Blocks)], more.Blocks...),
		Noise:      append(l.Noise[:len(l.Noise):len(l.Noise)], more.Noise...),
	}
}

// A Block is what another program wrote about a failure, repeated line by line: each
// line behind Each, after one that has Begin. The first with one of Causes tells the
// cause, else the last that is no Chatter. Begin, Causes and Chatter are in lower case.
type Block struct {
	Code            Code
	Begin, Each     string
	Causes, Chatter []string
}
