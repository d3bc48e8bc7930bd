package plan

import (
	"slices"
	"time"
)

// Packing bounds packs.
type Packing struct {
	// MaxRuns is how many samples one job runs at most.
	MaxRuns int
	// MaxTime is the longest time limit of a pack.
	MaxTime time.Duration
	// Margin is how long starting a run and cleaning up after it may take.
	Margin time.Duration
}

// Limit is the time limit of a pack of these runs: what each may take, with a
// margin before, between and after them.
func (p Packing) Limit(runs []*Run) time.Duration {
	sum := p.Margin
	for _, r := range runs {
		sum += time.Duration(r.TimeLimitSeconds)*time.Second + p.Margin
	}
	return sum
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
// that needs no more.
func (p Packing) split(list []int, runs []*Run) [][]int {
	fewest := p.cut(list, runs, max(1, p.MaxRuns))
	size := (len(list) + len(fewest) - 1) / len(fewest)
	if even := p.cut(list, runs, size); len(even) == len(fewest) {
		return even
	}
	return fewest
}

// cut fills one pack after another with up to size samples.
func (p Packing) cut(list []int, runs []*Run, size int) [][]int {
	var out [][]int
	var now []int
	var members []*Run
	for _, i := range list {
		members = append(members, runs[i])
		if len(now) == size || len(now) > 0 && p.Limit(members) > p.MaxTime {
			out, now, members = append(out, now), nil, runs[i:i+1:i+1]
		}
		now = append(now, i)
	}
	return append(out, now)
}
