# Keys of the options file (--extra_llm_api_options) at its top level: the
# arguments of the LLM API for the PyTorch backend, from the published source of
# 1.0, 1.1 and 1.2 and, for 1.0.0rc1, from the source of its time. 1.0.0rc4 is taken to
# have the keys of 1.0 except where it is known to lack one.
#
# Keys of type object stand in the files beside this one. Keys that take a Python
# object are left out, as are those of the TensorRT backend.
#
# overrides names the argument that the key would silently override: the options
# file wins over the command line.

options {
  model                     = { type = "string", overrides = "model" }
  backend                   = { type = "string", overrides = "backend" }
  max_batch_size            = { type = "int", overrides = "max_batch_size" }
  max_num_tokens            = { type = "int", overrides = "max_num_tokens" }
  max_seq_len               = { type = "int", overrides = "max_seq_len" }
  max_beam_width            = { type = "int", overrides = "beam_width" }
  tensor_parallel_size      = { type = "int", overrides = "tp" }
  pipeline_parallel_size    = { type = "int", overrides = "pp" }
  moe_expert_parallel_size  = { type = "int", overrides = "ep" }
  moe_cluster_parallel_size = { type = "int", overrides = "cluster_size" }

  moe_tensor_parallel_size = { type = "int" }
  context_parallel_size    = { type = "int" }
  cp_config                = { type = "any" }
  gpus_per_node            = { type = "int" }
  enable_attention_dp      = { type = "bool" }
  max_input_len            = { type = "int" }

  tokenizer           = { type = "string" }
  tokenizer_mode      = { type = "string", values = ["auto", "slow"] }
  tokenizer_revision  = { type = "string" }
  skip_tokenizer_init = { type = "bool" }
  trust_remote_code   = { type = "bool" }
  revision            = { type = "string" }
  dtype               = { type = "string" }

  enable_chunked_prefill       = { type = "bool" }
  disable_overlap_scheduler    = { type = "bool" }
  stream_interval              = { type = "int", min = 1 }
  attn_backend                 = { type = "string" }
  enable_min_latency           = { type = "bool" }
  gather_generation_logits     = { type = "bool" }
  enable_layerwise_nvtx_marker = { type = "bool" }

  print_iter_log               = { type = "bool" }
  enable_iter_perf_stats       = { type = "bool" }
  enable_iter_req_stats        = { type = "bool" }
  iter_stats_max_iterations    = { type = "int" }
  request_stats_max_iterations = { type = "int" }

  garbage_collection_gen0_threshold = { type = "int" }
  num_postprocess_workers           = { type = "int" }
  postprocess_tokenizer_dir         = { type = "string" }
  reasoning_parser                  = { type = "string" }

  enable_lora  = { type = "bool" }
  build_config = { type = "any", until = "1.1" }
}

# Flat keys that later moved into objects or went away.
options {
  until = "1.0.0rc1"

  use_cuda_graph             = { type = "bool" }
  cuda_graph_batch_sizes     = { type = "list(int)" }
  cuda_graph_max_batch_size  = { type = "int" }
  cuda_graph_padding_enabled = { type = "bool" }
  moe_backend                = { type = "string" }
  moe_max_num_tokens         = { type = "int" }
  moe_load_balancer          = { type = "any" } # a path or an object
  kv_cache_dtype             = { type = "string" }
  autotuner_enabled          = { type = "bool" }
  mixed_sampler              = { type = "bool" }
  guided_decoding_backend    = { type = "string" }
  load_format                = { type = "string", values = ["auto", "dummy"] }
  enable_prompt_adapter      = { type = "bool" }
  max_prompt_adapter_token   = { type = "int" }
  max_lora_rank              = { type = "int" }
  max_loras                  = { type = "int" }
  max_cpu_loras              = { type = "int" }
  batching_type              = { type = "string", values = ["STATIC", "INFLIGHT"] }
  normalize_log_probs        = { type = "bool" }
}

options {
  enable_trtllm_sampler = { type = "bool", until = "1.0" }
}

options {
  since = "1.0.0rc4"

  enable_autotuner                        = { type = "bool" }
  force_dynamic_quantization              = { type = "bool" }
  fail_fast_on_attention_window_too_large = { type = "bool" }
  checkpoint_format                       = { type = "string" }
  guided_decoding_backend                 = { type = "string", values = ["xgrammar", "llguidance"] }

  enable_mixed_sampler = { type = "bool", until = "1.0" }
}

options {
  since = "1.0.0rc4"
  until = "1.0"

  load_format = { type = "string", values = ["auto", "dummy"] }
  allreduce_strategy = {
    type   = "string"
    values = ["AUTO", "NCCL", "UB", "MINLATENCY", "ONESHOT", "TWOSHOT", "LOWPRECISION", "MNNVL"]
  }
}

options {
  since = "1.1"

  load_format = { type = "string", values = ["auto", "dummy", "vision_only"] }
  allreduce_strategy = {
    type   = "string"
    values = ["AUTO", "NCCL", "UB", "MINLATENCY", "ONESHOT", "TWOSHOT", "LOWPRECISION", "MNNVL", "NCCL_SYMMETRIC"]
  }

  sampler_type                = { type = "string", values = ["TRTLLMSampler", "TorchSampler", "auto"] }
  enable_lm_head_tp_in_adp    = { type = "bool" }
  batch_wait_timeout_ms       = { type = "float" }
  batch_wait_timeout_iters    = { type = "int" }
  batch_wait_max_tokens_ratio = { type = "float" }
  return_perf_metrics         = { type = "bool" }
  perf_metrics_max_requests   = { type = "int" }
  mm_encoder_only             = { type = "bool" }
}

options {
  since = "1.2"

  model_kwargs                = { type = "any" }
  pp_partition                = { type = "list(int)" }
  custom_tokenizer            = { type = "string" }
  sparse_attention_config     = { type = "any" }
  env_overrides               = { type = "any" }
  orchestrator_type           = { type = "string", values = ["rpc", "ray"] }
  ray_worker_extension_cls    = { type = "string" }
  ray_placement_config        = { type = "any" }
  otlp_traces_endpoint        = { type = "string" }
  sampler_force_async_worker  = { type = "bool" }
  disable_flashinfer_sampling = { type = "bool" }
  enable_sleep                = { type = "bool" }
  max_stats_len               = { type = "int" }
}
