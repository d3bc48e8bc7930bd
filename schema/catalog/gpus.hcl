# GPUs. Rates are NVIDIA's peaks without sparsity. memory_bytes is what the
# driver reports: 84.9e9 of the 80 GB that an H100 is sold with, since those are
# GiB, and less than what is on the die of a Blackwell.

gpu "H100" {
  architecture          = "hopper"
  cpu                   = "x86_64"
  memory_bytes          = 84900000000
  bandwidth_bytes_per_s = 3.35e12
  bf16                  = 0.989e15
  fp8                   = 1.979e15
  nvlink_bytes_per_s    = 450e9
  tdp_watts             = 700
  gpus_per_node         = 8
}

gpu "H200" {
  architecture          = "hopper"
  cpu                   = "x86_64"
  memory_bytes          = 150100000000
  bandwidth_bytes_per_s = 4.8e12
  bf16                  = 0.989e15
  fp8                   = 1.979e15
  nvlink_bytes_per_s    = 450e9
  tdp_watts             = 700
  gpus_per_node         = 8
}

# memory_bytes is not confirmed on hardware: it is 179 GiB, what is sold as 180 GB.
gpu "B200" {
  architecture          = "blackwell"
  cpu                   = "x86_64"
  memory_bytes          = 192300000000
  bandwidth_bytes_per_s = 8e12
  bf16                  = 2.25e15
  fp8                   = 4.5e15
  fp4                   = 9e15
  nvlink_bytes_per_s    = 900e9
  tdp_watts             = 1000
  gpus_per_node         = 8
}

# memory_bytes is not confirmed on hardware: 275040 MiB.
gpu "B300" {
  architecture          = "blackwell"
  cpu                   = "x86_64"
  memory_bytes          = 288400343040
  bandwidth_bytes_per_s = 8e12
  bf16                  = 2.25e15
  fp8                   = 4.5e15
  fp4                   = 13.5e15
  nvlink_bytes_per_s    = 900e9
  tdp_watts             = 1100
  gpus_per_node         = 8
}

# A tray of four, 18 trays in one NVLink domain. 189471 MiB.
gpu "GB200" {
  architecture          = "blackwell"
  cpu                   = "aarch64" # Grace
  domain                = true
  memory_bytes          = 198674743296
  bandwidth_bytes_per_s = 8e12
  bf16                  = 2.5e15
  fp8                   = 5e15
  fp4                   = 10e15
  nvlink_bytes_per_s    = 900e9
  tdp_watts             = 1200
  gpus_per_node         = 4
}

# A tray of four, 18 trays in one NVLink domain. 284208 MiB.
gpu "GB300" {
  architecture          = "blackwell"
  cpu                   = "aarch64" # Grace
  domain                = true
  memory_bytes          = 298013687808
  bandwidth_bytes_per_s = 8e12
  bf16                  = 2.5e15
  fp8                   = 5e15
  fp4                   = 15e15
  nvlink_bytes_per_s    = 900e9
  tdp_watts             = 1400
  gpus_per_node         = 4
}
