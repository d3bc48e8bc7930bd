package runs

import (
	"maps"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/plan"
)

var _ plan.Ledger = (*View)(nil)

// Look implements plan.Ledger; see Store.Look.
func (v *View) Look(fingerprint, cluster string, simulated bool, wanted int) (plan.State, error) {
	if cluster == "" {
		return newState(wanted), nil
	}
	slots, err := v.Slots(Key{Fingerprint: fingerprint, Cluster: cluster, Simulated: simulated}, wanted)
	state := stateOf(slots, wanted)
	for i, o := range state.Observed {
		state.Observed[i] = v.shared(o)
	}
	return state, err
}

// shared is an observation that all runs have in common which saw the same.
func (v *View) shared(o plan.Observation) plan.Observation {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(o)) {
		b.WriteString(k + "\x00" + o[k] + "\x00")
	}
	have, _ := v.observed.LoadOrStore(b.String(), o)
	return have.(plan.Observation)
}
