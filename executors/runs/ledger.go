package runs

import (
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
)

// Look counts what is stored and in flight for a fingerprint on a cluster. A
// cluster that is not known satisfies nothing.
func (s *Store) Look(fingerprint, cluster string, simulated bool, wanted int) (plan.State, error) {
	if cluster == "" {
		return newState(wanted), nil
	}
	return s.Held(Key{Fingerprint: fingerprint, Cluster: cluster, Simulated: simulated}, wanted)
}

// Held counts the samples of a key.
func (s *Store) Held(k Key, wanted int) (plan.State, error) {
	slots, err := s.Slots(k, wanted)
	return stateOf(slots, wanted), err
}

func stateOf(slots []Slot, wanted int) plan.State {
	state := newState(wanted)
	for _, slot := range slots {
		switch {
		case slot.InFlight:
			state.InFlight = append(state.InFlight, slot.Job)
		case slot.Result == nil:
		case slot.Result.Verdict == results.Valid:
			state.Valid++
			state.Observed = appendObserved(state.Observed, slot.Result)
		case slot.Result.Verdict == results.Suspect:
			state.Suspect++
			state.Observed = appendObserved(state.Observed, slot.Result)
		default:
			state.Failed = append(state.Failed, slot.Failed[0])
			state.Earlier = append(state.Earlier, slot.Failed[1:]...)
		}
	}
	return state
}

func newState(wanted int) plan.State {
	return plan.State{Wanted: wanted, InFlight: []plan.InFlight{}, Failed: []plan.Failed{}}
}

// appendObserved adds what a sample was measured on, if anything is known of it.
func appendObserved(list []plan.Observation, r *results.Result) []plan.Observation {
	if o := r.Provenance.Observation(); len(o) > 0 {
		return append(list, o)
	}
	return list
}
