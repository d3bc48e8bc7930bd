package plan

import (
	"testing"

	"pgregory.net/rapid"
)

// Looking a whole address up changes nothing of what is matched.
func TestMatcherMatchesAsPatternsDo(t *testing.T) {
	addresses := []string{"a/use_case=x", "a/use_case=x/c=1", "a/use_case=y", "b/use_case=x/c=1", "a"}
	rapid.Check(t, func(t *rapid.T) {
		patterns := rapid.SliceOfN(rapid.SampledFrom(append([]string{"use_case=x", "c=1", "use_case"}, addresses...)), 0, 4).Draw(t, "patterns")
		m := newMatcher(patterns)
		for _, a := range addresses {
			if got, want := m.match(a), matchAny(patterns, a); got != want {
				t.Fatalf("%v matches %s: %v, want %v", patterns, a, got, want)
			}
		}
	})
}
