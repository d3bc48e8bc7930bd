package trtllm

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sampleReports are the reports among the real excerpts. Some are cut by those
// who published them: what they lack makes them no results.
var sampleReports = map[string]struct {
	lacks string
	want  Report
}{
	"01-report-1.1.0rc2-nonstreaming-tp1.txt": {want: Report{
		Engine: Engine{Model: "meta-llama/Llama-3.2-3B-Instruct", Version: "1.1.0rc2", Backend: "Pytorch", Dtype: new("bfloat16")},
		World: World{
			TP: 1, PP: 1, WorldSize: 1, MaxBatchSize: 2816, MaxNumTokens: 3072, SchedulingPolicy: "GUARANTEED_NO_EVICT",
			KVCachePercentage: new(.9), IssueRate: new(1.0535e17)},
		Request: RequestInfo{NumRequests: 16, AvgConcurrent: new(7.994), AvgInputLength: 13, AvgOutputLength: 256},
		Metrics: figures(3368.3769, 1682.9355, 4.7501, 1216.0159, 1277.7668, 152.1153, 1216.0159),
		Percentiles: spreads(
			&Percentiles{1683.3179, 1683.8753, 1683.9602, 1683.9602, 1678.1686, 1683.9602, 1682.9355}),
		Dataset: &DatasetInfo{Path: "/workspace/dataset.jsonl", Requests: 16},
	}},
	"02-report-0.21.0rc0-streaming-full.txt": {want: Report{
		Engine: Engine{Model: "meta-llama/Llama-3.1-8B-Instruct", Version: "0.21.0rc0", Backend: "Pytorch", Dtype: new("bfloat16")},
		World: World{
			TP: 1, PP: 1, WorldSize: 1, MaxBatchSize: 3840, MaxNumTokens: 7680, SchedulingPolicy: "GUARANTEED_NO_EVICT",
			KVCachePercentage: new(.9), IssueRate: new(1.0526e15)},
		Request: RequestInfo{NumRequests: 100, AvgConcurrent: new(94.605), AvgInputLength: 128, AvgOutputLength: 128},
		Metrics: figures(1155.5715, 1093.2284, 86.5373, 11076.77, 22153.5399, 117.1544, 11076.77, 137.1475, 162.6706, 7.3272),
		Percentiles: spreads(
			&Percentiles{1091.7905, 1130.72, 1133.0074, 1137.6817, 1050.1519, 1137.6817, 1093.2284},
			&Percentiles{7.6079, 8.1246, 8.1289, 8.1306, 6.645, 8.1306, 7.3272},
			&Percentiles{159.7857, 220.053, 226.9148, 232.4339, 93.921, 232.4339, 162.6706},
			&Percentiles{131.4444, 150.4112, 150.4606, 150.4894, 122.9921, 150.4894, 137.1475}),
		Streaming: true,
		Dataset: &DatasetInfo{
			ISL: constant(128), OSL: constant(128), SeqLen: constant(256), Requests: 100, Path: "/workspace/benchmark_toolkit/synthetic_data.jsonl",
			MaxISL: 128, MaxOSL: 128, MaxSeqLen: 256, AvgISL: 128, AvgOSL: 128, AvgSeqLen: 256},
	}},
	"04-report-0.18-0.19-labels-multimodal.txt": {want: Report{
		World: World{
			TP: 1, PP: 1, WorldSize: 1, MaxBatchSize: 4, MaxNumTokens: 12288, SchedulingPolicy: "GUARANTEED_NO_EVICT",
			KVCachePercentage: new(.9), IssueRate: new(1.4117e17)},
		Request: RequestInfo{NumRequests: 10, AvgConcurrent: new(5.3019), AvgInputLength: 411.6, AvgOutputLength: 128.7},
		Metrics: figures(6925.4963, 3671.8441, 1.4439, 185.8351, 780.1607, 38.1959, 185.8351),
		Percentiles: spreads(
			&Percentiles{3936.3022, 5514.4701, 5514.4701, 5514.4701, 2397.1047, 5514.4701, 3671.8441}),
		Dataset: &DatasetInfo{
			ISL:      &Percentiles{299, 1059, 1059, 1059, 167, 1059, 411.6},
			OSL:      &Percentiles{128, 137, 137, 137, 119, 137, 128.7},
			SeqLen:   &Percentiles{427, 1178, 1178, 1178, 300, 1178, 540.3},
			Requests: 10, Path: "/workspaces/tensorrt_llm/mm_data.jsonl",
			MaxISL: 1059, MaxOSL: 137, MaxSeqLen: 1178, AvgISL: 411.6, AvgOSL: 128.7, AvgSeqLen: 540.3},
	}},
	"05-report-0.19-streaming-labels.txt": {want: Report{
		Metrics: figures(115716.9214, 75903.4456, 43.2089, 5530.7382, 94022.5497, 2.0563, 5530.7382, 5.4656, 52667.0339, 182.9639),
		Percentiles: spreads(
			&Percentiles{78509.2102, 110804.0017, 111302.9101, 111618.2158, 24189.0838, 111668.0964, 75903.4456},
			&Percentiles{204.0463, 206.3863, 206.5064, 206.5821, 32.8005, 208.4667, 182.9639},
			&Percentiles{52269.7072, 96583.7187, 101978.4566, 106563.4497, 3914.7621, 107501.2487, 52667.0339},
			nil),
		Streaming: true,
	}},
	"07-report-1.2-overview-tp8-streaming.txt": {
		lacks: "Time-per-Output-Token Breakdown, Time-to-First-Token Breakdown, Request Latency Breakdown",
		want: Report{
			Metrics: figures(365009.1921, 120325.7013, 8.4162, 8618.2158, 77563.9425, 9.8876, 1077.277, 11.2591, 19537.7776, 98.5219),
			Percentiles: spreads(
				nil,
				nil,
				nil,
				nil),
			Streaming: true,
		}},
}

// figures are metrics in the order of the JSON report, those of streaming last.
func figures(values ...float64) PerMetric[*float64] {
	var p PerMetric[*float64]
	for i, name := range []string{
		TotalLatency, AvgRequestLatency, RequestThroughput, OutputThroughput, TotalThroughput, OutputThroughputPerUser, OutputThroughputPerGPU,
		OutputSpeed, AvgTTFT, AvgTPOT,
	} {
		if i < len(values) {
			p.Set(name, &values[i])
		}
	}
	return p
}

// spreads are percentiles in the order of the JSON report; nil ones are not set.
func spreads(list ...*Percentiles) Spreads {
	var s Spreads
	for i, name := range []string{AvgRequestLatency, AvgTPOT, AvgTTFT, OutputSpeed} {
		if i < len(list) && list[i] != nil {
			s.Set(name, list[i])
		}
	}
	return s
}

func constant(v float64) *Percentiles { return &Percentiles{v, v, v, v, v, v, v} }

func TestSampleReports(t *testing.T) {
	dir := samplesDir(t)
	for name, c := range sampleReports {
		l := readLog(t, content(t, filepath.Join(dir, name)))
		got, other := l.Report, l.Partial
		if c.lacks != "" {
			got, other = l.Partial, l.Report
		}
		if diff := cmp.Diff(&c.want, got); diff != "" {
			t.Errorf("%s: lacks %v\n%s", name, l.Lacks, diff)
		}
		if lacks := strings.Join(l.Lacks, ", "); other != nil || lacks != c.lacks {
			t.Errorf("%s: lacks %s, want %s", name, lacks, c.lacks)
		}
		if l.Failure != nil {
			t.Errorf("%s: failed: %+v", name, l.Failure)
		}
	}
}

func TestSampleIterations(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(string(content(t, filepath.Join(samplesDir(t), "11-log-iteration-lines.txt")))), "\n")
	first := iteration(func(it *Iteration) {
		it.Iter, it.Rank, it.ScheduledRequests = 198, 0, 10
		it.CtxRequests, it.CtxTokens, it.GenTokens, it.ElapsedS, it.Timestamp = 0, 0, 16, 0.005060911178588867, "2025-04-28 09:56:44"
	})
	second := iteration(func(it *Iteration) {
		it.Iter, it.Rank, it.ScheduledRequests = 5559, 0, 3
		it.CtxRequests, it.CtxTokens, it.GenTokens, it.HostStepMS, it.Timestamp = 2, 16384, 0, 50.5, ""
	})
	for i, want := range []Iteration{first, second} {
		got, ok := ParseIteration([]byte(lines[i]))
		if diff := cmp.Diff(want, got, nan); !ok || diff != "" {
			t.Errorf("line %d: %v\n%s", i+1, ok, diff)
		}
	}
}
