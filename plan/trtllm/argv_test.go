package trtllm

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestArgv(t *testing.T) {
	inv := Invocation{
		Model: "meta/llama", ModelPath: "/models/llama", Dataset: "dataset.jsonl", Report: "report.json", Options: "config.yml",
		Args: Arguments{
			"tp": int64(8), "pp": int64(1), "ep": int64(8), "max_batch_size": float64(896), "max_num_tokens": 8192,
			"concurrency": int64(-1), "kv_cache_free_gpu_mem_fraction": 0.9, "streaming": true, "warmup": int64(0),
			"no_skip_tokenizer_init": false, "eos_id": nil, "custom_module_dirs": []string{"/a", "/b"},
			"enable_chunked_context": false, "disable_chunked_context": true, "brand_new": "x",
		},
	}
	want := strings.Fields(`--model meta/llama --model_path /models/llama throughput --backend pytorch
		--extra_llm_api_options config.yml --custom_module_dirs /a --custom_module_dirs /b --tp 8 --pp 1 --ep 8
		--max_batch_size 896 --max_num_tokens 8192 --kv_cache_free_gpu_mem_fraction 0.9 --dataset dataset.jsonl
		--concurrency -1 --warmup 0 --streaming --report_json report.json --brand_new x --disable_chunked_context`)
	if diff := cmp.Diff(want, inv.Argv()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"--model", "m", "throughput", "--backend", "pytorch"}, Invocation{Model: "m"}.Argv()); diff != "" {
		t.Error(diff)
	}
}

func TestArgvKeepsItsArguments(t *testing.T) {
	args := Arguments{"tp": int64(8)}
	Invocation{Model: "m", Args: args, Dataset: "d"}.Argv()
	if diff := cmp.Diff(Arguments{"tp": int64(8)}, args); diff != "" {
		t.Error(diff)
	}
}

// anyArguments draws arguments that trtllm-bench takes, as ParseArgv returns them.
func anyArguments(t *rapid.T) Arguments {
	args := Arguments{"backend": "pytorch"}
	words := rapid.StringMatching(`[-a-z0-9_./= ']{1,9}`)
	for _, f := range throughputFlags {
		held := []string{"backend", "dataset", "report_json", "extra_llm_api_options", "config"}
		if slices.Contains(held, f.name) || rapid.Bool().Draw(t, f.name) {
			continue
		}
		switch f.kind {
		case whole, positive:
			args[f.name] = rapid.Int64Range(1, 1<<40).Draw(t, f.name)
		case number:
			args[f.name] = rapid.Float64Range(0.001, 1).Draw(t, f.name)
		case repeated:
			args[f.name] = rapid.SliceOfN(words, 1, 3).Draw(t, f.name)
		case toggle:
			on := f.off == "" || rapid.Bool().Draw(t, f.name)
			args[f.name] = on
			if !on {
				args[f.off] = true
			}
		default:
			args[f.name] = words.Draw(t, f.name)
			if len(f.choices) > 0 {
				args[f.name] = rapid.SampledFrom(f.choices).Draw(t, f.name)
			}
		}
	}
	return args
}

func TestArgvRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inv := Invocation{
			Model: "a/b", ModelPath: rapid.SampledFrom([]string{"", "/w"}).Draw(t, "path"),
			Dataset: "d.jsonl", Report: "r.json", Options: "c.yml", Args: anyArguments(t),
		}
		got, err := ParseArgv(inv.Argv(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(inv, *got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestParseArgv(t *testing.T) {
	for argv, want := range map[string]Invocation{
		"-m a/b throughput --dataset d":                                    {Model: "a/b", Dataset: "d"},
		"-ma/b -w/tmp --log_level debug throughput --dataset=d":            {Model: "a/b", Dataset: "d"},
		"--model=a --model_path p throughput --dataset d":                  {Model: "a", ModelPath: "p", Dataset: "d"},
		"-m a -- throughput --dataset d --config c --report_json r":        {Model: "a", Dataset: "d", Options: "c", Report: "r"},
		"-m a throughput --config c --dataset d --extra_llm_api_options e": {Model: "a", Dataset: "d", Options: "e"},
		"-m a throughput --tp x --dataset d --tp +1_6 --eos_id=-1": {Model: "a", Dataset: "d", Args: Arguments{
			"tp": int64(16), "eos_id": int64(-1)}},
		"-m a throughput --dataset d --kv_cache_free_gpu_mem_fraction 1e-1 --concurrency -1": {Model: "a", Dataset: "d", Args: Arguments{
			"kv_cache_free_gpu_mem_fraction": 0.1, "concurrency": int64(-1)}},
		"-m a throughput --dataset d --disable_chunked_context": {Model: "a", Dataset: "d", Args: Arguments{
			"enable_chunked_context": false, "disable_chunked_context": true}},
		"-m a throughput --dataset d --disable_chunked_context --enable_chunked_context --streaming": {Model: "a", Dataset: "d", Args: Arguments{
			"enable_chunked_context": true, "streaming": true}},
		"-m a throughput --dataset --tp --output_json --": {Model: "a", Dataset: "--tp", Args: Arguments{"output_json": "--"}},
	} {
		got, err := ParseArgv(strings.Fields(argv), nil)
		if err != nil {
			t.Errorf("%s: %v", argv, err)
			continue
		}
		if want.Args == nil {
			want.Args = Arguments{}
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("%s\n%s", argv, diff)
		}
	}
}

func TestParseArgvRefuses(t *testing.T) {
	const (
		group      = "Usage: trtllm-bench [OPTIONS] COMMAND [ARGS]...\nTry 'trtllm-bench --help' for help.\n\nError: "
		throughput = "Usage: trtllm-bench throughput [OPTIONS]\nTry 'trtllm-bench throughput --help' for help.\n\nError: "
		standIn    = "Error: the stand-in for trtllm-bench cannot "
		settings   = "pydantic_core._pydantic_core.ValidationError: 1 validation error for RuntimeConfig\nsettings_config.kv_cache_percent\n  Input should be "
	)
	for _, c := range []struct {
		argv, want string
		code       int
	}{
		{"-m a", group + "Missing command.", 2},
		{"-m a frobnicate", group + "No such command 'frobnicate'.", 2},
		{"throughput --tp 8", group + "Missing option '--model' / '-m'.", 2},
		{"-m a --tp 8 throughput", group + "No such option: --tp Did you mean --help?", 2},
		{"-m a --log_level loud throughput", group + "Invalid value for '--log_level': 'loud' is not one of 'internal_error', 'error', 'warning', 'info', 'verbose', 'debug', 'trace'.", 2},
		{"-m", "Error: Option '-m' requires an argument.", 2},
		{"-m a throughput --tpx 8", throughput + "No such option: --tpx (Possible options: --ep, --pp, --tp)", 2},
		{"-m a throughput --tp x --telemetry", throughput + "No such option: --telemetry", 2},
		{"-m a throughput --max_batch 8", throughput + "No such option: --max_batch Did you mean --max_batch_size?", 2},
		{"-m a throughput -tp 8", throughput + "No such option: -t", 2},
		{"-m a throughput -m a", throughput + "No such option: -m", 2},
		{"-m a throughput --tp", "Error: Option '--tp' requires an argument.", 2},
		{"-m a throughput --streaming=true", "Error: Option '--streaming' does not take a value.", 2},
		{"-m a throughput --tp x", throughput + "Invalid value for '--tp': 'x' is not a valid integer.", 2},
		{"-m a throughput --tp 8.0", throughput + "Invalid value for '--tp': '8.0' is not a valid integer.", 2},
		{"-m a throughput --tp=", throughput + "Invalid value for '--tp': '' is not a valid integer.", 2},
		{"-m a throughput --tp it's", throughput + `Invalid value for '--tp': "it's" is not a valid integer.`, 2},
		{"-m a throughput --target_input_len 0", throughput + "Invalid value for '--target_input_len': 0 is not in the range x>=1.", 2},
		{"-m a throughput --kv_cache_free_gpu_mem_fraction 0x1p-1", throughput + "Invalid value for '--kv_cache_free_gpu_mem_fraction': '0x1p-1' is not a valid float.", 2},
		{"-m a throughput --scheduler_policy best", throughput + "Invalid value for '--scheduler_policy': 'best' is not one of 'guaranteed_no_evict', 'max_utilization'.", 2},
		{"-m a throughput d.jsonl --tp 8", throughput + "Got unexpected extra argument (d.jsonl)", 2},
		{"-m a throughput --tp 8 -- --pp 2", throughput + "Got unexpected extra arguments (--pp 2)", 2},
		{"-m a throughput --tp 8", "TypeError: expected str, bytes or os.PathLike object, not NoneType\n(--dataset is missing)", 1},
		{"-m a throughput --dataset d --kv_cache_free_gpu_mem_fraction 1.5", settings + "less than or equal to 1 [type=less_than_equal, input_value=1.5, input_type=float]", 1},
		{"-m a throughput --dataset d --kv_cache_free_gpu_mem_fraction nan", settings + "greater than 0 [type=greater_than, input_value=nan, input_type=float]", 1},
		{"-m a latency --tp 8", standIn + "run latency", 2},
		{"-m a throughput --dataset d --backend tensorrt", standIn + "take the place of the backend tensorrt", 2},
		{"-m a throughput --dataset d --tp 0", standIn + "run with --tp 0", 2},
		{"-m a throughput --dataset d --max_num_tokens=-5", standIn + "run with --max_num_tokens -5", 2},
	} {
		_, err := ParseArgv(strings.Fields(c.argv), nil)
		var usage *UsageError
		if !errors.As(err, &usage) {
			t.Errorf("%s: %v, want a usage error", c.argv, err)
		} else if diff := cmp.Diff(&UsageError{c.want, c.code}, usage); diff != "" {
			t.Errorf("%s\n%s", c.argv, diff)
		}
	}
}

func TestParseArgvHelp(t *testing.T) {
	for argv, code := range map[string]int{"": 2, "--help": 0, "-m a throughput --tp x --help": 0} {
		_, err := ParseArgv(strings.Fields(argv), nil)
		var usage *UsageError
		if !errors.As(err, &usage) || usage.ExitCode != code || !strings.HasPrefix(usage.Text, "Usage: trtllm-bench") {
			t.Errorf("%q: %v, want help and exit code %d", argv, err, code)
		}
	}
	_, err := ParseArgv([]string{"-m", "a", "throughput", "--help"}, nil)
	for _, want := range []string{
		"  --tp INTEGER\n", "  --streaming\n", "  --scheduler_policy [guaranteed_no_evict|max_utilization]\n",
		"  --enable_chunked_context / --disable_chunked_context\n", "  --target_input_len INTEGER RANGE\n", "\n  --help",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("help lacks %q:\n%v", want, err)
		}
	}
}

func TestPythonNumbers(t *testing.T) {
	for s, want := range map[string]bool{
		"0": true, " -7\n": true, "+08": true, "1_000": true, "_1": false, "1_": false, "1__0": false, "": false, "1 0": false, "0x10": false,
	} {
		if _, ok := pythonInt(s); ok != want {
			t.Errorf("int(%q) works: %v, want %v", s, ok, want)
		}
	}
	for s, want := range map[string]bool{
		"0.9": true, ".5": true, "5.": true, "1e400": true, "inf": true, "-Infinity": true, "nan": true, "1_0.5": true, "1._5": false, "0x1": false, "": false, "e": false,
	} {
		if _, ok := pythonFloat(s); ok != want {
			t.Errorf("float(%q) works: %v, want %v", s, ok, want)
		}
	}
	if got, want := pythonString("a'b\"\\\n\x00é\u200b\U000e0001"), `'a\'b"\\\n\x00é\u200b\U000e0001'`; got != want {
		t.Errorf("repr is %s, want %s", got, want)
	}
}

func TestForcedMaxNumTokens(t *testing.T) {
	for _, c := range []struct {
		tokens, isl, batch int
		chunked            bool
		want               int
	}{
		{8192, 1000, 896, false, 8192},
		{8192, 8000, 896, false, 8896},
		{8192, 8000, 896, true, 8192},
		{2048, 2048, 0, false, 2048},
	} {
		if got := ForcedMaxNumTokens(c.tokens, c.isl, c.batch, c.chunked); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

func FuzzParseArgv(f *testing.F) {
	for _, s := range []string{
		"-m a throughput --tp=8 --dataset d", "-ma throughput --config c --streaming", "--tp 8", "-m a throughput --dataset d --custom_module_dirs x",
		"-m a throughput --dataset d --disable_chunked_context --kv_cache_free_gpu_mem_fraction 0.5 -- x",
	} {
		f.Add(strings.ReplaceAll(s, " ", "\n"))
	}
	f.Fuzz(func(t *testing.T, s string) {
		argv := strings.Split(s, "\n")
		before := slices.Clone(argv)
		inv, err := ParseArgv(argv, nil)
		if !slices.Equal(before, argv) {
			t.Fatalf("%q became %q", before, argv)
		}
		if err != nil {
			var usage *UsageError
			if !errors.As(err, &usage) || usage.Text == "" {
				t.Fatalf("%q: %v is not a usage error", argv, err)
			}
			return
		}
		if inv.Model == "" {
			return
		}
		if inv.Args["backend"] == nil {
			inv.Args["backend"] = "pytorch"
		}
		again, err := ParseArgv(inv.Argv(), nil)
		if err != nil {
			t.Fatalf("%q is emitted as %q: %v", argv, inv.Argv(), err)
		}
		if diff := cmp.Diff(inv, again); diff != "" {
			t.Fatalf("%q\n%s", argv, diff)
		}
	})
}
