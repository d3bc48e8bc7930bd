# Flags of trtllm-bench throughput, from its help pages for 1.0, 1.1 and 1.2 and
# from its source at 1.0.0rc4. 1.0.0rc1 published no help page; it is taken to have
# the flags of 1.0.0rc4.
#
# A default is written where llmbench passes the flag even if it is not declared,
# and is the version's own. Flags that place files are not listed: llmbench sets
# them (see OwnedFlag). Whole numbers have 32 bits; num_requests is bounded by what
# a plan can simulate and a node can hold of the data set.

flags {
  # llmbench always passes it: before 1.0.0rc4 another backend was the default.
  backend = { type = "string", values = ["pytorch"], default = "pytorch" }

  tp           = { type = "int", min = 1, default = 1 }
  pp           = { type = "int", min = 1, default = 1 }
  ep           = { type = "int", min = 1 }
  cluster_size = { type = "int", min = 1 }

  # Not passed, they come from a heuristic, and max_seq_len from the data set.
  max_batch_size = { type = "int", min = 1 }
  max_num_tokens = { type = "int", min = 1 }
  max_seq_len    = { type = "int", min = 1 }

  # The range is open at 0; the smallest step that makes sense is far above.
  kv_cache_free_gpu_mem_fraction = { type = "float", min = 0.001, max = 1, default = 0.9 }

  concurrency  = { type = "int", min = -1, default = -1 }  # up to 0: no limit
  num_requests = { type = "int", min = 0, max = 10000000 } # 0 or not passed: the whole data set
  warmup       = { type = "int", min = 0, default = 2 }
  streaming    = { type = "bool", default = false }

  scheduler_policy = {
    type    = "string"
    values  = ["guaranteed_no_evict", "max_utilization"]
    default = "guaranteed_no_evict"
  }

  beam_width = { type = "int", min = 1 }  # 1 if not passed
  eos_id     = { type = "int", min = -1 } # -1 if not passed: never stop

  # They steer the heuristic only.
  target_input_len  = { type = "int", min = 1 }
  target_output_len = { type = "int", min = 1 }

  modality      = { type = "string", values = ["image", "video"] }
  max_input_len = { type = "int", min = 1 } # with modality only

  sampler_options        = { type = "string", since = "1.1" } # path of a YAML file
  custom_module_dirs     = { type = "list(string)", since = "1.1" }
  image_data_format      = { type = "string", values = ["pt", "pil"], since = "1.1" }
  data_device            = { type = "string", values = ["cuda", "cpu"], since = "1.1" }
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
