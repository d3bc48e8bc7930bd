package store

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema/regular"
)

// Result judges the attempt from its files. It returns nil while the attempt is
// in flight, and for one that was never prepared.
func (a *Attempt) Result() (*results.Result, error) {
	r, _, err := a.Look()
	return r, err
}

// Look is Result and State by one look at the folder.
func (a *Attempt) Look() (*results.Result, plan.State, error) {
	s, err := a.snapshot()
	if err != nil {
		return nil, "", err
	}
	r, state := s.result()
	return r, state, nil
}

// result judges an attempt that has ended; for another the result is nil. The
// state is that of Attempt.State.
func (s *snapshot) result() (*results.Result, plan.State) {
	state := s.state()
	if state != plan.Ended {
		return nil, state
	}
	a := s.attempt
	doc, err := a.document(s.files)
	if err != nil {
		return s.damage(err.Error()), plan.Ended
	}
	if doc == nil {
		return s.damage("run.json, which says what was measured, is empty or not whole"), plan.Ended
	}
	run := doc.Planned()
	if !a.Key.owns(run.Fingerprint) {
		return nil, plan.Vacant
	}
	if s.damaged != "" {
		return s.damage(s.damaged), plan.Ended
	}
	if err := cmp.Or(s.records(), s.contradiction()); err != nil {
		return s.damage(err.Error()), plan.Ended
	}
	report, err := s.files.Read(jobdir.ReportFile)
	if errors.Is(err, fs.ErrPermission) {
		report, err = nil, nil // another's, and its logs are withheld: its job left no exit record
	}
	if err != nil {
		return s.damage(err.Error()), plan.Ended
	}
	requests := s.requests()
	if s.arriving(run, report, requests) {
		return nil, plan.Finishing
	}
	in := results.Evidence{
		Run: run, Argv: doc.Argv(), Sample: a.Sample, Attempt: a.Number, Cluster: a.Key.Cluster, Simulated: a.Key.Simulated,
		Report: report,
		Stdout: s.opener(jobdir.StdoutFile), Stderr: s.opener(jobdir.StderrFile), JobOut: s.opener(jobdir.JobOutFile),
		Classifier: a.store.causes,
		Cancelled:  s.files.Has(jobdir.CancelledFile),
		Files: results.Files{
			Stdout: s.path(jobdir.StdoutFile), Stderr: s.path(jobdir.StderrFile), JobOut: s.path(jobdir.JobOutFile), Report: s.path(jobdir.ReportFile),
		},
	}
	for _, rank := range s.files.Ranks() {
		in.Ranks = append(in.Ranks, results.RankLogs{
			Rank: rank, Stdout: s.opener(jobdir.RankFile(jobdir.StdoutFile, rank)), Stderr: s.opener(jobdir.RankFile(jobdir.StderrFile, rank)),
		})
	}
	if requests != nil {
		in.Files.Requests, in.Requests = s.path(s.requestsFile()), requests
	}
	s.addObserved(&in)
	s.addJob(&in)
	if in.Engine, err = s.engine(run); err != nil {
		return s.damage(err.Error()), plan.Ended
	}
	r := results.Judge(in)
	s.hideSecrets(r)
	return r, plan.Ended
}

// engine is what the engine of a run that shared one left: its word on the run, and on
// itself once it had ended.
func (s *snapshot) engine(run *plan.Run) (*results.SharedEngine, error) {
	if !run.Shared() {
		return nil, nil
	}
	m, err := jobdir.Document[jobdir.EngineRecord](s.files, jobdir.MemberFile)
	if m == nil || err != nil {
		return nil, err
	}
	e := &results.SharedEngine{
		ID: m.Engine, Position: m.Position, Starts: m.Starts, Calls: m.Calls, LoadSeconds: m.LoadSeconds,
		Modules: m.Modules, Python: m.Python, Why: m.Why,
	}
	if s.intent != nil {
		e.Noise = s.intent.Noise
	}
	end, err := jobdir.Document[jobdir.EngineRecord](s.files, jobdir.EngineFile)
	if end == nil || err != nil {
		return e, err
	}
	first, _ := end.First[trtllm.OutputThroughput].(float64)
	if again, ok := end.Again[trtllm.OutputThroughput].(float64); ok && first > 0 {
		change := 100 * (again/first - 1)
		e.DriftPct = &change
	}
	return e, nil
}

// contradiction is what in the records cannot be.
func (s *snapshot) contradiction() error {
	var errs []error
	if i := s.intent; i != nil {
		if i.Sample != 0 && i.Sample != s.attempt.Sample || i.Attempt != 0 && i.Attempt != s.attempt.Number {
			errs = append(errs, fmt.Errorf("%s is of sample %d, attempt %d", jobdir.IntentFile, i.Sample, i.Attempt))
		}
		errs = append(errs, s.ahead(jobdir.IntentFile, i.Created))
	}
	if s.job != nil {
		errs = append(errs, s.ahead(jobdir.JobFile, s.job.Submitted))
	}
	if s.start != nil {
		errs = append(errs, s.ahead(jobdir.StartFile, s.start.Time))
	}
	if s.ended != nil {
		errs = append(errs, s.ahead(jobdir.EndedFile, s.ended.Time))
	}
	if s.exit != nil {
		errs = append(errs, s.ahead(jobdir.ExitFile, s.exit.Started, s.exit.Ended))
	}
	return cmp.Or(errs...)
}

// addJob collects what the records say about the job, the job's own word first.
func (s *snapshot) addJob(in *results.Evidence) {
	in.Exit, in.Job.Cluster = s.exit, s.attempt.Key.Cluster
	if intent := s.intent; intent != nil {
		in.Provenance.ScriptSHA256 = optional(intent.ScriptSHA256)
		in.Provenance.LLMBenchVersion = optional(intent.LLMBenchVersion)
		in.Provenance.DefinitionsGit = optional(intent.Git)
		in.ChecksSkipped = intent.ChecksSkipped
	}
	if job := s.job; job != nil {
		in.Job.ID, in.Job.Submitted = optional(job.JobID), instant(job.Submitted)
	}
	if start := s.start; start != nil {
		in.Job.ID, in.Job.Nodes, in.Job.Started = prefer(start.JobID, in.Job.ID), start.Nodes, instant(start.Time)
	}
	if e := s.ended; e != nil {
		in.Ended = &results.End{Code: failure.Code(e.Code), Detail: e.Detail, Suspended: e.Suspended}
		in.Job.ID, in.Job.Ended = prefer(e.JobID, in.Job.ID), instant(e.Time)
		if len(in.Job.Nodes) == 0 {
			in.Job.Nodes = jobdir.ExpandNodes(e.Nodes...)
		}
	}
	if e := s.exit; e != nil {
		in.Job.ID, in.Job.Ended = prefer(e.JobID, in.Job.ID), instant(e.Ended)
		if !e.Started.IsZero() {
			in.Job.Started = instant(e.Started)
		}
	}
}

func optional(s string) *string { return prefer(s, nil) }

func prefer(s string, otherwise *string) *string {
	if s == "" {
		return otherwise
	}
	return &s
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// path is the path of a listed file, nil when it is not there.
func (s *snapshot) path(name string) *string {
	if !s.files.Has(name) {
		return nil
	}
	p := filepath.Join(s.files.Dir, name)
	return &p
}

func (s *snapshot) opener(name string) func() (io.ReadCloser, error) {
	p := s.path(name)
	if p == nil {
		return nil
	}
	return func() (io.ReadCloser, error) {
		return regular.Open(*p)
	}
}
