package runs

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/failure"
)

// A history is what readers of many runs ask of all attempts at a fingerprint.
// Results in it are briefs: what a plan and a table show of a result, and no
// more.
type history struct {
	fingerprint string // 12 digits
	clusters    []clusterHistory
}

type clusterHistory struct {
	name    string
	samples []sampleHistory
}

type sampleHistory struct {
	number int
	// stone says that there is a tombstone, and upTo which attempts it retires.
	stone    bool
	upTo     int
	attempts []outcome
}

// An outcome is what became of one attempt.
type outcome struct {
	number int
	// opened are the names of the files that it was read from, separated by blanks.
	opened   string
	phase    Phase
	deferred string
	// prepared says that the attempt has its intent, made at created for address;
	// fingerprint is that of its run, "" where it has none.
	prepared    bool
	address     string
	created     time.Time
	fingerprint string
	// logs has a bit for each of the files that a result names.
	logs   int
	result *results.Result
	// snap is set where the files were just looked at.
	snap *snapshot
}

// outcome reads the attempt's files.
func (a *Attempt) outcome() (outcome, error) {
	snap, err := a.snapshot()
	if err != nil {
		return outcome{}, err
	}
	o := outcome{number: a.Number, snap: snap, deferred: snap.deferred}
	o.result, o.phase, err = snap.result()
	return o, err
}

// readHistory reads all attempts at a fingerprint. It reports false where a job
// may still change one, or where one says more to its owner than to others.
func (s *Store) readHistory(fingerprint string, simulated bool) (*history, bool, error) {
	h := &history{fingerprint: fingerprint}
	clusters, err := jobdir.List(filepath.Join(s.runsDir(simulated), fingerprint))
	if err != nil {
		return h, false, nil // not a folder: not ours
	}
	settled := true
	for _, name := range clusters.Names {
		k := Key{Fingerprint: fingerprint, Cluster: name, Simulated: simulated}
		if k.check() != nil {
			continue
		}
		l, err := jobdir.List(s.KeyDir(k))
		if err != nil {
			return h, false, err
		}
		c := clusterHistory{name: name}
		for _, n := range l.Numbered("sample-") {
			sample, ok, err := s.readSample(k, n)
			if err != nil {
				return h, false, err
			}
			settled = settled && ok
			c.samples = append(c.samples, sample)
		}
		h.clusters = append(h.clusters, c)
	}
	return h, settled, nil
}

func (s *Store) readSample(k Key, sample int) (sampleHistory, bool, error) {
	out := sampleHistory{number: sample}
	l, err := jobdir.List(sampleDir(s.KeyDir(k), sample))
	if err != nil {
		return out, false, err
	}
	out.stone = l.Has(replacedFile)
	if out.upTo, err = retired(l); err != nil {
		return out, false, err
	}
	settled := true
	for _, n := range l.Numbered("attempt-") {
		o, err := s.attempt(s.KeyDir(k), k, sample, n).outcome()
		if err == nil {
			err = o.addTrial()
		}
		if err != nil {
			return out, false, err
		}
		settled = settled && !o.phase.InFlight() && !o.private() && !o.damaged()
		out.attempts = append(out.attempts, o)
	}
	return out, settled, nil
}

// addTrial adds what the client left, and the names of what was read.
func (o *outcome) addTrial() error {
	intent, err := jobdir.Document[jobdir.Intent](o.snap.files, jobdir.IntentFile)
	if err != nil {
		return err
	}
	if intent != nil {
		o.prepared, o.address, o.created = true, intent.Address, intent.Created
	}
	if o.result != nil {
		o.fingerprint = o.result.Fingerprint
	} else if intent != nil {
		run, err := o.snap.attempt.run(o.snap.files)
		if err != nil {
			return err
		}
		if run != nil {
			o.fingerprint = run.Fingerprint
		}
	}
	names := *o.snap.files.Opened
	slices.Sort(names)
	o.opened = strings.Join(slices.Compact(names), " ")
	for _, l := range logs {
		o.logs <<= 1
		if o.snap.files.Has(l.name) {
			o.logs |= 1
		}
	}
	return nil
}

// damaged reports whether a record could not be read: it may be brought back.
func (o *outcome) damaged() bool {
	return o.result != nil && o.result.Code() == failure.RecordDamaged
}

// private reports whether the outcome depends on who reads: secrets are taken
// out of what is told of logs by whoever can read them.
func (o *outcome) private() bool {
	return o.result != nil && len(o.result.Reasons) > 0 && o.snap.files.Has(jobdir.SecretsFile) || strings.Contains(strings.Join(*o.snap.files.Opened, ""), " ")
}

// stamp looks at all that the history was read from.
func (h *history) stamp(s *stamps) {
	s.ok, s.newest, s.buf = true, 0, s.buf[:0]
	s.add(h.fingerprint, true)
	for _, c := range h.clusters {
		dir := h.fingerprint + "/" + c.name
		s.add(dir, true)
		for _, sample := range c.samples {
			dir := dir + "/sample-" + strconv.Itoa(sample.number)
			s.add(dir, true)
			if sample.stone {
				s.add(dir+"/"+replacedFile, false)
			}
			for _, o := range sample.attempts {
				dir := dir + "/attempt-" + strconv.Itoa(o.number)
				s.add(dir, true)
				for name := range strings.FieldsSeq(o.opened) {
					s.add(dir+"/"+name, false)
				}
			}
		}
	}
}

// cluster is the part of a cluster, nil where nothing was tried there.
func (h *history) cluster(name string) *clusterHistory {
	for i := range h.clusters {
		if h.clusters[i].name == name {
			return &h.clusters[i]
		}
	}
	return nil
}
