# Keys of the options file (--extra_llm_api_options) at its top level: the
# arguments of the LLM API for the PyTorch backend (class TorchLlmArgs in
# tensorrt_llm/llmapi/llm_args.py), from the sources that versions.hcl names. 1.0.0rc4
# is taken to have the keys of 1.0 except where it is known to lack one. The list that
# 1.3.0rc26 is from leaves out what takes free text: those keys are taken over from 1.2.
# source, of a block or a key, is where it was read, where that is not the version's
# options_source.
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

  tokenizer           = { type = "string", file = true }
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
  postprocess_tokenizer_dir         = { type = "string", file = true }
  reasoning_parser                  = { type = "string" }

  enable_lora  = { type = "bool" }
  build_config = { type = "any", until = "1.2" }
}

# Taken out of the arguments by trtllm-bench before the PyTorch backend sees them.
options {
  until  = "1.0"
  source = "tensorrt_llm/llmapi/llm_args.py of August 2025"

  extended_runtime_perf_knob_config = { type = "any" }
  connector_config                  = { type = "any" } # kv_connector_config later
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
  moe_load_balancer          = { type = "any", file = true } # a path or an object
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
  fail_fast_on_attention_window_too_large = { type = "bool", until = "1.2" }
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
  until = "1.2"

  load_format = { type = "string", values = ["auto", "dummy", "vision_only"] }
}

options {
  since = "1.1"

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
  disable_flashinfer_sampling = { type = "bool", until = "1.2" }
  enable_sleep                = { type = "bool", until = "1.2" }
  max_stats_len               = { type = "int" }
}

options {
  since = "1.3.0rc26"

  load_format = { type = "string", values = ["auto", "dummy", "vision_only", "gms"] }

  checkpoint_io_policy                    = { type = "string", values = ["auto", "native", "rank_striped_read_ahead"] }
  disable_mm_encoder                      = { type = "bool" }
  enable_early_first_token_response       = { type = "bool" }
  enable_encoder_decoder_mixed_cuda_graph = { type = "bool" }
  enable_energy_metrics                   = { type = "bool" } # energy in the report
  enable_in_graph_sampling                = { type = "bool" }
  enable_low_latency_host_dispatch        = { type = "bool" }
  enable_mla_skip_correction              = { type = "bool" }
  enable_resource_governor                = { type = "bool" }
  enable_speculative_beam_history_d2h     = { type = "bool" }
  encode_only                             = { type = "bool" }
  encoder_max_batch_size                  = { type = "int" }
  encoder_max_num_tokens                  = { type = "int" }
  generation_config                       = { type = "string", values = ["auto", "trtllm"] }
  mla_skip_correction_threshold           = { type = "float" }
  num_serve_frontends                     = { type = "int" }
  prefill_capture_num_tokens              = { type = "list(int)" }
  prefill_cuda_graph_backend              = { type = "string", values = ["disabled", "piecewise", "breakable"] }
  use_cute_dsl_bf16_bmm                   = { type = "bool" }
  use_cute_dsl_bf16_gemm                  = { type = "bool" }
  use_cute_dsl_blockscaling_bmm           = { type = "bool" }
  use_cute_dsl_blockscaling_mm            = { type = "bool" }
  use_fine_grained_sync                   = { type = "bool" }

  kv_cache_compression_config  = { type = "any" }
  layer_wise_benchmarks_config = { type = "any" }
  multimodal_config            = { type = "any" }
  mx_config                    = { type = "any" }
  prometheus_metrics_config    = { type = "any" }
  reorder_policy_config        = { type = "any" }
  sleep_config                 = { type = "any" }
  telemetry_config             = { type = "any" }
}

# What can change the text that a model generates: other weights, another precision,
# other kernels, sampling, or another end. Flags, options by their paths, and what the
# blocks model and image say. Of an object or a key of type any all keys count. What
# only changes the order of sums, such as tp, the batch or a fusion, is left out.
output {
  changed_by = [
    "model", "revision", "quantization", "image", "digest", "trtllm_version",
    "dtype", "force_dynamic_quantization", "load_format", "model_kwargs", "enable_lora", "lora_config",
    "kv_cache_dtype", "kv_cache_config.dtype", "kv_cache_config.mamba_ssm_cache_dtype", "kv_cache_config.mamba_ssm_stochastic_rounding",
    "kv_cache_config.max_attention_window", "kv_cache_config.sink_token_length", "kv_cache_config.fp8_context_mla_kv_len_cap",
    "kv_cache_compression_config", "sparse_attention_config", "enable_mla_skip_correction", "mla_skip_correction_threshold",
    "backend", "attn_backend", "moe_backend", "moe_config.backend", "moe_config.use_low_precision_moe_combine", "nvfp4_gemm_config",
    "enable_min_latency", "allreduce_strategy", # one of its strategies sums in low precision
    "use_cute_dsl_bf16_bmm", "use_cute_dsl_bf16_gemm", "use_cute_dsl_blockscaling_bmm", "use_cute_dsl_blockscaling_mm",
    "speculative_config", "generation_config", "sampler_options", "sampler_type", "mixed_sampler", "enable_mixed_sampler",
    "enable_trtllm_sampler", "disable_flashinfer_sampling", "enable_in_graph_sampling",
    "beam_width", "eos_id", "custom_module_dirs",
  ]
}
