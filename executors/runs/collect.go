package runs

import (
	"cmp"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/llmbench/llmbench/executors/results"
)

// Results returns the outcome of every sample that has one: the attempt that
// speaks for it, by address, fingerprint, cluster and sample. Samples in flight
// are left out.
func (s *Store) Results(simulated bool) ([]*results.Result, error) {
	return s.collect(simulated, func(k Key) ([]*results.Result, error) {
		return s.ResultsOf(k)
	})
}

// ResultsOf is Results for one key.
func (s *Store) ResultsOf(k Key) ([]*results.Result, error) {
	slots, err := s.Samples(k, 0)
	return resultsOf(slots), err
}

func resultsOf(slots []Sample) []*results.Result {
	var out []*results.Result
	for _, slot := range slots {
		if slot.Result != nil {
			out = append(out, slot.Result)
		}
	}
	return out
}

// History returns the outcome of every attempt that ended, retired and replaced
// ones too, in the order of Results.
func (s *Store) History(simulated bool) ([]*results.Result, error) {
	return s.collect(simulated, func(k Key) ([]*results.Result, error) {
		attempts, err := s.Attempts(k)
		if err != nil {
			return nil, err
		}
		var out []*results.Result
		for _, a := range attempts {
			if r := a.outcome().result; r != nil {
				out = append(out, r)
			}
		}
		return out, nil
	})
}

// collect reads keys side by side: on a file system across the network reading
// is waiting.
func (s *Store) collect(simulated bool, read func(Key) ([]*results.Result, error)) ([]*results.Result, error) {
	keys, err := s.keys(simulated)
	if err != nil {
		return nil, err
	}
	found := make([][]*results.Result, len(keys))
	var g errgroup.Group
	g.SetLimit(4 * runtime.GOMAXPROCS(0))
	for i, k := range keys {
		g.Go(func() (err error) {
			found[i], err = read(k)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return inOrder(slices.Concat(found...)), nil
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

// History is Store.History, as Shown.
func (v *View) History(simulated bool) ([]*results.Result, error) {
	var mu sync.Mutex
	var out []*results.Result
	h := v.half(simulated)
	err := h.each(func(fingerprint string) error {
		known, _, err := h.history(fingerprint, contents)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		known.outcomes(func(_ string, o *outcome) {
			if o.result != nil {
				out = append(out, o.result)
			}
		})
		return nil
	})
	return inOrder(out), err
}
