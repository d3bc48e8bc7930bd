# Flags of trtllm-bench, in the order in which they are passed: from its help pages
# for 1.0, 1.1, 1.2 and 1.3.0rc26 and from its source (tensorrt_llm/commands/bench.py,
# tensorrt_llm/bench/benchmark/throughput.py) at 1.0.0rc4. 1.0.0rc1 published no help
# page; it is taken to have the flags of 1.0.0rc4.
#
# global flags stand before the subcommand throughput. ours is why llmbench sets a
# flag itself: definitions cannot. file is the path of a file or folder. alias_of is
# the flag that one is another name of, short its one-letter name. repeat: it may be
# passed several times, once for each element. per_run: it says what is sent to the
# engine, not what the engine is (throughput_command hands it to no LLM). source is where a flag was read, where
# that is not the version's flags_source.
#
# A default is written where llmbench passes the flag even if it is not declared,
# and is the version's own. Whole numbers have 32 bits; num_requests is bounded by
# what a plan can simulate and a node can hold of the data set.

flags {
  model = {
    type   = "string"
    global = true
    short  = "m"
    ours   = "The name comes from the argument checkpoint of the model block."
  }
  model_path = {
    type   = "string"
    global = true
    file   = true
    ours   = "The weights come from the argument path of the model block."
  }
  workspace = { type = "string", global = true, short = "w", file = true } # /tmp if not passed
  revision = {
    type   = "string"
    global = true
    ours   = "It comes from the argument revision of the model block."
    since  = "1.2"
  }
}

flags {
  until = "1.0"

  log_level = { type = "string", global = true, values = ["internal_error", "error", "warning", "info", "verbose", "debug"] }
}

flags {
  since = "1.1"

  log_level = { type = "string", global = true, values = ["internal_error", "error", "warning", "info", "verbose", "debug", "trace"] }
}

flags {
  telemetry = {
    type   = "bool"
    global = true
    off    = "no-telemetry"
    ours   = "Jobs send no usage statistics: llmbench sets TRTLLM_NO_USAGE_STATS=1."
    since  = "1.3.0rc26"
    source = "page 1.3.0rc26/developer-guide/telemetry@f2bb6484"
  }

  # llmbench always passes it: before 1.0.0rc4 another backend was the default.
  backend = {
    type    = "string"
    values  = ["pytorch"]
    default = "pytorch"
    ours    = "llmbench always measures the PyTorch backend."
  }
  engine_dir = {
    type = "string"
    file = true
    ours = "It belongs to the TensorRT backend, and llmbench measures the PyTorch backend."
  }

  extra_llm_api_options = { type = "string", file = true, ours = "The options file is written from llm_api_options." }
  config = {
    type     = "string"
    file     = true
    alias_of = "extra_llm_api_options"
    ours     = "It is another name of --extra_llm_api_options, and the options file is written from llm_api_options."
    since    = "1.2"
  }

  sampler_options    = { type = "string", file = true, since = "1.1" } # a YAML file
  custom_module_dirs = { type = "list(string)", file = true, since = "1.1" }

  tp           = { type = "int", min = 1, default = 1 }
  pp           = { type = "int", min = 1, default = 1 }
  ep           = { type = "int", min = 1 }
  cluster_size = { type = "int", min = 1 }

  # Not passed, they come from a heuristic, and max_seq_len from the data set.
  max_batch_size = { type = "int", min = 1 }
  max_num_tokens = { type = "int", min = 1 }
  max_seq_len    = { type = "int", min = 1 }

  beam_width = { type = "int", min = 1 } # 1 if not passed

  # The range is open at 0; the smallest step that makes sense is far above.
  kv_cache_free_gpu_mem_fraction = { type = "float", min = 0.001, max = 1, default = 0.9 }

  dataset = { type = "string", file = true, ours = "The data set comes from the use_case block." }

  num_requests = { type = "int", min = 0, max = 10000000, per_run = true } # 0 or not passed: the whole data set
  concurrency  = { type = "int", min = -1, default = -1, per_run = true } # up to 0: no limit
  warmup       = { type = "int", min = 0, default = 2, per_run = true }
  streaming    = { type = "bool", default = false, per_run = true }

  # They steer the heuristic only.
  target_input_len  = { type = "int", min = 1 }
  target_output_len = { type = "int", min = 1 }

  eos_id                 = { type = "int", min = -1 } # -1 if not passed: never stop
  modality               = { type = "string", values = ["image", "video"] }
  image_data_format      = { type = "string", values = ["pt", "pil"], since = "1.1" }
  data_device            = { type = "string", values = ["cuda", "cpu"], since = "1.1" }
  max_input_len          = { type = "int", min = 1 } # with modality only
  no_skip_tokenizer_init = { type = "bool", since = "1.1" }
}

# From 1.1 on context is chunked unless the other flag of the pair is passed.
flags {
  until = "1.0"

  enable_chunked_context = { type = "bool", default = false }
}

flags {
  since = "1.1"

  enable_chunked_context = { type = "bool", default = true, off = "disable_chunked_context" }
}

flags {
  scheduler_policy = {
    type    = "string"
    values  = ["guaranteed_no_evict", "max_utilization"]
    default = "guaranteed_no_evict"
  }

  report_json   = { type = "string", file = true, ours = "llmbench places the report itself and reads it." }
  iteration_log = { type = "string", file = true, ours = "llmbench places the files of a run itself." }
  output_json   = { type = "string", file = true, ours = "llmbench places the files of a run itself." }
  request_json  = { type = "string", file = true, ours = "llmbench places the files of a run itself." }
}
