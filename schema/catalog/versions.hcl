version "1.0.0rc1" {
  shared_sampling_params  = true
  shallow_kv_merge        = true
  graph_sizes_exclude_max = true
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
  shared_sampling_params  = true
  shallow_kv_merge        = true
  graph_sizes_exclude_max = true
}

version "1.2" {}
