package store

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
)

var _ plan.Ledger = (*View)(nil)

// A View answers like its store, for one command that asks for many runs: of runs
// that have ended it knows by the cache, and remembers for as long as it lives. It is
// safe for several goroutines.
type View struct {
	store  *Store
	halves [2]viewPart // real, simulated
	// Lost reports whether the job of a handle ended with the process that ran it; nil
	// knows of none. Such a sample is not in flight, for plan and for status alike.
	Lost func(handle string) bool
	// Some says that only some runs are asked for: what all others teach is taken from
	// the cache as it is.
	Some bool
}

// viewPart is the part of a view for real or for simulated results.
type viewPart struct {
	store     *Store
	simulated bool
	version   string
	// least is leastFresh, and now fileTime.
	least int
	now   func(dir string) int64

	open   sync.Once
	values values

	scanned sync.Once          // and then
	trials  map[string][]trial // by address
	lessons []lessonSample
	failed  error

	mu      sync.Mutex // of all below
	entries map[string]*entry
	// fresh counts histories that the cache lacks, and stale those that it has wrong.
	fresh, stale int
	// judged counts histories that were read from the files; began is the file
	// system's time once some had been.
	judged int
	began  int64
}

// An entry is what is known of the folder of a fingerprint.
type entry struct {
	mu      sync.Mutex
	line    []byte // in the cache, nil where it is not or cannot be kept there
	history *history
	// held is how far the history was held against the files, 0: not yet.
	held depth
}

// The cache is written once so many histories are missing in it, absolutely and as a
// share: a small store has none.
const (
	leastFresh = 16
	shareFresh = 100
)

// View returns a view of the store for this version of llmbench.
func (s *Store) View(version string) *View {
	v := &View{store: s}
	for i := range v.halves {
		v.halves[i] = viewPart{store: s, simulated: i == 1, version: version, least: leastFresh, now: fileTime, entries: map[string]*entry{}}
	}
	return v
}

func (v *View) half(simulated bool) *viewPart {
	h := &v.halves[0]
	if simulated {
		h = &v.halves[1]
	}
	h.open.Do(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.store.without != "" {
			return // the cache is of the whole store
		}
		lines, values := readCache(h.store.half(h.simulated), h.version)
		h.values.lines = values
		for fingerprint, line := range lines {
			h.entries[fingerprint] = &entry{line: line}
		}
		if l, err := jobdir.List(h.store.runsDir(h.simulated)); err == nil && len(l.Names) >= len(h.entries)+h.least {
			h.began = h.now(h.store.half(h.simulated))
		}
	})
	return h
}

// history is what there is to know of a fingerprint, held against the files to a
// depth. It reports false where a job may still change it.
func (h *viewPart) history(fingerprint string, to depth) (*history, bool) {
	h.mu.Lock()
	e := h.entries[fingerprint]
	if e == nil {
		e = &entry{}
		h.entries[fingerprint] = e
	}
	h.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	dir := h.store.runsDir(h.simulated)
	if e.history == nil && e.line != nil {
		e.history, _ = readLine(e.line, dir, &h.values)
	}
	if e.history != nil && (e.held >= to || e.history.holds(dir, e.held, to)) {
		e.held = max(e.held, to)
		return e.history, true
	}
	return h.read(fingerprint, e)
}

// read judges all attempts of a fingerprint from their files.
func (h *viewPart) read(fingerprint string, e *entry) (*history, bool) {
	began := h.time(e.line != nil)
	e.line, e.history, e.held = nil, nil, 0
	out, settled := h.store.readHistory(fingerprint, h.simulated)
	if !settled {
		return out, false
	}
	out.outcomes(func(_ string, o *outcome) { o.snap = nil })
	e.history, e.held = out, contents
	newest := int64(0)
	if began > 0 {
		newest = out.stamp(h.store.runsDir(h.simulated))
	}
	// What changed before the file system's clock had moved on may change again
	// and look the same.
	if newest > 0 && newest < began-int64(coarse) {
		e.line = out.line(&h.values)
		h.mu.Lock()
		h.fresh++
		h.mu.Unlock()
	}
	return out, true
}

// time is a time of the file system before now; 0 where few histories were read
// so far, none of them over a stale one, or it cannot be told.
func (h *viewPart) time(stale bool) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if stale {
		h.stale++
	}
	if h.judged++; h.began == 0 && (h.judged >= h.least || stale) {
		h.began = h.now(h.store.half(h.simulated))
	}
	return h.began
}

// fileTime is the time of the file system that holds a folder, which may have
// another clock than this host; 0 where it cannot be told.
func fileTime(dir string) int64 {
	f, err := jobdir.CreateTemp(dir, "time")
	if err != nil {
		return 0
	}
	defer os.Remove(f.Name())
	defer f.Close()
	_, changed := stampOf(filepath.Clean(f.Name()), false)
	return changed
}

// Look implements plan.Ledger. A cluster that is not known satisfies nothing.
func (v *View) Look(fingerprint, cluster string, simulated bool, wanted int) (plan.Samples, error) {
	if cluster == "" {
		return newSamples(wanted), nil
	}
	samples, err := v.Samples(Key{Fingerprint: fingerprint, Cluster: cluster, Simulated: simulated}, wanted)
	return countsOf(samples, wanted), err
}

// Samples is Store.Samples. Of runs that have ended it is known that nothing was added
// to them; Shown looks at contents, too.
func (v *View) Samples(k Key, wanted int) ([]Sample, error) { return v.samples(k, wanted, ends) }

// Shown is Samples for results that are shown: run.json, report.json and stdout are
// what they were when they were judged, with their checksums.
func (v *View) Shown(k Key, wanted int) ([]Sample, error) { return v.samples(k, wanted, contents) }

func (v *View) samples(k Key, wanted int, to depth) ([]Sample, error) {
	samples, err := v.held(k, wanted, to)
	for i := range samples {
		if sample := &samples[i]; sample.State.InFlight() && v.Lost != nil && v.Lost(sample.Handle) {
			sample.State = plan.Lost
			sample.Failed = slices.Insert(sample.Failed, 0, plan.Failed{Code: failure.Lost, Detail: "the process that simulated it is gone"})
		}
	}
	return samples, err
}

func (v *View) held(k Key, wanted int, to depth) ([]Sample, error) {
	homes, err := v.store.homes(k)
	if err != nil {
		return nil, err
	}
	if len(homes) == 1 {
		if h, settled := v.half(k.Simulated).history(k.short(), to); settled {
			return v.store.samplesOf(k, wanted, homes, [][]sampleHistory{h.cluster(k.Cluster)}), nil
		}
	}
	return v.store.Samples(k, wanted)
}

// each visits every fingerprint, with the samples of those keys that have not been told
// of yet: an attempt of version 1 may lie in another folder than those of its key. It
// reads several at once, and visits one at a time.
func (v *View) each(simulated bool, to depth, visit func(h *history, samples []Sample)) error {
	part := v.half(simulated)
	fingerprints, err := jobdir.List(v.store.runsDir(simulated))
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var told sync.Map // of Key
	return jobdir.AtOnce(len(fingerprints.Names), func(i int) error {
		h, settled := part.history(fingerprints.Names[i], to)
		var samples []Sample
		for _, c := range h.Clusters {
			keys, err := v.store.current(Key{Fingerprint: h.Fingerprint, Cluster: c.Name, Simulated: simulated})
			if err != nil {
				return err
			}
			for _, k := range keys {
				if _, before := told.LoadOrStore(k, true); before {
					continue
				}
				homes, err := v.store.homes(k)
				if err != nil {
					return err
				}
				var more []Sample
				if settled && len(homes) == 1 {
					more = v.store.samplesOf(k, 0, homes, [][]sampleHistory{c.Samples})
				} else if more, err = v.store.Samples(k, 0); err != nil {
					return err
				}
				samples = append(samples, more...)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		visit(h, samples)
		return nil
	})
}

// Results returns the outcome of every sample that has one, as Shown: by address,
// fingerprint, cluster and sample. Samples in flight are left out.
func (v *View) Results(simulated bool) ([]*results.Result, error) {
	var out []*results.Result
	err := v.each(simulated, contents, func(_ *history, samples []Sample) { out = append(out, resultsOf(samples)...) })
	return inOrder(out), err
}

// resultsOf are the results of the attempts that speak for samples.
func resultsOf(samples []Sample) []*results.Result {
	var out []*results.Result
	for _, sample := range samples {
		if sample.Result != nil {
			out = append(out, sample.Result)
		}
	}
	return out
}

// inOrder sorts results by address, fingerprint, cluster, sample and attempt.
func inOrder(out []*results.Result) []*results.Result {
	slices.SortStableFunc(out, func(a, b *results.Result) int {
		return cmp.Or(
			cmp.Compare(a.Address, b.Address), cmp.Compare(a.Fingerprint, b.Fingerprint), cmp.Compare(a.Cluster, b.Cluster),
			cmp.Compare(a.Sample, b.Sample), cmp.Compare(a.Attempt, b.Attempt))
	})
	return out
}

// History returns the outcome of every attempt that ended, retired and replaced ones
// too, in the order of Results, as Shown.
func (v *View) History(simulated bool) ([]*results.Result, error) {
	var out []*results.Result
	err := v.each(simulated, contents, func(h *history, _ []Sample) {
		h.outcomes(func(_ string, o *outcome) {
			if o.result != nil {
				out = append(out, o.result)
			}
		})
	})
	return inOrder(out), err
}
