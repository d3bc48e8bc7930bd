package plan

import (
	"testing"

	"pgregory.net/rapid"
)

func TestMatch(t *testing.T) {
	const address = "load/use_case=chat/concurrency=64/moe_backend=WIDEEP"
	for pattern, want := range map[string]bool{
		"load": true, "use_case=chat": true, "chat": true, "load/chat": true, "chat/concurrency=64": true, "concurrency=64": true,
		"*/concurrency=64": true, "concurrency=*": true, "load/*/concurrency=6?": true, "load/chat/": true,
		"use_case": false, "cha": false, "64": false, "WIDEEP": false, "load/concurrency=64": false, "concurrency=6": false, "[": false, "*/load": false,
	} {
		if Match(pattern, address) != want {
			t.Errorf("%s matches: %v, want %v", pattern, !want, want)
		}
	}
}

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
