# Models and their checkpoints.
#
# Dimensions are those of each model's config.json on Hugging Face. Sizes of
# checkpoints are those that NVIDIA's dgxc-benchmarking recipes (v25.08.02) list
# for their directories, in GiB there; a size that is not listed is left out.
# kv_cache_dtype is what trtllm-bench takes where nothing is declared: FP8 for FP8
# and NVFP4 checkpoints.

# Layers alternate between dense and MoE. Three of four layers carry rotary
# positions and attend inside chunks of 8192 tokens, every fourth to everything.
#
# The tokenizer has 200000 base tokens. Special tokens start there: 200001 ends
# a text (<|end_of_text|>), and 200008 (<|eot|>) ends a turn; the config lists
# both as end tokens, and <|eot|> is what the instruction-tuned model ends with,
# so it is the tokenizer's eos_token. The rows of the embedding go on to 202048.
#
# NVIDIA's FP8 checkpoint keeps all text projections in FP8: only so do its parts
# add up to the listed 376 GiB. Its KV cache is FP8, which is also what the
# recipe's token limits follow from.
model "llama4_maverick" {
  name            = "Llama 4 Maverick"
  layers          = 48
  hidden          = 5120
  heads           = 40
  kv_heads        = 8
  head_dim        = 128
  attention_chunk = 8192
  chunked_layers  = 36
  dense_layers    = 24
  dense_ffn       = 16384
  moe_layers      = 24
  experts         = 128
  top_k           = 1
  expert_ffn      = 8192
  shared_experts  = 1
  shared_ffn      = 8192
  vocab           = 202048
  tokenizer_vocab = 200000
  eos             = 200008
  max_positions   = 1048576
  vision_params   = 0.87e9 # 34 layers of 1408 with a feed-forward part of 5632, and the projector

  checkpoint "nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8" {
    base           = "meta-llama/Llama-4-Maverick-17B-128E-Instruct"
    quantization   = "FP8"
    kv_cache_dtype = "FP8"
    bytes          = 403726925824 # 376 GiB
    shards         = 52
  }
}

# As Maverick, but every layer is MoE.
model "llama4_scout" {
  name            = "Llama 4 Scout"
  layers          = 48
  hidden          = 5120
  heads           = 40
  kv_heads        = 8
  head_dim        = 128
  attention_chunk = 8192
  chunked_layers  = 36
  moe_layers      = 48
  experts         = 16
  top_k           = 1
  expert_ffn      = 8192
  shared_experts  = 1
  shared_ffn      = 8192
  vocab           = 202048
  tokenizer_vocab = 200000
  eos             = 200008
  max_positions   = 10485760
  vision_params   = 0.87e9

  checkpoint "nvidia/Llama-4-Scout-17B-16E-Instruct-FP8" {
    base           = "meta-llama/Llama-4-Scout-17B-16E-Instruct"
    quantization   = "FP8"
    kv_cache_dtype = "FP8"
  }

  checkpoint "nvidia/Llama-4-Scout-17B-16E-Instruct-FP4" {
    base           = "meta-llama/Llama-4-Scout-17B-16E-Instruct"
    quantization   = "NVFP4"
    kv_cache_dtype = "FP8"
  }
}

# 128009 is <|eot_id|>. Special tokens follow the 128000 base tokens.
model "llama3_3_70b" {
  name            = "Llama 3.3 70B"
  layers          = 80
  hidden          = 8192
  heads           = 64
  kv_heads        = 8
  head_dim        = 128
  dense_layers    = 80
  dense_ffn       = 28672
  vocab           = 128256
  tokenizer_vocab = 128000
  eos             = 128009
  max_positions   = 131072

  checkpoint "nvidia/Llama-3.3-70B-Instruct-FP8" {
    quantization   = "FP8"
    kv_cache_dtype = "FP8"
  }

  checkpoint "nvidia/Llama-3.3-70B-Instruct-FP4" {
    quantization   = "NVFP4"
    kv_cache_dtype = "FP8"
    bytes          = 42949672960 # 40 GiB
  }
}

model "llama3_1_8b" {
  name            = "Llama 3.1 8B"
  layers          = 32
  hidden          = 4096
  heads           = 32
  kv_heads        = 8
  head_dim        = 128
  dense_layers    = 32
  dense_ffn       = 14336
  vocab           = 128256
  tokenizer_vocab = 128000
  eos             = 128009
  max_positions   = 131072

  checkpoint "nvidia/Llama-3.1-8B-Instruct-FP8" {
    quantization   = "FP8"
    kv_cache_dtype = "FP8"
  }
}

model "llama3_1_405b" {
  name            = "Llama 3.1 405B"
  layers          = 126
  hidden          = 16384
  heads           = 128
  kv_heads        = 8
  head_dim        = 128
  dense_layers    = 126
  dense_ffn       = 53248
  vocab           = 128256
  tokenizer_vocab = 128000
  eos             = 128009
  max_positions   = 131072

  checkpoint "nvidia/Llama-3.1-405B-Instruct-FP8" {
    quantization   = "FP8"
    kv_cache_dtype = "FP8"
  }

  checkpoint "nvidia/Llama-3.1-405B-Instruct-FP4" {
    quantization   = "NVFP4"
    kv_cache_dtype = "FP8"
  }
}

# Multi-head latent attention: one compressed vector of 512 for keys and values
# and a rotary key of 64 per token. The first three layers are dense. 1 is the
# end-of-sentence token.
model "deepseek_r1" {
  name            = "DeepSeek-R1"
  layers          = 61
  hidden          = 7168
  heads           = 128
  kv_heads        = 128
  head_dim        = 128
  mla_rank        = 512
  mla_rope        = 64
  q_rank          = 1536
  dense_layers    = 3
  dense_ffn       = 18432
  mtp_layers      = 1
  moe_layers      = 58
  experts         = 256
  top_k           = 8
  expert_ffn      = 2048
  shared_experts  = 1
  shared_ffn      = 2048
  vocab           = 129280
  tokenizer_vocab = 128000
  eos             = 1
  max_positions   = 163840

  checkpoint "deepseek-ai/DeepSeek-R1" {
    quantization   = "FP8"
    kv_cache_dtype = "FP8"
  }

  # Its size says that attention is not quantized.
  checkpoint "nvidia/DeepSeek-R1-FP4" {
    quantization    = "NVFP4"
    kv_cache_dtype  = "FP8"
    attention_dtype = "BF16"
    bytes           = 424128020480 # 395 GiB
  }

  # The second quantization covers the output projection too, which is most of
  # attention.
  checkpoint "nvidia/DeepSeek-R1-0528-NVFP4-v2" {
    quantization   = "NVFP4"
    kv_cache_dtype = "FP8"
    since          = "1.1"
  }
}

# 151645 is <|im_end|>. Special tokens follow the 151643 base tokens.
model "qwen3_235b_a22b" {
  name            = "Qwen3-235B-A22B"
  layers          = 94
  hidden          = 4096
  heads           = 64
  kv_heads        = 4
  head_dim        = 128
  moe_layers      = 94
  experts         = 128
  top_k           = 8
  expert_ffn      = 1536
  vocab           = 151936
  tokenizer_vocab = 151643
  eos             = 151645
  max_positions   = 40960

  checkpoint "nvidia/Qwen3-235B-A22B-FP8" {
    quantization   = "FP8"
    kv_cache_dtype = "FP8"
  }

  checkpoint "nvidia/Qwen3-235B-A22B-FP4" {
    quantization   = "NVFP4"
    kv_cache_dtype = "FP8"
  }
}

model "qwen3_30b_a3b" {
  name            = "Qwen3-30B-A3B"
  layers          = 48
  hidden          = 2048
  heads           = 32
  kv_heads        = 4
  head_dim        = 128
  moe_layers      = 48
  experts         = 128
  top_k           = 8
  expert_ffn      = 768
  vocab           = 151936
  tokenizer_vocab = 151643
  eos             = 151645
  max_positions   = 40960

  checkpoint "nvidia/Qwen3-30B-A3B-FP4" {
    quantization   = "NVFP4"
    kv_cache_dtype = "FP8"
  }
}

# Every other layer attends to a window of 128 tokens. 200002 is <|return|>. Only
# the experts are quantized.
model "gpt_oss_120b" {
  name             = "gpt-oss-120b"
  layers           = 36
  hidden           = 2880
  heads            = 64
  kv_heads         = 8
  head_dim         = 64
  attention_window = 128
  window_layers    = 18
  moe_layers       = 36
  experts          = 128
  top_k            = 4
  expert_ffn       = 2880
  vocab            = 201088
  tokenizer_vocab  = 199998
  eos              = 200002
  max_positions    = 131072

  checkpoint "openai/gpt-oss-120b" {
    quantization    = "MXFP4"
    kv_cache_dtype  = "BF16"
    attention_dtype = "BF16"
    ffn_dtype       = "BF16"
  }
}

model "gpt_oss_20b" {
  name             = "gpt-oss-20b"
  layers           = 24
  hidden           = 2880
  heads            = 64
  kv_heads         = 8
  head_dim         = 64
  attention_window = 128
  window_layers    = 12
  moe_layers       = 24
  experts          = 32
  top_k            = 4
  expert_ffn       = 2880
  vocab            = 201088
  tokenizer_vocab  = 199998
  eos              = 200002
  max_positions    = 131072

  checkpoint "openai/gpt-oss-20b" {
    quantization    = "MXFP4"
    kv_cache_dtype  = "BF16"
    attention_dtype = "BF16"
    ffn_dtype       = "BF16"
  }
}
