package executors

import (
	"iter"

	"github.com/llmbench/llmbench/executors/runs"
)

// inFlight are the members of a pack whose outcome is not known, in the order of
// the pack. An error is the last that it yields.
func inFlight(folder *runs.Pack) iter.Seq2[*runs.Attempt, error] {
	return func(yield func(*runs.Attempt, error) bool) {
		members, err := folder.Members()
		if err != nil {
			yield(nil, err)
			return
		}
		for _, a := range members {
			phase, err := a.Phase()
			if err != nil {
				yield(nil, err)
				return
			}
			if phase.InFlight() && !yield(a, nil) {
				return
			}
		}
	}
}
