package plan

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"

	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

// FingerprintVersion is the version of Identity: what is hashed and how.
const FingerprintVersion = 2

// Identity is everything declared that can move a run's number. Paths, labels,
// limits, accounts, what is only written beside the number and secrets are left
// out. Its fingerprint is the SHA-256 of its JSON form, in which the keys of maps
// are sorted; that form is kept beside every attempt.
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
	Engine       string            `json:"engine"`
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
		Arguments:    emitted(run.Arguments),
		Options:      run.LLMAPIOptions,
		GPU:          run.Hardware.GPU,
		GPUs:         run.Hardware.GPUs,
		GPUsPerNode:  run.Hardware.GPUsPerNode,
		Nodes:        run.Hardware.Nodes,
		TasksPerNode: run.Hardware.GPUsPerNode,
		Executor:     exec.normal(),
		Engine:       cmp.Or(run.Engine, schema.FreshEngine),
		Env:          make(map[string]string, len(run.Env)),
		Simulated:    exec.Simulated,
		Dataset: datasetIdentity{
			Generator: deref(run.Dataset.Generator), Seed: deref(run.Dataset.Seed), Rows: run.Dataset.Lines,
			ISL: deref(run.UseCase.ISL), OSL: deref(run.UseCase.OSL), ISLStdev: deref(run.UseCase.ISLStdev), OSLStdev: deref(run.UseCase.OSLStdev),
		},
	}
	if run.Dataset.Generator == nil {
		id.Dataset.SHA256 = deref(run.Dataset.SHA256)
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

// emitted are the arguments that trtllm-bench is given and that can move a
// number: no switches that are off, nor flags that say where files are. No limit
// on the concurrency has two spellings.
func emitted(args trtllm.Arguments) map[string]any {
	out := make(map[string]any, len(args))
	for name, v := range args {
		if v != nil && v != false && !placing()[name] {
			out[name] = v
		}
	}
	if n, ok := args.Int("concurrency"); ok && n == 0 {
		out["concurrency"] = -1
	}
	return out
}

// placing are the flags that say where trtllm-bench finds and leaves files.
var placing = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for _, f := range catalog.Load().Flags() {
		names[f.Name] = f.File && (f.Ours != "" || f.Global)
	}
	return names
})

// Fingerprint is the lower-case hexadecimal SHA-256 of the identity.
func (id Identity) Fingerprint() string { return fmt.Sprintf("%x", sha256.Sum256(id.Canonical())) }

// Canonical is the form of the identity that is hashed: equal identities have
// equal bytes.
func (id Identity) Canonical() []byte { return mustJSON(id) }

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

// MovingOptions are those of sbatch's options that can move a number: accounting,
// mail and the place in the queue cannot. A value may be a word of its own.
func MovingOptions(args []string) []string {
	out := []string{}
	for i := 0; i < len(args); {
		name, value := optionName(args[i])
		n := 1
		if !value && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
			n = 2
		}
		if !bookkeeping[name] {
			out = append(out, args[i:i+n]...)
		}
		i += n
	}
	return out
}

// bookkeeping are sbatch's options that decide who pays, who is told and when and
// on which nodes a job starts, but not how it runs.
var bookkeeping = map[string]bool{
	"account": true, "wckey": true, "qos": true, "partition": true, "reservation": true, "clusters": true,
	"nodelist": true, "exclude": true, "priority": true, "nice": true, "begin": true, "deadline": true,
	"mail-type": true, "mail-user": true, "comment": true, "quiet": true, "verbose": true,
}

// shortOptions are sbatch's one-letter names of them.
var shortOptions = map[byte]string{
	'A': "account", 'q': "qos", 'p': "partition", 'M': "clusters", 'w': "nodelist", 'x': "exclude", 'b': "begin", 'Q': "quiet", 'v': "verbose",
}

// optionName is the long name of an option; value reports whether the word holds
// its value too.
func optionName(word string) (name string, value bool) {
	if long, ok := strings.CutPrefix(word, "--"); ok {
		name, _, value = strings.Cut(long, "=")
		return name, value
	}
	if len(word) > 1 && word[0] == '-' {
		if long, ok := shortOptions[word[1]]; ok {
			return long, len(word) > 2
		}
	}
	return word, true
}
