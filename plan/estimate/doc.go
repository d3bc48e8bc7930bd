// Package estimate predicts what trtllm-bench throughput would measure: how much
// memory a run needs, how long one iteration takes by a roofline of the GPU, and
// what comes out when requests pass through in-flight batching. The package is
// pure and deterministic.
//
// # Memory
//
// [Memory] counts a rank's weights and what TensorRT-LLM gives the KV cache: a
// fraction of what is left of the GPU after weights and the peak of an iteration
// (KvCacheCreator in _torch/pyexecutor/_util.py). [Heuristic] is how trtllm-bench
// chooses limits (bench/build/tuning.py).
//
// # Time
//
// An iteration of a rank processes c prompt tokens and B requests that generate,
// n = c + B. Its time is a sum over all layers, the form of which is that of the
// additive rooflines of LLM-Viewer (arXiv 2402.16363) and GenZ (arXiv
// 2406.01698); the rates are NVIDIA's peaks times a share:
//
//	dense layers       (a^p + b^p)^(1/p): reading weights, a = bytes / bandwidth,
//	                   and computing, b = 2 n parameters / FLOP/s, partly overlap
//	experts            bytes of the experts hit / bandwidth + FLOPs / FLOP/s; of E
//	                   experts, g tokens with k each hit E (1 - e^(-g k / E)), and
//	                   each of these computes whole tiles of tokens
//	decode attention   cache bytes attended to / bandwidth, and for latent
//	                   attention the FLOPs of its absorbed form (arXiv 2405.04434)
//	prefill attention  s^2 heads (d_qk + d_v) / FLOP/s for a prompt of s tokens
//	element-wise       bytes of norms, rotary, quantization, permutation / bandwidth
//	communication      all-gather and reduce-scatter or all-to-all of experts, ring
//	                   all-reduces (2 (R-1) / R of the bytes) of tensor parallelism
//	layers             launches and gaps of kernels
//
// It is not shorter than what the host needs. TensorRT-LLM hides the host behind
// the GPU otherwise (its overlap scheduler).
//
// # Scheduling
//
// [Simulate] passes the requests through the scheduler iteration by iteration,
// with the rules of docs/source/features/paged-attention-ifb-scheduler.md,
// py_executor.py and executor_request_queue.py. [Simulation.Metrics] are those of
// bench/dataclasses/reporting.py and statistics.py.
//
// # Parameters
//
// What peak rates leave open are a few physical parameters, fitted to published
// runs by `make calibrate`; testdata/calibration/report.md says how well. There
// is no parameter for a model: what a model differs in are its dimensions and
// types.
package estimate
