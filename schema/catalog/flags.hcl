flags {
  backend                        = { type = "string", values = ["pytorch"], default = "pytorch" }
  max_batch_size                 = { type = "int", min = 1 }
  max_num_tokens                 = { type = "int", min = 1 }
  max_seq_len                    = { type = "int", min = 1 }
  beam_width                     = { type = "int", min = 1 }
  kv_cache_free_gpu_mem_fraction = { type = "float", min = 0, max = 1, default = 0.9 }
  num_requests                   = { type = "int", min = 1 }
  warmup                         = { type = "int", min = 0, default = 2 }
  target_input_len               = { type = "int", min = 1 }
  target_output_len              = { type = "int", min = 1 }
  tp                             = { type = "int", min = 1, default = 1 }
  pp                             = { type = "int", min = 1, default = 1 }
  ep                             = { type = "int", min = 1 }
  cluster_size                   = { type = "int", min = 1 }
  concurrency                    = { type = "int", min = -1, default = -1 }
  streaming                      = { type = "bool", default = false }
  eos_id                         = { type = "int" }
  modality                       = { type = "string", values = ["image", "video"] }
  max_input_len                  = { type = "int", min = 1 }
  enable_chunked_context         = { type = "bool" }
  scheduler_policy               = { type = "string", values = ["guaranteed_no_evict", "max_utilization"], default = "guaranteed_no_evict" }
}
