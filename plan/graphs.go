package plan

import (
	"math/bits"
	"slices"

	"github.com/llmbench/llmbench/schema/catalog"
)

// versionOf has the facts of a version by name, those of the newest for "" or one that
// is not known.
func versionOf(cat *catalog.Catalog, name string) *catalog.Version {
	if m, ok := cat.Match(name); ok {
		return m.Version
	}
	return cat.Versions[len(cat.Versions)-1]
}

// graphPadding reports whether a batch is rounded up to one with a CUDA graph.
// trtllm-bench switches it on, and an object in the options file replaces that.
func graphPadding(options any, _ *catalog.Version) bool {
	obj, _ := options.(map[string]any)
	if flat, ok := obj["cuda_graph_padding_enabled"].(bool); ok {
		return flat
	}
	config, given := obj["cuda_graph_config"]
	if !given {
		return true
	}
	return optionIs(config, true, "enable_padding")
}

// graphSizes are the batch sizes with a CUDA graph, ascending. TensorRT-LLM takes
// most, max_batch_size, for those above it. Where no sizes are listed it makes them:
// up to most if nothing is declared, else up to the declared maximum or the version's
// own.
func graphSizes(options any, most int, v *catalog.Version) []int {
	obj, _ := options.(map[string]any)
	config, given := obj["cuda_graph_config"]
	if given && config == nil || obj["use_cuda_graph"] == false {
		return nil
	}
	object, _ := config.(map[string]any)
	list, ok := obj["cuda_graph_batch_sizes"].([]any)
	if !ok {
		list, _ = object["batch_sizes"].([]any)
	}
	var sizes []int
	for _, e := range list {
		if f, ok := e.(float64); ok {
			sizes = append(sizes, int(min(f, float64(most))))
		}
	}
	if len(sizes) > 0 {
		return slices.Compact(sizes)
	}
	limit := most
	if given && v.GraphDefaultMax > 0 {
		limit = v.GraphDefaultMax
	}
	for _, declared := range []any{object["max_batch_size"], obj["cuda_graph_max_batch_size"]} {
		if f, ok := declared.(float64); ok && f > 0 {
			limit = int(f)
		}
	}
	return generatedSizes(min(limit, most), graphPadding(options, v), v)
}

// generatedSizes are the sizes that a maximum stands for
// (CudaGraphConfig._generate_cuda_graph_batch_sizes).
func generatedSizes(most int, padding bool, v *catalog.Version) []int {
	if most < 1 {
		return nil
	}
	sizes := []int{1, 2, 4}
	if padding {
		for n := 8; n <= 128; n += 8 {
			sizes = append(sizes, n)
		}
	} else {
		sizes = sizes[:0]
		for n := 1; n <= 32; n++ {
			sizes = append(sizes, n)
		}
		sizes = append(sizes, 64, 128)
	}
	if padding && v.GraphStep > 0 {
		for n := 128 + v.GraphStep; n <= most; n += v.GraphStep {
			sizes = append(sizes, n)
		}
		return upTo(sizes, most)
	}
	powers := bits.Len(uint(most)) - 1 // the logarithm, rounded down
	if !v.GraphPowersBelow && most != 1<<powers {
		powers++
	}
	for i := 8; i < powers; i++ {
		sizes = append(sizes, 1<<i)
	}
	return upTo(sizes, most)
}

// upTo ends sizes with most.
func upTo(sizes []int, most int) []int {
	sizes = slices.DeleteFunc(sizes, func(n int) bool { return n > most })
	if sizes[len(sizes)-1] != most {
		sizes = append(sizes, most)
	}
	return sizes
}
