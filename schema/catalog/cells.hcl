# The cells that are supported. Adding one is a promise that plans for it are
# proven and that its estimates are held against measurements.

cell {
  checkpoint    = "nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8"
  quantization  = "FP8"
  gpu           = "GB200"
  gpus          = 8
  gpus_per_node = 4
}
