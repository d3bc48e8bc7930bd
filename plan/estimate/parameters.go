package estimate

import (
	"reflect"
	"slices"
)

// Parameters are what peak rates leave open: shares of peak, bytes, seconds.
// Where kernels differ by architecture there is one for Hopper and one for
// Blackwell. parameters.json says what each is, under the name in its tag.
type Parameters struct {
	Weights         float64 `name:"weights"`
	WeightsFP4      float64 `name:"weights_fp4"`
	WeightsHopper   float64 `name:"weights_hopper"`
	DenseBF16       float64 `name:"dense_bf16"`
	DenseFP8        float64 `name:"dense_fp8"`
	DenseFP8Hopper  float64 `name:"dense_fp8_hopper"`
	DenseFP4        float64 `name:"dense_fp4"`
	MoEFP8          float64 `name:"moe_fp8"`
	MoEFP8Block     float64 `name:"moe_fp8_block"`
	MoEFP8Hopper    float64 `name:"moe_fp8_hopper"`
	MoEMXFP4        float64 `name:"moe_mxfp4"`
	MoEMXFP4Hopper  float64 `name:"moe_mxfp4_hopper"`
	MoEFP4          float64 `name:"moe_fp4"`
	MoEFP4Early     float64 `name:"moe_fp4_early"`
	Skew            float64 `name:"skew"`
	Tile            float64 `name:"tile"`
	Norm            float64 `name:"norm"`
	KV              float64 `name:"kv"`
	KVHopper        float64 `name:"kv_hopper"`
	KVChunkedHopper float64 `name:"kv_chunked_hopper"`
	Prefill         float64 `name:"prefill"`
	PrefillHopper   float64 `name:"prefill_hopper"`
	MLA             float64 `name:"mla"`
	Element         float64 `name:"element"`
	ElementMoE      float64 `name:"element_moe"`
	Layer           float64 `name:"layer"`
	LayerHopper     float64 `name:"layer_hopper"`
	LayerMoE        float64 `name:"layer_moe"`
	LayerMoEHopper  float64 `name:"layer_moe_hopper"`
	LayerTriton     float64 `name:"layer_triton"`
	LayerMLA        float64 `name:"layer_mla"`
	Link            float64 `name:"link"`
	Reduce          float64 `name:"reduce"`
	ReduceLarge     float64 `name:"reduce_large"`
	Collective      float64 `name:"collective"`
	Launch          float64 `name:"launch"`
	LaunchTriton    float64 `name:"launch_triton"`
	HostRequest     float64 `name:"host_request"`
	Host            float64 `name:"host"`
	Grace           float64 `name:"grace"`
	HostEarly       float64 `name:"host_early"`
	Overlap         float64 `name:"overlap"`
	Head            float64 `name:"head"`
	Workspace       float64 `name:"workspace"`
	Activation      float64 `name:"activation"`
}

// At is the parameter of a name, nil for an unknown one.
func (p *Parameters) At(name string) *float64 {
	for i := range parametersType.NumField() {
		if parametersType.Field(i).Tag.Get("name") == name {
			return p.field(i)
		}
	}
	return nil
}

// names are those of parameters of p.
func (p *Parameters) names(list []*float64) []string {
	var names []string
	for i := range parametersType.NumField() {
		if slices.Contains(list, p.field(i)) {
			names = append(names, parametersType.Field(i).Tag.Get("name"))
		}
	}
	return names
}

func (p *Parameters) field(i int) *float64 {
	return reflect.ValueOf(p).Elem().Field(i).Addr().Interface().(*float64)
}

var parametersType = reflect.TypeFor[Parameters]()

// weights is the share of bandwidth when weights of a type are read.
func (p *Parameters) weights(d Dtype, g GPU) *float64 {
	if d == NVFP4 || d == MXFP4 {
		return &p.WeightsFP4
	}
	return pick(g, &p.Weights, &p.WeightsHopper)
}

// dense is the share of peak in dense layers.
func (p *Parameters) dense(d Dtype, g GPU) *float64 {
	switch {
	case d == BF16:
		return &p.DenseBF16
	case d != FP8:
		return &p.DenseFP4
	}
	return pick(g, &p.DenseFP8, &p.DenseFP8Hopper)
}

// moe is the share of peak in the experts of a model.
func (p *Parameters) moe(m *Model, g GPU, early bool) *float64 {
	switch d := m.Routed.Dtype; {
	case early && d == NVFP4:
		return &p.MoEFP4Early
	case d == NVFP4:
		return &p.MoEFP4
	case d == MXFP4:
		return pick(g, &p.MoEMXFP4, &p.MoEMXFP4Hopper)
	case g.Hopper:
		return &p.MoEFP8Hopper
	case m.MLARank > 0:
		return &p.MoEFP8Block // DeepSeek's own FP8
	}
	return &p.MoEFP8
}

// pick is what is of the GPU's architecture.
func pick[T any](g GPU, blackwell, hopper T) T {
	if g.Hopper {
		return hopper
	}
	return blackwell
}
