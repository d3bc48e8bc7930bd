package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcldec"
	"golang.org/x/sync/errgroup"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/runs"
	"github.com/llmbench/llmbench/executors/slurm"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

// storeCluster is where the results of a filled store were measured.
const storeCluster = "bench"

func init() {
	// fill makes a store in which all runs of a folder's definitions were measured.
	children["fill"] = func(_ int, args []string) (sample, error) {
		jobdir.Volatile()
		return sample{}, fill(args[0], runs.Open(args[1]))
	}
}

// fill measures runs a batch at a time: jobs and steps take memory.
func fill(definitions string, store *runs.Store) error {
	defs, diags := schema.Load(definitions, schema.Options{
		Environ: os.Environ(), Version: "0.1.0", Catalog: catalog.Load(),
		Executors: map[string]hcldec.Spec{slurm.Type: slurm.Spec()},
	})
	if diags.HasErrors() {
		return diags
	}
	if err := store.Create(); err != nil {
		return err
	}
	const batch = 5000
	cells := defs.Cells
	for from := 0; from < len(cells); from += batch {
		defs.Cells = cells[from:min(from+batch, len(cells))]
		p, diags := plan.Build(plan.Request{Definitions: defs, Catalog: catalog.Load(), Place: placeOf(defs), Version: "0.1.0"})
		if diags.HasErrors() {
			return diags
		}
		var g errgroup.Group
		g.SetLimit(4)
		for i, run := range p.Runs {
			g.Go(func() error { return measured(store, run, from+i) })
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// placeOf puts all cells on the cluster.
func placeOf(defs *schema.Definitions) func(*schema.Cell) (plan.Placement, hcl.Diagnostics) {
	known := map[*schema.Executor]plan.Placement{}
	return func(cell *schema.Cell) (plan.Placement, hcl.Diagnostics) {
		exec, diags := defs.ChooseExecutor(cell, "")
		if diags.HasErrors() {
			return plan.Placement{}, diags
		}
		if p, ok := known[exec]; ok {
			return p, nil
		}
		val, _, diags := defs.DecodeExecutor(exec)
		cfg, more := slurm.Configure(val, exec.Place)
		if diags = append(diags, more...); diags.HasErrors() {
			return plan.Placement{}, diags
		}
		known[exec] = plan.Placement{Ref: plan.ExecutorRef{Type: exec.Type, Name: plan.Text(exec.Name)}, Target: cfg.Target(), Cluster: storeCluster}
		return known[exec], nil
	}
}

// measured leaves in the store what a run leaves that was measured as predicted.
func measured(store *runs.Store, run *plan.Run, number int) error {
	key := runs.Key{Fingerprint: run.Fingerprint, Cluster: storeCluster}
	a, err := store.Reserve(key, 1)
	if err != nil {
		return err
	}
	job := fmt.Sprint(100_000 + number)
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC).Add(time.Duration(number) * time.Second)
	if err := a.Prepare(preparedRun(run, a, at)); err != nil {
		return err
	}
	if err := store.LinkAddress(run.Address, a); err != nil {
		return err
	}
	if err := a.RecordJob(jobdir.JobRecord{Handle: "slurm:" + job, JobID: job, Cluster: storeCluster, Submitted: at}); err != nil {
		return err
	}
	return leave(a.Dir, job, at.Add(time.Minute), reportOf(run))
}

func preparedRun(run *plan.Run, a *runs.Attempt, at time.Time) runs.Prepared {
	p := runs.Prepared{
		Run: run, Files: run.Steps[0].Files,
		Intent: jobdir.Intent{
			Address: run.Address, Fingerprint: run.Fingerprint, JobName: run.Job.Name, Cluster: storeCluster,
			Executor: run.Executor.Type + "." + string(run.Executor.Name), Sample: a.Sample, Attempt: a.Number,
			User: "bench", Host: "login1", Nonce: "0", Created: at, LLMBenchVersion: "0.1.0",
		},
		Vars: []string{"LLMBENCH_ATTEMPT=" + a.Dir},
	}
	if run.Job.Script != nil {
		p.Script = []byte(*run.Job.Script)
	}
	return p
}

// leave writes what a job leaves, in the order in which it does.
func leave(dir, job string, began time.Time, report trtllm.Report) error {
	var text bytes.Buffer
	if err := report.WriteJSON(&text); err != nil {
		return err
	}
	sum := sha256.Sum256(text.Bytes())
	ended := began.Add(10 * time.Minute)
	claim := jobdir.Encode(jobdir.Claim{JobID: job, Host: "gb01", Time: began, Nonce: "0"})
	rc := 0
	for _, f := range []struct {
		name    string
		content []byte
	}{
		{jobdir.ClaimPrefix + job, claim},
		{jobdir.StartFile, jobdir.Encode(jobdir.Start{JobID: job, Host: "gb01", Nodes: []string{"gb01", "gb02"}, Time: began})},
		{jobdir.ObservedFile, []byte("zone=+0000\nkernel=6.8.0\nslurm=24.05.2\ngpu=GB200, 570.86.15, 1965, 1200.00, 3996\n")},
		{jobdir.StdoutFile, []byte("[03/04/2026-06:01:00] [TRT-LLM] [I] Starting benchmark...\n")},
		{jobdir.StderrFile, nil},
		{jobdir.JobOutFile, nil},
		{jobdir.ReportFile, text.Bytes()},
		{jobdir.BenchExitFile, []byte("0\n")},
		{jobdir.ExitFile, jobdir.Encode(jobdir.Exit{
			JobID: job, RC: rc, BenchRC: &rc, Started: began, Ended: ended,
			Report: &jobdir.Sum{Bytes: int64(text.Len()), SHA256: hex.EncodeToString(sum[:])},
		})},
	} {
		if err := os.WriteFile(filepath.Join(dir, f.name), f.content, 0o666); err != nil {
			return err
		}
	}
	return os.Link(filepath.Join(dir, jobdir.ClaimPrefix+job), filepath.Join(dir, jobdir.ClaimFile))
}

// reportOf is a report of a run that went as its estimate says.
func reportOf(run *plan.Run) trtllm.Report {
	args := run.Arguments
	whole := func(name string) int { n, _ := args.Int(name); return n }
	fraction, _ := args.Float("kv_cache_free_gpu_mem_fraction")
	ep, requests := whole("ep"), whole("num_requests")
	gpus, isl, osl := float64(run.Hardware.GPUs), float64(*run.UseCase.ISL), float64(*run.UseCase.OSL)
	perGPU := run.Estimate.OutputThroughputPerGPU.Mid
	output := perGPU * gpus
	rate := output / osl
	total, perUser := float64(requests)/rate*1e3, output/min(float64(requests), float64(whole("concurrency")))
	tokens, concurrent := rate*(isl+osl), min(float64(requests), float64(whole("concurrency")))
	latency := concurrent / rate * 1e3
	spread := func(v float64) *trtllm.Percentiles {
		v = math.Round(v*1e4) / 1e4
		return &trtllm.Percentiles{P50: v, P90: 1.1 * v, P95: 1.15 * v, P99: 1.2 * v, Minimum: 0.8 * v, Maximum: 1.3 * v, Average: v}
	}
	r := trtllm.Report{
		Engine: trtllm.Engine{Model: run.Model.Checkpoint, ModelPath: run.Model.Path, Backend: "Pytorch", Version: run.Image.TRTLLMVersion},
		World: trtllm.World{
			TP: whole("tp"), PP: 1, EP: &ep, WorldSize: whole("tp"), MaxBatchSize: whole("max_batch_size"), MaxNumTokens: whole("max_num_tokens"),
			SchedulingPolicy: "GUARANTEED_NO_EVICT", KVCachePercentage: &fraction,
		},
		Request: trtllm.RequestInfo{NumRequests: requests, AvgConcurrent: &concurrent, AvgInputLength: isl, AvgOutputLength: osl},
		Metrics: trtllm.Measured(map[string]float64{
			trtllm.TotalLatency: total, trtllm.AvgRequestLatency: latency, trtllm.RequestThroughput: rate, trtllm.OutputThroughput: output,
			trtllm.TotalThroughput: tokens, trtllm.OutputThroughputPerUser: perUser, trtllm.OutputThroughputPerGPU: perGPU,
		}),
		Dataset: &trtllm.DatasetInfo{
			ISL: spread(isl), OSL: spread(osl), SeqLen: spread(isl + osl), Requests: requests, Path: jobdir.DatasetFile,
			MaxISL: int(isl), MaxOSL: int(osl), MaxSeqLen: int(isl + osl), AvgISL: isl, AvgOSL: osl, AvgSeqLen: isl + osl,
		},
	}
	r.Percentiles.Set(trtllm.AvgRequestLatency, spread(latency))
	if r.Streaming = args.Bool("streaming"); r.Streaming {
		for name, v := range map[string]float64{trtllm.AvgTTFT: latency / 100, trtllm.AvgTPOT: latency / osl, trtllm.OutputSpeed: perUser} {
			r.Metrics.Set(name, &v)
			r.Percentiles.Set(name, spread(v))
		}
	}
	return r
}
