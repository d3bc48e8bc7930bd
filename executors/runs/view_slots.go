package runs

import (
	"slices"
	"sync"

	"github.com/llmbench/llmbench/executors/results"
)

// Slots is Store.Slots. Of runs that have ended it is known that nothing was added
// to them; Shown looks at contents, too.
func (v *View) Slots(k Key, wanted int) ([]Slot, error) { return v.slots(k, wanted, ends) }

// Shown is Slots for results that are shown: run.json, report.json and stdout are
// what they were when they were judged, with their checksums.
func (v *View) Shown(k Key, wanted int) ([]Slot, error) { return v.slots(k, wanted, contents) }

func (v *View) slots(k Key, wanted int, to depth) ([]Slot, error) {
	if err := k.check(); err != nil {
		return nil, err
	}
	if homes, err := v.store.homes(k); err != nil || len(homes) > 1 {
		if err != nil {
			return nil, err
		}
		return v.store.Slots(k, wanted)
	}
	h, settled, err := v.half(k.Simulated).history(k.short(), to)
	if err != nil {
		return nil, err
	}
	return v.slotsIn(h, settled, k, wanted)
}

// slotsIn reads the slots of a key out of a history, or from the files where jobs
// may still change it.
func (v *View) slotsIn(h *history, settled bool, k Key, wanted int) ([]Slot, error) {
	if !settled {
		return v.store.Slots(k, wanted)
	}
	var numbers []int
	samples := map[int]*sampleHistory{}
	if c := h.cluster(k.Cluster); c != nil {
		for i := range c.Samples {
			numbers = append(numbers, c.Samples[i].Number)
			samples[c.Samples[i].Number] = &c.Samples[i]
		}
	}
	return slotsOf(numbers, wanted, func(n int) (Slot, error) {
		slot := Slot{Sample: n}
		s := samples[n]
		for i := range slices.Backward(s.Attempts) {
			o := &s.Attempts[i]
			if o.Number <= s.UpTo {
				break
			}
			if o.result == nil || k.owns(o.Fingerprint) {
				slot.consider(v.store.attempt(v.store.KeyDir(k), k, n, o.Number), *o)
			}
		}
		slot.Retired = s.Stone
		return slot, nil
	})
}

// slotsAt is slotsIn for each key that a folder's part for a cluster stands for.
// What also lies in other folders is told with the last of them.
func (v *View) slotsAt(h *history, settled bool, k Key) ([]Slot, error) {
	keys, err := v.store.current(k)
	if err != nil {
		return nil, err
	}
	var out []Slot
	for _, now := range keys {
		homes, err := v.store.homes(now)
		if err != nil {
			return nil, err
		}
		var slots []Slot
		switch {
		case now == k && len(homes) == 1:
			slots, err = v.slotsIn(h, settled, k, 0)
		case v.store.lastHome(homes) == v.store.KeyDir(k):
			slots, err = v.store.Slots(now, 0)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, slots...)
	}
	return out, nil
}

// Results is Store.Results, as Shown.
func (v *View) Results(simulated bool) ([]*results.Result, error) {
	var mu sync.Mutex
	var out []*results.Result
	h := v.half(simulated)
	err := h.each(func(fingerprint string) error {
		known, settled, err := h.history(fingerprint, contents)
		if err != nil {
			return err
		}
		for i := range known.Clusters {
			slots, err := v.slotsAt(known, settled, Key{Fingerprint: fingerprint, Cluster: known.Clusters[i].Name, Simulated: simulated})
			if err != nil {
				return err
			}
			mu.Lock()
			out = append(out, resultsOf(slots)...)
			mu.Unlock()
		}
		return nil
	})
	return inOrder(out), err
}
