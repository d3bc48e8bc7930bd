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

// jobscript writes the job script of the first run of a plan document as it is:
// jobscript stdout got.
func jobscript(ts *testscript.TestScript, neg bool, args []string) {
	p := planIn(ts, neg, args)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(p.Runs[0].Job.Script), 0o666))
}

// fingerprints writes the fingerprints of a plan document, a line a run:
// fingerprints stdout got.
func fingerprints(ts *testscript.TestScript, neg bool, args []string) {
	var text strings.Builder
	for _, r := range planIn(ts, neg, args).Runs {
		fmt.Fprintf(&text, "%s %s %d\n", r.Address, r.Fingerprint, r.FingerprintVersion)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text.String()), 0o666))
}

type planDocument struct {
	Runs []struct {
		Address            string
		Fingerprint        string
		FingerprintVersion int `json:"fingerprint_version"`
		Job                struct{ Script string }
	}
}

func planIn(ts *testscript.TestScript, neg bool, args []string) planDocument {
	var p planDocument
	if neg || len(args) != 2 {
		ts.Fatalf("the plan document and the file to write are wanted")
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &p))
	if len(p.Runs) == 0 {
		ts.Fatalf("the plan has no runs")
	}
	return p
}
