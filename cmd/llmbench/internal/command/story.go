package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/schema"
)

// runStory prints all that happened at one address, declared or not.
func (e *env) runStory(f resultFlags) error {
	write, err := resultWriter(f.Format)
	if err != nil {
		return err
	}
	s := e.load(f.definitionFlags)
	var sel plan.Selection
	if slices.ContainsFunc(s.defs.Cells, func(c *schema.Cell) bool { return plan.Match(f.Address, c.Address) }) {
		sel.Addresses = []string{f.Address}
	}
	p, diags := s.plan(sel)
	if err := s.complainOfErrors(diags); err != nil {
		return err
	}
	story, err := s.story(p, f.Address)
	if err != nil {
		return err
	}
	if f.Format == "table" {
		return story.Text(e.streams.Out)
	}
	var real, simulated []*results.Result
	for _, part := range story.Parts {
		for _, t := range part {
			switch {
			case t.Result == nil, t.Replaced != "": // no samples: they stand in the text alone
			case t.Attempt.Key.Simulated:
				simulated = append(simulated, t.Result)
			default:
				real = append(real, t.Result)
			}
		}
	}
	list := sets(real, simulated)
	if err := oneDocument(list, f.Format, "-executor"); err != nil {
		return err
	}
	if len(list) == 0 {
		list = []*results.Set{results.NewSet(nil)}
	}
	for _, set := range list {
		if err := write(e.streams.Out, set); err != nil {
			return err
		}
	}
	return nil
}

// story collects the attempts at the one address that name matches, and reads
// the iteration logs of those that count.
func (s *session) story(p *plan.Plan, name string) (*view.Story, error) {
	address, run, err := s.addressAt(p, name)
	if err != nil {
		return nil, err
	}
	var keys []store.Key
	out := &view.Story{Address: address}
	if run != nil {
		out.Declared = run.Fingerprint
		if k := s.keyOf(run); k.Cluster != "" {
			keys = append(keys, k)
		}
	}
	for _, simulated := range []bool{false, true} {
		more, err := s.store.KeysAt(address, simulated)
		if err != nil {
			return nil, err
		}
		keys = append(keys, more...)
	}
	if out.Parts, err = s.store.Story(keys); err != nil {
		return nil, err
	}
	for _, part := range out.Parts {
		for _, t := range part {
			if t.Result == nil || !t.Result.Counts() {
				continue
			}
			if err := store.AddIterations(t.Result); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// addressAt is the one address that name matches, among those that are declared
// or else those that something was tried at. The run is nil for the latter.
func (s *session) addressAt(p *plan.Plan, name string) (string, *plan.Run, error) {
	var found []string
	var run *plan.Run
	for _, r := range p.Runs {
		if plan.Match(name, r.Address) {
			found, run = append(found, r.Address), r
		}
	}
	for _, simulated := range []bool{false, true} {
		if len(found) > 0 {
			break
		}
		tried, err := s.seen.Addresses(simulated)
		if err != nil {
			return "", nil, err
		}
		found = slices.DeleteFunc(tried, func(a string) bool { return !plan.Match(name, a) })
	}
	switch len(found) {
	case 0:
		return "", nil, fmt.Errorf("%s is not a directory, and no declared or stored run has this address; `llmbench status` lists the addresses", name)
	case 1:
		return found[0], run, nil
	}
	for _, r := range p.Runs {
		if r.Address == name { // and the others go on where it ends
			return name, r, nil
		}
	}
	return "", nil, severalRuns(name, found)
}

func severalRuns(name string, found []string) error {
	return fmt.Errorf("%s matches %d runs; name one:\n  %s", name, len(found), strings.Join(found, "\n  "))
}
