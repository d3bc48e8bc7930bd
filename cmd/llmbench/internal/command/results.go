package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/simulate"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

type resultFlags struct {
	definitionFlags
	Format       string
	Addresses    []string
	All, History bool
	// Metric is what a history is of, and Since the time of its first point shown.
	Metric string
	Since  time.Time
	// Sort is the metric that the runs are ordered by, "" for the order of the
	// definitions; Top is how many are shown, 0 for all.
	Sort string
	Top  int
	// Address is the one run whose story is asked for, "" for the table.
	Address string
}

func resultsCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "results", Usage: "print the results table, everything about one run, or the history", ArgsUsage: "[ADDR] [DIR]",
		Flags: append(definitionFlagSet(),
			&cli.StringFlag{Name: "format", Value: "table", Usage: "print as `FORMAT`: table, markdown, csv, json, benchfmt or overview"},
			&cli.StringSliceFlag{Name: "target", Usage: "only runs at `ADDR`, such as max_throughput/chat, chat or */concurrency=64; may be repeated"},
			&cli.StringFlag{Name: "executor", Usage: "select runs on executor `TYPE[.NAME]`"},
			&cli.StringFlag{Name: "sort", Usage: "sort by `METRIC`, best first, named as in the JSON document"},
			&cli.IntFlag{Name: "top", Usage: "show `N` runs, the best by -sort (default by output_throughput_per_gpu_tok_s)"},
			&cli.BoolFlag{Name: "all", Usage: "show everything in the store, including runs that are no longer declared"},
			&cli.BoolFlag{Name: "history", Usage: "what was measured at each address over time, with the steps that are more than noise"},
			&cli.StringFlag{Name: "since", Usage: "with -history: the points from `DATE` on, such as 2026-11-03"},
			&cli.StringFlag{Name: "metric", Value: trtllm.OutputThroughputPerGPU, Usage: "with -history: of `METRIC`"},
		),
		Description: description([]string{
			"llmbench results -executor=simulate examples/llama4-maverick",
			"llmbench results -executor=simulate -format=csv examples/llama4-maverick",
			"llmbench results -executor=simulate use_case=chat examples/llama4-maverick",
			"llmbench results -executor=simulate -history examples/llama4-maverick",
		}, "0  the results were printed", "1  error", "3  some run failed, is invalid or has no result") + "\n\n" + view.CodesHelp(),
		Action: func(_ context.Context, c *cli.Command) error {
			f, err := readResultFlags(c)
			if err != nil {
				return err
			}
			if f.History {
				return e.runHistory(f)
			}
			if f.Address != "" && f.Executor != results.ImportedType {
				return e.runStory(f)
			}
			return e.runResults(f)
		},
	}
}

func readResultFlags(c *cli.Command) (resultFlags, error) {
	f := resultFlags{
		definitionFlags: definitionsIn("", c), Format: c.String("format"), Addresses: c.StringSlice("target"), All: c.Bool("all"),
		Sort: c.String("sort"), Top: c.Int("top"), History: c.Bool("history"), Metric: c.String("metric"),
	}
	if (c.IsSet("since") || c.IsSet("metric")) && !f.History {
		return f, errors.New("-since and -metric go with -history")
	}
	if f.History && (f.All || f.Sort != "" || c.IsSet("top")) {
		return f, errors.New("-history shows all that was measured, by date; -all, -sort and -top go with the table")
	}
	if _, ok := results.FindMeasure(f.Metric); !ok {
		return f, noMetric("metric", f.Metric, results.MeasureNames())
	}
	var err error
	if f.Since, err = readDate(c.String("since")); err != nil {
		return f, err
	}
	if _, ok := trtllm.FindMetric(f.Sort); f.Sort != "" && !ok {
		return f, noMetric("sort", f.Sort, metricNames())
	}
	switch {
	case c.IsSet("top") && f.Top < 1:
		return f, fmt.Errorf("-top=%d shows nothing; name 1 or more", f.Top)
	case f.Top > 0 && f.Sort == "":
		f.Sort = trtllm.OutputThroughputPerGPU
	}
	switch first := c.Args().First(); {
	case c.NArg() == 0:
	case c.NArg() == 2:
		f.Address, f.Dir = first, c.Args().Get(1)
	case c.NArg() > 2:
		return f, fmt.Errorf("llmbench results takes the address of a run and a directory, not %d arguments; flags are written -flag=value", c.NArg())
	case isFolder(first), !holdsDefinitions("."):
		f.Dir = first
	default:
		f.Address = first
	}
	if f.Address != "" && (f.All || len(f.Addresses) > 0) {
		return f, errors.New("-all and -target go with the table, not with the address of one run")
	}
	if f.Address != "" && (f.History || f.Executor == results.ImportedType) {
		f.Addresses = []string{f.Address} // a log has no story but itself
	}
	return f, nil
}

// holdsDefinitions reports whether runs are declared in a directory, so that a word can
// be the address of one.
func holdsDefinitions(dir string) bool {
	files, _ := filepath.Glob(filepath.Join(dir, "*.hcl")) // the pattern is well formed
	return len(files) > 0
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func (e *env) runResults(f resultFlags) error {
	write, err := resultWriter(f.Format)
	if err != nil {
		return err
	}
	if f.Format == "markdown" {
		return view.Comment(e.streams.Out, func(w io.Writer) error { return e.printResults(w, write, f) })
	}
	return e.printResults(e.streams.Out, write, f)
}

func resultWriter(format string) (func(io.Writer, *results.Set) error, error) {
	if write, ok := view.ResultFormats[format]; ok {
		return write, nil
	}
	return nil, fmt.Errorf("-format=%s: results are printed as table, markdown, csv, json, benchfmt or overview", format)
}

func (e *env) printResults(out io.Writer, write func(io.Writer, *results.Set) error, f resultFlags) error {
	s, p, list, err := e.shown(f.definitionFlags, f.Addresses, f.All)
	if errors.Is(err, errReported) && f.Format == "json" && f.Executor != results.ImportedType {
		err = errors.Join(write(out, results.NewSet(nil)), err)
	}
	if err != nil {
		return err
	}
	imported := f.Executor == results.ImportedType
	choose := "-executor"
	if imported {
		choose = "-target"
	}
	if err := oneDocument(list, f.Format, choose); err != nil {
		return err
	}
	for _, set := range list {
		set, why := view.Arrange(set, f.Sort, f.Top)
		if why != "" {
			fmt.Fprintf(e.streams.Err, "All runs are shown, in the order of the definitions: %s.\n", why)
		}
		err := write(out, set)
		if err == nil && f.Format == "table" && !imported {
			err = view.ResultsCost(out, set, s.price())
		}
		if err != nil {
			return err
		}
	}
	if imported {
		return nil
	}
	if f.Format == "table" || f.Format == "markdown" {
		if err := view.SearchResults(out, p, f.Format == "markdown"); err != nil {
			return err
		}
	}
	if f.All {
		return nil
	}
	return e.exitFor(cmp.Or(s.instead, p), f.definitionFlags)
}

// shown is what there is to show of the runs that addresses select, all for none: at
// least one set. With -all it is all that the store holds, and where nobody said which
// executor is meant and nothing is measured, the simulated results with the session and
// the plan that they are of. What is imported has no plan.
func (e *env) shown(f definitionFlags, addresses []string, all bool) (*session, *plan.Plan, []*results.Set, error) {
	if f.Executor == results.ImportedType {
		s, list, err := e.imported(f, addresses)
		return s, nil, list, err
	}
	s, p, err := e.declared(f, addresses...)
	if err != nil {
		return nil, nil, nil, err
	}
	var list []*results.Set
	if all {
		list, err = s.allResults(p, f.Executor)
	} else {
		list, err = s.results(p)
	}
	if err == nil {
		s, p, list, err = s.orSimulated(f, addresses, p, list)
	}
	if len(list) == 0 {
		list = []*results.Set{results.NewSet(nil)}
	}
	return s, p, list, err
}

// exitFor says on standard error which runs of the plan lack samples, and returns
// the exit code for them; nil where none does.
func (e *env) exitFor(p *plan.Plan, f definitionFlags) error {
	why := view.Incomplete(p)
	if why == "" && len(p.Unmet()) > 0 {
		fmt.Fprintf(e.streams.Err, "Exit code %d: no candidate meets the bounds: %s. Relax a bound, add values to the matrix, or raise the budget.\n", exitFailed, strings.Join(p.Unmet(), ", "))
		return exitStatus(exitFailed)
	}
	if why == "" {
		return nil
	}
	apply := "llmbench apply "
	if f.Executor != "" {
		apply += "-executor=" + f.Executor + " "
	}
	fmt.Fprintf(e.streams.Err, "Exit code %d: %s. `%s` measures what is missing.\n", exitFailed, why, apply+f.Dir)
	return exitStatus(exitFailed)
}

// anyResult reports whether some set has more than runs without a result.
func anyResult(list []*results.Set) bool {
	return slices.ContainsFunc(list, func(set *results.Set) bool { return len(set.Results) > 0 })
}

// oneDocument refuses several sets in a form that holds only one, and names the flag
// that leaves one.
func oneDocument(list []*results.Set, format, choose string) error {
	if len(list) > 1 && !slices.Contains([]string{"table", "markdown", "overview"}, format) { // these can stand one below the other
		return fmt.Errorf("there are both real and simulated results, which no %s document holds together; choose with %s", format, choose)
	}
	return nil
}

// orSimulated is what there is to show for the runs: list, the results of p, or where
// it has none and nobody said which executor is meant, the simulated ones with the
// session and the plan that they are of.
func (s *session) orSimulated(f definitionFlags, addresses []string, p *plan.Plan, list []*results.Set) (*session, *plan.Plan, []*results.Set, error) {
	if anyResult(list) || f.Executor != "" || s.seen == nil || !s.store.HasSimulated() {
		return s, p, list, nil
	}
	other := s.env.load(f.on(simulate.Type))
	q, diags := other.plan(plan.Selection{Addresses: addresses})
	if diags.HasErrors() {
		return s, p, list, nil // refused for the executor that is asked for, if at all
	}
	simulated, err := other.results(q)
	if err != nil || !anyResult(simulated) {
		return s, p, list, err
	}
	other.instead = p
	fmt.Fprintln(s.env.streams.Err, "Nothing is measured yet; these are the simulated results in the store.")
	return other, q, simulated, nil
}

// imported are the imported results, simulated ones apart: all, or those that some
// target matches.
func (e *env) imported(f definitionFlags, addresses []string) (*session, []*results.Set, error) {
	s := e.load(f.on(simulate.Type)) // addresses are the same on any executor
	if err := s.complainOfErrors(s.diags); err != nil {
		return nil, nil, err
	}
	list, err := s.store.Imported()
	if err != nil {
		return nil, nil, err
	}
	if len(list) == 0 && len(addresses) == 0 {
		return s, []*results.Set{results.NewSet(nil)}, nil
	}
	list, none := matching(list, addresses, func(r *results.Result) string { return r.Address })
	if none != "" {
		return nil, nil, fmt.Errorf("%s matches nothing that was imported", none)
	}
	simulated := slices.DeleteFunc(slices.Clone(list), func(r *results.Result) bool { return !r.Simulated })
	real := slices.DeleteFunc(list, func(r *results.Result) bool { return r.Simulated })
	return s, sets(real, simulated), nil
}

// matching leaves of a list what some target matches, or all where there are no targets;
// none is a target that matches nothing.
func matching[T any](list []T, addresses []string, address func(T) string) (out []T, none string) {
	if len(addresses) == 0 {
		return list, ""
	}
	matched := map[string]bool{}
	for _, it := range list {
		wanted := false
		for _, t := range addresses {
			if plan.Match(t, address(it)) {
				wanted, matched[t] = true, true
			}
		}
		if wanted {
			out = append(out, it)
		}
	}
	for _, t := range addresses {
		if !matched[t] {
			return out, t
		}
	}
	return out, ""
}

// allResults are those that the store holds, of runs that are declared or not: of one kind
// where an executor is asked for.
func (s *session) allResults(p *plan.Plan, executor string) ([]*results.Set, error) {
	real, simulated, err := s.stored(p, executor, s.seen.Results)
	now := map[string]bool{}
	for _, r := range p.Runs {
		now[r.Address+" "+r.Fingerprint] = true
	}
	list := sets(real, simulated)
	for _, set := range list {
		for i := range set.Runs {
			run := &set.Runs[i]
			run.Declared = new(now[run.Address+" "+run.Fingerprint])
		}
	}
	return list, err
}

// stored reads real and simulated results out of the store: of one kind where an
// executor is asked for, which may be a slurm executor that rehearses.
func (s *session) stored(p *plan.Plan, executor string, read func(simulated bool) ([]*results.Result, error)) (real, simulated []*results.Result, err error) {
	asked := map[bool]bool{}
	for _, r := range p.Runs {
		asked[s.keyOf(r).Simulated] = true
	}
	if executor == "" || asked[false] {
		real, err = read(false)
	}
	if err == nil && (executor == "" || asked[true]) {
		simulated, err = read(true)
	}
	s.seen.Keep()
	for _, list := range [][]*results.Result{real, simulated} {
		slices.SortStableFunc(list, results.ByAddressAndTime)
	}
	return real, simulated, err
}

// results are those of the plan's runs, in the plan's order, real and simulated
// apart, from what the last plan saw of the store.
func (s *session) results(p *plan.Plan) ([]*results.Set, error) {
	found := make([][]*results.Result, len(p.Runs))
	if err := jobdir.AtOnce(len(p.Runs), func(i int) (err error) {
		found[i], err = s.resultsOf(p.Runs[i])
		return err
	}); err != nil {
		return nil, err
	}
	var real, simulated []*results.Result
	for i, r := range p.Runs {
		if s.keyOf(r).Simulated {
			simulated = append(simulated, found[i]...)
		} else {
			real = append(real, found[i]...)
		}
	}
	s.seen.Keep()
	return sets(real, simulated), nil
}

// resultsOf are the results of a run. Those that -replace has set aside are among
// them as long as no new one counts, and a run without any has results.Missing.
func (s *session) resultsOf(r *plan.Run) ([]*results.Result, error) {
	k := s.keyOf(r)
	missing := []*results.Result{results.Missing(r, k.Cluster, k.Simulated)}
	if r.Action == plan.Candidate && len(r.State.Failed) == 0 {
		return nil, nil
	}
	if k.Cluster == "" {
		return missing, nil
	}
	samples, err := s.seen.Shown(k, r.State.Wanted)
	if err != nil {
		return nil, err
	}
	var out []*results.Result
	counts, retired := false, false
	for _, sample := range samples {
		counts, retired = counts || sample.Counts, retired || sample.Retired
		if sample.Result != nil {
			out = append(out, named(sample.Result, r))
		}
	}
	if retired && !counts {
		old, err := s.replaced(r, k)
		if err != nil {
			return nil, err
		}
		out = append(out, old...)
	}
	if len(out) == 0 {
		return missing, nil
	}
	return out, nil
}

// replaced are the samples of a run that -replace has set aside, the last one of
// each.
func (s *session) replaced(r *plan.Run, k store.Key) ([]*results.Result, error) {
	story, err := s.store.Story([]store.Key{k})
	if err != nil {
		return nil, err
	}
	last := map[int]*results.Result{}
	for _, part := range story {
		for _, t := range part {
			if t.Replaced != "" && t.Result != nil && t.Result.Counts() {
				last[t.Attempt.Sample] = t.Result
			}
		}
	}
	var out []*results.Result
	for _, sample := range slices.Sorted(maps.Keys(last)) {
		old := named(last[sample], r)
		old.Caveats = append(slices.Clip(old.Caveats), results.Caveat{Code: failure.Replaced})
		out = append(out, old)
	}
	return out, nil
}

// named gives a result that was measured under another label the address that
// its run has now.
func named(r *results.Result, run *plan.Run) *results.Result {
	c := *r
	c.Address, c.UseCase.Label, c.Model.Label, c.Image.Label = run.Address, run.UseCase.Label, run.Model.Label, run.Image.Label
	if why := run.PrecisionNotReached(); why != "" && r.Counts() {
		c.Caveats = append(slices.Clip(r.Caveats), results.Caveat{Metric: trtllm.OutputThroughputPerGPU, Code: failure.PrecisionNotReached, Detail: why})
	}
	for _, n := range run.Notes {
		if n.Code == failure.OutputNotChecked {
			c.Caveats = append(slices.Clip(c.Caveats), results.Caveat{Code: n.Code})
		}
	}
	if c.Requests == nil || !c.Requests.SLO.Equal(run.SLO) {
		c.Score(run.SLO, func() ([]trtllm.Request, error) { return store.ReadRequests(*c.Files.Requests) })
	}
	return &c
}

func sets(lists ...[]*results.Result) []*results.Set {
	var out []*results.Set
	for _, l := range lists {
		if len(l) > 0 {
			out = append(out, results.NewSet(l))
		}
	}
	return out
}

// readDate reads a day, which begins at midnight UTC, or a time in RFC 3339; zero for
// "".
func readDate(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("-since=%s is not a date; write one such as 2026-11-03", text)
}

// runHistory prints what was measured over time.
func (e *env) runHistory(f resultFlags) error {
	write, ok := view.HistoryFormats[f.Format]
	if !ok {
		return fmt.Errorf("-format=%s: histories are printed as table, markdown, csv or json", f.Format)
	}
	s, p, err := e.declared(f.definitionFlags)
	if err != nil {
		return err
	}
	h, err := s.history(p, f.Executor, f.Metric)
	if err != nil {
		return err
	}
	var none string
	if h.Series, none = matching(h.Series, f.Addresses, func(series results.Series) string { return series.Address }); none != "" {
		return fmt.Errorf("nothing that was measured matches %s; `llmbench results -history %s` lists all", none, f.Dir)
	}
	return write(e.streams.Out, h.Since(f.Since))
}

// history is that of all real results of the store, or of simulated ones where an
// executor that simulates is asked for or nothing is measured: in the order of the
// plan, what is no longer declared last.
func (s *session) history(p *plan.Plan, executor, metric string) (*results.History, error) {
	real, simulated, err := s.stored(p, executor, s.seen.History)
	h := results.NewHistory(real, metric)
	if len(h.Series) == 0 {
		h = results.NewHistory(simulated, metric)
	}
	position := map[string]int{}
	for i, r := range p.Runs {
		position[r.Address] = i - len(p.Runs)
	}
	slices.SortStableFunc(h.Series, func(a, b results.Series) int { return position[a.Address] - position[b.Address] })
	return h, err
}
