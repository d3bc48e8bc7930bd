package trtllm

import (
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"
)

func object(pairs ...any) cty.Value {
	m := map[string]cty.Value{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1].(cty.Value)
	}
	return cty.ObjectVal(m)
}

func TestCompleteOptions(t *testing.T) {
	fraction := 0.85
	off, declared := cty.False, cty.NumberFloatVal(0.5)
	number := cty.NumberFloatVal(fraction)
	for name, c := range map[string]struct {
		options  cty.Value
		fraction *float64
		want     cty.Value
	}{
		"nothing declared":     {cty.NullVal(cty.DynamicPseudoType), &fraction, object("kv_cache_config", object("enable_block_reuse", off, "free_gpu_memory_fraction", number))},
		"no value at all":      {cty.NilVal, nil, object("kv_cache_config", object("enable_block_reuse", off))},
		"null kv_cache_config": {object("kv_cache_config", cty.NullVal(cty.DynamicPseudoType)), nil, object("kv_cache_config", object("enable_block_reuse", off))},
		"partial": {object("kv_cache_config", object("dtype", cty.StringVal("fp8")), "stream_interval", cty.NumberIntVal(4)), &fraction,
			object("kv_cache_config", object("dtype", cty.StringVal("fp8"), "enable_block_reuse", off, "free_gpu_memory_fraction", number), "stream_interval", cty.NumberIntVal(4))},
		"declared keys win": {object("kv_cache_config", object("enable_block_reuse", cty.True, "free_gpu_memory_fraction", declared)), &fraction,
			object("kv_cache_config", object("enable_block_reuse", cty.True, "free_gpu_memory_fraction", declared))},
		"a map":                                 {cty.MapVal(map[string]cty.Value{"a": cty.True}), nil, object("a", cty.True, "kv_cache_config", object("enable_block_reuse", off))},
		"not a mapping is left to TensorRT-LLM": {object("kv_cache_config", cty.True), &fraction, object("kv_cache_config", cty.True)},
	} {
		got := CompleteOptions(c.options, c.fraction)
		if !got.RawEquals(c.want) {
			t.Errorf("%s: %#v\nwant %#v", name, got, c.want)
		}
		if again := CompleteOptions(got, c.fraction); !again.RawEquals(got) {
			t.Errorf("%s: completing again changes it", name)
		}
	}
}

func TestOptionsYAML(t *testing.T) {
	precise, _, err := big.ParseFloat("0.1", 10, 512, big.ToNearestEven)
	if err != nil {
		t.Fatal(err)
	}
	got, err := OptionsYAML(object(
		"print_iter_log", cty.True,
		"moe_config", object("backend", cty.StringVal("WIDEEP"), "load_balancer", cty.NullVal(cty.String)),
		"kv_cache_config", object("free_gpu_memory_fraction", cty.NumberFloatVal(0.9), "dtype", cty.StringVal("auto")),
		"cuda_graph_config", object("batch_sizes", cty.TupleVal([]cty.Value{cty.NumberIntVal(1), cty.NumberIntVal(256)}), "enable_padding", cty.True),
		"empty", object("list", cty.EmptyTupleVal, "object", cty.EmptyObjectVal),
		"numbers", cty.TupleVal([]cty.Value{cty.NumberVal(precise), cty.NumberFloatVal(1e-7), cty.NumberIntVal(1 << 53), cty.NumberFloatVal(-2.5), cty.NumberFloatVal(0x1p-77)}),
		"strings", cty.ListVal([]cty.Value{cty.StringVal("on"), cty.StringVal("1e3"), cty.StringVal("null"), cty.StringVal("~"), cty.StringVal(""), cty.StringVal("12:30"), cty.StringVal(`a"b`)}),
	))
	if err != nil {
		t.Fatal(err)
	}
	want := `"cuda_graph_config":
  "batch_sizes":
  - 1
  - 256
  "enable_padding": true
"empty":
  "list": []
  "object": {}
"kv_cache_config":
  "dtype": "auto"
  "free_gpu_memory_fraction": 0.9
"moe_config":
  "backend": "WIDEEP"
  "load_balancer": null
"numbers":
- 0.1
- 0.0000001
- 9007199254740992
- -2.5
- 0.000000000000000000000006617444900424222
"print_iter_log": true
"strings":
- "on"
- "1e3"
- "null"
- "~"
- ""
- "12:30"
- "a\"b"
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestOptionsYAMLRefuses(t *testing.T) {
	for name, v := range map[string]cty.Value{
		"nothing": cty.NilVal, "null": cty.NullVal(cty.EmptyObject), "list": cty.EmptyTupleVal, "string": cty.StringVal("a"),
		"unknown": object("a", cty.UnknownVal(cty.String)), "infinite": object("a", cty.PositiveInfinity), "merge": object("a", object("<<", cty.EmptyObjectVal)), "too large": object("a", cty.MustParseNumberVal("1e400")),
	} {
		if b, err := OptionsYAML(v); err == nil {
			t.Errorf("%s is written: %s", name, b)
		}
	}
}

// anyValue draws what JSON can say.
func anyValue(t *rapid.T, depth int) cty.Value {
	kinds := 6
	if depth == 0 {
		kinds = 4
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return cty.NullVal(cty.DynamicPseudoType)
	case 1:
		return cty.BoolVal(rapid.Bool().Draw(t, "bool"))
	case 2:
		if rapid.Bool().Draw(t, "whole") {
			return cty.NumberIntVal(rapid.Int64Range(-1<<53, 1<<53).Draw(t, "int"))
		}
		return cty.MustParseNumberVal(strconv.FormatFloat(rapid.Float64().Draw(t, "float"), 'f', -1, 64))
	case 3:
		return cty.StringVal(anyText().Draw(t, "string"))
	case 4:
		list := []cty.Value{}
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			list = append(list, anyValue(t, depth-1))
		}
		return cty.TupleVal(list)
	}
	return anyObject(t, depth-1)
}

func anyObject(t *rapid.T, depth int) cty.Value {
	m := map[string]cty.Value{}
	for range rapid.IntRange(0, 3).Draw(t, "size") {
		key := cty.StringVal(anyText().Draw(t, "key")).AsString() // normalised
		if key != "<<" {
			m[key] = anyValue(t, depth)
		}
	}
	return cty.ObjectVal(m)
}

// anyText draws strings that YAML could mistake for something else.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.String(),
		rapid.StringMatching(`[a-z_]{1,12}`),
		rapid.StringMatching(`[-+.0-9eExob_:~ \n\t'"#&*!|>%@,\[\]{}<=?]{0,8}`),
		rapid.SampledFrom([]string{"yes", "No", "on", "OFF", "true", "null", "Null", "~", "", "<<", "=", ".inf", ".nan", "0x1F", "010", "1_000", "12:30", "2024-01-01", "---", "a\n", "\n", " a\n b\n\n", "a: b", "- a", "\u0085", "\u2028"}),
	)
}

func TestOptionsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyObject(t, 3)
		b, err := OptionsYAML(v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseOptions(b)
		if err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		if !got.RawEquals(v) {
			t.Fatalf("%#v is read back as %#v\n%s", v, got, b)
		}
		if again, _ := OptionsYAML(got); string(again) != string(b) {
			t.Fatalf("%s\nis written again as\n%s", b, again)
		}
	})
}

func TestParseOptions(t *testing.T) {
	got, err := ParseOptions([]byte(`# a file of a colleague
enable_attention_dp: true
kv_cache_config: {dtype: fp8, free_gpu_memory_fraction: .85}
cuda_graph_config:
  batch_sizes: [1, 2]
  enable_padding: yes
moe_config: null
`))
	if err != nil {
		t.Fatal(err)
	}
	want := object(
		"enable_attention_dp", cty.True,
		"kv_cache_config", object("dtype", cty.StringVal("fp8"), "free_gpu_memory_fraction", cty.MustParseNumberVal("0.85")),
		"cuda_graph_config", object("batch_sizes", cty.TupleVal([]cty.Value{cty.NumberIntVal(1), cty.NumberIntVal(2)}), "enable_padding", cty.True),
		"moe_config", cty.NullVal(cty.DynamicPseudoType),
	)
	if !got.RawEquals(want) {
		t.Errorf("%#v\nwant %#v", got, want)
	}
	for name, src := range map[string]string{
		"empty": "", "null": "null", "list": "- a", "text": "a", "two documents": "a: 1\n---\nb: 2\n", "not closed": `a: "b`, "tab": "a:\n\tb: 1",
		"unknown tag": "a: !python/object 1", "anchor": "a: *b", "not a number": "a: .nan",
	} {
		if v, err := ParseOptions([]byte(src)); err == nil || !strings.HasPrefix(err.Error(), "options file: ") {
			t.Errorf("%s: %#v, %v", name, v, err)
		}
	}
}

func FuzzParseOptions(f *testing.F) {
	for _, s := range []string{"a: 1\nb: [x, null, 0.5]\n", "\"k\":\n- \"on\"\n", "a: &x {b: 1}\nc: *x\nd: {<<: *x}\n", "? |\n  k\n: true\n", "a: 2024-01-01"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		v, err := ParseOptions(src)
		if err != nil {
			return
		}
		b, err := OptionsYAML(v)
		if err != nil {
			return // too large a number, say
		}
		again, err := ParseOptions(b)
		if err != nil {
			t.Fatalf("%q is written as %q: %v", src, b, err)
		}
		if twice, _ := OptionsYAML(again); string(twice) != string(b) {
			t.Fatalf("%q, then %q", b, twice)
		}
	})
}
