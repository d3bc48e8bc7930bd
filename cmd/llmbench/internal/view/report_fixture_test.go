package view

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/plan/trtllm"
)

func ptr[T any](v T) *T { return &v }

// measuredResult is a sample that counts. Its numbers follow from concurrency
// and from noise, a factor near 1.
func measuredResult(useCase string, isl, osl, concurrency, sample int, noise float64) *results.Result {
	c := float64(concurrency)
	perGPU := noise * 16000 * c / (c + 900) * 1000 / float64(isl)
	perUser := 110 / (1 + c/700)
	ttft, tpot := 30+c/4, 1000/perUser
	spread := func(v float64) *trtllm.Percentiles {
		return &trtllm.Percentiles{P50: v, P90: v * 1.4, P95: v * 1.7, P99: v * 2.4, Minimum: v / 2, Maximum: v * 3, Average: v * 1.1}
	}
	var spreads trtllm.Spreads
	spreads.Set(trtllm.AvgTTFT, spread(ttft))
	spreads.Set(trtllm.AvgTPOT, spread(tpot))
	started := time.Date(2026, 5, 4, 9, 30, 0, 0, time.UTC).Add(time.Duration(sample) * time.Hour)
	perJoule := perGPU / 910
	return &results.Result{
		Address:     fmt.Sprintf("load/use_case=%s/concurrency=%d", useCase, concurrency),
		Fingerprint: strings.Repeat(fmt.Sprintf("%04x", concurrency), 16), Sample: sample, Attempt: 1,
		Executor: plan.ExecutorRef{Type: "slurm", Name: "gb200"}, Cluster: "gb", Verdict: results.Valid,
		Reasons: []results.Reason{}, Caveats: []results.Caveat{{Code: "unpinned_revision"}},
		Model:    plan.Model{Label: "maverick", Checkpoint: "nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8", Quantization: "FP8"},
		Hardware: plan.Hardware{GPU: "GB200", GPUs: 8, GPUsPerNode: 4, Nodes: 2},
		Image:    plan.Image{Name: "nvcr.io/nvidia/tensorrt-llm/release:1.0.0rc4", TRTLLMVersion: "1.0.0rc4"},
		UseCase:  plan.UseCase{Label: useCase, ISL: &isl, OSL: &osl},
		Metrics: trtllm.Measured(map[string]float64{
			trtllm.RequestThroughput: perGPU * 8 / float64(osl), trtllm.OutputThroughput: perGPU * 8, trtllm.OutputThroughputPerGPU: perGPU,
			trtllm.OutputThroughputPerUser: perUser, trtllm.AvgTTFT: ttft, trtllm.AvgTPOT: tpot, trtllm.AvgRequestLatency: ttft + tpot*float64(osl),
			trtllm.TotalLatency: 240e3,
		}),
		Percentiles: spreads,
		Estimate:    &plan.Estimate{OutputThroughputPerGPU: &estimate.Interval{Low: perGPU * .7, Mid: perGPU * .96, High: perGPU * 1.3}},
		Job:         results.Job{ID: ptr(fmt.Sprint(4700 + sample)), Cluster: "gb", Nodes: []string{"gb01", "gb02"}, Started: &started, Ended: ptr(started.Add(11 * time.Minute))},
		Provenance: results.Provenance{
			TRTLLMVersion: ptr("1.0.0rc4"), GPUName: ptr("NVIDIA GB200"), Driver: ptr("570.86.15"), CUDA: ptr("12.8"), Clocks: ptr("SM at most 2062 MHz, memory at most 3996 MHz"),
			PowerCapW: ptr(1200.0), Kernel: ptr("6.8.0"), SlurmVersion: ptr("24.05"), DefinitionsGit: ptr("3f2c9ab"), LLMBenchVersion: ptr("0.1.0"),
			Missing: map[string]string{"nccl": "the log does not name it"},
		},
		Telemetry: &results.Telemetry{Samples: 384, SMClockMHz: 1930, MemoryClockMHz: 3996, PowerW: 910, TemperatureC: 63, ThrottleReasons: []string{}, EnergyJ: 910 * 8 * 240, TokensPerJoule: &perJoule},
	}
}

// reportSet has runs of two traffics: one with seven samples, one throttled and
// one that failed.
func reportSet() *results.Set {
	var list []*results.Result
	for _, u := range []struct {
		name     string
		isl, osl int
	}{{"reasoning", 1000, 1000}, {"summarization", 8000, 512}} {
		for _, concurrency := range []int{64, 512, 4096} {
			for sample, noise := range []float64{1, 1.013, .992, 1.004, .985, 1.009, .998} {
				if sample == 0 || concurrency == 512 {
					list = append(list, measuredResult(u.name, u.isl, u.osl, concurrency, sample+1, noise))
				}
			}
		}
	}
	list[0].Iterations = iterations()
	throttled, failed := list[8], list[len(list)-1]
	throttled.Verdict = results.Suspect
	throttled.Reasons = []results.Reason{{Code: "throttled", Level: results.Suspect, Detail: "clocks were held down in 40 % of the samples: hardware thermal slowdown", Remedy: "look at cooling"}}
	failed.Verdict, failed.Metrics, failed.Percentiles, failed.Telemetry = results.Failed, nil, trtllm.Spreads{}, nil
	failed.Reasons = []results.Reason{{Code: "gpu_oom", Level: results.Failed, Detail: "CUDA out of memory. <Tried> to allocate 2.00 GiB", Remedy: "lower max_batch_size"}}
	return results.NewSet(list)
}

// recordedSet has a sweep whose requests were recorded and are judged by an slo. TTFT has
// two humps, and requests of the opening burst wait longer than any other.
func recordedSet(concurrencies ...int) *results.Set {
	var list []*results.Result
	for _, c := range concurrencies {
		list = append(list, recorded(measuredResult("chat", 1000, 1000, c, 1, 1)))
	}
	return results.NewSet(list)
}

// recorded adds what 1,000 requests tell to a result.
func recorded(r *results.Result) *results.Result {
	const places = 50
	ttft, tpot := *r.Metrics.At(trtllm.AvgTTFT), *r.Metrics.At(trtllm.AvgTPOT)
	var list []trtllm.Request
	var free [places]time.Duration
	for i := range 1000 {
		wait := ttft * (.7 + .1*float64(i%5))
		switch {
		case i < places:
			wait *= 10
		case i%3 == 0:
			wait *= 2.5
		}
		q := trtllm.Request{Start: free[i%places] + 1, InputTokens: 1000, OutputTokens: 1000}
		q.FirstToken = q.Start + time.Duration(wait*1e6)
		q.End = q.FirstToken + time.Duration(999e6*tpot*(.9+.02*float64(i%11)))
		free[i%places] = q.End
		list = append(list, q)
	}
	r.Requests = results.NewRequests(list)
	r.Score(&plan.SLO{TTFT: ptr(300.), TPOT: ptr(20.)}, func() ([]trtllm.Request, error) { return list, nil })
	*r.Requests.GoodputTok = *r.Metrics.At(trtllm.OutputThroughputPerGPU) * r.Requests.WithinSLO.Value / 100 // of one load with the report
	return r
}

// iterations is the course of a run that fills, holds and drains.
func iterations() *trtllm.Series {
	s := &trtllm.Series{Steps: 9000, Seconds: 240, BucketS: 4}
	for i := range 60 {
		full := math.Min(1, math.Min(float64(i+1)/6, float64(60-i)/9))
		s.Buckets = append(s.Buckets, trtllm.Bucket{StartS: float64(i) * 4, Steps: 150, StepMeans: trtllm.StepMeans{
			Requests: 64 * full, CtxTokens: 900*full + 200*math.Sin(float64(i)), GenTokens: 60 * full, StepMS: ptr(20 + 5*full), KVUsed: ptr(.8 * full),
		}})
	}
	s.Steady = trtllm.Window{StartS: 20, EndS: 208, StepMeans: trtllm.StepMeans{Requests: 63.7, CtxTokens: 890, GenTokens: 59.6, StepMS: ptr(24.9), KVUsed: ptr(.79)}}
	return s
}

// sweepSet has 48 runs, with names as long as they get.
func sweepSet() *results.Set {
	var list []*results.Result
	for _, useCase := range []string{"reasoning", "chat", "summarization", "generation"} {
		for _, concurrency := range []int{16, 64, 256, 1024, 2048, 4096} {
			for i, backend := range []string{"WIDEEP", "CUTLASS"} {
				r := measuredResult(useCase, 1000*(1+len(useCase)%3), 1000, concurrency, 1, 1-.04*float64(i))
				r.Address += "/streaming=true/moe_backend=" + backend
				r.Iterations = iterations()
				list = append(list, r)
			}
		}
	}
	return results.NewSet(list)
}

// longIterations is a course as long as it gets, with figures of many digits.
func longIterations() *trtllm.Series {
	s := iterations()
	last := s.Buckets[0].StepMeans
	s.BucketS, s.Buckets = 240./trtllm.MostBuckets, nil
	for i := range trtllm.MostBuckets {
		m, x := last, 1+math.Sin(float64(i))/3
		m.Requests, m.CtxTokens, m.GenTokens, m.StepMS, m.KVUsed = 812.3*x, 4321.7*x, 812.3*x, ptr(24.321*x), ptr(.5321*x)
		s.Buckets = append(s.Buckets, trtllm.Bucket{StartS: float64(i) * s.BucketS, Steps: 10, StepMeans: m})
	}
	return s
}

// gridSet is a sweep over two axes with so many runs, of which some are suspect.
func gridSet(runs int) *results.Set {
	var list []*results.Result
	for i := range runs {
		r := measuredResult("chat", 128, 128, 16*(1+i/20), 1, 1+.01*float64(i%20))
		r.Address += fmt.Sprintf("/max_batch_size=%d", 48*(1+i%20))
		r.Fingerprint = fmt.Sprintf("%064x", i)
		r.Arguments = trtllm.Arguments{"concurrency": int64(16 * (1 + i/20)), "max_batch_size": int64(48 * (1 + i%20)), "num_requests": int64(64 * (1 + i/20))}
		r.Files.Stdout = ptr("/lustre/team/benchmarks/.llmbench/runs/" + r.Fingerprint + "/gb/sample-1/attempt-1/stdout")
		r.Provenance.ScriptSHA256, r.Job.ID = ptr(r.Fingerprint), ptr(fmt.Sprint(470000+i))
		if i%333 == 332 {
			r.Verdict, r.Reasons = results.Suspect, []results.Reason{{Code: "throttled", Level: results.Suspect, Detail: "clocks were held down in 40 % of the samples"}}
		}
		list = append(list, r)
	}
	return results.NewSet(list)
}

// overTime is the history of a set's runs, which were measured on so many days; from
// the tenth day on all have 10 % less, with another batch size.
func overTime(set *results.Set, days int) *results.History {
	var list []*results.Result
	for _, r := range set.Results {
		for day := range days {
			past := *r
			past.Job.Ended, past.Provenance.DefinitionsGit = ptr(r.Job.Ended.AddDate(0, 0, day-days+1)), ptr(fmt.Sprintf("%040x", day))
			past.Arguments = trtllm.Arguments{"max_batch_size": int64(896)}
			if v := r.Metrics.At(trtllm.OutputThroughputPerGPU); v != nil && day >= 10 {
				past.Metrics = trtllm.Measured(map[string]float64{trtllm.OutputThroughputPerGPU: .9 * *v})
				past.Arguments = trtllm.Arguments{"max_batch_size": int64(256)}
			}
			list = append(list, &past)
		}
	}
	return results.NewHistory(list, trtllm.OutputThroughputPerGPU)
}

// unrankedSet has simulations of sweepSet's runs, with backends that are not modelled.
func unrankedSet() *results.Set {
	set := sweepSet()
	for i, r := range set.Results {
		r.Simulated, r.Estimate.NotModelled = true, map[string]any{"moe_config.backend": []string{"WIDEEP", "CUTLASS"}[i%2]}
	}
	return set
}
