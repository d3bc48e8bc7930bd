package trtllm

import (
	"fmt"

	yaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
)

// CompleteOptions completes the kv_cache_config of llm_api_options with what
// trtllm-bench would set by itself: block reuse off, and the fraction of
// --kv_cache_free_gpu_mem_fraction. Up to 1.1 a partial kv_cache_config in the
// options file throws both away. Declared keys win; options may be null.
func CompleteOptions(options cty.Value, kvFraction *float64) cty.Value {
	top := attributes(options)
	kv := attributes(top["kv_cache_config"])
	if _, ok := kv["enable_block_reuse"]; !ok {
		kv["enable_block_reuse"] = cty.False
	}
	if _, ok := kv["free_gpu_memory_fraction"]; !ok && kvFraction != nil {
		kv["free_gpu_memory_fraction"] = cty.NumberFloatVal(*kvFraction)
	}
	top["kv_cache_config"] = cty.ObjectVal(kv)
	return cty.ObjectVal(top)
}

func attributes(v cty.Value) map[string]cty.Value {
	out := map[string]cty.Value{}
	if v == cty.NilVal || v.IsNull() || !(v.Type().IsObjectType() || v.Type().IsMapType()) {
		return out
	}
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		out[k.AsString()] = e
	}
	return out
}

// OptionsYAML writes an options file. Equal values give equal bytes: keys are
// sorted.
func OptionsYAML(options cty.Value) ([]byte, error) {
	b, err := yaml.Marshal(options)
	if err != nil {
		return nil, fmt.Errorf("options file: %w", err)
	}
	return b, nil
}

// ParseOptions reads an options file.
func ParseOptions(src []byte) (cty.Value, error) {
	ty, err := yaml.ImpliedType(src)
	if err != nil {
		return cty.NilVal, fmt.Errorf("options file: %w", err)
	}
	v, err := yaml.Unmarshal(src, ty)
	if err != nil {
		return cty.NilVal, fmt.Errorf("options file: %w", err)
	}
	return v, nil
}
