package plan

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/llmbench/llmbench/plan/estimate"
)

// FingerprintVersion is the version of Identity: what is hashed and how.
const FingerprintVersion = 1

// Identity is everything declared that can move a run's number. Paths, labels,
// limits, accounts and secrets are left out. Its fingerprint is the SHA-256 of
// its JSON form, in which the keys of maps are sorted.
type Identity struct {
	Version      int               `json:"fingerprint_version"`
	Checkpoint   string            `json:"checkpoint"`
	Revision     string            `json:"revision"`
	Quantization string            `json:"quantization"`
	Image        string            `json:"image"`
	Digest       string            `json:"digest"`
	TRTLLM       string            `json:"trtllm_version"`
	Arguments    map[string]any    `json:"arguments"`
	Options      any               `json:"llm_api_options"`
	GPU          string            `json:"gpu"`
	GPUs         int               `json:"gpus"`
	GPUsPerNode  int               `json:"gpus_per_node"`
	Nodes        int               `json:"nodes"`
	TasksPerNode int               `json:"tasks_per_node"`
	Executor     ExecutorIdentity  `json:"executor"`
	Env          map[string]string `json:"env"`
	Dataset      datasetIdentity   `json:"dataset"`
	Simulated    bool              `json:"simulated"`
	Estimator    string            `json:"estimator"`
}

type datasetIdentity struct {
	Generator string  `json:"generator"`
	Seed      int64   `json:"seed"`
	Rows      int     `json:"rows"`
	ISL       int     `json:"isl"`
	OSL       int     `json:"osl"`
	ISLStdev  float64 `json:"isl_stdev"`
	OSLStdev  float64 `json:"osl_stdev"`
	SHA256    string  `json:"sha256"`
}

// NewIdentity collects the identity of run on an executor.
func NewIdentity(run *Run, exec ExecutorIdentity) Identity {
	id := Identity{
		Version:      FingerprintVersion,
		Checkpoint:   run.Model.Checkpoint,
		Revision:     deref(run.Model.Revision),
		Quantization: run.Model.Quantization,
		Image:        run.Image.Name,
		Digest:       deref(run.Image.Digest),
		TRTLLM:       run.Image.TRTLLMVersion,
		Arguments:    map[string]any{},
		Options:      run.LLMAPIOptions,
		GPU:          run.Hardware.GPU,
		GPUs:         run.Hardware.GPUs,
		GPUsPerNode:  run.Hardware.GPUsPerNode,
		Nodes:        run.Hardware.Nodes,
		TasksPerNode: run.Hardware.GPUsPerNode,
		Executor:     exec,
		Env:          map[string]string{},
		Dataset:      newDatasetIdentity(run.Dataset, run.UseCase),
		Simulated:    exec.Simulated,
	}
	for name, v := range run.Arguments {
		if v != nil {
			id.Arguments[name] = v
		}
	}
	for name, v := range run.Env {
		if v != nil {
			id.Env[name] = *v
		}
	}
	if exec.Simulated {
		id.Estimator = estimate.Calibrated().Version
	}
	return id
}

func newDatasetIdentity(data Dataset, traffic UseCase) datasetIdentity {
	d := datasetIdentity{
		Generator: deref(data.Generator),
		Seed:      deref(data.Seed),
		Rows:      data.Rows,
		ISL:       deref(traffic.ISL),
		OSL:       deref(traffic.OSL),
		ISLStdev:  deref(traffic.ISLStdev),
		OSLStdev:  deref(traffic.OSLStdev),
	}
	if data.Generator == nil {
		d.SHA256 = deref(data.SHA256)
	}
	return d
}

// Fingerprint is the lower-case hexadecimal SHA-256 of the identity.
func (id Identity) Fingerprint() string {
	return fingerprintOf(mustJSON(id))
}

func fingerprintOf(identity []byte) string {
	sum := sha256.Sum256(identity)
	return hex.EncodeToString(sum[:])
}

func deref[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}

func ptr[T any](v T) *T { return &v }

// optional is nil for "".
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
