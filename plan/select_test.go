package plan

import "testing"

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
