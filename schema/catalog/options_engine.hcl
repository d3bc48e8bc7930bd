# Option objects of the engine: KV cache, scheduler, CUDA graphs, mixture of
# experts, attention data parallelism, compilation.

object "kv_cache_config" {
  free_gpu_memory_fraction = { type = "float", min = 0.001, max = 1 } # here or as flag, not both

  enable_block_reuse             = { type = "bool" }
  max_tokens                     = { type = "int" }
  max_attention_window           = { type = "list(int)" }
  sink_token_length              = { type = "int" }
  host_cache_size                = { type = "int" } # bytes
  onboard_blocks                 = { type = "bool", until = "1.2" }
  cross_kv_cache_fraction        = { type = "float" }
  secondary_offload_min_priority = { type = "int" }
  event_buffer_max_size          = { type = "int" }
  enable_partial_reuse           = { type = "bool" }
  copy_on_partial_reuse          = { type = "bool" }

  use_uvm = { type = "bool", since = "1.0.0rc4" }
  dtype   = { type = "string", values = ["auto", "fp8"], since = "1.0.0rc4", until = "1.0" }

  attention_dp_events_gather_period_ms = { type = "int", since = "1.1" }
  max_gpu_total_bytes                  = { type = "int", since = "1.1" } # bytes
  tokens_per_block                     = { type = "int", since = "1.1" }
  mamba_ssm_cache_dtype = {
    type   = "string"
    values = ["auto", "float16", "bfloat16", "float32"]
    since  = "1.1"
  }
}

# Any text is taken, and one that is not known only warned of; nvfp4 came later
# than fp8.
object "kv_cache_config" {
  since  = "1.1"
  until  = "1.2"
  source = "tensorrt_llm/llmapi/llm_args.py of January 2026"

  dtype = { type = "string", values = ["auto", "fp8", "nvfp4"] }
}

object "kv_cache_config" {
  since = "1.3.0rc26"

  dtype = {
    type   = "string"
    values = ["auto", "float16", "bfloat16", "float32", "fp8", "fp8_ds_mla", "nvfp4"]
  }

  avg_seq_len                   = { type = "int" }
  block_reuse_config            = { type = "any" }
  disk_cache_size               = { type = "int" } # bytes
  disk_prefetch_num_reqs        = { type = "int" }
  enable_kv_pool_rebalance      = { type = "bool" }
  enable_swa_scratch_reuse      = { type = "bool" }
  fp8_context_mla_kv_len_cap    = { type = "int" }
  iteration_stats_interval      = { type = "int" }
  kv_cache_event_hash_algo      = { type = "string", values = ["auto", "v1_block_key", "v2_sha256", "v2_sha256_64"] }
  mamba_ssm_philox_rounds       = { type = "int" }
  mamba_ssm_stochastic_rounding = { type = "bool" }
  mamba_state_config            = { type = "any" }
  max_util_for_resume           = { type = "float", min = 0, max = 1 }
  pool_ratio                    = { type = "any" } # a list of numbers
  use_kv_cache_manager_v2       = { type = "any" } # true, false or "auto"
}

object "scheduler_config" {
  capacity_scheduler_policy = {
    type      = "string"
    values    = ["MAX_UTILIZATION", "GUARANTEED_NO_EVICT", "STATIC_BATCH"]
    overrides = "scheduler_policy"
  }
}

object "scheduler_config" {
  until = "1.2"

  context_chunking_policy = { type = "string", values = ["FIRST_COME_FIRST_SERVED", "EQUAL_PROGRESS"] }
}

object "scheduler_config" {
  since = "1.3.0rc26"

  context_chunking_policy        = { type = "string", values = ["FIRST_COME_FIRST_SERVED", "EQUAL_PROGRESS", "FORCE_CHUNK"] }
  enable_prefix_aware_scheduling = { type = "bool" }
  use_python_scheduler           = { type = "bool" }
  waiting_queue_policy           = { type = "string", values = ["fcfs", "priority"] }
}

object "scheduler_config.dynamic_batch_config" {
  enable_batch_size_tuning            = { type = "bool" }
  enable_max_num_tokens_tuning        = { type = "bool" }
  dynamic_batch_moving_average_window = { type = "int" }
}

# null switches graphs off; an object, or no key, keeps them on.
object "cuda_graph_config" {
  since = "1.0.0rc4"

  batch_sizes    = { type = "list(int)" }
  max_batch_size = { type = "int" }
  enable_padding = { type = "bool" }
}

object "cuda_graph_config" {
  since = "1.3.0rc26"

  mode          = { type = "string", values = ["decode", "encode"] }
  max_num_token = { type = "int" }
  max_seq_len   = { type = "int" }
  num_tokens    = { type = "list(int)" }
  seq_lens      = { type = "list(int)" }
}

object "encoder_cuda_graph_config" {
  since = "1.3.0rc26"

  batch_sizes    = { type = "list(int)" }
  max_batch_size = { type = "int" }
  enable_padding = { type = "bool" }
  mode           = { type = "string", values = ["encode"] }
  max_num_token  = { type = "int" }
  max_seq_len    = { type = "int" }
  num_tokens     = { type = "list(int)" }
  seq_lens       = { type = "list(int)" }
}

object "attention_dp_config" {
  since = "1.3.0rc26"

  enable_kv_cache_aware_routing            = { type = "bool" }
  kv_cache_routing_account_for_in_transfer = { type = "bool" }
  kv_cache_routing_cold_start_warmup       = { type = "bool" }
  kv_cache_routing_conversation_affinity   = { type = "bool" }
  kv_cache_routing_fair_share_multiplier   = { type = "float" }
  kv_cache_routing_load_balance_weight     = { type = "float" }
  kv_cache_routing_match_rate_threshold    = { type = "float" }
  kv_cache_routing_max_sessions            = { type = "int" }
  kv_cache_routing_new_conv_placement      = { type = "string", values = ["round_robin", "least_queued"] }
}

object "dwdp_config" {
  since = "1.3.0rc26"

  contention_opt         = { type = "bool" }
  dwdp_size              = { type = "int" }
  num_experts_per_worker = { type = "int" }
  num_groups             = { type = "int" }
  num_prefetch_experts   = { type = "int" }
}

object "gms_config" {
  since = "1.3.0rc26"

  mode = { type = "string", values = ["auto", "rw", "ro"] }
}

# It came between the last candidate of 1.0 and its release.
object "attention_dp_config" {
  since = "1.0"

  enable_balance      = { type = "bool" }
  timeout_iters       = { type = "int", min = 0 }
  batching_wait_iters = { type = "int", min = 0 }
}

object "moe_config" {
  since = "1.0.0rc4"

  max_num_tokens                = { type = "int" }
  load_balancer                 = { type = "any", file = true } # a path or an object
  disable_finalize_fusion       = { type = "bool", since = "1.1" }
  use_low_precision_moe_combine = { type = "bool", since = "1.2" }
}

object "moe_config" {
  since = "1.0.0rc4"
  until = "1.0"

  backend = { type = "string", values = ["CUTLASS", "CUTEDSL", "WIDEEP", "TRTLLM", "DEEPGEMM", "VANILLA"] }
}

object "moe_config" {
  since = "1.1"
  until = "1.1"

  backend = { type = "string", values = ["CUTLASS", "CUTEDSL", "WIDEEP", "TRTLLM", "DEEPGEMM", "VANILLA", "TRITON"] }
}

object "moe_config" {
  since = "1.2"
  until = "1.2"

  backend = { type = "string", values = ["AUTO", "CUTLASS", "CUTEDSL", "WIDEEP", "TRTLLM", "DEEPGEMM", "VANILLA", "TRITON"] }
}

object "moe_config" {
  since = "1.3.0rc26"

  backend = {
    type = "string"
    values = [
      "AUTO", "CUTLASS", "CUTEDSL", "TRTLLM", "DEEPGEMM", "DENSEGEMM", "VANILLA", "TRITON", "MARLIN",
      "MEGAMOE_DEEPGEMM", "MEGAMOE_CUTEDSL",
    ]
  }
}

object "nvfp4_gemm_config" {
  since = "1.2"

  allowed_backends = { type = "list(string)" }
}

object "torch_compile_config" {
  until = "1.0.0rc1"

  torch_compile_fullgraph            = { type = "bool" }
  torch_compile_inductor_enabled     = { type = "bool" }
  torch_compile_piecewise_cuda_graph = { type = "bool" }
  torch_compile_enable_userbuffers   = { type = "bool" }
}

object "torch_compile_config" {
  since = "1.0.0rc4"

  enable_fullgraph            = { type = "bool" }
  enable_inductor             = { type = "bool" }
  enable_piecewise_cuda_graph = { type = "bool" }
  enable_userbuffers          = { type = "bool" }
  max_num_streams             = { type = "int" }
  capture_num_tokens          = { type = "list(int)", since = "1.1" }
}
