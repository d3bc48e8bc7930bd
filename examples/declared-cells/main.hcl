llmbench {
  required_version = ">= 0.1"
  executor         = var.executor
}

variable "account" {
  description = "Slurm account to charge."
  type        = string
  env         = "SBATCH_ACCOUNT"
}

variable "partition" {
  description = "Slurm partition with the GPUs; null is the cluster's default."
  type        = string
  env         = "SBATCH_PARTITION"
  default     = null
}

variable "executor" {
  description = "Where runs go: slurm, or simulate to rehearse without a cluster."
  type        = string
  default     = "slurm"
}

variable "install_dir" {
  description = "LLMB_INSTALL: images, weights and data sets, on a file system that all nodes share."
  type        = string
  env         = "LLMB_INSTALL"
  default     = "/lustre/llmb"
}

executor "slurm" "site" {
  account   = var.account
  partition = var.partition

  container {
    image_dir = "${var.install_dir}/images"
  }
}

model "llama3_3_70b" {
  checkpoint   = "nvidia/Llama-3.3-70B-Instruct-FP8"
  path         = "${var.install_dir}/weights/Llama-3.3-70B-Instruct-FP8"
  quantization = "FP8"
}

model "deepseek_r1_fp4" {
  checkpoint   = "nvidia/DeepSeek-R1-FP4"
  path         = "${var.install_dir}/weights/DeepSeek-R1-FP4"
  quantization = "NVFP4"
}

model "deepseek_r1_fp8" {
  checkpoint   = "deepseek-ai/DeepSeek-R1"
  path         = "${var.install_dir}/weights/DeepSeek-R1"
  quantization = "FP8"
}

model "gpt_oss_120b" {
  checkpoint   = "openai/gpt-oss-120b"
  path         = "${var.install_dir}/weights/gpt-oss-120b"
  quantization = "MXFP4"
}

model "llama4_maverick" {
  checkpoint   = "nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8"
  path         = "${var.install_dir}/workloads/inference_llama4/Llama-4-Maverick-17B-128E-Instruct-FP8"
  quantization = "FP8"
}

hardware "gb200x4" {
  gpu           = "GB200"
  gpus          = 4
  gpus_per_node = 4
}

hardware "b200x8" {
  gpu           = "B200"
  gpus          = 8
  gpus_per_node = 8
}

hardware "h100x8" {
  gpu           = "H100"
  gpus          = 8
  gpus_per_node = 8
}

hardware "h100x16" {
  gpu           = "H100"
  gpus          = 16
  gpus_per_node = 8
}

image "v1_1" {
  name = "nvcr.io/nvidia/tensorrt-llm/release:1.1.0"

  llm_api_options = {
    stream_interval = 4

    kv_cache_config = {
      dtype                    = "fp8"
      free_gpu_memory_fraction = 0.85
    }
  }
}

image "rc4" {
  name = "nvcr.io/nvidia/tensorrt-llm/release:1.0.0rc4"
}

use_case "reasoning" {
  isl = 1000
  osl = 1000
}

use_case "chat" {
  isl = 128
  osl = 128
}

use_case "summarization" {
  isl = 8000
  osl = 512
}

use_case "generation" {
  isl = 512
  osl = 8000
}

benchmark "llama3_3_70b" {
  model      = model.llama3_3_70b
  image      = image.v1_1
  time_limit = "40m"

  tp             = each.hardware.gpus
  max_batch_size = 256
  max_num_tokens = 16384
  concurrency    = 256
  num_requests   = 1280
  streaming      = true

  use_case "reasoning" {}

  matrix {
    hardware = [hardware.gb200x4, hardware.b200x8, hardware.h100x8]
  }
}

benchmark "deepseek_r1" {
  model      = model.deepseek_r1_fp4
  image      = image.v1_1
  time_limit = "60m"

  tp             = each.hardware.gpus
  ep             = each.hardware.gpus
  max_batch_size = 256
  max_num_tokens = 8192
  concurrency    = 1024
  num_requests   = 4096
  streaming      = true

  llm_api_options = {
    enable_attention_dp = true
    moe_config          = { backend = "CUTLASS" }
  }

  use_case "reasoning" {}

  matrix {
    hardware = [hardware.gb200x4, hardware.b200x8]
  }
}

# The recipe's layout of 16 H100: two pipeline stages of eight.
benchmark "deepseek_r1_h100" {
  model      = model.deepseek_r1_fp8
  hardware   = hardware.h100x16
  image      = image.v1_1
  time_limit = "60m"

  tp             = 8
  pp             = 2
  ep             = 8
  max_batch_size = 64
  max_num_tokens = 4096
  concurrency    = 64
  num_requests   = 320
  streaming      = true

  use_case "reasoning" {}
}

benchmark "gpt_oss_120b" {
  model      = model.gpt_oss_120b
  image      = image.v1_1
  time_limit = "40m"

  tp             = each.hardware.gpus
  ep             = each.hardware.gpus
  max_batch_size = 256
  max_num_tokens = 8192
  concurrency    = 256
  num_requests   = 1280
  streaming      = true

  use_case "reasoning" {}

  matrix {
    hardware = [hardware.gb200x4, hardware.b200x8, hardware.h100x8]
  }
}

# NVIDIA's table for the shortest latency (25.08): one request at a time, with a draft
# model.
benchmark "min_latency" {
  model      = model.llama4_maverick
  hardware   = hardware.gb200x4
  image      = image.rc4
  time_limit = "30m"

  tp                             = 4
  ep                             = 1
  max_batch_size                 = 1
  max_num_tokens                 = 8192
  kv_cache_free_gpu_mem_fraction = 0.75
  concurrency                    = 1
  num_requests                   = 20
  streaming                      = true

  llm_api_options = {
    enable_min_latency = true

    cuda_graph_config = {
      max_batch_size = 1
    }

    speculative_config = {
      decoding_type         = "Eagle"
      max_draft_len         = 3
      speculative_model_dir = "${var.install_dir}/weights/Llama-4-Maverick-17B-128E-Eagle3"
      eagle3_one_model      = true
    }
  }

  use_case "reasoning" {
    max_num_tokens = 3072
  }

  use_case "chat" {}

  use_case "summarization" {
    max_num_tokens = 8384
  }

  use_case "generation" {
    max_num_tokens = 2048
  }
}
