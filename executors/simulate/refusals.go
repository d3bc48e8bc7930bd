package simulate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema/catalog"
	"github.com/llmbench/llmbench/schema/regular"
)

// facts are the catalogue with what is declared in the folder, and of the version that is
// simulated.
func (b *Bench) facts() (*catalog.Catalog, catalog.Match, error) {
	cat := catalog.Load()
	src, err := regular.Read(b.path(plan.FactsFile), regular.MaxText)
	if err == nil {
		file, diags := catalog.Parse(src, plan.FactsFile)
		if !diags.HasErrors() {
			cat, diags = cat.Extend([]*hcl.File{file})
		}
		if diags.HasErrors() {
			return nil, catalog.Match{}, diags
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, catalog.Match{}, err
	}
	v, ok := cat.Match(b.Version)
	if !ok {
		v = catalog.Match{Version: cat.Versions[len(cat.Versions)-1], Exact: true}
	}
	return cat, v, nil
}

// refusal is what trtllm-bench would end with for the reason that is given.
func refusal(format string, args ...any) error {
	return &trtllm.UsageError{Text: "Error: trtllm-bench would refuse this: " + fmt.Sprintf(format, args...), ExitCode: 1}
}

// unwritten refuses files that the stand-in does not write: what waits for one
// would wait in vain.
func unwritten(args trtllm.Arguments) error {
	for _, name := range []string{"iteration_log", "output_json"} {
		if args.String(name) != "" {
			return &trtllm.UsageError{Text: "Error: the stand-in for trtllm-bench cannot write --" + name, ExitCode: 2}
		}
	}
	return nil
}

// parallel refuses ranks that do not add up.
func (b *Bench) parallel(args trtllm.Arguments) error {
	whole := func(name string) int {
		if n, ok := args.Int(name); ok {
			return n
		}
		return 1
	}
	tp, pp, ep, clusters := whole("tp"), whole("pp"), whole("ep"), whole("cluster_size")
	if tp%(ep*clusters) != 0 {
		return refusal("ep x cluster_size is %d x %d, which does not divide tp = %d", ep, clusters, tp)
	}
	if ranks, err := strconv.Atoi(b.Getenv("SLURM_STEP_NUM_TASKS")); err == nil && ranks > 1 && ranks != tp*pp {
		return refusal("tp x pp is %d x %d, and the step has %d tasks", tp, pp, ranks)
	}
	return nil
}

// options reads the options file and refuses what the version refuses.
func (b *Bench) options(inv *trtllm.Invocation, version catalog.Match) (any, error) {
	if inv.Options == "" {
		return map[string]any{}, nil
	}
	src, err := regular.Read(b.path(inv.Options), regular.MaxText)
	if err != nil {
		return nil, refusal("%v", err)
	}
	v, err := trtllm.ParseOptions(src)
	if err != nil {
		return nil, refusal("%v", err)
	}
	if problems := wrongOptions(version, v, ""); len(problems) > 0 {
		return nil, refusal("version %s does not take these options:\n  %s", version.Name, strings.Join(problems, "\n  "))
	}
	text, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		return nil, err
	}
	var options map[string]any
	if err := json.Unmarshal(text, &options); err != nil {
		return nil, err
	}
	return options, conflicts(version, options)
}

// wrongOptions lists what version v does not take of an object of options.
func wrongOptions(v catalog.Match, options cty.Value, below string) []string {
	var problems []string
	for it := options.ElementIterator(); it.Next(); {
		name, value := it.Element()
		path := below + name.AsString()
		o, known := v.Option(path)
		if !known && v.Beyond != nil {
			o, known = v.Beyond.Option(path)
		}
		switch {
		case !known && below != "" && v.NestedKeysIgnored:
		case !known:
			problems = append(problems, path+": there is no such option")
		case !o.Suits(value):
			problems = append(problems, path+": "+wanted(o))
		case o.Type == "object" && !value.IsNull():
			problems = append(problems, wrongOptions(v, value, path+".")...)
		}
	}
	slices.Sort(problems)
	return problems
}

// wanted says what an option must be.
func wanted(o *catalog.Fact) string {
	if len(o.Values) > 0 {
		return "it must be one of " + strings.Join(o.Values, ", ")
	}
	return "it must be of type " + o.Type + ", in its range"
}

// conflicts are options that exclude each other.
func conflicts(v catalog.Match, options map[string]any) error {
	graphs, _ := options["cuda_graph_config"].(map[string]any)
	most, _ := graphs["max_batch_size"].(float64)
	if sizes, _ := graphs["batch_sizes"].([]any); v.GraphSizesExcludeMax && len(sizes) > 0 && most != 0 {
		return refusal("cuda_graph_config has both batch_sizes and max_batch_size")
	}
	return nil
}
