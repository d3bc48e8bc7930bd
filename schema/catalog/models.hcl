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
  vision_params   = 0.87e9

  checkpoint "nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8" {
    quantization   = "FP8"
    kv_cache_dtype = "FP8"
    bytes          = 403726925824
    shards         = 52
  }
}
