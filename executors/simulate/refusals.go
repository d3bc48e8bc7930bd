package simulate

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema/catalog"
)

// version is the one that is simulated.
func (b *Bench) version() *catalog.Version {
	cat := catalog.Load()
	if v, ok := cat.Version(b.Version); ok {
		return v
	}
	return cat.Versions[len(cat.Versions)-1]
}

// hasFlag reports whether trtllm-bench throughput of the version has a flag.
func (b *Bench) hasFlag(name string) bool {
	v := b.version()
	if name == "config" {
		return v.ConfigFlag
	}
	if _, ours := catalog.OwnedFlag(name); ours {
		return true
	}
	_, known := v.Flag(name)
	return known || slices.ContainsFunc(v.Flags, func(f *catalog.Flag) bool { return f.Off == name })
}

// unwritten refuses files that the stand-in does not write: what waits for one
// would wait in vain.
func unwritten(args trtllm.Arguments) error {
	for _, name := range []string{"iteration_log", "output_json", "request_json"} {
		if args.String(name) != "" {
			return &trtllm.UsageError{Text: "Error: the stand-in for trtllm-bench cannot write --" + name, ExitCode: 2}
		}
	}
	return nil
}

// parallel refuses ranks that do not add up, in the words of TensorRT-LLM.
func (b *Bench) parallel(args trtllm.Arguments) error {
	whole := func(name string) int {
		if n, ok := args.Int(name); ok {
			return n
		}
		return 1
	}
	tp, pp, ep, clusters := whole("tp"), whole("pp"), whole("ep"), whole("cluster_size")
	if tensor := tp / (ep * clusters); tensor*ep*clusters != tp {
		return fmt.Errorf("ValueError: tp_size must equal to moe_tp_size * moe_ep_size * moe_cluster_size, but got %d != %d * %d * %d", tp, tensor, ep, clusters)
	}
	if ranks, err := strconv.Atoi(b.Getenv("SLURM_STEP_NUM_TASKS")); err == nil && ranks > 1 && ranks != tp*pp {
		return fmt.Errorf("ValueError: world_size must equal to tp_size * pp_size * cp_size, but got %d != %d * %d * 1", ranks, tp, pp)
	}
	return nil
}

// options reads the options file and refuses what the version refuses, in its
// words.
func (b *Bench) options(inv *trtllm.Invocation) (any, error) {
	if inv.Options == "" {
		return map[string]any{}, nil
	}
	src, err := os.ReadFile(b.path(inv.Options))
	if err != nil {
		return nil, fmt.Errorf("FileNotFoundError: %w", err)
	}
	v, err := trtllm.ParseOptions(src)
	if err != nil {
		return nil, fmt.Errorf("yaml.scanner.ScannerError: %w", err)
	}
	text, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		return nil, err
	}
	var options map[string]any
	if err := json.Unmarshal(text, &options); err != nil {
		return nil, err
	}
	version := b.version()
	if problems := validate(version, options, ""); len(problems) > 0 {
		noun := "error"
		if len(problems) > 1 {
			noun = "errors"
		}
		return nil, fmt.Errorf("pydantic_core._pydantic_core.ValidationError: %d validation %s for TorchLlmArgs\n%s", len(problems), noun, strings.Join(problems, "\n"))
	}
	return options, conflicts(version, options)
}

// validate lists what pydantic would say of the options below a path.
func validate(v *catalog.Version, options map[string]any, below string) []string {
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(options)) {
		path, value := below+name, options[name]
		o, known := v.Option(path)
		switch {
		case !known && below != "" && v.NestedKeysIgnored:
		case !known:
			problems = append(problems, path+"\n  Extra inputs are not permitted")
		case value == nil:
		default:
			if wrong := unsuitable(o, value); wrong != "" {
				problems = append(problems, path+"\n  "+wrong)
			} else if inner, ok := value.(map[string]any); ok && o.Type == "object" {
				problems = append(problems, validate(v, inner, path+".")...)
			}
		}
	}
	return problems
}

// unsuitable says what keeps a value from being one of o, "" if nothing does.
func unsuitable(o *catalog.Option, value any) string {
	kinds := map[string]struct {
		is   func(any) bool
		noun string
	}{
		"bool":         {isBool, "a valid boolean"},
		"int":          {isInt, "a valid integer"},
		"float":        {isNumber, "a valid number"},
		"string":       {isText, "a valid string"},
		"object":       {isObject, "a valid dictionary"},
		"list(int)":    {listOf(isInt), "a valid list of integers"},
		"list(string)": {listOf(isText), "a valid list of strings"},
	}
	if kind, ok := kinds[o.Type]; ok && !kind.is(value) {
		return "Input should be " + kind.noun
	}
	if text, ok := value.(string); ok && len(o.Values) > 0 && !slices.Contains(o.Values, text) {
		return "Input should be '" + strings.Join(o.Values, "', '") + "'"
	}
	return ""
}

func isBool(v any) bool   { _, ok := v.(bool); return ok }
func isNumber(v any) bool { _, ok := v.(float64); return ok }
func isText(v any) bool   { _, ok := v.(string); return ok }
func isObject(v any) bool { _, ok := v.(map[string]any); return ok }
func isInt(v any) bool    { f, ok := v.(float64); return ok && f == math.Trunc(f) }

func listOf(is func(any) bool) func(any) bool {
	return func(v any) bool {
		list, ok := v.([]any)
		return ok && !slices.ContainsFunc(list, func(e any) bool { return !is(e) })
	}
}

// conflicts are the mistakes that validators of the LLM API look for.
func conflicts(v *catalog.Version, options map[string]any) error {
	graphs, _ := options["cuda_graph_config"].(map[string]any)
	most, _ := graphs["max_batch_size"].(float64)
	if sizes, _ := graphs["batch_sizes"].([]any); v.GraphSizesExcludeMax && len(sizes) > 0 && most != 0 {
		return errors.New("ValueError: Please don't set both cuda_graph_config.batch_sizes and cuda_graph_config.max_batch_size")
	}
	if n, ok := options["stream_interval"].(float64); ok && n < 1 {
		return fmt.Errorf("ValueError: stream_interval must be positive, got %v", n)
	}
	return nil
}
