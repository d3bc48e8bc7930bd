package results

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

func TestJudgeMatch(t *testing.T) {
	for name, c := range map[string]struct {
		edits []string
		run   func(*plan.Run)
		want  string
	}{
		"as planned": {want: "valid"},
		"tp":         {edits: []string{"world_info.tp_size=4"}, want: "invalid\ninvalid argument_mismatch: tp: planned 8, reported 4"},
		"pp":         {edits: []string{"world_info.pp_size=2"}, want: "invalid\ninvalid argument_mismatch: pp: planned 1, reported 2"},
		"ep":         {edits: []string{"world_info.ep_size=4"}, want: "invalid\ninvalid argument_mismatch: ep: planned 8, reported 4"},
		"ep missing": {edits: []string{"world_info.ep_size=null"}, want: "invalid\ninvalid argument_mismatch: ep: planned 8, reported none"},
		"ep not passed": {
			edits: []string{"world_info.ep_size=null"}, run: func(r *plan.Run) { r.Arguments["ep"] = nil }, want: "valid"},
		"world size":            {edits: []string{"world_info.world_size=16"}, want: "invalid\ninvalid argument_mismatch: world size: planned 8, reported 16"},
		"batch size":            {edits: []string{"world_info.max_batch_size=32"}, want: "invalid\ninvalid argument_mismatch: max_batch_size: planned 16, reported 32"},
		"tokens":                {edits: []string{"world_info.max_num_tokens=4096"}, want: "invalid\ninvalid argument_mismatch: max_num_tokens: planned 2048, reported 4096"},
		"quantization mixed":    {edits: []string{`engine.quantization="MIXED_PRECISION"`}, want: "valid"},
		"quantization in words": {edits: []string{`engine.quantization="None"`}, want: "valid"},
		"tokens as planned": {
			edits: []string{"world_info.max_num_tokens=130"}, run: func(r *plan.Run) { r.Arguments["max_num_tokens"] = int64(130) }, want: "valid"},
		"tokens neither": {
			edits: []string{"world_info.max_num_tokens=131"}, run: func(r *plan.Run) { r.Arguments["max_num_tokens"] = int64(130) },
			want: "invalid\ninvalid argument_mismatch: max_num_tokens: planned 130, reported 131"},
		"tokens raised": {
			edits: []string{"world_info.max_num_tokens=144"},
			run: func(r *plan.Run) {
				r.Arguments["max_num_tokens"] = int64(130)
				r.LLMAPIOptions = map[string]any{"enable_chunked_prefill": true}
			},
			want: "invalid\ninvalid argument_mismatch: max_num_tokens: planned 130, reported 144"},
		"fewer requests":   {edits: []string{"request_info.num_requests=99"}, want: "invalid\ninvalid fewer_requests: num_requests: planned 100, reported 99"},
		"more requests":    {edits: []string{"request_info.num_requests=101"}, want: "invalid\ninvalid argument_mismatch: num_requests: planned 100, reported 101"},
		"ISL":              {edits: []string{"request_info.avg_input_length=131.5"}, want: "invalid\ninvalid argument_mismatch: mean ISL: planned 128, reported 131.5"},
		"ISL nearly":       {edits: []string{"request_info.avg_input_length=129"}, want: "valid"},
		"OSL short":        {edits: []string{"request_info.avg_output_length=60"}, want: "invalid\ninvalid short_output: mean OSL: planned 64, reported 60: requests ended early"},
		"OSL long":         {edits: []string{"request_info.avg_output_length=70"}, want: "invalid\ninvalid argument_mismatch: mean OSL: planned 64, reported 70"},
		"streaming":        {edits: []string{"-streaming_metrics"}, want: "invalid\ninvalid argument_mismatch: streaming: planned true, reported false"},
		"KV fraction":      {edits: []string{"world_info.kv_cache_percentage=0.75"}, want: "invalid\ninvalid argument_mismatch: kv_cache_free_gpu_mem_fraction: planned 0.9, reported 0.75"},
		"KV fraction null": {edits: []string{"world_info.kv_cache_percentage=null"}, want: "valid"},
		"policy":           {edits: []string{`world_info.scheduling_policy="MAX_UTILIZATION"`}, want: "invalid\ninvalid argument_mismatch: scheduler_policy: planned guaranteed_no_evict, reported max_utilization"},
		"policy of 0.17":   {edits: []string{`world_info.scheduling_policy="Guaranteed No Evict"`}, want: "valid"},
		"no tokens": {
			edits: []string{"performance.system_output_throughput_tok_s=0", "request_info.avg_output_length=0"},
			want:  "invalid\ninvalid no_tokens: no output tokens were measured: output throughput 0 tok/s, mean output length 0"},
		"two at once": {
			edits: []string{"world_info.tp_size=4", "world_info.world_size=4"},
			want:  "invalid\ninvalid argument_mismatch: tp: planned 8, reported 4\ninvalid argument_mismatch: world size: planned 8, reported 4"},
		"read from JSON": {
			run: func(r *plan.Run) {
				r.Arguments["tp"], r.Arguments["max_batch_size"], r.Arguments["num_requests"] = 8.0, 16.0, 100.0
			}, want: "valid"},
		"own data set": {
			run: func(r *plan.Run) {
				r.UseCase = plan.UseCase{Label: "own"}
				r.Dataset = plan.Dataset{Lines: 100, SHA256: ptr("00"), Path: ptr("own.jsonl")}
			},
			edits: []string{"request_info.avg_output_length=10"},
			want:  "invalid\ninvalid short_output: mean OSL: planned 64, reported 10: requests ended early"},
	} {
		t.Run(name, func(t *testing.T) {
			in := measured(t, c.edits...)
			if c.run != nil {
				c.run(in.Run)
			}
			r := Judge(in)
			if diff := cmp.Diff(c.want, told(r)); diff != "" {
				t.Error(diff)
			}
			if r.Counts() != (r.Metrics.At(trtllm.OutputThroughputPerGPU) != nil) {
				t.Errorf("counts %v with metrics %+v", r.Counts(), r.Metrics)
			}
		})
	}
}

// Lengths that vary are compared by their mean.
func TestJudgeVariableLengths(t *testing.T) {
	run := testRun()
	run.UseCase.ISLStdev, run.UseCase.OSLStdev = ptr(30.0), ptr(10.0)
	shape := plan.Shape(128, 64, 30, 10, 420, 100)
	var isl, osl int
	for i := range 100 {
		a, b := shape.Lengths(i)
		isl, osl = isl+a, osl+b
	}
	in := measured(t,
		fmt.Sprintf("request_info.avg_input_length=%v", float64(isl)/100), fmt.Sprintf("request_info.avg_output_length=%v", float64(osl)/100))
	in.Run = run
	if r := Judge(in); r.Verdict != Valid {
		t.Error(told(r))
	}
	in.Run = testRun()
	if r := Judge(in); r.Verdict != Invalid {
		t.Errorf("for a run with fixed lengths: %s", told(r))
	}
}

func TestJudgeSimulated(t *testing.T) {
	in := measured(t, "simulated=true")
	r := Judge(in)
	if !r.Simulated || told(r) != "invalid\ninvalid argument_mismatch: simulated: planned false, reported true" {
		t.Errorf("planned as real: simulated %v, %s", r.Simulated, told(r))
	}
	in.Simulated = true
	if r = Judge(in); !r.Simulated || r.Verdict != Valid {
		t.Errorf("planned as simulated: simulated %v, %s", r.Simulated, told(r))
	}
	in = measured(t)
	in.Simulated = true
	if r = Judge(in); told(r) != "invalid\ninvalid argument_mismatch: simulated: planned true, reported false" {
		t.Errorf("a real report of a simulated run: %s", told(r))
	}
}

func TestJudgeDoubts(t *testing.T) {
	for name, c := range map[string]struct {
		exit *jobdir.ExitRecord
		end  *End
		want string
	}{
		"clean":                      {exit: &jobdir.ExitRecord{BenchRC: ptr(0)}, want: "valid"},
		"bench status lost":          {exit: &jobdir.ExitRecord{}, want: "valid"},
		"bench failed":               {exit: &jobdir.ExitRecord{BenchRC: ptr(1)}, want: "suspect\nsuspect unclean_exit: the report is whole, but trtllm-bench exited with 1"},
		"launcher failed":            {exit: &jobdir.ExitRecord{RC: 137, BenchRC: ptr(0)}, want: "suspect\nsuspect unclean_exit: the report is whole, but the launcher exited with 137"},
		"signal":                     {exit: &jobdir.ExitRecord{Signal: "TERM", Reason: "time_limit"}, want: "suspect\nsuspect unclean_exit: the report is whole, but the job was stopped by TERM (time_limit)"},
		"no exit":                    {end: &End{Code: "time_limit", Detail: "TIMEOUT"}, want: "suspect\nsuspect unclean_exit: the report is whole, but the job left no exit (time_limit: TIMEOUT)"},
		"suspended":                  {exit: &jobdir.ExitRecord{}, end: &End{Suspended: true}, want: "invalid\ninvalid suspended: the job was suspended while it ran"},
		"suspended, by its own word": {exit: &jobdir.ExitRecord{SuspendedSeconds: 9}, want: "invalid\ninvalid suspended: the job was suspended for 9s while it ran"},
		"both words":                 {exit: &jobdir.ExitRecord{}, end: &End{Code: "lost"}, want: "valid"},
	} {
		t.Run(name, func(t *testing.T) {
			in := measured(t)
			in.Exit, in.Ended = c.exit, c.end
			r := Judge(in)
			if diff := cmp.Diff(c.want, told(r)); diff != "" {
				t.Error(diff)
			}
			if r.Verdict == Invalid {
				return // it has no number
			}
			if r.Metrics.At(trtllm.AvgTTFT) == nil || *r.Metrics.At(trtllm.AvgTTFT) != 120.25 {
				t.Errorf("metrics %+v", r.Metrics)
			}
		})
	}
}

func TestJudgeFailures(t *testing.T) {
	const (
		oom   = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.\n"
		nccl  = "torch.distributed.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp:77, unhandled system error\n"
		noise = "srun: error: gb01: task 3: Exited with exit code 1\n"
		limit = "slurmstepd: error: *** STEP 77.0 ON gb01 CANCELLED AT 2026-03-04T06:30:00 DUE TO TIME LIMIT ***\n"
	)
	exit1 := &jobdir.ExitRecord{RC: 1, BenchRC: ptr(1)}
	for name, c := range map[string]struct {
		log       string
		exit      *jobdir.ExitRecord
		end       *End
		cancelled bool
		code      failure.Code
	}{
		"out of memory":                   {log: oom + nccl + noise, exit: exit1, code: "gpu_oom"},
		"before the limit":                {log: oom + limit, end: &End{Code: "time_limit"}, code: "gpu_oom"},
		"limit":                           {log: limit + noise, end: &End{Code: "time_limit", Detail: "TIMEOUT"}, code: "time_limit"},
		"limit without a log":             {end: &End{Code: "time_limit", Detail: "TIMEOUT"}, code: "time_limit"},
		"limit by signal":                 {exit: &jobdir.ExitRecord{RC: 143, Signal: "USR1"}, code: "time_limit"},
		"limit by the clock":              {exit: &jobdir.ExitRecord{RC: 143, Signal: "TERM", Started: noon, Ended: noon.Add(30 * time.Minute)}, code: "time_limit"},
		"stopped early":                   {exit: &jobdir.ExitRecord{RC: 143, Signal: "TERM", Started: noon, Ended: noon.Add(time.Minute)}, code: "cancelled"},
		"stopped by what the log names":   {log: limit, exit: &jobdir.ExitRecord{RC: 143, Signal: "TERM"}, code: "time_limit"},
		"stopped with a reason":           {exit: &jobdir.ExitRecord{RC: 143, Signal: "TERM", Reason: "preempted"}, code: "preempted"},
		"node failure breaks others":      {log: nccl, end: &End{Code: "node_fail"}, code: "node_fail"},
		"NCCL then the limit":             {log: nccl, end: &End{Code: "time_limit"}, code: "nccl"},
		"cancelled":                       {log: limit, exit: &jobdir.ExitRecord{RC: 143, Signal: "TERM"}, cancelled: true, code: "cancelled"},
		"cancelled before it started":     {end: &End{Code: "lost"}, cancelled: true, code: "cancelled"},
		"blocked":                         {end: &End{Code: "blocked", Detail: "PartitionTimeLimit"}, cancelled: true, code: "blocked"},
		"refused":                         {end: &End{Code: "submit_rejected", Detail: "Invalid account"}, code: "submit_rejected"},
		"lost with a cause":               {log: oom, end: &End{Code: "lost"}, code: "gpu_oom"},
		"lost":                            {end: &End{Code: "lost", Detail: "COMPLETED: the job left no exit record"}, code: "lost"},
		"weak only":                       {log: noise, exit: exit1, code: "task_exit"},
		"nothing but a status":            {exit: exit1, code: "task_exit"},
		"nothing at all":                  {exit: &jobdir.ExitRecord{}, code: "probable_oom"},
		"host memory kills ranks":         {log: noise, end: &End{Code: "host_oom"}, code: "host_oom"},
		"option that does not exist":      {log: "Usage: trtllm-bench throughput [OPTIONS]\nError: No such option: --ep\n", exit: &jobdir.ExitRecord{RC: 2, BenchRC: ptr(2)}, code: "cli"},
		"the job said nothing of its end": {log: noise, end: &End{Code: "lost"}, code: "task_exit"},
	} {
		t.Run(name, func(t *testing.T) {
			in := ended(c.log, c.exit, c.end)
			in.Cancelled = c.cancelled
			r := Judge(in)
			if r.Verdict != Failed || r.Code() != c.code || r.Cause() == "" || len(r.Reasons) != 1 {
				t.Errorf("%s, want %s", told(r), c.code)
			}
			if r.Metrics != nil || len(r.Caveats) != 0 {
				t.Errorf("a failure with numbers: %+v, %v", r.Metrics, r.Caveats)
			}
		})
	}
}

func TestJudgeReportThatIsNotWhole(t *testing.T) {
	whole := testReport(t)
	for _, n := range []int{1, 50, len(whole) / 2, len(whole) - 3} {
		in := measured(t)
		in.Report = whole[:n]
		if r := Judge(in); r.Verdict != Invalid || r.Code() != "report_incomplete" {
			t.Errorf("%d bytes: %s", n, told(r))
		}
	}
	in := measured(t)
	in.Exit.Report = &jobdir.Sum{SHA256: digest([]byte("another"))}
	if r := Judge(in); r.Verdict != Failed || r.Code() != "report_damaged" {
		t.Errorf("another report: %s", told(r))
	}
	in.Exit.Report = &jobdir.Sum{SHA256: digest(in.Report)}
	if r := Judge(in); r.Verdict != Valid {
		t.Errorf("the very report: %s", told(r))
	}
	in = measured(t)
	in.Report = []byte{}
	if r := Judge(in); r.Verdict != Failed {
		t.Errorf("an empty report: %s", told(r))
	}
}

func TestCaveats(t *testing.T) {
	in := measured(t)
	in.Run.Arguments["concurrency"], in.Run.Arguments["warmup"] = int64(-1), int64(0)
	want := []Caveat{
		{Metric: "avg_ttft_ms", Code: "unlimited_concurrency"}, {Metric: "avg_request_latency_ms", Code: "unlimited_concurrency"},
		{Metric: "output_throughput_per_user_tok_s", Code: "unlimited_concurrency"},
		{Metric: "", Code: "no_warmup"}, {Metric: "", Code: "one_sample"}, {Metric: "", Code: "unpinned_image"}, {Metric: "", Code: "unpinned_revision"},
	}
	r := Judge(in)
	if diff := cmp.Diff(want, r.Caveats); diff != "" {
		t.Error(diff)
	}
	if r.Verdict != Valid {
		t.Errorf("a note changed the verdict: %s", told(r))
	}
}

// Without report.json the report on stdout counts, if it is whole.
func TestJudgePrintedReport(t *testing.T) {
	in := measured(t)
	report, err := trtllm.ReadReport(bytes.NewReader(in.Report))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := report.WriteText(&b, "03/04/2026-06:09:00"); err != nil {
		t.Fatal(err)
	}
	in.Report, in.Stdout = nil, opens(b.String())
	r := Judge(in)
	if r.Verdict != Valid || *r.Metrics.At(trtllm.OutputThroughputPerGPU) != 775.75 || *r.Metrics.At(trtllm.AvgTTFT) != 120.25 {
		t.Errorf("%s, %+v", told(r), r.Metrics)
	}
	in.Report = testReport(t)[:100]
	if r = Judge(in); r.Verdict != Valid {
		t.Errorf("beside a report.json that is not whole: %s", told(r))
	}
	in.Exit.Stdout = &jobdir.Sum{SHA256: digest(b.Bytes())}
	if r = Judge(in); r.Verdict != Valid {
		t.Errorf("with its checksum: %s", told(r))
	}
	for damage, stdout := range map[string]func() (io.ReadCloser, error){
		"edited": opens(strings.Replace(b.String(), "775.75", "7757.5", 1)), "cut": opens(b.String()[:b.Len()-1]), "gone": nil,
	} {
		in.Stdout = stdout
		if r = Judge(in); r.Counts() || r.Code() != "report_damaged" || !strings.Contains(r.Cause(), "stdout is ") {
			t.Errorf("%s after the job: %s", damage, told(r))
		}
	}
	in.Exit.Stdout = nil

	in.Report, in.Stdout = nil, opens(b.String()[:b.Len()/2])
	if r = Judge(in); r.Counts() || r.Code() != "report_incomplete" {
		t.Errorf("half of it: %s", told(r))
	}
	in.Stderr = opens("torch.OutOfMemoryError: CUDA out of memory\n")
	if r = Judge(in); r.Code() != "gpu_oom" {
		t.Errorf("half of it, with a cause: %s", told(r))
	}

	report.Simulated = true
	b.Reset()
	if err := report.WriteText(&b, "03/04/2026-06:09:00"); err != nil {
		t.Fatal(err)
	}
	in = measured(t)
	in.Report, in.Stdout = nil, opens(b.String())
	if r = Judge(in); r.Counts() || !r.Simulated {
		t.Errorf("a printed simulation of a real run: %s", told(r))
	}
}

// The names are those that nvidia-smi prints for these boards.
func TestNamesGPU(t *testing.T) {
	for _, c := range []struct {
		shown, kind string
		want        bool
	}{
		{"NVIDIA GB200", "GB200", true}, {"NVIDIA GB200", "B200", false}, {"NVIDIA B200", "GB200", false}, {"NVIDIA B200", "b200", true},
		{"NVIDIA GH200 480GB", "H200", false}, {"NVIDIA H200", "H200", true}, {"NVIDIA H100 80GB HBM3", "H100", true},
		{"NVIDIA A100-SXM4-80GB", "A100", true}, {"NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX PRO 6000", true}, {"NVIDIA GB300", "B300", false},
	} {
		if got := namesGPU(c.shown, c.kind); got != c.want {
			t.Errorf("%q names %s: %v", c.shown, c.kind, got)
		}
	}
}

// A report cannot have measured for longer than its job lived.
func TestImpossibleTime(t *testing.T) {
	for total, code := range map[string]failure.Code{"1031.25": "", "599000": "", "604000": "", "606000": failure.ImpossibleTime, "6e9": failure.ImpossibleTime} {
		r := Judge(measured(t, "performance.total_latency_ms="+total))
		if r.Code() != code || (code != "") != (r.Verdict == Invalid) || (code != "") != (r.Metrics == nil) {
			t.Errorf("%s ms in a job of 10 minutes: %s", total, told(r))
		}
	}
	in := measured(t, "performance.total_latency_ms=6e9")
	in.Exit.Ended, in.Job.Ended = in.Exit.Started, nil
	if r := Judge(in); r.Code() == failure.ImpossibleTime {
		t.Errorf("nothing is known of how long the job lived: %s", told(r))
	}
}

// Without a token after the first there is no time per output token, whatever
// trtllm-bench writes for it.
func TestTPOTOfOneToken(t *testing.T) {
	in := measured(t, "request_info.avg_output_length=1", "streaming_metrics.avg_tpot_ms=0", "streaming_metrics.token_output_speed_tok_s=0")
	one := 1
	in.Run.UseCase.OSL = &one
	r := Judge(in)
	if !r.Counts() || r.Metrics.At(trtllm.AvgTPOT) != nil || r.Metrics.At(trtllm.OutputSpeed) != nil || r.Percentiles.At(trtllm.AvgTPOT) != nil || r.Metrics.At(trtllm.AvgTTFT) == nil {
		t.Errorf("%s: TPOT %v", told(r), r.Metrics.At(trtllm.AvgTPOT))
	}
}
