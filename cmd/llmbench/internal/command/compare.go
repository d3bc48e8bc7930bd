package command

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
	"github.com/llmbench/llmbench/schema/regular"
)

type compareFlags struct {
	definitionFlags
	Base, Target, By, Value, Format string
	Gate                            bool
	// Since is the time before which the base was measured, zero for another base.
	Since time.Time
	How   results.Comparing
}

// comparedMetrics are what people look at first.
func comparedMetrics() []string {
	var names []string
	for _, m := range trtllm.Columns() {
		if m.Headline {
			names = append(names, m.Name)
		}
	}
	return names
}

// noMetric says that nothing is called as a flag has it, and what is.
func noMetric(flag, name string, names []string) error {
	hint := "there are"
	if near := schema.Nearest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %s? There are", near)
	}
	return fmt.Errorf("-%s=%s: there is no such metric; %s %s", flag, name, hint, strings.Join(names, ", "))
}

// aspects are what -across takes by their whole names.
func aspects() []string {
	executor := slices.Collect(maps.Keys(plan.ExecutorIdentity{Launcher: []string{""}}.Facts()))
	return slices.Concat(results.Aspects, []string{"driver", "side_by_side"}, metricNames(), catalog.Load().KnownFlags(), executor)
}

func metricNames() []string {
	var names []string
	for _, m := range slices.Concat(trtllm.Metrics, trtllm.RecordMetrics) {
		names = append(names, m.Name)
	}
	return names
}

func compareCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "compare", Usage: "compare two sets of results, judged against their noise", ArgsUsage: "BASE [TARGET]",
		Flags: append(definitionFlagSet(),
			&cli.StringFlag{Name: "by", Usage: "compare inside BASE the runs that differ in `AXIS` of their addresses"},
			&cli.StringFlag{Name: "base", Usage: "with -by: the `VALUE` that the others are compared with"},
			&cli.StringFlag{Name: "since", Usage: "compare TARGET with what its store holds from before `DATE`, such as 2026-11-03"},
			&cli.StringFlag{Name: "threshold", Value: "1%", Usage: "a change of less than `SHARE` is the same"},
			&cli.StringSliceFlag{Name: "across", Usage: "compare although `ASPECT` differs, such as image or max_batch_size; all for whatever differs; may be repeated"},
			&cli.StringSliceFlag{Name: "metric", Usage: "compare `METRIC`, by its name in the results document; may be repeated"},
			&cli.StringFlag{Name: "match", Value: "address", Usage: "pair the runs by `WHAT`: address, or arguments for those that were passed the same"},
			&cli.BoolFlag{Name: "gate", Usage: "exit 3 on a regression, and 5 if the noise allows no verdict"},
			&cli.StringFlag{Name: "format", Value: "table", Usage: "print as `FORMAT`: table, markdown, csv or json"},
			&cli.StringFlag{Name: "executor", Usage: "select runs on executor `TYPE[.NAME]`, where a side is a directory"},
		),
		Description: description([]string{
			"llmbench compare -executor=simulate examples/llama4-maverick examples/llama4-maverick",
			"llmbench compare -executor=simulate -by=concurrency -base=512 -across=all examples/sweep",
		}, "0  compared; with -gate: no regression", "1  error", "3  nothing was compared, or simulations because nothing is measured; with -gate: a regression", "5  with -gate: the noise allows no verdict") +
			"\n\nA side is a directory of definitions, whose store is read, a results document (results -format=json), or a bundle (export). TARGET is the current directory unless another is named. " +
			"BASE may also be what the store of TARGET holds from before, whatever was changed since: previous, a commit of the definitions in four digits or more, or with -since what was measured before a date." +
			"\n\nRuns of one address are compared where only the numbers differ. A difference that can move a number is named, and the run is left out; -across says that this difference is what you want to see. ASPECT is " + strings.Join(results.Aspects, ", ") + ", a flag of trtllm-bench, a setting of the executor, or a metric (which may include waiting time on one side only). " +
			"-across=image allows what comes with another image: its version, options and driver. -across=options allows the options of the LLM API, the environment and the data set; -across=llm_api_options.NAME allows one.",
		Action: func(_ context.Context, c *cli.Command) error {
			f, err := readCompareFlags(c)
			if err != nil {
				return err
			}
			return e.runCompare(f)
		},
	}
}

func readCompareFlags(c *cli.Command) (compareFlags, error) {
	f := compareFlags{
		definitionFlags: definitionsIn("", c),
		By:              c.String("by"), Value: c.String("base"), Format: c.String("format"), Gate: c.Bool("gate"),
	}
	threshold, wrong := schema.ParseShare(c.String("threshold"))
	if wrong != "" {
		return f, fmt.Errorf("-threshold %s", wrong)
	}
	f.How = results.Comparing{Threshold: threshold, Across: commas(c.StringSlice("across")), Metrics: comparedMetrics()}
	if list := commas(c.StringSlice("metric")); len(list) > 0 {
		f.How.Metrics = list
	}
	for _, name := range f.How.Metrics {
		if _, ok := results.FindMeasure(name); !ok {
			return f, noMetric("metric", name, results.MeasureNames())
		}
	}
	for _, aspect := range f.How.Across {
		if !slices.Contains(aspects(), aspect) && !strings.HasPrefix(aspect, "llm_api_options.") && !strings.HasPrefix(aspect, "env.") {
			return f, fmt.Errorf("-across=%s: results do not differ in that. Name what may differ: %s; or a flag of trtllm-bench, such as max_batch_size", aspect, strings.Join(results.Aspects, ", "))
		}
	}
	switch c.String("match") {
	case "address":
	case "arguments":
		f.How.ByArguments = true
	default:
		return f, fmt.Errorf("-match=%s: runs are paired by address or by arguments", c.String("match"))
	}
	var err error
	if f.Since, err = readDate(c.String("since")); err != nil {
		return f, err
	}
	f.Base, f.Target = c.Args().Get(0), c.Args().Get(1)
	switch {
	case !f.Since.IsZero() && (f.By != "" || c.NArg() > 1):
		return f, errors.New("-since=DATE compares TARGET with its own store; it takes no BASE and no -by")
	case !f.Since.IsZero():
		f.Base, f.Target = "", cmp.Or(f.Base, ".")
	case f.By != "" && (c.NArg() > 1 || f.Value == ""):
		return f, errors.New("-by=AXIS compares inside one set and needs -base=VALUE")
	case c.NArg() > 2 || f.By == "" && c.NArg() == 0:
		return f, errors.New("compare takes BASE and TARGET; with -by=AXIS -base=VALUE it compares inside one set")
	case f.By != "":
		f.Base = cmp.Or(f.Base, ".")
	case f.Target == "" && !holdsDefinitions("."):
		return f, errors.New("compare takes BASE and TARGET; the current directory, which is TARGET by default, holds no definitions")
	default:
		f.Target = cmp.Or(f.Target, ".")
	}
	return f, nil
}

// commas are the values of a flag that may be repeated and hold several, with commas
// between them.
func commas(list []string) []string {
	return strings.FieldsFunc(strings.Join(list, ","), func(r rune) bool { return r == ',' || r == ' ' })
}

func (e *env) runCompare(f compareFlags) error {
	write, ok := view.CompareFormats[f.Format]
	if !ok {
		return fmt.Errorf("-format=%s: comparisons are printed as table, markdown, csv or json", f.Format)
	}
	c, instead, err := e.compare(f)
	if errors.Is(err, errReported) && f.Format == "json" {
		if err := write(e.streams.Out, &results.Comparison{Metrics: []results.ComparedMetric{}, Refused: []results.Refusal{}}); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	if err := write(e.streams.Out, c); err != nil {
		return err
	}
	switch {
	case f.Gate && c.Regressed():
		return exitStatus(exitFailed)
	case f.Gate && (c.Unsure() || len(c.Metrics) == 0):
		return exitStatus(exitUnsure)
	case instead:
		return exitStatus(exitFailed)
	case len(c.Metrics) == 0:
		fmt.Fprintf(e.streams.Err, "Exit code %d: nothing was compared.\n", exitFailed)
		return exitStatus(exitFailed)
	}
	return nil
}

// compare compares the sides; instead says that one shows simulations because
// nothing is measured.
func (e *env) compare(f compareFlags) (c *results.Comparison, instead bool, err error) {
	if pick, lacks := f.earlier(); pick != nil {
		return e.compareEarlier(f, pick, lacks)
	}
	base, instead, err := e.sideOf(f, f.Base)
	if err != nil {
		return nil, false, err
	}
	if f.By != "" {
		c, err = results.CompareBy(base, f.By, f.Value, f.How)
		return c, instead, err
	}
	target, also, err := e.sideOf(f, f.Target)
	if err != nil {
		return nil, false, err
	}
	return results.Compare(base, target, f.How), instead || also, nil
}

// earlier says which points of the target's history are the base, nil where it is
// another side, and what to say of a run that has none.
func (f compareFlags) earlier() (pick func(results.Point) bool, lacks string) {
	if !f.Since.IsZero() {
		day := f.Since.Format(time.DateOnly)
		return func(p results.Point) bool { return p.Date != nil && p.Date.Before(f.Since) }, "nothing was measured there before " + day
	}
	if _, err := os.Stat(f.Base); err == nil {
		return nil, ""
	}
	if f.Base == "previous" {
		return func(results.Point) bool { return true }, "nothing was measured there before"
	}
	if len(f.Base) < 4 || strings.Trim(f.Base, "0123456789abcdef") != "" {
		return nil, ""
	}
	return func(p results.Point) bool {
			return p.DefinitionsGit != nil && strings.HasPrefix(*p.DefinitionsGit, f.Base)
		},
		"nothing was measured there with the definitions of commit " + f.Base
}

// compareEarlier compares what is declared now with what was measured before, whatever
// was changed.
func (e *env) compareEarlier(f compareFlags, pick func(results.Point) bool, lacks string) (*results.Comparison, bool, error) {
	s, target, err := e.measuredSide(f, f.Target)
	if err != nil {
		return nil, false, err
	}
	if s.seen == nil {
		return nil, false, errors.New("imported results have no history; name BASE and TARGET")
	}
	list, err := s.seen.History(view.Simulated(target))
	if err != nil {
		return nil, false, err
	}
	f.How.Across, f.How.BaseLacks = []string{"all"}, lacks
	c := results.Compare(results.NewHistory(list, f.How.Metrics[0]).Before(target, pick), target, f.How)
	c.Earlier, c.BaseName, c.TargetName = true, cmp.Or(c.BaseName, "before"), cmp.Or(c.TargetName, "now")
	return c, s.instead != nil, nil
}

// sideOf reads one side: a results document, or what the store of a directory
// holds for what is declared there; instead says that these are simulations
// because nothing is measured.
func (e *env) sideOf(f compareFlags, path string) (set *results.Set, instead bool, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, false, err
	}
	if !info.IsDir() && strings.HasSuffix(path, store.BundleSuffix) {
		set, _, err = readBundle(path, false)
		return set, false, err
	}
	if !info.IsDir() {
		text, err := regular.Read(path, regular.MaxDocument)
		if err != nil {
			return nil, false, err
		}
		if set, err = results.Read(bytes.NewReader(text)); err != nil {
			return nil, false, fmt.Errorf("%s: %w", path, err)
		}
		return set, false, nil
	}
	s, set, err := e.measuredSide(f, path)
	return set, err == nil && s.instead != nil, err
}

// measuredSide is what the store of a directory holds for what is declared there, or what
// was imported into it.
func (e *env) measuredSide(f compareFlags, dir string) (*session, *results.Set, error) {
	f.Dir = dir
	s, _, list, err := e.shown(f.definitionFlags, nil, false)
	if err != nil {
		return nil, nil, err
	}
	if f.Executor != results.ImportedType {
		list = slices.DeleteFunc(list, func(set *results.Set) bool { return len(set.Results) == 0 })
	}
	switch len(list) {
	case 0:
		return nil, nil, fmt.Errorf("%s: nothing is measured there", dir)
	case 1:
		return s, list[0], nil
	}
	if f.Executor == results.ImportedType {
		return nil, nil, fmt.Errorf("%s: both real and simulated results are imported there", dir)
	}
	return nil, nil, fmt.Errorf("%s holds both real and simulated results; -executor chooses", dir)
}
