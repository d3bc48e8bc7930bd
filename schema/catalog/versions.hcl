# The versions of TensorRT-LLM, from the oldest to the newest. Everything that
# says since or until speaks of this order. A version between two of them takes the
# facts of the nearest (Catalog.Match); from is where a version's facts are known to
# begin.
#
# flags_source and options_source are where flags and options were read that name no
# source of their own, sources where the facts below them were. They are files of
# NVIDIA/TensorRT-LLM, file@commit; pages are those of its branch gh-pages, and its
# _modules are the sources of the release.

version "1.0.0rc1" {
  flags_source   = "tensorrt_llm/bench/benchmark/throughput.py@000a01de, of 1.0.0rc4; global flags tensorrt_llm/commands/bench.py@8b13f594"
  options_source = "tensorrt_llm/llmapi/llm_args.py@fcd3f316"

  shared_sampling_params  = true
  shallow_kv_merge        = true
  graph_sizes_exclude_max = true
  graph_powers_below      = true
  nested_keys_ignored     = true
}

version "1.0.0rc4" {
  flags_source   = "tensorrt_llm/bench/benchmark/throughput.py@000a01de; global flags tensorrt_llm/commands/bench.py@8b13f594"
  options_source = "pages 1.0.0/llm-api/reference and 1.0.0/_modules/tensorrt_llm/llmapi/llm_args@090dc649"
  sources = [
    "tensorrt_llm/version.py@000a01de",
    "tensorrt_llm/bench/benchmark/utils/general.py@000a01de",
    "tensorrt_llm/bench/dataclasses/configuration.py@000a01de",
  ]

  from = "1.0.0rc2" # which moved flat keys into objects

  shared_sampling_params  = true
  shallow_kv_merge        = true
  graph_sizes_exclude_max = true
  graph_default_max       = 128
  graph_powers_below      = true
}

version "1.0" {
  flags_source   = "page 1.0.0/commands/trtllm-bench@090dc649"
  options_source = "pages 1.0.0/llm-api/reference and 1.0.0/_modules/tensorrt_llm/llmapi/llm_args@090dc649"

  shared_sampling_params  = true
  shallow_kv_merge        = true
  graph_sizes_exclude_max = true
  graph_default_max       = 128
  graph_powers_below      = true
}

version "1.1" {
  flags_source   = "page 1.1.0/commands/trtllm-bench@8660c119"
  options_source = "pages 1.1.0/llm-api/reference and 1.1.0/_modules/tensorrt_llm/llmapi/llm_args@8660c119"
  sources = [
    "tensorrt_llm/bench/benchmark/throughput.py@56851033",
    "tensorrt_llm/bench/dataclasses/configuration.py@2787769c", # graphs up to max_batch_size
  ]

  chunked_default         = true
  shared_sampling_params  = true
  shallow_kv_merge        = true
  graph_sizes_exclude_max = true
}

version "1.2" {
  flags_source   = "page 1.2.0/commands/trtllm-bench@7e873e54"
  options_source = "pages 1.2.0/llm-api/reference and 1.2.0/_modules/tensorrt_llm/llmapi/llm_args@7e873e54"

  chunked_default = true
}

version "1.3.0rc26" {
  flags_source   = "page 1.3.0rc26/commands/trtllm-bench@f2bb6484"
  options_source = "tensorrt_llm/usage/llm_args_golden_manifest.json@00043967; free text, which it leaves out, as in 1.2.0"
  sources = [
    "pull request 12895", # graph_step
  ]

  chunked_default = true
  graph_step      = 64
}
