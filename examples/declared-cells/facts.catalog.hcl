# Cells that llmbench does not support. Declared here, they plan and run, and every
# output says of them: declared by you, not supported.

cell {
  checkpoint    = "nvidia/Llama-3.3-70B-Instruct-FP8"
  quantization  = "FP8"
  gpu           = "GB200"
  gpus          = 4
  gpus_per_node = 4
}

cell {
  checkpoint    = "nvidia/Llama-3.3-70B-Instruct-FP8"
  quantization  = "FP8"
  gpu           = "B200"
  gpus          = 8
  gpus_per_node = 8
}

cell {
  checkpoint    = "nvidia/Llama-3.3-70B-Instruct-FP8"
  quantization  = "FP8"
  gpu           = "H100"
  gpus          = 8
  gpus_per_node = 8
}

cell {
  checkpoint    = "nvidia/DeepSeek-R1-FP4"
  quantization  = "NVFP4"
  gpu           = "GB200"
  gpus          = 4
  gpus_per_node = 4
}

cell {
  checkpoint    = "nvidia/DeepSeek-R1-FP4"
  quantization  = "NVFP4"
  gpu           = "B200"
  gpus          = 8
  gpus_per_node = 8
}

# An H100 has no FP4, and 16 of them hold the FP8 checkpoint.
cell {
  checkpoint    = "deepseek-ai/DeepSeek-R1"
  quantization  = "FP8"
  gpu           = "H100"
  gpus          = 16
  gpus_per_node = 8
}

cell {
  checkpoint    = "openai/gpt-oss-120b"
  quantization  = "MXFP4"
  gpu           = "GB200"
  gpus          = 4
  gpus_per_node = 4
}

cell {
  checkpoint    = "openai/gpt-oss-120b"
  quantization  = "MXFP4"
  gpu           = "B200"
  gpus          = 8
  gpus_per_node = 8
}

cell {
  checkpoint    = "openai/gpt-oss-120b"
  quantization  = "MXFP4"
  gpu           = "H100"
  gpus          = 8
  gpus_per_node = 8
}

# The second table of NVIDIA's recipe (25.08): one tray of GB200.
cell {
  checkpoint    = "nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8"
  quantization  = "FP8"
  gpu           = "GB200"
  gpus          = 4
  gpus_per_node = 4
}
