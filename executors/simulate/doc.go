// Package simulate runs benchmarks without a cluster or a GPU. It has two
// doors to one simulation: the executor of that name, the embedded default
// that nothing has to be installed for, and [Bench], the stand-in for
// trtllm-bench that a Slurm job can start in its place.
//
// Both read the real command line, options file and data set, refuse what the
// real one refuses, predict with package estimate and write the real report,
// marked "simulated" and SIMULATED. Nothing simulated ever counts as measured.
package simulate
