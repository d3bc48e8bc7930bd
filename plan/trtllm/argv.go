package trtllm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A UsageError is a command line that trtllm-bench refuses. Text is what it
// prints, ExitCode how it ends.
type UsageError struct {
	Text     string
	ExitCode int
}

func (e *UsageError) Error() string { return e.Text }

func usage(command, format string, args ...any) *UsageError {
	return &UsageError{
		Text: fmt.Sprintf("Usage: %s [OPTIONS]\nTry '%s --help' for help.\n\nError: %s",
			command, command, fmt.Sprintf(format, args...)),
		ExitCode: 2,
	}
}

// ParseArgv reads the command line of trtllm-bench throughput, without the
// program's name. What trtllm-bench refuses is a *UsageError with its words.
func ParseArgv(argv []string) (*Invocation, error) {
	p := parser{command: "trtllm-bench", flags: globalFlags, args: Arguments{}}
	rest, err := p.parse(argv)
	if err != nil {
		return nil, err
	}
	if len(rest) == 0 {
		return nil, usage(p.command, "Missing command.")
	}
	inv := &Invocation{Model: p.args.String("model"), ModelPath: p.args.String("model_path")}
	if inv.Model == "" {
		return nil, usage(p.command, "Missing option '--model' / '-m'.")
	}
	switch rest[0] {
	case "throughput":
	case "latency", "build", "prepare-dataset":
		return nil, &UsageError{Text: fmt.Sprintf("Error: the stand-in simulates throughput, not %s", rest[0]), ExitCode: 2}
	default:
		return nil, usage(p.command, "No such command '%s'.", rest[0])
	}
	p = parser{command: "trtllm-bench throughput", flags: throughputFlags, args: Arguments{}}
	if rest, err = p.parse(rest[1:]); err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, usage(p.command, "Got unexpected extra argument (%s)", rest[0])
	}
	return inv.take(p.args)
}

// take moves the paths of a parsed command line where they belong.
func (inv *Invocation) take(args Arguments) (*Invocation, error) {
	inv.Dataset, inv.Report = args.String("dataset"), args.String("report_json")
	inv.Options = args.String("extra_llm_api_options")
	if c := args.String("config"); c != "" {
		inv.Options = c
	}
	for _, name := range []string{"dataset", "report_json", "extra_llm_api_options", "config"} {
		delete(args, name)
	}
	if inv.Dataset == "" {
		return nil, &UsageError{Text: "TypeError: expected str, bytes or os.PathLike object, not NoneType (--dataset is missing)", ExitCode: 1}
	}
	if f, ok := args.Float("kv_cache_free_gpu_mem_fraction"); ok && (f <= 0 || f > 1) {
		return nil, &UsageError{Text: "pydantic_core._pydantic_core.ValidationError: 1 validation error for RuntimeConfig\nkv_cache_free_gpu_mem_fraction must be above 0 and at most 1", ExitCode: 1}
	}
	inv.Args = args
	return inv, nil
}

// A parser reads the flags of one level of the command line.
type parser struct {
	command string
	flags   []flag
	args    Arguments
}

// parse reads flags up to the first word that is not one and returns the rest.
func (p *parser) parse(argv []string) ([]string, error) {
	for len(argv) > 0 {
		word := argv[0]
		if !strings.HasPrefix(word, "-") || word == "-" {
			return argv, nil
		}
		name, value, hasValue := strings.Cut(strings.TrimLeft(word, "-"), "=")
		if !strings.HasPrefix(word, "--") {
			long, ok := shorthands[name]
			if !ok {
				return nil, usage(p.command, "No such option: %s", word)
			}
			name = long
		}
		f, ok := findFlag(p.flags, name)
		if !ok {
			return nil, usage(p.command, "No such option: --%s", name)
		}
		argv = argv[1:]
		if f.kind == toggle {
			p.args[name] = true
			continue
		}
		if !hasValue {
			if len(argv) == 0 {
				return nil, usage(p.command, "Option '--%s' requires an argument.", name)
			}
			value, argv = argv[0], argv[1:]
		}
		if err := p.set(f, value); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (p *parser) set(f flag, value string) error {
	switch f.kind {
	case whole:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return usage(p.command, "Invalid value for '--%s': '%s' is not a valid integer.", f.name, value)
		}
		p.args[f.name] = n
	case number:
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return usage(p.command, "Invalid value for '--%s': '%s' is not a valid float.", f.name, value)
		}
		p.args[f.name] = n
	case repeated:
		list, _ := p.args[f.name].([]string)
		p.args[f.name] = append(list, value)
	default:
		if len(f.choices) > 0 && !slices.Contains(f.choices, value) {
			return usage(p.command, "Invalid value for '--%s': '%s' is not one of '%s'.", f.name, value, strings.Join(f.choices, "', '"))
		}
		p.args[f.name] = value
	}
	return nil
}
