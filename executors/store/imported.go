package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// importedDir holds results that llmbench did not measure: a log and a result
// each, named by the log's content.
func (s *Store) importedDir() string { return filepath.Join(s.dir, "imported") }

// Import keeps a log with the n-th result that was found in it, counted from 1,
// which satisfies no run. The same log is kept once; added is false where this
// result is there already. Access tokens are taken out of what is kept. stderr is what
// else the run wrote, and log what it wrote at all, nil for nothing. of is what else
// tells the result from those with the same log, "" for nothing.
func (s *Store) Import(log, stderr []byte, of string, n int, r *results.Result) (added bool, err error) {
	stem := jobdir.SumOf(slices.Concat(log, stderr, []byte(of))).SHA256[:12]
	name := stem
	if n > 1 {
		name += fmt.Sprintf("-%d", n)
	}
	dir := s.importedDir()
	if err := s.mkdirAll(dir); err != nil {
		return false, err
	}
	if _, err := os.Lstat(filepath.Join(dir, name+".json")); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	r.Files = results.Files{}
	for file, text := range map[string][]byte{stem + ".log": log, stem + ".err": stderr} {
		if len(text) == 0 {
			continue
		}
		path := filepath.Join(dir, file)
		if filepath.Ext(file) == ".log" {
			r.Files.Stdout = &path
		} else {
			r.Files.Stderr = &path
		}
		if err := jobdir.WriteFile(dir, file, trtllm.Redact(text), 0o644); err != nil {
			return false, err
		}
	}
	doc, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return false, err
	}
	return true, jobdir.ReplaceFile(dir, name+".json", append(doc, '\n'), 0o644)
}

// Imported lists the results that were imported, in a fixed order. Those of one
// address that are alike, on one cluster, are its samples.
func (s *Store) Imported() ([]*results.Result, error) {
	l, err := jobdir.List(s.importedDir())
	if err != nil {
		return nil, err
	}
	var out []*results.Result
	samples := map[string]int{}
	for _, name := range l.Names {
		if !strings.HasSuffix(name, ".json") {
			continue
		}
		b, err := l.Read(name)
		if err != nil {
			return nil, err
		}
		var r results.Result
		if json.NewDecoder(bytes.NewReader(b)).Decode(&r) != nil {
			return nil, errors.New(filepath.Join(l.Dir, name) + " is damaged; remove it and import the log again")
		}
		for _, file := range []**string{&r.Files.Stdout, &r.Files.Stderr} { // a store may move, and others write to it
			if *file == nil {
				continue
			}
			here := filepath.Join(l.Dir, filepath.Base(**file))
			if *file = &here; !l.Has(filepath.Base(here)) {
				*file = nil
			}
		}
		for i := range r.Reasons { // remedies are not in the document
			r.Reasons[i].Remedy = r.Reasons[i].Code.Entry().Remedy
		}
		run := fmt.Sprintln(r.Address, r.Fingerprint, r.Cluster, r.Simulated)
		samples[run]++
		r.Sample = samples[run]
		out = append(out, &r)
	}
	slices.SortStableFunc(out, func(a, b *results.Result) int { return strings.Compare(a.Address, b.Address) })
	return out, nil
}
