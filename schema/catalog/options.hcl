options {
  enable_attention_dp = { type = "bool" }
  print_iter_log      = { type = "bool" }
  stream_interval     = { type = "int" }
}

options {
  until = "1.0.0rc1"

  use_cuda_graph             = { type = "bool" }
  cuda_graph_padding_enabled = { type = "bool" }
  cuda_graph_batch_sizes     = { type = "list(int)" }
}

object "cuda_graph_config" {
  since = "1.0.0rc4"

  enable_padding = { type = "bool" }
  batch_sizes    = { type = "list(int)" }
  max_batch_size = { type = "int" }
}

renames {
  since = "1.0.0rc4"

  rename "use_cuda_graph" { to = "cuda_graph_config" }
}
