package simulate

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema/catalog"
)

// The environment that the stand-in reads. A job sets the first two.
const (
	// EnvGPU and EnvVersion name the GPU and the version of TensorRT-LLM that are
	// simulated.
	EnvGPU     = "LLMBENCH_GPU"
	EnvVersion = "LLMBENCH_TRTLLM_VERSION"
	// envSpeed makes time pass: 60 takes a minute for what would take an hour.
	// Unset, the stand-in does not wait.
	envSpeed = "LLMBENCH_SIMULATED_SPEED"
	// envFault makes the run fail as the real one does: gpu_oom, nccl, crash,
	// silent, truncated or hang.
	envFault = "LLMBENCH_SIMULATED_FAULT"
	// envNoise is the relative standard deviation of the speed between samples of a run,
	// and envError that between what a run does and what is predicted of it: 0.015 for
	// 1.5 %. An attempt of a run has the same figures wherever it is simulated.
	envNoise = "LLMBENCH_SIMULATED_NOISE"
	envError = "LLMBENCH_SIMULATED_ERROR"
)

// A Bench is the stand-in for one process of trtllm-bench.
type Bench struct {
	// Dir is what relative paths of the command line are relative to.
	Dir            string
	Stdout, Stderr io.Writer
	// GPU and Version are what is simulated; "" means GB200 and the newest
	// version that is catalogued.
	GPU, Version string
	Getenv       func(string) string
	// Limit is for how many simulated seconds it measures until its job's time limit
	// ends it; 0 is for ever.
	Limit float64
	// ReadDataset reads the first rows of a data set, all where that is 0; nil
	// reads the file.
	ReadDataset func(path string, lines int) (trtllm.Dataset, error)
}

// Run does what trtllm-bench does with argv, the program's name left out, and
// returns its exit status.
func (b *Bench) Run(ctx context.Context, argv []string) int {
	cat, v, err := b.facts()
	if err != nil {
		return b.refuse(err)
	}
	inv, err := trtllm.ParseArgv(argv, v.Version)
	if err == nil {
		err = unwritten(inv.Args)
	}
	if err != nil {
		return b.refuse(err)
	}
	b.log("SIMULATED: llmbench stands in for trtllm-bench; nothing is measured")
	b.log("Preparing to run throughput benchmark...")
	w, err := b.workload(inv, cat, v)
	if err != nil {
		return b.refuse(err)
	}
	if slices.ContainsFunc(w.Lengths, func(l trtllm.Length) bool { return l.ISL < 0 }) {
		b.log("SIMULATED: a prompt that is text is taken to have a token for every four bytes, one with media the mean ISL of the others")
	}
	if rc, failed := b.fault(ctx); failed {
		return rc
	}
	b.log("Setting up throughput benchmark.")
	s := w.Scenario()
	sim, err := estimate.Simulate(s, b.iterations(w))
	if err != nil {
		fmt.Fprintf(b.Stderr, "torch.OutOfMemoryError: CUDA out of memory. SIMULATED: %v\n", err)
		return 1
	}
	if err := b.disturb(inv, w, sim); err != nil {
		return b.refuse(err)
	}
	if err := b.pass(ctx, sim); errors.Is(err, errTimeLimit) {
		fmt.Fprintln(b.Stderr, "\nslurmstepd: error: *** STEP CANCELLED DUE TO TIME LIMIT *** (SIMULATED)")
		return rcTerminated
	} else if err != nil {
		fmt.Fprintln(b.Stderr, "Aborted!")
		return 1
	}
	return b.report(inv, cmp.Or(b.Version, v.Name), w, s, sim)
}

// errTimeLimit ends a run as Slurm does at its job's time limit; rcTerminated is
// then its exit status.
var errTimeLimit = errors.New("time limit")

const rcTerminated = 128 + 15

// refuse says what is wrong.
func (b *Bench) refuse(err error) int {
	var usage *trtllm.UsageError
	if errors.As(err, &usage) {
		fmt.Fprintln(b.Stderr, usage.Text)
		return usage.ExitCode
	}
	fmt.Fprintln(b.Stderr, err)
	return 1
}

// workload reads what the command line names.
func (b *Bench) workload(inv *trtllm.Invocation, cat *catalog.Catalog, v catalog.Match) (w plan.Workload, err error) {
	model, checkpoint, ok := cat.Model(inv.Model)
	if !ok {
		return w, refusal("%s is not a model that can be simulated", inv.Model)
	}
	gpu, ok := cat.GPU(cmp.Or(b.GPU, "GB200"))
	if !ok {
		return w, refusal("%s is not a GPU that can be simulated", b.GPU)
	}
	options, err := b.options(inv, v)
	if err != nil {
		return w, err
	}
	if err := b.parallel(inv.Args); err != nil {
		return w, err
	}
	lines, _ := inv.Args.Int("num_requests")
	read := b.ReadDataset
	if read == nil {
		read = trtllm.ReadDatasetFile
	}
	data, err := read(b.path(inv.Dataset), lines)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return w, &trtllm.UsageError{Text: fmt.Sprintf("Error: trtllm-bench would refuse this: the data set %s does not exist", inv.Dataset), ExitCode: 2}
	case err != nil:
		return w, refusal("%s: %v", inv.Dataset, err)
	}
	tp, _ := inv.Args.Int("tp")
	pp, _ := inv.Args.Int("pp")
	return plan.Workload{
		Model: model, Checkpoint: checkpoint, GPU: gpu, GPUs: max(1, tp) * max(1, pp),
		Arguments: inv.Args, Options: options, Lengths: data.Lengths, TRTLLMVersion: b.Version, Catalog: cat,
	}, nil
}

func (b *Bench) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(b.Dir, p)
}

// fault fails the way that the environment asks for.
func (b *Bench) fault(ctx context.Context) (rc int, failed bool) {
	switch b.Getenv(envFault) {
	case "gpu_oom":
		fmt.Fprintln(b.Stderr, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB. (SIMULATED)")
		return 1, true
	case "nccl":
		fmt.Fprintln(b.Stderr, "RuntimeError: NCCL error: unhandled system error (SIMULATED)")
		return 1, true
	case "crash":
		fmt.Fprintln(b.Stderr, "Traceback (most recent call last):\nRuntimeError: SIMULATED crash")
		return 1, true
	case "silent":
		return 0, true
	case "hang":
		<-ctx.Done()
		return 1, true
	}
	return 0, false
}

// disturb makes a run slower or faster than predicted, as the environment asks for.
func (b *Bench) disturb(inv *trtllm.Invocation, w plan.Workload, o *estimate.Simulation) error {
	run, err := json.Marshal([]any{inv.Model, inv.Args, w.Options})
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(b.Dir) // …/sample-1/attempt-1
	if err != nil {
		return err
	}
	slow := math.Exp(b.deviation(envError, run) + b.deviation(envNoise, append(run, filepath.Base(filepath.Dir(dir))+filepath.Base(dir)...)))
	for i := range o.Requests {
		r := &o.Requests[i]
		r.Start, r.First, r.End = slow*r.Start, slow*r.First, slow*r.End
	}
	o.TotalS *= slow
	return nil
}

// deviation is drawn for a seed, from the distribution that a variable asks for.
func (b *Bench) deviation(variable string, seed []byte) float64 {
	sd, err := strconv.ParseFloat(b.Getenv(variable), 64)
	if err != nil || !(sd > 0) {
		return 0
	}
	sum := sha256.Sum256(append([]byte(variable), seed...))
	return sd * rand.New(rand.NewChaCha8(sum)).NormFloat64()
}

// pass lets time go by where the environment asks for it, with the progress bar
// of the real one.
func (b *Bench) pass(ctx context.Context, o *estimate.Simulation) error {
	b.log("Starting benchmarking async task.")
	b.log("Starting benchmark...")
	n := len(o.Requests)
	b.log(fmt.Sprintf("Request submission complete. [count=%d, time=0.0000s, rate=%.2f req/s]", n, float64(n)))
	speed, err := strconv.ParseFloat(b.Getenv(envSpeed), 64)
	const ticks = 10
	for i := 1; i <= ticks; i++ {
		if err == nil && speed > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(o.TotalS / speed / ticks * float64(time.Second))):
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if b.Limit > 0 && o.TotalS*float64(i)/ticks > b.Limit {
			return errTimeLimit
		}
		done := n * i / ticks
		fmt.Fprintf(b.Stderr, "\rBenchmarking: %3d%%|%-10s| %d/%d [SIMULATED]", 100*i/ticks, strings.Repeat("█", i), done, n)
	}
	fmt.Fprintln(b.Stderr)
	b.log("Benchmark complete.")
	return nil
}

// iterations prints the iteration log when the options ask for it: the steps
// thinned out, since the real one fills hundreds of megabytes.
func (b *Bench) iterations(w plan.Workload) func(estimate.Step) {
	top, _ := w.Options.(map[string]any)
	if top["print_iter_log"] != true {
		return nil
	}
	return func(s estimate.Step) {
		if s.Number%100 != 0 && (s.Number%10 != 0 || s.Number > 2000) {
			return
		}
		at := epoch.Add(time.Duration(s.StartS * float64(time.Second)))
		b.log(fmt.Sprintf("iter = %d, global_rank = 0, rank = 0, currank_total_requests = %d/%d, elapsed_time = %vs, timestamp = %s, num_scheduled_requests: %d, states = {'num_ctx_requests': %d, 'num_ctx_tokens': %d, 'num_generation_tokens': %d}",
			s.Number, s.Active, len(w.Lengths), s.Seconds, at.Format("2006-01-02 15:04:05"), s.CtxRequests+s.Decode, s.CtxRequests, s.CtxTokens, s.Decode))
	}
}

// epoch is when simulated time begins: logs and reports are the same whenever
// they are made.
var epoch = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

const logTime = "01/02/2006-15:04:05"

func (b *Bench) log(line string) {
	fmt.Fprintf(b.Stdout, "[%s] [TRT-LLM] [I] %s\n", epoch.Format(logTime), line)
}
