# Option objects around the engine: speculation, adapters, transfer of caches.

# The keys of all kinds together; which belong to which kind is TensorRT-LLM's to
# check.
object "speculative_config" {
  max_draft_len = { type = "int" }

  # MTP
  num_nextn_predict_layers            = { type = "int" }
  use_relaxed_acceptance_for_thinking = { type = "bool" }
  relaxed_topk                        = { type = "int" }
  relaxed_delta                       = { type = "float" }
  use_mtp_vanilla                     = { type = "bool", since = "1.0.0rc4" }
  mtp_eagle_one_model                 = { type = "bool", since = "1.1" }

  # Eagle and Medusa
  eagle3_one_model         = { type = "bool" }
  eagle3_layers_to_capture = { type = "list(int)", since = "1.1" }
  eagle3_model_arch        = { type = "string", since = "1.2" }
  eagle_choices            = { type = "any" }
  greedy_sampling          = { type = "bool" }
  posterior_threshold      = { type = "float" }
  use_dynamic_tree         = { type = "bool" }
  dynamic_tree_max_topK    = { type = "int" }
  num_eagle_layers         = { type = "int" }
  max_non_leaves_per_layer = { type = "int" }
  medusa_choices           = { type = "any", until = "1.2" }
  num_medusa_heads         = { type = "int", until = "1.2" }

  # NGram and Lookahead
  prompt_lookup_num_tokens  = { type = "int", until = "1.0.0rc1" }
  max_matching_ngram_size   = { type = "int" }
  is_keep_all               = { type = "bool" }
  is_use_oldest             = { type = "bool" }
  is_public_pool            = { type = "bool" }
  max_window_size           = { type = "int", until = "1.2" }
  max_ngram_size            = { type = "int", until = "1.2" }
  max_verification_set_size = { type = "int", until = "1.2" }

  # The draft model, a path.
  pytorch_weights_path  = { type = "string", file = true, until = "1.0.0rc1" }
  speculative_model_dir = { type = "string", file = true, since = "1.0.0rc4" }

  max_total_draft_tokens      = { type = "int", since = "1.1" }
  max_concurrency             = { type = "int", since = "1.1" }
  load_format                 = { type = "string", since = "1.1" }
  acceptance_window           = { type = "int", since = "1.2", until = "1.2" }
  acceptance_length_threshold = { type = "float", since = "1.2", until = "1.2" }
  draft_len_schedule          = { type = "any", since = "1.2" }
  allow_advanced_sampling     = { type = "bool", since = "1.2" }
  output_directory            = { type = "string", since = "1.2" } # SaveState
  write_interval              = { type = "int", since = "1.2" }
  file_prefix                 = { type = "string", since = "1.2" }
}

# 1.2 renamed the draft model and takes both names.
object "speculative_config" {
  until = "1.0.0rc1"

  speculative_model = { type = "string" }
  decoding_type = {
    type   = "string"
    values = ["MTP", "Medusa", "Eagle", "Lookahead", "NGram", "DraftTarget"]
  }
}

object "speculative_config" {
  since = "1.0.0rc4"
  until = "1.1"

  decoding_type = {
    type   = "string"
    values = ["MTP", "Medusa", "Eagle", "Lookahead", "NGram", "DraftTarget", "UserProvided", "AUTO"]
  }
}

object "speculative_config" {
  since = "1.2"

  speculative_model = { type = "string", file = true }
}

object "speculative_config" {
  since = "1.3.0rc26"

  # Eagle stands for Eagle3 there.
  decoding_type = {
    type = "string"
    values = [
      "MTP", "Eagle3", "Eagle", "NGram", "PARD", "DFlash", "DSpark", "SA", "Draft_Target", "SaveState",
      "User_Provided", "AUTO",
    ]
  }

  acceptance_rate_threshold   = { type = "float" }
  acceptance_rate_window_size = { type = "int" }
  advanced_sampling_mode      = { type = "string", values = ["full", "no_topk", "no_topp", "no_topk_no_topp"] }
  attention_backend           = { type = "string", values = ["VANILLA", "TRTLLM"] }
  begin_thinking_phase_token  = { type = "int" }
  end_thinking_phase_token    = { type = "int" }
  block_size                  = { type = "int" }
  enable_global_pool          = { type = "bool" }
  global_pool_size            = { type = "int" }
  enable_penalty              = { type = "bool" }
  markov_head_type            = { type = "string", values = ["vanilla", "gated", "rnn"] }
  markov_rank                 = { type = "int" }
  mask_token_id               = { type = "int" }
  sa_config                   = { type = "any" }
  target_layer_ids            = { type = "list(int)" }
  use_rejection_sampling      = { type = "bool" }
}

object "speculative_config" {
  since = "1.2"
  until = "1.2"

  decoding_type = {
    type   = "string"
    values = ["MTP", "Medusa", "Eagle", "Lookahead", "NGram", "DraftTarget", "SaveState", "UserProvided", "AUTO"]
  }
}

object "peft_cache_config" {
  num_host_module_layer      = { type = "int" }
  num_device_module_layer    = { type = "int" }
  optimal_adapter_size       = { type = "int" }
  max_adapter_size           = { type = "int" }
  num_put_workers            = { type = "int" }
  num_ensure_workers         = { type = "int" }
  num_copy_streams           = { type = "int" }
  max_pages_per_block_host   = { type = "int" }
  max_pages_per_block_device = { type = "int" }
  device_cache_percent       = { type = "float" } # a fraction, whatever the name says
  host_cache_size            = { type = "int" }   # bytes
  lora_prefetch_dir          = { type = "string", file = true }
}

object "cache_transceiver_config" {
  until = "1.0.0rc1"

  max_num_tokens = { type = "int" }
}

object "cache_transceiver_config" {
  since = "1.0.0rc4"
  until = "1.0"

  backend              = { type = "string", values = ["default", "ucx", "nixl", "mpi"] }
  max_tokens_in_buffer = { type = "int" }
}

object "cache_transceiver_config" {
  since = "1.1"
  until = "1.2"

  backend = { type = "string", values = ["DEFAULT", "UCX", "NIXL", "MPI"] }
}

object "cache_transceiver_config" {
  since = "1.3.0rc26"

  backend                      = { type = "string", values = ["DEFAULT", "UCX", "NIXL", "MOONCAKE", "MPI"] }
  enable_pipelined_transfer    = { type = "bool" }
  kv_cache_bounce_size_mb      = { type = "int" }
  kv_transfer_poll_interval_ms = { type = "int", min = 1 }
  transceiver_runtime          = { type = "string", values = ["CPP", "PYTHON", "auto"] }
}

object "cache_transceiver_config" {
  since = "1.1"

  max_tokens_in_buffer = { type = "int" }

  kv_transfer_timeout_ms               = { type = "int", since = "1.2" }
  kv_transfer_sender_future_timeout_ms = { type = "int", since = "1.2" }
}

object "kv_connector_config" {
  since = "1.1"

  connector_module          = { type = "string" }
  connector_scheduler_class = { type = "string" }
  connector_worker_class    = { type = "string" }
  connector                 = { type = "string", since = "1.3.0rc26" }
}

options {
  lora_config = { type = "any" }
}
