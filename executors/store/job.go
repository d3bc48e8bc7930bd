package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
)

// A Job is the folder of a job: that of its member where it has one, or a folder of
// its own where it measures several attempts one after another. What becomes of each
// member stands in the member's folder.
type Job struct {
	jobdir.Folder
	// Name is the name of a folder of the job's own, "" for an attempt's.
	Name string

	member    *Attempt // the only one, where the folder is its
	cluster   string
	simulated bool
	store     *Store
}

// Job is the folder of the job that runs the attempt, as its intent says.
func (a *Attempt) Job() (*Job, error) {
	intent, err := a.Intent()
	if err != nil || intent == nil || intent.JobFolder == "" {
		return a.Alone(), err
	}
	return a.store.Job(a.Key.Cluster, a.Key.Simulated, intent.JobFolder), nil
}

// Alone is the folder of the attempt as that of a job of one member.
func (a *Attempt) Alone() *Job { return &Job{Folder: a.Folder, member: a} }

// Shared reports whether the folder is the job's own, beside those of its members; none
// is not.
func (j *Job) Shared() bool { return j != nil && j.Name != "" }

func (s *Store) jobsDir(cluster string, simulated bool) string {
	return filepath.Join(s.half(simulated), "packs", cluster)
}

// Job is the folder of a job of several members by its name, whether it exists or
// not. Names that are read from a store are not trusted: one that cannot be that of a
// folder is of none that exists.
func (s *Store) Job(cluster string, simulated bool, name string) *Job {
	if !nameOK(name) || !clusterOK(cluster) {
		cluster, name = "-", "-"
	}
	return &Job{Folder: jobdir.Folder{Dir: filepath.Join(s.jobsDir(cluster, simulated), name)}, Name: name, cluster: cluster, simulated: simulated, store: s}
}

// ReserveJob wins the next folder for a job of several members whose name begins with
// stem: STEM-p1, STEM-p2. Two callers never win the same one.
func (s *Store) ReserveJob(cluster string, simulated bool, stem string) (*Job, error) {
	if !clusterOK(cluster) || !nameOK(stem) {
		return nil, fmt.Errorf("%q on cluster %q cannot name a job", stem, cluster)
	}
	if err := s.mkdirAll(s.jobsDir(cluster, simulated)); err != nil {
		return nil, err
	}
	for next := 1; ; next++ {
		j := s.Job(cluster, simulated, stem+"-p"+strconv.Itoa(next))
		if made, err := s.makeDir(j.Dir); err != nil || made {
			return j, err
		}
	}
}

// Fill writes what a folder of the job's own holds before the intent: the job as
// planned, vars, which are NAME=VALUE, and where its members are. It returns what the
// intent is to list.
func (j *Job) Fill(planned *plan.Job, vars []string, members []*Attempt) (map[string]jobdir.Sum, error) {
	var dirs strings.Builder
	for _, a := range members {
		dirs.WriteString(a.Dir + "\n")
	}
	document, err := json.Marshal(planned)
	if err != nil {
		return nil, err
	}
	environ, err := environment(vars)
	if err != nil {
		return nil, err
	}
	return jobdir.FillFiles(j.Dir, []jobdir.File{
		{Name: jobdir.PlannedJobFile, Data: append(document, '\n'), Perm: 0o644}, {Name: jobdir.ScriptFile, Data: []byte(planned.Script), Perm: 0o755},
		{Name: jobdir.VarsFile, Data: environ, Perm: 0o644}, {Name: jobdir.MembersFile, Data: []byte(dirs.String()), Perm: 0o644},
	})
}

// Planned returns the job as it was planned, nil when it was not written.
func (j *Job) Planned() (*plan.Job, error) {
	l, err := jobdir.List(j.Dir)
	if err != nil {
		return nil, err
	}
	if j.member == nil {
		return jobdir.Document[plan.Job](l, jobdir.PlannedJobFile)
	}
	run, err := j.member.document(l)
	if err != nil || run == nil {
		return nil, err
	}
	return run.Alone(), nil
}

// Members are the attempts of the job, in the order in which their turns come; none
// where it was never prepared to the end.
func (j *Job) Members() ([]*Attempt, error) {
	in, err := j.Intent()
	if err != nil || in == nil {
		return nil, err
	}
	if j.member != nil {
		return []*Attempt{j.member}, nil
	}
	var out []*Attempt
	for i, m := range in.Members {
		if err := (Key{Fingerprint: m.Fingerprint, Cluster: j.cluster}).check(); err != nil {
			return nil, fmt.Errorf("%s: member %d: %w", filepath.Join(j.Dir, jobdir.IntentFile), i+1, err)
		}
		out = append(out, j.memberOf(m))
	}
	return out, nil
}

// InFlight are the members whose outcome is not known, in their order.
func (j *Job) InFlight() ([]*Attempt, error) {
	members, err := j.Members()
	if err != nil {
		return nil, err
	}
	var out []*Attempt
	for _, a := range members {
		state, err := a.State()
		if err != nil {
			return nil, err
		}
		if state.InFlight() {
			out = append(out, a)
		}
	}
	return out, nil
}

// EndRecords returns how the job ended by its own account and by the backend's, nil for
// what is not there. over says that it has ended: that one of them is there, or that
// its only member can be judged.
func (j *Job) EndRecords() (exit *jobdir.ExitRecord, ended *jobdir.EndRecord, over bool, err error) {
	exit, errExit := j.ExitRecord()
	ended, errEnded := j.Ended()
	if j.member == nil {
		return exit, ended, exit != nil || ended != nil, errors.Join(errExit, errEnded)
	}
	state, err := j.member.State() // of damaged records too
	return exit, ended, state == plan.Ended, err
}

// memberOf is an attempt by what the intent says of it. The fingerprint may be of
// version 1, whose attempts lie elsewhere and have another key today.
func (j *Job) memberOf(m jobdir.Member) *Attempt {
	k := Key{Fingerprint: m.Fingerprint, Cluster: j.cluster, Simulated: j.simulated}
	a := j.store.attempt(j.store.KeyDir(k), k, m.Sample, m.Attempt)
	early := k
	early.Fingerprint = Digits(k.Fingerprint)
	old := j.store.attempt(j.store.KeyDir(early), early, m.Sample, m.Attempt)
	if run, err := old.Run(); err == nil && run != nil && !a.exists() {
		old.Key.Fingerprint = run.Fingerprint
		return old
	}
	return a
}

// MarkJudged tells the job, which waits for it after a failure, that the outcome
// of member number i, from 1, was looked at.
func (j *Job) MarkJudged(i int) error {
	return jobdir.ReplaceFile(j.Dir, jobdir.JudgedPrefix+strconv.Itoa(i), nil, 0o644)
}
