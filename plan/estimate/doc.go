// Package estimate predicts what trtllm-bench throughput would measure: how much
// memory a run needs, how long one iteration takes by a roofline of the GPU, and
// what comes out when requests pass through in-flight batching.
//
// Formulas and parameters are those of the performance model in the project's
// reference, whose fit leaves a mean error of 11 % on published measurements that
// it had not seen. The package is pure and deterministic.
package estimate

// Version is the version of the model and its parameters.
const Version = "1"
