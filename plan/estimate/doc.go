// Package estimate predicts what trtllm-bench throughput would measure: how much
// memory a run needs, how long one iteration takes by a roofline of the GPU, and
// what comes out when requests pass through in-flight batching.
//
// What peak rates leave open are a few physical parameters, fitted to published
// runs by `make calibrate`; testdata/calibration/report.md says how well. There
// is no parameter for a model: what a model differs in are its dimensions and
// types. The package is pure and deterministic.
package estimate
