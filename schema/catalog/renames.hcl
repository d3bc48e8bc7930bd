# Spellings that are wrong in a version, and that version's own: those of other
# versions, in both directions, and mistakes that are common. From the sources
# named in options.hcl, and for the mistakes from published recipes.

renames {
  since = "1.0.0rc4"

  rename "use_cuda_graph" { to = "cuda_graph_config" }
  rename "cuda_graph_batch_sizes" { to = "cuda_graph_config.batch_sizes" }
  rename "cuda_graph_max_batch_size" { to = "cuda_graph_config.max_batch_size" }
  rename "cuda_graph_padding_enabled" { to = "cuda_graph_config.enable_padding" }
  rename "moe_backend" { to = "moe_config.backend" }
  rename "moe_max_num_tokens" { to = "moe_config.max_num_tokens" }
  rename "moe_load_balancer" { to = "moe_config.load_balancer" }
  rename "kv_cache_dtype" { to = "kv_cache_config.dtype" }
  rename "autotuner_enabled" { to = "enable_autotuner" }

  rename "torch_compile_config.torch_compile_fullgraph" { to = "torch_compile_config.enable_fullgraph" }
  rename "torch_compile_config.torch_compile_inductor_enabled" { to = "torch_compile_config.enable_inductor" }
  rename "torch_compile_config.torch_compile_piecewise_cuda_graph" { to = "torch_compile_config.enable_piecewise_cuda_graph" }
  rename "torch_compile_config.torch_compile_enable_userbuffers" { to = "torch_compile_config.enable_userbuffers" }
  rename "cache_transceiver_config.max_num_tokens" { to = "cache_transceiver_config.max_tokens_in_buffer" }
  rename "speculative_config.pytorch_weights_path" { to = "speculative_config.speculative_model_dir" }
  rename "speculative_config.prompt_lookup_num_tokens" { to = "speculative_config.max_draft_len" }

  # Mistakes.
  rename "cuda_graph_config.padding_enabled" { to = "cuda_graph_config.enable_padding" }
  rename "cuda_graph_config.enable_attention_dp" { to = "enable_attention_dp" }
}

renames {
  since = "1.0.0rc4"
  until = "1.1"

  rename "speculative_config.speculative_model" { to = "speculative_config.speculative_model_dir" }
}

renames {
  since = "1.0.0rc4"
  until = "1.0"

  rename "mixed_sampler" { to = "enable_mixed_sampler" }
}

renames {
  since = "1.1"

  rename "mixed_sampler" { to = "sampler_type" }
  rename "enable_mixed_sampler" { to = "sampler_type" }
  rename "enable_trtllm_sampler" { to = "sampler_type" }
}

renames {
  until = "1.0.0rc1"

  rename "cuda_graph_config" { to = "use_cuda_graph" }
  rename "cuda_graph_config.batch_sizes" { to = "cuda_graph_batch_sizes" }
  rename "cuda_graph_config.max_batch_size" { to = "cuda_graph_max_batch_size" }
  rename "cuda_graph_config.enable_padding" { to = "cuda_graph_padding_enabled" }
  rename "cuda_graph_config.padding_enabled" { to = "cuda_graph_padding_enabled" }
  rename "moe_config" { to = "moe_backend" }
  rename "moe_config.backend" { to = "moe_backend" }
  rename "moe_config.max_num_tokens" { to = "moe_max_num_tokens" }
  rename "moe_config.load_balancer" { to = "moe_load_balancer" }
  rename "kv_cache_config.dtype" { to = "kv_cache_dtype" }
  rename "enable_autotuner" { to = "autotuner_enabled" }
  rename "enable_mixed_sampler" { to = "mixed_sampler" }
  rename "sampler_type" { to = "mixed_sampler" }

  rename "torch_compile_config.enable_fullgraph" { to = "torch_compile_config.torch_compile_fullgraph" }
  rename "torch_compile_config.enable_inductor" { to = "torch_compile_config.torch_compile_inductor_enabled" }
  rename "torch_compile_config.enable_piecewise_cuda_graph" { to = "torch_compile_config.torch_compile_piecewise_cuda_graph" }
  rename "torch_compile_config.enable_userbuffers" { to = "torch_compile_config.torch_compile_enable_userbuffers" }
  rename "cache_transceiver_config.max_tokens_in_buffer" { to = "cache_transceiver_config.max_num_tokens" }
  rename "speculative_config.speculative_model_dir" { to = "speculative_config.pytorch_weights_path" }
}

renames {
  since = "1.0.0rc4"
  until = "1.0"

  rename "sampler_type" { to = "enable_mixed_sampler" }
}

# The flag's name for it.
renames {
  rename "enable_chunked_context" { to = "enable_chunked_prefill" }
}

renames {
  since = "1.1"

  rename "connector_config" { to = "kv_connector_config" }
}

renames {
  since = "1.0.0rc4"
  until = "1.0"

  rename "kv_connector_config" { to = "connector_config" }
}

renames {
  since = "1.3.0rc26"

  rename "speculative_config.acceptance_window" { to = "speculative_config.acceptance_rate_window_size" }
  rename "speculative_config.acceptance_length_threshold" { to = "speculative_config.acceptance_rate_threshold" }
  rename "enable_sleep" { to = "sleep_config" }
}
