# The versions of TensorRT-LLM, from the oldest to the newest. Everything that
# says since or until speaks of this order. A version between two of them takes the
# facts of the nearest (Catalog.Match); from is where a version's facts are known to
# begin.
#
# sources are what was read in NVIDIA/TensorRT-LLM, as file@commit; pages are those of
# its branch gh-pages.

version "1.0.0rc1" {
  sources = [
    "tensorrt_llm/llmapi/llm_args.py@fcd3f316",
  ]

  shared_sampling_params  = true
  shallow_kv_merge        = true
  graph_sizes_exclude_max = true
  nested_keys_ignored     = true
}

version "1.0.0rc4" {
  sources = [
    "tensorrt_llm/version.py@000a01de",
    "tensorrt_llm/bench/benchmark/throughput.py@000a01de",
    "tensorrt_llm/bench/benchmark/utils/general.py@000a01de",
  ]

  from = "1.0.0rc2" # which moved flat keys into objects

  shared_sampling_params  = true
  shallow_kv_merge        = true
  graph_sizes_exclude_max = true
  graph_default_max       = 128
  graph_powers_below      = true
}

version "1.0" {
  sources = [
    "page 1.0.0/commands/trtllm-bench@090dc649",
    "page 1.0.0/llm-api/reference@090dc649",
    "tensorrt_llm/commands/bench.py@8b13f594",
    "tensorrt_llm/llmapi/llm_args.py of August 2025",
  ]

  shared_sampling_params  = true
  shallow_kv_merge        = true
  graph_sizes_exclude_max = true
  graph_default_max       = 128
  graph_powers_below      = true
}

version "1.1" {
  sources = [
    "page 1.1.0/commands/trtllm-bench@8660c119",
    "page 1.1.0/llm-api/reference@8660c119",
    "tensorrt_llm/bench/benchmark/throughput.py@56851033",
  ]

  chunked_default         = true
  shared_sampling_params  = true
  shallow_kv_merge        = true
  graph_sizes_exclude_max = true
}

version "1.2" {
  sources = [
    "page 1.2.0/commands/trtllm-bench@7e873e54",
    "page 1.2.0/llm-api/reference@7e873e54",
    "tensorrt_llm/commands/bench.py@0c9a37db",
    "tensorrt_llm/llmapi/llm_args.py of January 2026",
  ]

  chunked_default = true
}

version "1.3.0rc26" {
  sources = [
    "page 1.3.0rc26/commands/trtllm-bench@f2bb6484",
    "tensorrt_llm/usage/llm_args_golden_manifest.json@00043967",
    "page developer-guide/telemetry of November 2026",
  ]

  chunked_default = true
}
