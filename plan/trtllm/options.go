package trtllm

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	yaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
)

// CompleteOptions completes the kv_cache_config of llm_api_options with what
// trtllm-bench would set by itself: block reuse off, and the fraction of
// --kv_cache_free_gpu_mem_fraction, nil for none. Up to 1.1 a partial
// kv_cache_config in the options file throws both away. Declared keys win.
// options may be null, and the result is an object even then.
func CompleteOptions(options cty.Value, kvFraction *float64) cty.Value {
	top := attributes(options)
	declared, ok := top["kv_cache_config"]
	if ok && !declared.IsNull() && !isMapping(declared) {
		return cty.ObjectVal(top)
	}
	kv := attributes(declared)
	if _, ok := kv["enable_block_reuse"]; !ok {
		kv["enable_block_reuse"] = cty.False
	}
	if _, ok := kv["free_gpu_memory_fraction"]; !ok && kvFraction != nil {
		kv["free_gpu_memory_fraction"] = cty.NumberFloatVal(*kvFraction)
	}
	top["kv_cache_config"] = cty.ObjectVal(kv)
	return cty.ObjectVal(top)
}

// attributes returns a copy of the keys of a mapping; none of anything else.
func attributes(v cty.Value) map[string]cty.Value {
	out := map[string]cty.Value{}
	if v == cty.NilVal || v.IsNull() || !isMapping(v) {
		return out
	}
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		out[k.AsString()] = e
	}
	return out
}

func isMapping(v cty.Value) bool { return v.Type().IsObjectType() || v.Type().IsMapType() }

// OptionsYAML writes an options file, which must be a mapping and known in full.
// Equal values give equal bytes: keys are sorted, numbers are rounded to float64
// and shortest, nulls are kept. Strings and keys are quoted, so
// that no YAML reads "on", "1e3" or "null" as something else.
func OptionsYAML(options cty.Value) ([]byte, error) {
	if options == cty.NilVal || options.IsNull() || !isMapping(options) {
		return nil, errors.New("options file: the options are not a mapping")
	}
	portable, err := cty.Transform(options, makePortable)
	if err != nil {
		return nil, fmt.Errorf("options file: %w", err)
	}
	b, err := yaml.Marshal(portable)
	if err != nil {
		return nil, fmt.Errorf("options file: %w", err)
	}
	return b, nil
}

// makePortable rounds numbers and refuses what a reader would take for something
// else.
func makePortable(path cty.Path, v cty.Value) (cty.Value, error) {
	switch {
	case !v.IsKnown() || v.IsNull():
		return v, nil
	case isMapping(v):
		if _, ok := attributes(v)["<<"]; ok {
			return v, path.NewErrorf("the key << would be read as a merge")
		}
	case v.Type() == cty.Number:
		f, _ := v.AsBigFloat().Float64()
		if math.IsInf(f, 0) {
			return v, path.NewErrorf("a number is too large")
		}
		if f == math.Trunc(f) && math.Abs(f) <= 1<<53 {
			return cty.NumberIntVal(int64(f)), nil
		}
		// The shortest form of a big.Float that is a power of two is not always
		// that number, so the decimals come from strconv.
		return cty.MustParseNumberVal(strconv.FormatFloat(f, 'f', -1, 64)), nil
	}
	return v, nil
}

// ParseOptions reads an options file: one mapping of objects, tuples, strings,
// numbers, booleans and nulls. Of a key that is there twice the last one counts,
// as in Python.
func ParseOptions(src []byte) (cty.Value, error) {
	ty, err := yaml.ImpliedType(src)
	if err != nil {
		return cty.NilVal, fmt.Errorf("options file: %w", err)
	}
	if !ty.IsObjectType() {
		return cty.NilVal, errors.New("options file: it is not a mapping")
	}
	v, err := yaml.Unmarshal(src, ty)
	if err != nil {
		return cty.NilVal, fmt.Errorf("options file: %w", err)
	}
	return v, nil
}
