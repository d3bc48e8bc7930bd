package plan

import (
	"slices"
	"time"
)

// Packing bounds packs.
type Packing struct {
	// MaxRuns is how many samples one job runs at most, in all its slots.
	MaxRuns int
	// MaxTime is the longest time limit of a pack.
	MaxTime time.Duration
	// Margin is how long starting a run and cleaning up after it may take.
	Margin time.Duration
	// SideBySide is how many slots a pack has at most, 0 and 1 for one: groups of
	// whole nodes that each run a queue of their own.
	SideBySide int
	// MaxNodes is how many nodes a pack can have, 0 where that is not known.
	MaxNodes int
}

// Limit is the time limit of a slot that runs these: what each may take, with a
// margin before, between and after them.
func (p Packing) Limit(runs []*Run) time.Duration {
	sum := p.Margin
	for _, r := range runs {
		sum += p.takes(r)
	}
	return sum
}

// takes is what a run adds to the time limit of its slot.
func (p Packing) takes(r *Run) time.Duration {
	return time.Duration(r.TimeLimitSeconds)*time.Second + p.Margin
}

// Deal gives each run of a pack its slot, from 0, and returns the time limit of
// the pack, which is that of its longest slot. In order, each run gets the slot
// that is free first by the time limits of what it has, and of several such slots
// the one that should be. A pack has as many slots as it may, and none is empty.
func (p Packing) Deal(runs []*Run) (slots []int, limit time.Duration) {
	d := &dealer{Packing: p, limit: p.Margin}
	for _, r := range runs {
		slots = append(slots, d.next(r))
		d.give(slots[len(slots)-1], r)
	}
	return slots, d.limit
}

// A dealer gives runs of one shape to the slots of a pack.
type dealer struct {
	Packing
	slots []queue
	limit time.Duration // of the pack
}

// queue is what a slot has, by time limits and as expected.
type queue struct {
	limit    time.Duration
	expected float64
}

// next is the slot that a run would get: a new one while there may be more.
func (d *dealer) next(r *Run) int {
	most := max(1, d.SideBySide)
	if d.MaxNodes > 0 {
		most = min(most, max(1, d.MaxNodes/max(1, r.Hardware.Nodes)))
	}
	if len(d.slots) < most {
		return len(d.slots)
	}
	first := 0
	for i, s := range d.slots {
		if f := d.slots[first]; s.limit < f.limit || s.limit == f.limit && s.expected < f.expected {
			first = i
		}
	}
	return first
}

// with is the time limit of the pack once a slot has one more run.
func (d *dealer) with(slot int, r *Run) time.Duration {
	limit := d.Margin + d.takes(r)
	if slot < len(d.slots) {
		limit += d.slots[slot].limit
	}
	return max(d.limit, limit)
}

func (d *dealer) give(slot int, r *Run) {
	d.limit = d.with(slot, r)
	if slot == len(d.slots) {
		d.slots = append(d.slots, queue{})
	}
	d.slots[slot].limit += d.takes(r)
	d.slots[slot].expected += r.ExpectedGPUHours()
}

// Arrange puts samples, each given by its run, into packs: the indexes of each
// pack's samples in the order in which they are run. Only samples of one shape
// share a pack. The first sample of every run comes before the second of any, so
// that a drift of the machine hits all runs alike; within such a round the
// cheapest is first, since it shows what all would fail of. Samples that do not
// fit into MaxTime are in no pack.
func (p Packing) Arrange(runs []*Run) [][]int {
	var shapes []string
	byShape, round, seen := map[string][]int{}, make([]int, len(runs)), map[string]int{}
	for i, r := range runs {
		if p.Limit(runs[i:i+1]) > p.MaxTime {
			continue
		}
		seen[r.Fingerprint]++
		round[i] = seen[r.Fingerprint]
		s := r.shape()
		if byShape[s] == nil {
			shapes = append(shapes, s)
		}
		byShape[s] = append(byShape[s], i)
	}
	var out [][]int
	for _, s := range shapes {
		list := byShape[s]
		slices.SortStableFunc(list, func(i, j int) int {
			switch a, b := runs[i].ExpectedGPUHours(), runs[j].ExpectedGPUHours(); {
			case round[i] != round[j]:
				return round[i] - round[j]
			case a < b:
				return -1
			case a > b:
				return 1
			}
			return 0
		})
		out = append(out, p.split(list, runs)...)
	}
	return out
}

// split cuts a list into as few packs as the bounds allow, and of like size where
// that needs no more, in which all slots have equally many runs if they can.
func (p Packing) split(list []int, runs []*Run) [][]int {
	most, side := max(1, p.MaxRuns), max(1, p.SideBySide)
	fewest := p.cut(list, runs, most)
	size := (len(list) + len(fewest) - 1) / len(fewest)
	for _, size := range []int{min(most, (size+side-1)/side*side), size} {
		if even := p.cut(list, runs, size); len(even) == len(fewest) {
			return even
		}
	}
	return fewest
}

// cut fills one pack after another with up to size samples.
func (p Packing) cut(list []int, runs []*Run, size int) [][]int {
	var out [][]int
	var now []int
	var d *dealer
	for _, i := range list {
		if len(now) == size || len(now) > 0 && d.with(d.next(runs[i]), runs[i]) > p.MaxTime {
			out, now = append(out, now), nil
		}
		if now == nil {
			d = &dealer{Packing: p, limit: p.Margin}
		}
		now = append(now, i)
		d.give(d.next(runs[i]), runs[i])
	}
	return append(out, now)
}
