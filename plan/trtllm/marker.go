package trtllm

import "bytes"

// A Phase is how far a run has come.
type Phase int

// The phases of a run in their order. In PhaseLoading the weights are loaded,
// kernels tuned and graphs captured; in PhaseReporting all requests are done.
const (
	PhaseNone Phase = iota
	PhasePreparing
	PhaseLoading
	PhaseWarmup
	PhaseBenchmarking
	PhaseReporting
)

// String is the phase in one word, "" for PhaseNone.
func (p Phase) String() string {
	return [...]string{"", "preparing", "loading", "warmup", "benchmarking", "reporting"}[p]
}

// markers are what the beginnings of log lines say of phases.
var markers = []struct {
	text  string
	phase Phase
}{
	{"Preparing to run throughput benchmark", PhasePreparing},
	{"Preparing to run latency benchmark", PhasePreparing},
	{"Setting PyTorch max sequence length", PhasePreparing},
	{"Setting up throughput benchmark", PhaseLoading},
	{"Setting up latency benchmark", PhaseLoading},
	{"Refreshed the MPI local session", PhaseLoading},
	{"[Autotuner]", PhaseLoading},
	{"Run autotuning warmup", PhaseLoading},
	{"Creating CUDA graph instances", PhaseLoading},
	{"Run generation only CUDA graph warmup", PhaseLoading},
	{"Setting up for warmup", PhaseWarmup},
	{"Running warmup", PhaseWarmup},
	{"Warmup done", PhaseWarmup},
	{"Starting benchmarking async task", PhaseBenchmarking},
	{"Starting benchmark", PhaseBenchmarking},
	{"Request submission complete", PhaseBenchmarking},
	{"Benchmark complete", PhaseReporting},
	{"Stopping LLM backend", PhaseReporting},
	{"LLM Backend stopped", PhaseReporting},
	{"Benchmark done. Reporting results", PhaseReporting},
	{"Writing report", PhaseReporting},
}

// ParseMarker reads a log line in which trtllm-bench or the engine says what it
// is doing. text is that in its words, without details that vary.
func ParseMarker(line []byte) (text string, phase Phase, ok bool) {
	level, rest := cutLogger(line)
	if level == 0 {
		return "", PhaseNone, false
	}
	for _, m := range markers {
		if bytes.HasPrefix(rest, []byte(m.text)) {
			return m.text, m.phase, true
		}
	}
	return "", PhaseNone, false
}
