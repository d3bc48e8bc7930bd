package runs

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/llmbench/llmbench/plan"
)

// A Pack is the folder of a job that runs several attempts, its members. The job
// claims it, starts and exits as in an attempt's folder; what becomes of each member
// stands in the member's own.
type Pack struct {
	folder
	// Name is the name of the job too.
	Name string

	cluster   string
	simulated bool
	store     *Store
}

// A PackIntent says who was about to submit which attempts in one job.
type PackIntent struct {
	JobName string `json:"job_name"`
	Cluster string `json:"cluster"`
	// Executor is as in Intent.
	Executor     string    `json:"executor"`
	ScriptSHA256 string    `json:"script_sha256"`
	User         string    `json:"user"`
	Host         string    `json:"host"`
	Nonce        string    `json:"nonce"`
	Created      time.Time `json:"created"`
	// Members are in the order in which their turns come.
	Members []Member `json:"members"`
}

// A Member is an attempt of a pack's cluster by its numbers.
type Member struct {
	Fingerprint string `json:"fingerprint"`
	Sample      int    `json:"sample"`
	Attempt     int    `json:"attempt"`
}

// PreparedPack is what goes into a pack's folder before its job is submitted.
type PreparedPack struct {
	Pack   *plan.Pack
	Intent PackIntent
	// Vars are NAME=VALUE.
	Vars []string
}

func (s *Store) packsDir(cluster string, simulated bool) string {
	return filepath.Join(s.half(simulated), "packs", cluster)
}

// Pack is a pack by its name, whether it exists or not.
func (s *Store) Pack(cluster string, simulated bool, name string) *Pack {
	return &Pack{folder: folder{Dir: filepath.Join(s.packsDir(cluster, simulated), name)}, Name: name, cluster: cluster, simulated: simulated, store: s}
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
	l, err := list(dir)
	if err != nil {
		return nil, err
	}
	next := 1
	if have := l.numbered(stem + packMark); len(have) > 0 {
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
	for _, f := range []preparedFile{
		{packFile, append(document, '\n'), 0o644}, {scriptFile, []byte(in.Pack.Script), 0o755},
		{varsFile, vars, 0o644}, {membersFile, []byte(dirs.String()), 0o644},
	} {
		if err := writeFile(p.Dir, f.name, f.data, f.perm); err != nil {
			return err
		}
	}
	if err := syncDir(p.Dir); err != nil {
		return err
	}
	return replaceFile(p.Dir, intentFile, encodeRecord(in.Intent), 0o644)
}

// Intent returns nil when the pack was never prepared to the end.
func (p *Pack) Intent() (*PackIntent, error) { return readDocument[PackIntent](p.folder, intentFile) }

// Planned returns the pack as it was planned, nil when it was not written.
func (p *Pack) Planned() (*plan.Pack, error) { return readDocument[plan.Pack](p.folder, packFile) }

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

func (p *Pack) member(m Member) *Attempt {
	return p.store.attempt(Key{Fingerprint: m.Fingerprint, Cluster: p.cluster, Simulated: p.simulated}, m.Sample, m.Attempt)
}

// MarkJudged tells the job, which waits for it after a failure, that the outcome
// of member number i, from 1, was looked at.
func (p *Pack) MarkJudged(i int) error {
	return replaceFile(p.Dir, "judged."+strconv.Itoa(i), nil, 0o644)
}
