package runs

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
)

// A Pack is the folder of a job that runs several attempts, its members. The job
// claims it, starts and exits as in an attempt's folder; what becomes of each member
// stands in the member's own.
type Pack struct {
	jobdir.Folder
	// Name is the name of the job too.
	Name string

	cluster   string
	simulated bool
	store     *Store
}

// PreparedPack is what goes into a pack's folder before its job is submitted.
type PreparedPack struct {
	Pack   *plan.Pack
	Intent jobdir.PackIntent
	// Vars are NAME=VALUE.
	Vars []string
}

func (s *Store) packsDir(cluster string, simulated bool) string {
	return filepath.Join(s.half(simulated), "packs", cluster)
}

// Pack is a pack by its name, whether it exists or not.
func (s *Store) Pack(cluster string, simulated bool, name string) *Pack {
	return &Pack{Folder: jobdir.Folder{Dir: filepath.Join(s.packsDir(cluster, simulated), name)}, Name: name, cluster: cluster, simulated: simulated, store: s}
}

// ReservePack wins the next pack whose name begins with stem. Two callers never
// win the same one.
func (s *Store) ReservePack(cluster string, simulated bool, stem string) (*Pack, error) {
	if !clusterOK(cluster) || !nameOK(stem) {
		return nil, fmt.Errorf("%q on cluster %q cannot name a pack", stem, cluster)
	}
	dir := s.packsDir(cluster, simulated)
	if err := s.mkdirAll(dir); err != nil {
		return nil, err
	}
	l, err := jobdir.List(dir)
	if err != nil {
		return nil, err
	}
	next := 1
	if have := l.Numbered(stem + packMark); len(have) > 0 {
		next = have[len(have)-1] + 1
	}
	for ; ; next++ {
		p := s.Pack(cluster, simulated, stem+packMark+strconv.Itoa(next))
		if made, err := s.mkdir(p.Dir); err != nil || made {
			return p, err
		}
	}
}

// packMark stands between the stem of a pack's name and its number.
const packMark = "-p"

// Mark is what the name of a pack's job has behind the planned stem: p1, p2.
func (p *Pack) Mark() string {
	return p.Name[strings.LastIndex(p.Name, packMark)+1:]
}

// Prepare fills the folder, intent.json last: the members are reserved before it
// and prepared after it, and no job is submitted before all are.
func (p *Pack) Prepare(in PreparedPack) error {
	var dirs strings.Builder
	for _, m := range in.Intent.Members {
		dirs.WriteString(p.member(m).Dir + "\n")
	}
	document, err := json.Marshal(in.Pack)
	if err != nil {
		return err
	}
	vars, err := environment(in.Vars)
	if err != nil {
		return err
	}
	for _, f := range []jobdir.File{
		{Name: jobdir.PackFile, Data: append(document, '\n'), Perm: 0o644}, {Name: jobdir.ScriptFile, Data: []byte(in.Pack.Script), Perm: 0o755},
		{Name: jobdir.VarsFile, Data: vars, Perm: 0o644}, {Name: jobdir.MembersFile, Data: []byte(dirs.String()), Perm: 0o644},
	} {
		if err := jobdir.WriteFile(p.Dir, f.Name, f.Data, f.Perm); err != nil {
			return err
		}
	}
	if err := jobdir.SyncDir(p.Dir); err != nil {
		return err
	}
	return jobdir.ReplaceFile(p.Dir, jobdir.IntentFile, jobdir.Encode(in.Intent), 0o644)
}

// Intent returns nil when the pack was never prepared to the end.
func (p *Pack) Intent() (*jobdir.PackIntent, error) {
	return document[jobdir.PackIntent](p.Dir, jobdir.IntentFile)
}

// Planned returns the pack as it was planned, nil when it was not written.
func (p *Pack) Planned() (*plan.Pack, error) { return document[plan.Pack](p.Dir, jobdir.PackFile) }

// Members are the attempts of the pack, in the order in which their turns come;
// none where it was never prepared to the end.
func (p *Pack) Members() ([]*Attempt, error) {
	in, err := p.Intent()
	if err != nil || in == nil {
		return nil, err
	}
	var out []*Attempt
	for _, m := range in.Members {
		out = append(out, p.member(m))
	}
	return out, nil
}

// member is an attempt by what the intent says of it. The fingerprint may be of
// version 1, whose attempts lie elsewhere and have another key today.
func (p *Pack) member(m jobdir.Member) *Attempt {
	k := Key{Fingerprint: m.Fingerprint, Cluster: p.cluster, Simulated: p.simulated}
	a := p.store.attempt(p.store.KeyDir(k), k, m.Sample, m.Attempt)
	early := k
	early.Fingerprint = k.Fingerprint[:min(earlierLength, len(k.Fingerprint))]
	old := p.store.attempt(p.store.KeyDir(early), early, m.Sample, m.Attempt)
	if run, err := old.Run(); err == nil && run != nil && !a.Exists() {
		old.Key.Fingerprint = run.Fingerprint
		return old
	}
	return a
}

// MarkJudged tells the job, which waits for it after a failure, that the outcome
// of member number i, from 1, was looked at.
func (p *Pack) MarkJudged(i int) error {
	return jobdir.ReplaceFile(p.Dir, jobdir.JudgedPrefix+strconv.Itoa(i), nil, 0o644)
}
