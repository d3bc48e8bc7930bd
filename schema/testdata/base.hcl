model "maverick" {
  checkpoint   = "nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8"
  path         = "/models/maverick"
  quantization = "FP8"
}

hardware "gb200x8" {
  gpu           = "GB200"
  gpus          = 8
  gpus_per_node = 4
}

image "rc1" {
  name = "nvcr.io/nvidia/tensorrt-llm/release:1.0.0rc1"
}

image "rc4" {
  name = "nvcr.io/nvidia/tensorrt-llm/release:1.0.0rc4"
}

use_case "chat" {
  isl = 128
  osl = 128
}

use_case "reasoning" {
  isl = 1000
  osl = 1000
}
