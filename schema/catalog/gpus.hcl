gpu "GB200" {
  architecture          = "blackwell"
  memory_bytes          = 198670000000
  bandwidth_bytes_per_s = 8e12
  bf16                  = 2.5e15
  fp8                   = 5e15
  fp4                   = 10e15
  nvlink_bytes_per_s    = 900e9
  tdp_watts             = 1200
  gpus_per_node         = 4
}
