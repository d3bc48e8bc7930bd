package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
)

// A history is what readers of many runs ask of all attempts at a fingerprint, with
// the stamps of what it was read from. Whoever adds an attempt or a tombstone changes
// the stamps of the attempts that are there: see Store.stir.
type history struct {
	Fingerprint string           `json:"runs"` // the digits that name the folder
	Clusters    []clusterHistory `json:"clusters"`
}

type clusterHistory struct {
	Name    string          `json:"name"`
	Samples []sampleHistory `json:"samples"`
}

type sampleHistory struct {
	Number int `json:"sample"`
	// UpTo is the last attempt that a tombstone retires, 0 without one.
	UpTo     int       `json:"up_to,omitempty"`
	Attempts []outcome `json:"attempts"`
}

// An outcome is what became of one attempt.
type outcome struct {
	Number int `json:"attempt"`
	// Seen, Exit, Run, Report, Requests and Stdout are stamps of the folder and of files in it,
	// "" for one that was not there.
	Seen     string     `json:"seen"`
	Exit     string     `json:"exit,omitempty"`
	Run      string     `json:"run,omitempty"`
	Report   string     `json:"report,omitempty"`
	Requests string     `json:"requests,omitempty"`
	Stdout   string     `json:"stdout,omitempty"`
	State    plan.State `json:"phase"`
	Deferred string     `json:"deferred,omitempty"`
	// Prepared says that the attempt has its intent, made at Created for Address;
	// Fingerprint is that of its run, "" where it has none.
	Prepared    bool        `json:"prepared"`
	Address     string      `json:"address"`
	Created     time.Time   `json:"created"`
	Fingerprint string      `json:"fingerprint"`
	Kept        *keptResult `json:"result"` // as the cache has it

	result *results.Result
	// snap is set where the files were just looked at.
	snap *snapshot
}

// recorded reports whether the result was read from records of requests, too.
func (o *outcome) recorded() bool { return o.result != nil && o.result.Files.Requests != nil }

// outcomes visits all attempts, each with its path below the folder of all
// fingerprints.
func (h *history) outcomes(visit func(path string, o *outcome)) {
	for i := range h.Clusters {
		c := &h.Clusters[i]
		for j := range c.Samples {
			s := &c.Samples[j]
			for n := range s.Attempts {
				o := &s.Attempts[n]
				visit(fmt.Sprintf("%s/%s/sample-%d/attempt-%d", h.Fingerprint, c.Name, s.Number, o.Number), o)
			}
		}
	}
}

// outcome reads the attempt's files. What cannot be read is damage.
func (a *Attempt) outcome() outcome {
	snap, err := a.snapshot()
	if err != nil {
		snap = &snapshot{attempt: a, files: jobdir.Listing{Dir: a.Dir}}
	}
	o := outcome{Number: a.Number, snap: snap, Deferred: snap.deferred()}
	if o.result, o.State = snap.result(); err != nil {
		o.lose(err)
	}
	if err := snap.records(); err == nil && snap.intent != nil {
		o.Prepared, o.Address = true, snap.intent.Address
		if snap.ahead(jobdir.IntentFile, snap.intent.Created) == nil {
			o.Created = snap.intent.Created
		}
	}
	if o.result != nil {
		o.Fingerprint = o.result.Fingerprint
	} else if run, err := a.run(snap.files); err == nil && run != nil {
		o.Fingerprint = run.Fingerprint
	}
	return o
}

// lose makes it the outcome of an attempt of which nothing can be told.
func (o *outcome) lose(why error) {
	o.State, o.result = plan.Ended, o.snap.damage(why.Error())
	o.Fingerprint = o.result.Fingerprint
}

// readHistory reads all attempts at a fingerprint. It reports false where a job
// may still change one, or where one says more to its owner than to others.
func (s *Store) readHistory(fingerprint string, simulated bool) (*history, bool) {
	h := &history{Fingerprint: fingerprint}
	clusters, err := jobdir.List(filepath.Join(s.runsDir(simulated), fingerprint))
	if err != nil {
		return h, false // not a folder: not ours
	}
	settled := len(fingerprint) != earlierLength // version 0.1.0 stirs nothing
	for _, name := range clusters.Names {
		k := Key{Fingerprint: fingerprint, Cluster: name, Simulated: simulated}
		if k.check() != nil {
			continue
		}
		samples, ok := s.readSamples(s.KeyDir(k), k)
		settled = settled && ok
		h.Clusters = append(h.Clusters, clusterHistory{name, samples})
	}
	return h, settled
}

// readSamples reads all attempts in one of a key's homes.
func (s *Store) readSamples(home string, k Key) (out []sampleHistory, settled bool) {
	settled = true
	for _, number := range samplesIn(home) {
		l, attempts := s.attemptsAt(home, number)
		upTo, unread := s.retired(l)
		h := sampleHistory{Number: number, UpTo: upTo}
		for _, n := range attempts {
			o := s.attempt(home, k, number, n).outcome()
			if unread != nil {
				o.lose(unread)
			}
			settled = settled && !o.State.InFlight() && !o.private() && !o.damaged() && (!o.Prepared || o.Fingerprint != "") && o.snap.unread == nil
			h.Attempts = append(h.Attempts, o)
		}
		settled = settled && unread == nil
		out = append(out, h)
	}
	return out, settled
}

// damaged reports whether a record could not be read: it may be brought back.
func (o *outcome) damaged() bool {
	return o.result != nil && o.result.Code() == failure.RecordDamaged
}

// private reports whether the outcome depends on who reads: secrets are taken
// out of what is told of logs by whoever can read them.
func (o *outcome) private() bool {
	return o.result != nil && len(o.result.Reasons) > 0 && o.snap.files.Has(jobdir.SecretsFile)
}

// coarse is the step in which the coarsest of file systems count time: what
// changes twice in one step may look the same.
const coarse = 2 * time.Second

// A depth is how far a history was held against the files: whether there are other
// attempts, and other ends, or whether the contents of results are the same, too.
type depth int

const (
	unheld depth = iota // what the cache says is taken as it is
	ends
	contents
)

// visitStamps visits the paths of what the history was read from, with their stamps,
// until one visit reports false: to the depth of ends two for each attempt, and from
// there to that of contents three more.
func (h *history) visitStamps(dir string, from, to depth, visit func(path string, folder bool, stamp *string) bool) bool {
	ok := true
	h.outcomes(func(path string, o *outcome) {
		path = filepath.Join(dir, path)
		if from < ends {
			ok = ok && visit(path, true, &o.Seen) && visit(path+"/"+jobdir.ExitFile, false, &o.Exit)
		}
		if to == contents {
			ok = ok && visit(path+"/"+jobdir.RunFile, false, &o.Run) && visit(path+"/"+jobdir.ReportFile, false, &o.Report) &&
				(!o.recorded() || visit(path+"/"+jobdir.RequestsCSV, false, &o.Requests)) &&
				visit(path+"/"+jobdir.StdoutFile, false, &o.Stdout)
		}
	})
	return ok
}

// stir gives all attempts at a fingerprint another stamp, once there is one more or
// another tombstone: what readers remember of them is out of date then.
func (s *Store) stir(k Key) error {
	dir := filepath.Join(s.runsDir(k.Simulated), k.short())
	attempts, err := filepath.Glob(filepath.Join(globbed(dir), "*", "sample-*", "attempt-*"))
	for _, a := range attempts {
		if now := unix.Utimes(a, nil); !errors.Is(now, fs.ErrNotExist) {
			err = errors.Join(err, now)
		}
	}
	return err
}

// stamp notes the stamps of all that the history was read from. It returns when the
// last of it changed, 0 where that cannot be told or there is no attempt.
func (h *history) stamp(dir string) (newest int64) {
	ok := h.visitStamps(dir, 0, contents, func(path string, folder bool, stamp *string) bool {
		var changed int64
		*stamp, changed = stampOf(path, folder)
		newest = max(newest, changed)
		return *stamp != "" || !folder
	})
	if !ok {
		return 0
	}
	return newest
}

// holds reports whether nothing changed since the history was read, beyond what was
// held against the files. A file that was not there shows in the stamp of its folder.
func (h *history) holds(dir string, from, to depth) bool {
	return h.visitStamps(dir, from, to, func(path string, folder bool, stamp *string) bool {
		if *stamp == "" {
			return !folder
		}
		now, _ := stampOf(path, folder)
		return now == *stamp
	})
}

// cluster is the part of a cluster.
func (h *history) cluster(name string) []sampleHistory {
	for _, c := range h.Clusters {
		if c.Name == name {
			return c.Samples
		}
	}
	return nil
}
