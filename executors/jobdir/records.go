package jobdir

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"
)

// A Claim names the job that owns a folder.
type Claim struct {
	JobID        string    `json:"job_id"`
	RestartCount int       `json:"restart_count"`
	Host         string    `json:"host"`
	Time         time.Time `json:"time"`
	Nonce        string    `json:"nonce"`
	// Deferred says why no job will own the attempt, "" where one does.
	Deferred string `json:"deferred,omitempty"`
}

// A Start says that the benchmark's step was started.
type Start struct {
	JobID string    `json:"job_id"`
	Host  string    `json:"host"`
	Nodes nodeList  `json:"nodes"`
	Time  time.Time `json:"time"`
}

// A Refusal says why a job left a folder alone.
type Refusal struct {
	JobID  string    `json:"job_id"`
	Reason string    `json:"reason"`
	Time   time.Time `json:"time"`
}

// An ExitRecord is what a job writes last: how it ended, and what it left.
type ExitRecord struct {
	JobID        string `json:"job_id"`
	RestartCount int    `json:"restart_count"`
	// RC is the status of the launcher, BenchRC that of trtllm-bench, nil where
	// it is not known.
	RC      int  `json:"rc"`
	BenchRC *int `json:"bench_rc"`
	// Signal is the signal that ended the job without its SIG, "" for none;
	// Reason is the job's own word for why it stopped early.
	Signal  string    `json:"signal"`
	Reason  string    `json:"reason"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	// Report tells what the job wrote as report.json, nil where it wrote none.
	Report *Sum `json:"report"`
	// Stdout tells what was in stdout at the end, nil where it is not known.
	Stdout *Sum `json:"stdout,omitempty"`
	// ReportWritten is when the report was written, zero if the job does not say.
	ReportWritten time.Time `json:"report_written,omitzero"`
	// SuspendedSeconds is for how long the job was suspended, and SuspendTime when
	// last, in Slurm's words; 0 and "" where it was not, or does not say.
	SuspendedSeconds int    `json:"suspended_s,omitempty"`
	SuspendTime      string `json:"suspend_time,omitempty"`
	// Runs, Failed and Deferred count the members of a job that has several: those
	// that it ran, those of them that failed, and those that it gave back.
	Runs     int `json:"runs,omitempty"`
	Failed   int `json:"failed,omitempty"`
	Deferred int `json:"deferred,omitempty"`
}

// Elapsed is how long the job ran, 0 if that is not known.
func (e *ExitRecord) Elapsed() time.Duration {
	if e.Started.IsZero() {
		return 0
	}
	return max(0, e.Ended.Sub(e.Started))
}

// An EngineRecord is what the engine that runs share says of one of them, and, once it has
// ended, of itself.
type EngineRecord struct {
	// Engine is the job's id and the number of the engine in it.
	Engine string `json:"engine"`
	// Position is the run's place among those that the engine measured, from 1; Starts
	// is how many engines the process made, Calls how many the run asked for.
	Position int `json:"position"`
	Starts   int `json:"starts"`
	Calls    int `json:"calls"`
	// LoadSeconds is how long making the engine took.
	LoadSeconds *float64 `json:"load_s"`
	// Why says what was wrong with the run, Ended why the engine took no more runs; ""
	// is nothing.
	Why   string `json:"why"`
	Ended string `json:"ended"`
	// First and Again are the figures of the first run and of its repetition at the
	// engine's end, as their reports have them.
	First map[string]any `json:"first"`
	Again map[string]any `json:"again"`
	// Modules are the SHA-256 of the files of TensorRT-LLM that sharing depends on.
	Modules map[string]string `json:"modules"`
	Python  string            `json:"python"`
}

// Sum is the size and hexadecimal SHA-256 of a file.
type Sum struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// UnmarshalJSON implements json.Unmarshaler: a job that wrote no report has "" for its time.
func (e *ExitRecord) UnmarshalJSON(b []byte) error {
	type plain ExitRecord
	r := struct {
		*plain
		Written string `json:"report_written"`
	}{plain: (*plain)(e)}
	err := json.Unmarshal(b, &r)
	e.ReportWritten, _ = time.Parse(time.RFC3339, r.Written)
	return err
}

// An Intent says who was about to submit what. It is written before the
// submission, so that a job can be found again whatever happens to the client. A job
// of one member has its intent in the folder of that attempt. A job of several has
// one in its own folder, without what tells of a single attempt, and one in the folder
// of each member.
type Intent struct {
	Address     string `json:"address"`
	Fingerprint string `json:"fingerprint"`
	// JobName is unique to the job; that of a member among several names no job.
	JobName string `json:"job_name"`
	Cluster string `json:"cluster"`
	// Executor is TYPE.NAME, or TYPE for an executor without a block.
	Executor string `json:"executor"`
	Sample   int    `json:"sample"`
	Attempt  int    `json:"attempt"`
	// JobFolder names the folder of the job of several members that runs the attempt, ""
	// where the job's folder is the attempt's own.
	JobFolder string `json:"pack,omitempty"`
	// Members are the attempts of the job in the order in which their turns come,
	// none in the intent of a member among several. Version 0.1.0 left them out for a
	// job of one.
	Members []Member `json:"members,omitempty"`
	// Files are the files that were put into the folder before the intent, by name,
	// secrets left out. Version 0.1.0 lists none.
	Files map[string]Sum `json:"files,omitempty"`
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
	// Directory is that of the definitions, absolute and without links; version 0.1.0
	// left it out.
	Directory string `json:"definitions_dir,omitempty"`
	// Plan is the hexadecimal SHA-256 of the saved plan whose apply made the attempt,
	// "" where the definitions were applied.
	Plan string `json:"plan,omitempty"`
	// Search is the search that asked for the attempt, as BENCHMARK/LABEL, and Round its
	// round; "" and 0 for none.
	Search string `json:"search,omitempty"`
	Round  int    `json:"round,omitempty"`
	// ChecksSkipped says that apply was told not to look at the site, the weights
	// and the image first.
	ChecksSkipped bool `json:"checks_skipped"`
	// Noise is what plan.Ledger knew of the noise when a run that shares an engine was
	// submitted; 0 for others.
	Noise float64 `json:"noise,omitempty"`
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
	// GPUHours is what the job has cost by the backend's account, nil where that was
	// not asked for.
	GPUHours *float64 `json:"gpu_hours,omitempty"`
}

// A Member is an attempt of a job, on the job's cluster, by its numbers.
type Member struct {
	Fingerprint string `json:"fingerprint"`
	Sample      int    `json:"sample"`
	Attempt     int    `json:"attempt"`
}

// NewNonce makes the name of a job or a folder unlike any other's: 16 hexadecimal digits.
func NewNonce() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return fmt.Sprintf("%x", b)
}

// Encode is v as one line of JSON with "end":true as its last key.
func Encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("jobdir: record is not JSON: " + err.Error())
	}
	if !bytes.HasSuffix(b, []byte("}")) || len(b) < 3 {
		panic("jobdir: record is not an object")
	}
	return append(b[:len(b)-1], `,"end":true}`+"\n"...)
}

// Decode reads a record that another process wrote. It reports false for
// one that is not whole: no newline at its end, not JSON, or without "end".
func Decode(data []byte, into any) bool {
	if !bytes.HasSuffix(data, []byte("\n")) {
		return false
	}
	var mark struct {
		End bool `json:"end"`
	}
	return json.Unmarshal(data, &mark) == nil && mark.End && json.Unmarshal(data, into) == nil
}

// decodeDocument is Decode for files that are only ever renamed into
// place and that people may read: no mark is asked for.
func decodeDocument(data []byte, into any) bool {
	return bytes.HasSuffix(data, []byte("\n")) && json.Unmarshal(data, into) == nil
}
