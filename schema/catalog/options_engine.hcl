# Option objects of the engine: KV cache, scheduler, CUDA graphs, mixture of
# experts, attention data parallelism, compilation.

object "kv_cache_config" {
  free_gpu_memory_fraction = { type = "float", min = 0, max = 1, overrides = "kv_cache_free_gpu_mem_fraction" }

  enable_block_reuse             = { type = "bool" }
  max_tokens                     = { type = "int" }
  max_attention_window           = { type = "list(int)" }
  sink_token_length              = { type = "int" }
  host_cache_size                = { type = "int" } # bytes
  onboard_blocks                 = { type = "bool" }
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
  since = "1.1"

  dtype = { type = "string", values = ["auto", "fp8", "nvfp4"] }
}

object "scheduler_config" {
  capacity_scheduler_policy = {
    type      = "string"
    values    = ["MAX_UTILIZATION", "GUARANTEED_NO_EVICT", "STATIC_BATCH"]
    overrides = "scheduler_policy"
  }
  context_chunking_policy = { type = "string", values = ["FIRST_COME_FIRST_SERVED", "EQUAL_PROGRESS"] }
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

object "attention_dp_config" {
  since = "1.0"

  enable_balance      = { type = "bool" }
  timeout_iters       = { type = "int", min = 0 }
  batching_wait_iters = { type = "int", min = 0 }
}

object "moe_config" {
  since = "1.0.0rc4"

  max_num_tokens                = { type = "int" }
  load_balancer                 = { type = "any" } # a path or an object
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

  backend = { type = "string", values = ["AUTO", "CUTLASS", "CUTEDSL", "WIDEEP", "TRTLLM", "DEEPGEMM", "VANILLA", "TRITON"] }
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
