package runs

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/llmbench/llmbench/executors/jobdir"
	"golang.org/x/sync/errgroup"
)

// A View answers like its store, for one command that asks for many runs: of
// runs that have ended it knows by the store's index, and remembers for as long
// as it lives. Results in its answers are briefs. It is safe for several
// goroutines.
type View struct {
	store  *Store
	halves [2]viewHalf // real, simulated
	// observed holds plan.Observation by their content.
	observed sync.Map
}

// viewHalf is the part of a view for real or for simulated results.
type viewHalf struct {
	store     *Store
	simulated bool
	// least is leastFresh, and now fileTime.
	least int
	now   func(dir string) int64

	open sync.Once
	dir  *os.File // of all fingerprints, nil where there are none

	surveyed sync.Once
	found    *survey
	failed   error

	mu   sync.Mutex // of all below
	kept *index
	// fresh counts histories that the index in the store lacks.
	fresh int
	// judged counts histories that were read from the files; began is the file
	// system's time once some had been.
	judged int
	began  int64
}

// The index is written once so many histories are missing in it, absolutely and
// as a share: a small store has none.
const (
	leastFresh = 16
	shareFresh = 100
)

// View returns a view of the store.
func (s *Store) View() *View {
	v := &View{store: s}
	for i := range v.halves {
		v.halves[i] = viewHalf{store: s, simulated: i == 1, least: leastFresh, now: fileTime, kept: emptyIndex()}
	}
	return v
}

// Keep puts what was read into the store's index, where that is worth it. That
// it cannot be kept is no error.
func (v *View) Keep() {
	for i := range v.halves {
		v.halves[i].keep()
	}
}

func (v *View) half(simulated bool) *viewHalf {
	h := &v.halves[0]
	if simulated {
		h = &v.halves[1]
	}
	h.open.Do(h.begin)
	return h
}

func (h *viewHalf) begin() {
	dir, err := os.Open(h.store.runsDir(h.simulated))
	if err != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dir = dir
	if name := indexName(); name != "" {
		h.kept = readIndex(filepath.Join(h.store.half(h.simulated), indexDir, name))
	}
}

func (h *viewHalf) keep() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fresh < h.least || h.fresh*shareFresh < len(h.kept.entries) {
		return
	}
	_ = h.kept.write(h.store, h.store.half(h.simulated))
	h.fresh = 0
}

// history is what there is to know of a fingerprint. It reports false where a
// job may still change it.
func (h *viewHalf) history(fingerprint string) (*history, bool, error) {
	h.mu.Lock()
	e, ok := h.kept.entries[fingerprint]
	h.mu.Unlock()
	if ok && (e.holds || h.holds(fingerprint, e.raw)) {
		if out, ok := decode(h.kept.words, fingerprint, e.raw); ok {
			if !e.holds {
				e.holds = true
				h.remember(fingerprint, e)
			}
			return out, true, nil
		}
	}
	return h.read(fingerprint)
}

// each does something for every fingerprint, for several at once.
func (h *viewHalf) each(do func(fingerprint string) error) error {
	fingerprints, err := jobdir.List(h.store.runsDir(h.simulated))
	if err != nil {
		return err
	}
	var g errgroup.Group
	const piece = 64
	g.SetLimit(4 * runtime.GOMAXPROCS(0))
	for names := range slices.Chunk(fingerprints.Names, piece) {
		g.Go(func() error {
			for _, name := range names {
				if err := do(name); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// holds reports whether nothing changed since a history was read.
func (h *viewHalf) holds(fingerprint, raw string) bool {
	shape, sum, _, ok := decodeShape(h.kept.words, fingerprint, raw)
	if !ok {
		return false
	}
	now := stamps{dir: h.dir}
	shape.stamp(&now)
	return now.ok && now.sum() == sum
}

func (h *viewHalf) remember(fingerprint string, e indexed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept.entries[fingerprint] = e
}

// read judges all attempts from their files.
func (h *viewHalf) read(fingerprint string) (*history, bool, error) {
	began := h.time()
	out, settled, err := h.store.readHistory(fingerprint, h.simulated)
	if err != nil || !settled {
		return out, false, err
	}
	now := stamps{dir: h.dir}
	if began > 0 {
		out.stamp(&now)
	}
	// What changed before the file system's clock had moved on may change again
	// and look the same.
	safe := began > 0 && now.ok && now.newest < began-int64(coarse)
	e := indexed{raw: out.encode(h.kept.words, now.sum()), holds: true, unsafe: !safe}
	brief, ok := decode(h.kept.words, fingerprint, e.raw)
	if !ok {
		panic("runs: a history is not read as it was written")
	}
	h.remember(fingerprint, e)
	if safe {
		h.mu.Lock()
		h.fresh++
		h.mu.Unlock()
	}
	return brief, true, nil
}

// time is a time of the file system before now; 0 where few histories were read
// so far, or it cannot be told.
func (h *viewHalf) time() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.judged++; h.judged == h.least && h.dir != nil && indexName() != "" {
		h.began = h.now(h.store.half(h.simulated))
	}
	return h.began
}
