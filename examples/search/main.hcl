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

executor "slurm" "gb200" {
  account   = var.account
  partition = var.partition

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

image "rc4" {
  name = "nvcr.io/nvidia/tensorrt-llm/release:1.0.0rc4"

  llm_api_options = {
    enable_attention_dp = true
    print_iter_log      = true
    stream_interval     = 4

    cuda_graph_config = {
      enable_padding = true
      batch_sizes    = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 896]
    }
  }
}

use_case "chat" {
  isl = 1000
  osl = 1000
}

# The largest throughput that still feels quick to a user, and the largest there is.
benchmark "tune" {
  model      = model.llama4_maverick
  hardware   = hardware.gb200x8
  image      = image.rc4
  time_limit = "30m"

  tp             = 8
  ep             = 8
  max_batch_size = 896
  warmup         = 10
  streaming      = true

  # Times are judged in the steady state, which takes four requests for each that is
  # in flight.
  num_requests = max(1000, 4 * each.concurrency)

  llm_api_options = {
    moe_config = {
      backend = each.moe_backend
    }
  }

  use_case "chat" {}

  # What "interactive" asks of means and of the slowest, asked of each request: results
  # show goodput and how many requests stay within this. It chooses nothing.
  slo {
    ttft = "3s"
    tpot = "30ms"
  }

  # The candidates: 42 runs, of which each search measures at most 12.
  matrix {
    concurrency    = [64, 128, 256, 512, 1024, 2048, 4096]
    max_num_tokens = [2048, 8192, 22528]

    axis "moe_backend" {
      values = ["WIDEEP", "CUTLASS"]
    }
  }

  search "interactive" {
    maximize      = output_throughput_per_gpu_tok_s
    max_runs      = 12
    max_gpu_hours = 30

    bound "avg_tpot_ms" {
      max = 30
    }

    bound "ttft_ms_p99" {
      max = 3000
    }
  }

  search "batch" {
    maximize = output_throughput_per_gpu_tok_s
    max_runs = 8
  }
}
