package runs

import (
	"encoding/json"
	"time"
)

// A Claim names the job that owns an attempt.
type Claim struct {
	JobID        string
	RestartCount int
	Host         string
	Time         time.Time
	Nonce        string
	// Deferred says why no job will own the attempt, "" where one does; see
	// Attempt.Defer.
	Deferred string
}

// A Start says that the benchmark's step was started.
type Start struct {
	JobID string
	Host  string
	Nodes []string
	Time  time.Time
}

// An Exit is a job's last word.
type Exit struct {
	JobID        string
	RestartCount int
	// RC is the status of the launcher, BenchRC that of trtllm-bench, nil where
	// it is not known.
	RC      int
	BenchRC *int
	// Signal is the signal that ended the job without its SIG, "" for none;
	// Reason is the job's own word for why it stopped early.
	Signal, Reason string
	Started, Ended time.Time
	// Report tells what the job wrote as report.json, nil where it wrote none.
	Report *ReportSum
}

// ReportSum is the size and hexadecimal SHA-256 of a report, and when it was
// written, zero if the job does not say.
type ReportSum struct {
	Bytes   int64     `json:"bytes"`
	SHA256  string    `json:"sha256"`
	Written time.Time `json:"-"`
}

// UnmarshalJSON implements json.Unmarshaler. Shells write these records, so
// numbers may be quoted and names may be numbers.
func (c *Claim) UnmarshalJSON(b []byte) error {
	var r struct {
		JobID        text   `json:"job_id"`
		RestartCount number `json:"restart_count"`
		Host         text   `json:"host"`
		Time         moment `json:"time"`
		Nonce        text   `json:"nonce"`
		Deferred     text   `json:"deferred"`
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	*c = Claim{JobID: string(r.JobID), RestartCount: int(r.RestartCount), Host: string(r.Host), Time: r.Time.Time, Nonce: string(r.Nonce), Deferred: string(r.Deferred)}
	return nil
}

// UnmarshalJSON implements json.Unmarshaler; see Claim.
func (s *Start) UnmarshalJSON(b []byte) error {
	var r struct {
		JobID text     `json:"job_id"`
		Host  text     `json:"host"`
		Nodes nodeList `json:"nodes"`
		Time  moment   `json:"time"`
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	*s = Start{JobID: string(r.JobID), Host: string(r.Host), Nodes: r.Nodes, Time: r.Time.Time}
	return nil
}

// UnmarshalJSON implements json.Unmarshaler; see Claim.
func (e *Exit) UnmarshalJSON(b []byte) error {
	var r struct {
		JobID        text       `json:"job_id"`
		RestartCount number     `json:"restart_count"`
		RC           number     `json:"rc"`
		BenchRC      *number    `json:"bench_rc"`
		Signal       text       `json:"signal"`
		Reason       text       `json:"reason"`
		Started      moment     `json:"started"`
		Ended        moment     `json:"ended"`
		Report       *ReportSum `json:"report"`
		Written      moment     `json:"report_written"`
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	if r.Report != nil {
		r.Report.Written = r.Written.Time
	}
	*e = Exit{
		JobID: string(r.JobID), RestartCount: int(r.RestartCount), RC: int(r.RC),
		Signal: string(r.Signal), Reason: string(r.Reason), Started: r.Started.Time, Ended: r.Ended.Time, Report: r.Report,
	}
	if r.BenchRC != nil {
		rc := int(*r.BenchRC)
		e.BenchRC = &rc
	}
	return nil
}
