package plan

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
)

// graphSizes refuses CUDA-graph batch sizes that TensorRT-LLM would refuse or
// misread.
func (p *proof) graphSizes() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, names := range [][2]string{
		{"cuda_graph_config.batch_sizes", "cuda_graph_config.max_batch_size"},
		{"cuda_graph_batch_sizes", "cuda_graph_max_batch_size"},
	} {
		sizes, ok := p.option(names[0])
		if !ok {
			continue
		}
		place := "llm_api_options." + names[0]
		list, ok := plainValue(sizes).([]any)
		if !ok {
			diags = append(diags, p.errorAt(place, "CUDA graph sizes are not a list", names[0]+" must be a list of whole numbers, such as [1, 2, 4, 8].")...)
			continue
		}
		wrong := p.ascending(place, names[0], list)
		if len(wrong) == 0 {
			wrong = p.sizesAndMaximum(names[0], names[1], list)
		}
		diags = append(diags, wrong...)
	}
	return diags
}

func (p *proof) ascending(place, name string, list []any) hcl.Diagnostics {
	last := 0.0
	for _, e := range list {
		n, ok := e.(float64)
		if !ok || n < 1 || n != float64(int(n)) {
			return p.errorAt(place, "CUDA graph size is not a batch size", fmt.Sprintf("%s holds %v; batch sizes are whole numbers from 1.", name, e))
		}
		if n <= last {
			return p.errorAt(place, "CUDA graph sizes are not ascending", fmt.Sprintf(
				"%s must be ascending, since TensorRT-LLM takes the list as sorted; %v comes after %v.", name, n, last))
		}
		last = n
	}
	return nil
}

// sizesAndMaximum refuses a maximum beside the sizes that is not theirs. Up to 1.1 the
// sizes must even be those that the maximum alone stands for.
func (p *proof) sizesAndMaximum(sizes, maximum string, list []any) hcl.Diagnostics {
	v, both := p.option(maximum)
	most, _ := plainValue(v).(float64)
	if !both || most == 0 || len(list) == 0 {
		return nil
	}
	why := "the maximum must be the largest size"
	fits := list[len(list)-1] == most
	if p.cell.Version.GraphSizesExcludeMax {
		why = fmt.Sprintf("TensorRT-LLM %s refuses sizes that are not those that the maximum alone stands for", p.cell.Image.TRTLLMVersion)
		generated := generatedSizes(int(most), p.optionTrue("cuda_graph_config.enable_padding") || p.optionTrue("cuda_graph_padding_enabled"), p.cell.Version)
		fits = slices.EqualFunc(list, generated, func(e any, n int) bool { return e == float64(n) })
	}
	if fits {
		return nil
	}
	return p.errorAt("llm_api_options."+maximum, "CUDA graph sizes are given twice", fmt.Sprintf(
		"%s and %s cannot be used together: %s. Keep %s.", sizes, maximum, why, sizes))
}
