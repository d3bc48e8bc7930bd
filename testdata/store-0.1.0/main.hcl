llmbench {
  required_version = ">= 0.1"
}

executor "slurm" "gb200" {
  account       = "perf"
  partition     = "batch"
  poll_interval = "1s"
  canary        = false
  retries       = 0
  max_in_queue  = 20
  cpus_per_task = 2
  extra_args    = ["--wckey=llm", "--hint=nomultithread"]
  prolog        = ["ulimit -l unlimited || true", "export TLLM_PROLOG='it ran'"]
}

executor "slurm" "packed" {
  partition     = "batch"
  poll_interval = "1s"
  canary        = false
  retries       = 0

  pack {
    max_runs = 2
  }
}

executor "slurm" "rehearsal" {
  partition     = "batch"
  poll_interval = "1s"
  canary        = false
  exclusive     = false
  launcher      = ["llmbench", "trtllm-bench"]
}

model "maverick" {
  checkpoint   = "nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8"
  path         = "/srv/weights"
  quantization = "FP8"
}

hardware "gb200x8" {
  gpu           = "GB200"
  gpus          = 8
  gpus_per_node = 4
}

image "rc4" {
  name = "nvcr.io/nvidia/tensorrt-llm/release:1.0.0rc4"

  llm_api_options = {
    enable_attention_dp = true
    cuda_graph_config   = { enable_padding = true, batch_sizes = [1, 2, 4, 8] }
    stream_interval     = 4
  }
}

use_case "chat" {
  isl = 32
  osl = 8
}

use_case "reasoning" {
  isl = 48
  osl = 16
}

use_case "spread" {
  isl       = 40
  osl       = 12
  isl_stdev = 4
  osl_stdev = 2
}

use_case "own" {
  dataset = "requests.jsonl"
}

benchmark "recipe" {
  model                          = model.maverick
  hardware                       = hardware.gb200x8
  image                          = image.rc4
  executor                       = executor.slurm.gb200
  time_limit                     = "5m"
  tp                             = 8
  ep                             = 8
  max_batch_size                 = 128
  max_num_tokens                 = 8192
  kv_cache_free_gpu_mem_fraction = 0.85
  num_requests                   = 16
  streaming                      = true
  env                            = { TLLM_LOG_FIRST_RANK_ONLY = "1" }

  use_case "chat" {
    samples = 2
  }

  use_case "reasoning" {
    max_num_tokens = 4096
  }

  use_case "spread" {
    concurrency = 0
  }

  use_case "own" {
    num_requests = 4
  }
}

benchmark "sweep" {
  model          = model.maverick
  hardware       = hardware.gb200x8
  image          = image.rc4
  executor       = executor.slurm.packed
  time_limit     = "5m"
  tp             = 8
  ep             = 8
  max_batch_size = 128
  max_num_tokens = 8192
  num_requests   = 32
  streaming      = true

  use_case "chat" {}

  matrix {
    concurrency = [8, 12, 16, 24]
  }
}

benchmark "rehearsal" {
  model          = model.maverick
  hardware       = hardware.gb200x8
  image          = image.rc4
  executor       = executor.slurm.rehearsal
  time_limit     = "5m"
  tp             = 8
  ep             = 8
  max_batch_size = 128
  max_num_tokens = 8192
  num_requests   = 16
  streaming      = true

  use_case "chat" {}

  use_case "reasoning" {
    env = { LLMBENCH_SIMULATED_FAULT = "crash" }
  }
}
