package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// keys writes the keys of the JSON documents in a file, one path a line, sorted:
// keys stdout got. What the keys below arguments, options and origins are depends on
// the run.
func keys(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keys FILE GOT")
	}
	paths := map[string]bool{}
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	for {
		var doc any
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		ts.Check(err)
		prefix := ""
		if event, ok := doc.(map[string]any); ok && event["type"] != nil {
			prefix = fmt.Sprint(event["type"])
		}
		if prefix == "run_state" || prefix == "run_progress" {
			continue // a short run may end before it is seen
		}
		addKeys(paths, prefix, doc)
	}
	var text strings.Builder
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		fmt.Fprintln(&text, path)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text.String()), 0o666))
}

var byRun = map[string]bool{"arguments": true, "llm_api_options": true, "origins": true, "missing": true}

func addKeys(paths map[string]bool, at string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, e := range v {
			paths[at+"."+name] = true
			if !byRun[name] {
				addKeys(paths, at+"."+name, e)
			}
		}
	case []any:
		for _, e := range v {
			addKeys(paths, at+"[]", e)
		}
	}
}
