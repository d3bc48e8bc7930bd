package simulate

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// report writes the report as trtllm-bench does, the JSON first, and returns
// the exit status. The records of requests are written before, other than there: a kill
// leaves no sample that lacks them, and a search that goes on finds what it would have.
func (b *Bench) report(inv *trtllm.Invocation, version string, w plan.Workload, s estimate.Scenario, o *estimate.Simulation) int {
	b.log("Benchmark done. Reporting results...")
	rep := newReport(inv, w, s, o)
	rep.Engine.Version = version
	if inv.Requests != "" {
		b.log(fmt.Sprintf("Writing request information to %s.", inv.Requests))
		if err := b.records(inv.Requests, rep.Streaming, o); err != nil {
			return b.refuse(err)
		}
	}
	if inv.Report != "" {
		var text bytes.Buffer
		if err := rep.WriteJSON(&text); err != nil {
			return b.refuse(err)
		}
		if b.Getenv(envFault) == "truncated" {
			text.Truncate(text.Len() / 2)
		}
		b.log(fmt.Sprintf("Writing report to '%s'.", inv.Report))
		if err := os.WriteFile(b.path(inv.Report), text.Bytes(), 0o644); err != nil {
			return b.refuse(err)
		}
	}
	if b.Getenv(envFault) == "truncated" {
		return 1
	}
	if err := rep.WriteText(b.Stdout, epoch.Format(logTime)); err != nil {
		return b.refuse(err)
	}
	return 0
}

// records writes what trtllm-bench writes of each request with --request_json.
func (b *Bench) records(path string, streaming bool, o *estimate.Simulation) error {
	f, err := os.Create(b.path(path))
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 64<<10)
	const begin = time.Second // of the clock: 0 and -1 mean that there is no first token
	at := func(s float64) time.Duration { return begin + time.Duration(math.Round(s*1e9)) }
	list := make([]trtllm.Request, len(o.Requests))
	for i, r := range o.Requests {
		list[i] = trtllm.Request{Start: at(r.Start), FirstToken: -1, End: at(r.End), InputTokens: r.ISL, OutputTokens: r.OSL}
		if streaming {
			list[i].FirstToken = at(r.First)
		}
	}
	if err := trtllm.WriteRequestJSON(out, list, "SIMULATED"); err != nil {
		return err
	}
	return errors.Join(out.Flush(), f.Close())
}

func newReport(inv *trtllm.Invocation, w plan.Workload, s estimate.Scenario, o *estimate.Simulation) *trtllm.Report {
	m, data := o.Metrics(), newDatasetInfo(filepath.Base(inv.Dataset), s)
	rep := &trtllm.Report{
		Simulated: true, SimulatedBy: "llmbench estimator " + estimate.Calibrated().Version,
		Engine: trtllm.Engine{
			Model: inv.Model, ModelPath: text(inv.ModelPath), Backend: "Pytorch", Dtype: text("bfloat16"),
			KVCacheDtype: text(kvDtype(w)), Quantization: text(w.Checkpoint.Quantization),
		},
		World: newWorld(inv, s),
		Request: trtllm.RequestInfo{
			NumRequests: len(o.Requests), AvgConcurrent: &m.AvgConcurrency,
			AvgInputLength: data.AvgISL, AvgOutputLength: data.AvgOSL,
		},
		Metrics: trtllm.Measured(map[string]float64{
			trtllm.TotalLatency: m.TotalLatency, trtllm.AvgRequestLatency: m.Latency.Avg, trtllm.RequestThroughput: m.RequestsPerSecond,
			trtllm.OutputThroughput: m.OutputTPS, trtllm.TotalThroughput: m.TotalTPS,
			trtllm.OutputThroughputPerUser: m.TPSPerUser, trtllm.OutputThroughputPerGPU: m.TPSPerGPU,
		}),
		Dataset: data,
	}
	rep.Percentiles.Set(trtllm.AvgRequestLatency, percentiles(m.Latency))
	if rep.Streaming = inv.Args.Bool("streaming"); rep.Streaming {
		for metric, spread := range map[string]estimate.Spread{trtllm.OutputSpeed: m.GenTPS, trtllm.AvgTTFT: m.TTFT, trtllm.AvgTPOT: m.TPOT} {
			rep.Metrics.Set(metric, &spread.Avg)
			rep.Percentiles.Set(metric, percentiles(spread))
		}
	}
	return rep
}

func newWorld(inv *trtllm.Invocation, s estimate.Scenario) trtllm.World {
	policy := "GUARANTEED_NO_EVICT"
	if inv.Args.String("scheduler_policy") == "max_utilization" {
		policy = "MAX_UTILIZATION"
	}
	world := trtllm.World{
		TP: s.TP, PP: s.PP, WorldSize: s.TP * s.PP, MaxBatchSize: s.MaxBatchSize, MaxNumTokens: s.MaxNumTokens,
		SchedulingPolicy: policy, KVCachePercentage: &s.KVFraction,
	}
	if ep, ok := inv.Args.Int("ep"); ok {
		world.EP = &ep
	}
	return world
}

func newDatasetInfo(path string, s estimate.Scenario) *trtllm.DatasetInfo {
	var in, out, all []float64
	for _, r := range s.Requests {
		in, out, all = append(in, float64(r.ISL)), append(out, float64(r.OSL)), append(all, float64(r.ISL+r.OSL))
	}
	d := &trtllm.DatasetInfo{
		ISL: percentiles(estimate.SpreadOf(in)), OSL: percentiles(estimate.SpreadOf(out)), SeqLen: percentiles(estimate.SpreadOf(all)),
		Requests: len(in), Path: path,
	}
	d.MaxISL, d.MaxOSL, d.MaxSeqLen = int(d.ISL.Maximum), int(d.OSL.Maximum), int(d.SeqLen.Maximum)
	d.AvgISL, d.AvgOSL, d.AvgSeqLen = d.ISL.Average, d.OSL.Average, d.SeqLen.Average
	return d
}

func percentiles(s estimate.Spread) *trtllm.Percentiles {
	return &trtllm.Percentiles{P50: s.P50, P90: s.P90, P95: s.P95, P99: s.P99, Minimum: s.Min, Maximum: s.Max, Average: s.Avg}
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// kvDtype is what the options file says of the KV cache, else what TensorRT-LLM chooses
// for the checkpoint.
func kvDtype(w plan.Workload) string {
	top, _ := w.Options.(map[string]any)
	config, _ := top["kv_cache_config"].(map[string]any)
	for _, v := range []any{top["kv_cache_dtype"], config["dtype"]} {
		if dtype, ok := v.(string); ok && dtype != "auto" {
			return strings.ToUpper(dtype)
		}
	}
	return w.Checkpoint.KVCacheDtype
}
