package trtllm

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/llmbench/llmbench/schema/catalog"
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

func version(t testing.TB, name string) *catalog.Version {
	t.Helper()
	v, ok := catalog.Load().Version(name)
	if !ok {
		t.Fatalf("no version %s", name)
	}
	return v
}

// anyArguments draws arguments that a version takes, as ParseArgv returns them.
func anyArguments(t *rapid.T, v *catalog.Version) Arguments {
	args := Arguments{"backend": "pytorch"}
	words := rapid.StringMatching(`[-a-z0-9_./= ']{1,9}`)
	for _, f := range v.Flags {
		if f.Ours != "" || rapid.Bool().Draw(t, f.Name) {
			continue
		}
		switch f.Type {
		case "int":
			args[f.Name] = rapid.Int64Range(1, 1_000_000).Draw(t, f.Name)
		case "float":
			args[f.Name] = rapid.Float64Range(0.001, 1).Draw(t, f.Name)
		case "list(string)":
			args[f.Name] = rapid.SliceOfN(words, 1, 3).Draw(t, f.Name)
		case "bool":
			on := f.Off == "" || rapid.Bool().Draw(t, f.Name)
			args[f.Name] = on
			if !on {
				args[f.Off] = true
			}
		default:
			args[f.Name] = words.Draw(t, f.Name)
			if len(f.Values) > 0 {
				args[f.Name] = rapid.SampledFrom(f.Values).Draw(t, f.Name)
			}
		}
	}
	return args
}

// What is emitted is read back the same by the flags of every version.
func TestArgvRoundTrip(t *testing.T) {
	for _, v := range catalog.Load().Versions {
		t.Run(v.Name, rapid.MakeCheck(func(t *rapid.T) {
			inv := Invocation{
				Model: "a/b", ModelPath: rapid.SampledFrom([]string{"", "/w"}).Draw(t, "path"),
				Dataset: "d.jsonl", Report: "r.json", Options: "c.yml", Args: anyArguments(t, v),
			}
			got, err := ParseArgv(inv.Argv(), v)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(inv, *got); diff != "" {
				t.Fatal(diff)
			}
		}))
	}
}

func TestParseArgv(t *testing.T) {
	for argv, want := range map[string]Invocation{
		"-m a/b throughput --dataset d":                                    {Model: "a/b", Dataset: "d"},
		"-ma/b -w/tmp --log_level debug throughput --dataset=d":            {Model: "a/b", Dataset: "d", Args: Arguments{"workspace": "/tmp", "log_level": "debug"}},
		"--model=a --model_path p throughput --dataset d":                  {Model: "a", ModelPath: "p", Dataset: "d"},
		"-m a -- throughput --dataset d --config c --report_json r":        {Model: "a", Dataset: "d", Options: "c", Report: "r"},
		"-m a throughput --config c --dataset d --extra_llm_api_options e": {Model: "a", Dataset: "d", Options: "e"},
		"-m a --no-telemetry throughput --dataset d":                       {Model: "a", Dataset: "d"},
		"-m a throughput --tp 8 --dataset d --tp +16 --eos_id=-1": {Model: "a", Dataset: "d", Args: Arguments{
			"tp": int64(16), "eos_id": int64(-1)}},
		"-m a throughput --dataset d --kv_cache_free_gpu_mem_fraction 1e-1 --concurrency -1": {Model: "a", Dataset: "d", Args: Arguments{
			"kv_cache_free_gpu_mem_fraction": 0.1, "concurrency": int64(-1)}},
		"-m a throughput --dataset d --disable_chunked_context": {Model: "a", Dataset: "d", Args: Arguments{
			"enable_chunked_context": false, "disable_chunked_context": true}},
		"-m a throughput --dataset d --disable_chunked_context --enable_chunked_context --streaming": {Model: "a", Dataset: "d", Args: Arguments{
			"enable_chunked_context": true, "streaming": true}},
		"-m a throughput --dataset --tp --output_json --": {Model: "a", Dataset: "--tp", Args: Arguments{"output_json": "--"}},
	} {
		got, err := ParseArgv(strings.Fields(argv), version(t, "1.3.0rc26"))
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
	for _, c := range []struct{ argv, want string }{
		{"-m a", "no subcommand"},
		{"-m a latency", `only the subcommand throughput can be simulated, not "latency"`},
		{"throughput --dataset d", "--model is missing"},
		{"-m a throughput --tp 8", "--dataset is missing"},
		{"-m a --tp 8 throughput", "the flag --tp comes after throughput"},
		{"-m a throughput -m a", "the flag -m comes before throughput"},
		{"-m a --log_level loud throughput", "--log_level must be one of internal_error, error"},
		{"-m", "-m needs a value"},
		{"-m a throughput --tpx 8", "version 1.1 has no flag --tpx"},
		{"-m a throughput --config c", "version 1.1 has no flag --config"},
		{"-m a --revision r throughput", "version 1.1 has no flag --revision"},
		{"-m a throughput -tp 8", "version 1.1 has no flag -t"},
		{"-m a throughput --tp", "--tp needs a value"},
		{"-m a throughput --streaming=true", "--streaming takes no value"},
		{"-m a throughput --tp x", `--tp must be a whole number, not "x"`},
		{"-m a throughput --tp 8.0", `--tp must be a whole number, not "8.0"`},
		{"-m a throughput --tp=", `--tp must be a whole number, not ""`},
		{"-m a throughput --tp 0", "--tp must be at least 1, not 0"},
		{"-m a throughput --max_num_tokens=-5", "--max_num_tokens must be at least 1, not -5"},
		{"-m a throughput --target_input_len 0", "--target_input_len must be at least 1, not 0"},
		{"-m a throughput --kv_cache_free_gpu_mem_fraction 1.5", "--kv_cache_free_gpu_mem_fraction must be from 0.001 to 1, not 1.5"},
		{"-m a throughput --kv_cache_free_gpu_mem_fraction nan", `--kv_cache_free_gpu_mem_fraction must be a number, not "nan"`},
		{"-m a throughput --scheduler_policy best", "--scheduler_policy must be one of guaranteed_no_evict, max_utilization"},
		{"-m a throughput --dataset d --backend tensorrt", "--backend must be one of pytorch"},
		{"-m a throughput d.jsonl --tp 8", `"d.jsonl" is not a flag`},
		{"-m a throughput --tp 8 -- --pp 2", `"--pp" is not a flag`},
	} {
		_, err := ParseArgv(strings.Fields(c.argv), version(t, "1.1"))
		var usage *UsageError
		if !errors.As(err, &usage) || usage.ExitCode != 2 || !strings.Contains(usage.Text, c.want) {
			t.Errorf("%s: %v, want %q and exit code 2", c.argv, err, c.want)
		}
	}
}

func TestParseArgvHelp(t *testing.T) {
	for argv, want := range map[string]string{
		"--help":                        "  --log_level internal_error|",
		"-m a throughput --tp 8 --help": "  --scheduler_policy guaranteed_no_evict|max_utilization\n",
	} {
		_, err := ParseArgv(strings.Fields(argv), version(t, "1.2"))
		var usage *UsageError
		if !errors.As(err, &usage) || usage.ExitCode != 0 || !strings.Contains(usage.Text, want) {
			t.Errorf("%q: %v, want help with %q", argv, err, want)
		}
	}
}

// The options file is laid over the command line (bench/benchmark/throughput.py at
// 000a01de, llm_utils.py).
func TestChunkedContext(t *testing.T) {
	for _, c := range []struct {
		flag, option any
		want         bool
	}{{nil, nil, false}, {true, nil, true}, {false, nil, false}, {true, false, false}, {false, true, true}} {
		options := map[string]any{"enable_chunked_prefill": c.option}
		if got := (Arguments{"enable_chunked_context": c.flag}).ChunkedContext(options); got != c.want {
			t.Errorf("%+v: %v", c, got)
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
		v := version(t, "1.3.0rc26")
		inv, err := ParseArgv(argv, v)
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
		if inv.Args["backend"] == nil {
			inv.Args["backend"] = "pytorch"
		}
		again, err := ParseArgv(inv.Argv(), v)
		if err != nil {
			t.Fatalf("%q is emitted as %q: %v", argv, inv.Argv(), err)
		}
		if diff := cmp.Diff(inv, again); diff != "" {
			t.Fatalf("%q\n%s", argv, diff)
		}
	})
}
