# The versions of TensorRT-LLM, from the oldest to the newest. Everything that
# says since or until speaks of this order.

version "1.0.0rc1" {
  shared_sampling_params  = true
  shallow_kv_merge        = true
  graph_sizes_exclude_max = true
  nested_keys_ignored     = true
}

version "1.0.0rc4" {
  shared_sampling_params  = true
  shallow_kv_merge        = true
  graph_sizes_exclude_max = true
}

version "1.0" {
  shared_sampling_params  = true
  shallow_kv_merge        = true
  graph_sizes_exclude_max = true
}

version "1.1" {
  chunked_default         = true
  shared_sampling_params  = true
  shallow_kv_merge        = true
  graph_sizes_exclude_max = true
}

version "1.2" {
  chunked_default = true
}

version "1.3.0rc26" {
  chunked_default = true
}
