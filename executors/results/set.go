package results

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/llmbench/llmbench/plan/document"
	"github.com/llmbench/llmbench/plan/failure"
)

// formatVersion is the version of the results document. It changes when a key
// changes its meaning or goes away.
const formatVersion = "1"

// A Set is the results document: the outcome of many attempts, and what the
// samples of each run say together.
type Set struct {
	FormatVersion string       `json:"format_version"`
	Runs          []RunSummary `json:"runs"`
	Results       []*Result    `json:"results"`
}

// NewSet makes the document of results. Runs stand in the order in which they
// first appear among the results, the results of a run by sample and attempt.
// Real and simulated samples cannot be in one set.
func NewSet(list []*Result) *Set {
	s := &Set{FormatVersion: formatVersion, Runs: []RunSummary{}, Results: []*Result{}}
	for _, group := range groups(list) {
		group = countSamples(group)
		s.Runs = append(s.Runs, summariseRun(group))
		for _, r := range group {
			if r.Verdict != NotMeasured {
				s.Results = append(s.Results, r)
			}
		}
	}
	if mixed(list) {
		panic("results: real and simulated samples in one set")
	}
	return s
}

// mixed reports whether there are both real and simulated samples. A simulated
// result that does not count may stand among real ones: it says what went
// wrong.
func mixed(list []*Result) bool {
	seen := map[bool]bool{}
	for _, r := range list {
		if r.Counts() {
			seen[r.Simulated] = true
		}
	}
	return len(seen) == 2
}

// groups divides results by run and cluster.
func groups(list []*Result) [][]*Result {
	type key struct{ address, fingerprint, cluster string }
	at := map[key]int{}
	var out [][]*Result
	for _, r := range list {
		k := key{r.Address, r.Fingerprint, r.Cluster}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], r)
	}
	for _, g := range out {
		slices.SortStableFunc(g, func(a, b *Result) int {
			return cmp.Or(cmp.Compare(a.Sample, b.Sample), cmp.Compare(a.Attempt, b.Attempt))
		})
	}
	return out
}

// countSamples makes the caveat one_sample true of the set: a plan can only say
// how many samples it wanted. The results themselves stay as they are.
func countSamples(group []*Result) []*Result {
	one := len(samples(group)) == 1
	out := make([]*Result, len(group))
	for i, r := range group {
		c := *r
		c.Caveats = slices.DeleteFunc(slices.Clone(r.Caveats), func(c Caveat) bool { return c.Code == failure.OneSample })
		if one && r.Counts() {
			c.Caveats = append(c.Caveats, Caveat{Code: failure.OneSample})
		}
		if c.Caveats == nil {
			c.Caveats = []Caveat{}
		}
		out[i] = &c
	}
	return out
}

// WriteJSON writes the document as indented JSON.
func (s *Set) WriteJSON(w io.Writer) error {
	out := bufio.NewWriterSize(w, 256<<10)
	fmt.Fprintf(out, "{\n  \"format_version\": %q,\n  \"runs\": ", s.FormatVersion)
	if err := document.WriteList(out, s.Runs, func(r RunSummary) any { return r }); err != nil {
		return err
	}
	out.WriteString(",\n  \"results\": ")
	if err := document.WriteList(out, s.Results, func(r *Result) any { return r }); err != nil {
		return err
	}
	out.WriteString("\n}\n")
	return out.Flush()
}

// Read reads a document that WriteJSON wrote. Summaries are made anew, with
// their warnings. A document of another format version is an error that says
// so.
func Read(r io.Reader) (*Set, error) {
	var s Set
	if err := json.NewDecoder(r).Decode(&s); err != nil {
		return nil, fmt.Errorf("not a results document: %w", err)
	}
	if s.FormatVersion != formatVersion {
		return nil, fmt.Errorf("the results have format version %q, this llmbench reads %q", s.FormatVersion, formatVersion)
	}
	for i, r := range s.Results {
		if v := value(r).Verdict; !slices.Contains([]Verdict{Valid, Suspect, Invalid, Failed}, v) {
			return nil, fmt.Errorf("results[%d]: unknown verdict %q", i, v)
		}
	}
	if mixed(s.Results) {
		return nil, errors.New("the results hold both real and simulated samples")
	}
	return NewSet(s.Results), nil
}
