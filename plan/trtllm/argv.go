package trtllm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ParseArgv reads the command line of trtllm-bench throughput, without the
// program's name, as the real one does: global flags before the subcommand, the
// other ones behind it, --flag value and --flag=value, the last one counts. It
// knows the flags of all catalogued versions and takes those that has reports, all
// where has is nil. What trtllm-bench refuses before it
// opens a file is a *UsageError with its words; so is --help, with exit code 0.
//
// Whole numbers of Args are int64. --disable_chunked_context makes
// enable_chunked_context false and itself true. The global flags other than the
// model are checked and dropped.
func ParseArgv(argv []string, has func(flag string) bool) (*Invocation, error) {
	bench := command{name: "trtllm-bench", synopsis: "[OPTIONS] COMMAND [ARGS]...", flags: globalFlags, required: "model"}
	if len(argv) == 0 {
		return nil, &UsageError{Text: bench.help(), ExitCode: 2}
	}
	global, rest, err := bench.parse(argv)
	if err != nil {
		return nil, err
	}
	if len(rest) == 0 {
		return nil, bench.refuse("Missing command.")
	}
	switch name := rest[0]; {
	case name == "throughput":
	case slices.Contains([]string{"latency", "build", "prepare-dataset"}, name):
		return nil, unable("run " + name)
	default:
		return nil, bench.refuse("No such command %s.", pythonString(name))
	}
	throughput := command{name: "trtllm-bench throughput", synopsis: "[OPTIONS]", flags: flagsOf(has), interspersed: true}
	args, rest, err := throughput.parse(rest[1:])
	switch {
	case err != nil:
		return nil, err
	case len(rest) == 1:
		return nil, throughput.refuse("Got unexpected extra argument (%s)", rest[0])
	case len(rest) > 1:
		return nil, throughput.refuse("Got unexpected extra arguments (%s)", strings.Join(rest, " "))
	}
	inv := &Invocation{Model: global.String("model"), ModelPath: global.String("model_path"), Args: args}
	inv.takePaths()
	if err := inv.check(); err != nil {
		return nil, err
	}
	return inv, nil
}

// flagsOf are the flags of throughput that has reports.
func flagsOf(has func(flag string) bool) []flag {
	if has == nil {
		return throughputFlags
	}
	var list []flag
	for _, f := range throughputFlags {
		if !has(f.name) {
			continue
		}
		if f.off != "" && !has(f.off) {
			f.off = ""
		}
		list = append(list, f)
	}
	return list
}

// takePaths moves the paths of a parsed command line where they belong.
func (inv *Invocation) takePaths() {
	for name, to := range map[string]*string{"dataset": &inv.Dataset, "report_json": &inv.Report, "extra_llm_api_options": &inv.Options} {
		*to = inv.Args.String(name)
		delete(inv.Args, name)
	}
}

// check refuses what passes click and ends trtllm-bench later, and what cannot be
// simulated.
func (inv *Invocation) check() error {
	if inv.Dataset == "" {
		return &UsageError{
			Text:     "TypeError: expected str, bytes or os.PathLike object, not NoneType\n(--dataset is missing)",
			ExitCode: 1,
		}
	}
	if f, ok := inv.Args.Float("kv_cache_free_gpu_mem_fraction"); ok && !(f > 0 && f <= 1) {
		return badFraction(f)
	}
	if b := inv.Args.String("backend"); b != "" && b != "pytorch" {
		return unable("take the place of the backend " + b)
	}
	for _, name := range []string{"tp", "pp", "ep", "cluster_size", "beam_width"} {
		if n, ok := inv.Args.Int(name); ok && n < 1 {
			return unable(fmt.Sprintf("run with --%s %d", name, n))
		}
	}
	// 0 is as good as not passed.
	for _, name := range []string{"max_batch_size", "max_num_tokens", "max_seq_len"} {
		if n, ok := inv.Args.Int(name); ok && n < 0 {
			return unable(fmt.Sprintf("run with --%s %d", name, n))
		}
	}
	return nil
}

// badFraction is what pydantic says about kv_cache_percent, a PositiveFloat of at
// most 1 (bench/dataclasses/configuration.py).
func badFraction(f float64) *UsageError {
	rule := "less than or equal to 1 [type=less_than_equal"
	if !(f > 0) {
		rule = "greater than 0 [type=greater_than"
	}
	return &UsageError{
		Text: "pydantic_core._pydantic_core.ValidationError: 1 validation error for RuntimeConfig\nsettings_config.kv_cache_percent\n" +
			"  Input should be " + rule + ", input_value=" + strings.ToLower(strconv.FormatFloat(f, 'g', -1, 64)) + ", input_type=float]",
		ExitCode: 1,
	}
}

// unable refuses what trtllm-bench might take and its stand-in does not.
func unable(what string) *UsageError {
	return &UsageError{Text: "Error: the stand-in for trtllm-bench cannot " + what, ExitCode: 2}
}
