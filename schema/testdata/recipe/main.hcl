llmbench {
  required_version = ">= 0.1"
}

variable "account" {
  description = "Slurm account to charge."
  type        = string
  env         = "SBATCH_ACCOUNT"
}

variable "install_dir" {
  description = "LLMB_INSTALL: images, weights and data sets, on a file system that all nodes share."
  type        = string
  env         = "LLMB_INSTALL"
  default     = "/lustre/llmb"
}

executor "slurm" "gb200" {
  account   = var.account
  partition = "batch"

  container {
    image_dir = "${var.install_dir}/images"
  }
}

model "llama4_maverick" {
  checkpoint   = "nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8"
  path         = "${var.install_dir}/workloads/inference_llama4/Llama-4-Maverick-17B-128E-Instruct-FP8"
  quantization = "FP8"
}

hardware "gb200x8" {
  gpu           = "GB200"
  gpus          = 8
  gpus_per_node = 4 # an NVL72 compute tray holds four GPUs
}

image "rc1" {
  name = "nvcr.io/nvidia/tensorrt-llm/release:1.0.0rc1"

  llm_api_options = {
    enable_attention_dp        = true
    use_cuda_graph             = true
    cuda_graph_padding_enabled = true
    cuda_graph_batch_sizes     = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 896]
    print_iter_log             = true
    stream_interval            = 4
  }
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

benchmark "max_throughput" {
  model      = model.llama4_maverick
  hardware   = hardware.gb200x8
  image      = image.rc1
  time_limit = "30m"

  tp                             = 8
  pp                             = 1
  ep                             = 8
  max_batch_size                 = 896
  max_num_tokens                 = 8192
  kv_cache_free_gpu_mem_fraction = 0.9
  concurrency                    = -1
  num_requests                   = 4000
  warmup                         = 0
  streaming                      = true

  use_case "reasoning" {}
  use_case "chat" {}

  use_case "summarization" {
    max_num_tokens = 22528
  }

  use_case "generation" {
    max_num_tokens = 2048
    time_limit     = "40m"
  }
}
