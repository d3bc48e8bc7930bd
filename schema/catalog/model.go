package catalog

import "github.com/hashicorp/hcl/v2"

// A Model is an architecture and its published checkpoints. A count that does
// not apply is 0.
type Model struct {
	Label string `hcl:"label,label"` // "llama4_maverick"
	Name  string `hcl:"name"`        // as people write it

	Layers int `hcl:"layers"`
	Hidden int `hcl:"hidden"`

	// Heads, KVHeads and HeadDim describe attention. With multi-head latent
	// attention (MLARank above 0) HeadDim is that of queries and keys without
	// their rotary part, and of values.
	Heads   int `hcl:"heads"`
	KVHeads int `hcl:"kv_heads"`
	HeadDim int `hcl:"head_dim"`
	// MLARank is the rank of the compressed keys and values, MLARope the
	// dimension of the rotary key beside them, QRank the rank of the queries.
	MLARank int `hcl:"mla_rank,optional"`
	MLARope int `hcl:"mla_rope,optional"`
	QRank   int `hcl:"q_rank,optional"`
	// AttentionChunk is the number of tokens inside which ChunkedLayers attend;
	// AttentionWindow that which WindowLayers look back.
	AttentionChunk  int `hcl:"attention_chunk,optional"`
	ChunkedLayers   int `hcl:"chunked_layers,optional"`
	AttentionWindow int `hcl:"attention_window,optional"`
	WindowLayers    int `hcl:"window_layers,optional"`

	// DenseLayers of the layers have a feed-forward part of width DenseFFN,
	// MoELayers have Experts of width ExpertFFN, TopK of them active, and
	// SharedExperts of width SharedFFN.
	DenseLayers   int `hcl:"dense_layers,optional"`
	DenseFFN      int `hcl:"dense_ffn,optional"`
	MoELayers     int `hcl:"moe_layers,optional"`
	Experts       int `hcl:"experts,optional"`
	TopK          int `hcl:"top_k,optional"`
	ExpertFFN     int `hcl:"expert_ffn,optional"`
	SharedExperts int `hcl:"shared_experts,optional"`
	SharedFFN     int `hcl:"shared_ffn,optional"`

	// Vocab is the number of rows of the embedding, TokenizerVocab the size of
	// the tokenizer's base vocabulary, from which prompts are drawn. EOS is the
	// id of the end-of-text token.
	Vocab          int `hcl:"vocab"`
	TokenizerVocab int `hcl:"tokenizer_vocab"`
	EOS            int `hcl:"eos"`
	MaxPositions   int `hcl:"max_positions"`

	// MTPLayers are layers that predict further tokens, for speculation by MTP.
	MTPLayers int `hcl:"mtp_layers,optional"`

	// VisionParams is the number of parameters of a vision tower, which every
	// rank loads and text leaves idle.
	VisionParams float64 `hcl:"vision_params,optional"`

	Checkpoints []*Checkpoint `hcl:"checkpoint,block"`

	From  string    // the user's file that declares it, "" for a built-in one
	Range hcl.Range `hcl:",def_range"`
}

// A Checkpoint is one published set of a model's weights. Embedding, head and
// router are BF16 in all of them.
type Checkpoint struct {
	ID string `hcl:"id,label"` // on Hugging Face
	// Base is the repository that the checkpoint was made from, "" where its
	// licence asks for no consent of its own.
	Base         string `hcl:"base,optional"`
	Quantization string `hcl:"quantization"`
	// KVCacheDtype is the type of the KV cache that TensorRT-LLM chooses for the
	// checkpoint: FP8 or BF16.
	KVCacheDtype string `hcl:"kv_cache_dtype"`
	// AttentionDtype, FFNDtype and ExpertDtype are the types of the projections
	// of attention, of dense and shared feed-forward parts and of the routed
	// experts: BF16, FP8, NVFP4 or MXFP4. "" is Quantization.
	AttentionDtype string `hcl:"attention_dtype,optional"`
	FFNDtype       string `hcl:"ffn_dtype,optional"`
	ExpertDtype    string `hcl:"expert_dtype,optional"`
	// Since is the version of TensorRT-LLM from which on published runs use the
	// checkpoint, "" for all.
	Since string `hcl:"since,optional"`
	// Bytes is the size of the directory and Shards the number of safetensors
	// files; 0 is not known.
	Bytes  int64 `hcl:"bytes,optional"`
	Shards int   `hcl:"shards,optional"`
}

// Parameters counts a model's parameters by what holds them.
type Parameters struct {
	Attention, DenseFFN, SharedExperts, Router, Experts, Embedding, Head float64
}

// Parameters counts the parameters of the text part, without norms and biases.
// Embedding and head are not tied in any catalogued model.
func (m *Model) Parameters() Parameters {
	hidden, moe := float64(m.Hidden), float64(m.MoELayers)
	return Parameters{
		Attention:     float64(m.Layers) * m.attentionParameters(),
		DenseFFN:      float64(m.DenseLayers) * 3 * hidden * float64(m.DenseFFN),
		SharedExperts: moe * float64(m.SharedExperts) * 3 * hidden * float64(m.SharedFFN),
		Router:        moe * hidden * float64(m.Experts),
		Experts:       moe * float64(m.Experts) * 3 * hidden * float64(m.ExpertFFN),
		Embedding:     float64(m.Vocab) * hidden,
		Head:          float64(m.Vocab) * hidden,
	}
}

// attentionParameters counts the projections of one layer.
func (m *Model) attentionParameters() float64 {
	h, heads, d := float64(m.Hidden), float64(m.Heads), float64(m.HeadDim)
	if m.MLARank == 0 {
		return 2*h*heads*d + 2*h*float64(m.KVHeads)*d
	}
	q, rank, rope := float64(m.QRank), float64(m.MLARank), float64(m.MLARope)
	return h*q + q*heads*(d+rope) + h*(rank+rope) + rank*heads*2*d + heads*d*h
}

// KVElements is the number of KV cache elements that one token takes on all
// layers together.
func (m *Model) KVElements() int {
	if m.MLARank > 0 {
		return m.Layers * (m.MLARank + m.MLARope)
	}
	return 2 * m.Layers * m.KVHeads * m.HeadDim
}
