package slurm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// What sbatch says when it fails, and what that means for the job.
func TestClassify(t *testing.T) {
	const failed = "sbatch: error: Batch job submission failed: "
	for _, c := range []struct {
		text   string
		means  error
		remedy string
	}{
		{failed + "Socket timed out on send/recv operation", nil, ""},
		{failed + "Unable to contact slurm controller (connect failure)", nil, ""},
		{failed + "Zero Bytes were transmitted or received", nil, ""},
		{failed + "Connection reset by peer", nil, ""},
		{failed + "Connection timed out", nil, ""},
		{failed + "Broken pipe", nil, ""},
		{failed + "Message receive failure", nil, ""},
		{failed + "Slurm backup controller in standby mode", nil, ""},
		{failed + "Resource temporarily unavailable", nil, ""},
		{"sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying", nil, ""},
		{"sbatch: error: Rate limit exceeded, please retry momentarily", nil, ""},
		{failed + "Protocol authentication error", nil, "another login node"},
		{"sbatch: error: Munge encode failed: Failed to access", nil, "another login node"},
		{"", nil, ""},
		{"sbatch: error: QOSMaxSubmitJobPerUserLimit\n" + failed + "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)", executors.ErrLimit, ""},
		{"sbatch: error: AssocMaxSubmitJobLimit\n" + failed + "Job violates accounting/QOS policy", executors.ErrLimit, ""},
		{failed + "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)", executors.ErrLimit, ""},
		{"sbatch: error: QOSMaxWallDurationPerJobLimit\n" + failed + "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)", executors.ErrRejected, "time_limit"},
		{"sbatch: error: AssocGrpGRES\n" + failed + "Job violates accounting/QOS policy", executors.ErrRejected, "account"},
		{failed + "Invalid account or account/partition combination specified", executors.ErrRejected, "sacctmgr"},
		{failed + "Invalid qos specification", executors.ErrRejected, "sacctmgr"},
		{failed + "User's group not permitted to use this partition", executors.ErrRejected, "partition"},
		{"sbatch: error: invalid partition specified: gold\n" + failed + "Invalid partition name specified", executors.ErrRejected, "sinfo"},
		{failed + "Invalid node name specified", executors.ErrRejected, "sinfo -N"},
		{failed + "Requested node configuration is not available", executors.ErrRejected, "sinfo -o"},
		{failed + "Invalid generic resource (gres) specification", executors.ErrRejected, "gpus_per_node_flag"},
		{failed + "Requested topology configuration is not available", executors.ErrRejected, "segment"},
		{"sbatch: error: Invalid --segment specification", executors.ErrRejected, "segment"},
		{failed + "Requested time limit is invalid (missing or exceeds some limit)", executors.ErrRejected, "time_limit"},
		{failed + "Time limit specification required, but not provided", executors.ErrRejected, "time_limit"},
		{failed + "Pathname of a file, directory or other parameter too long", executors.ErrRejected, "environment"},
		{"sbatch: error: Batch script contains DOS line breaks (\\r\\n)", executors.ErrRejected, "prolog"},
		{"sbatch: unrecognized option '--segment=2'", executors.ErrRejected, "switch its argument off"},
		{failed + "Incompatible versions of client and server code", executors.ErrRejected, "a different Slurm"},
		{failed + "Access denied to requested reservation", executors.ErrRejected, "reservation"},
		{failed + "Requested reservation is invalid", executors.ErrRejected, "reservation"},
		{"sbatch: error: lua: a project must be named\n" + failed + "Unspecified error", executors.ErrRejected, ""},
	} {
		remedy, means := classify(c.text)
		if means != c.means || !strings.Contains(remedy, c.remedy) || c.remedy == "" && remedy != "" {
			t.Errorf("%q means %v, %q; want %v, %q", c.text, means, remedy, c.means, c.remedy)
		}
	}
}

// Reasons of 22.05 to 25.11: src/common/job_state_reason.c, and the descriptions that
// src/slurmctld/node_scheduler.c and job_mgr.c put in their place.
func TestPendingReasons(t *testing.T) {
	for reason, want := range map[string]struct {
		state  plan.State
		remedy string
	}{
		"Resources": {plan.Queued, ""}, "Priority": {plan.Queued, ""}, "AssocGrpGRES": {plan.Queued, ""},
		"AssocMaxJobsLimit": {plan.Queued, ""}, "QOSMaxGRESPerUser": {plan.Queued, ""}, "NvidiaImexChannels": {plan.Queued, ""},
		"MpiPortsBusy": {plan.Queued, ""}, "SchedDefer": {plan.Queued, ""}, "MaxGRESPerAccount": {plan.Queued, ""},
		"MaxPoweredUpNodes":  {plan.Queued, "powers no more nodes up"},
		"PartitionTimeLimit": {plan.Held, "time_limit"}, "QOSMaxWallDurationPerJobLimit": {plan.Held, "time_limit"},
		"PartitionNodeLimit": {plan.Held, "too few are up"}, "QOSMaxGRESPerJob": {plan.Held, "ask for less"}, "AssocMaxGRESPerNode": {plan.Held, "ask for less"},
		"ReservationInvalid": {plan.Held, "reservation"}, "BadConstraints": {plan.Held, "as it was asked"}, "JobHoldMaxRequeue": {plan.Held, "cancelled here"},
		"launch failed requeued held":                    {plan.Held, "cancelled here"},
		"JobHeldUser":                                    {plan.Queued, "scontrol release 7"},
		"JobHeldAdmin":                                   {plan.Queued, "the job is held by an administrator"},
		"ReqNodeNotAvail":                                {plan.Queued, "a node that the job needs"},
		"ReqNodeNotAvail, UnavailableNodes:gb01":         {plan.Queued, "return them to service"},
		"ReqNodeNotAvail, UnavailableNodes:":             {plan.Queued, "nodes that the job could use"},
		"ReqNodeNotAvail, May be reserved for other job": {plan.Queued, "kept for other jobs"},
		"ReqNodeNotAvail, Reserved for maintenance":      {plan.Queued, "a shorter time_limit may fit"},
		"Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions": {plan.Queued, "return them to service"},
	} {
		state, remedy := pending("7", reason)
		if state != want.state || !strings.Contains(remedy, want.remedy) || want.remedy == "" && remedy != "" {
			t.Errorf("%s: %s, %q; want %s, %q", reason, state, remedy, want.state, want.remedy)
		}
	}
	for long, short := range map[string]string{
		"None": "", "(null)": "", "Priority": "Priority",
		"ReqNodeNotAvail, UnavailableNodes:":          "ReqNodeNotAvail",
		"ReqNodeNotAvail, UnavailableNodes:gb[01-04]": "ReqNodeNotAvail, UnavailableNodes:gb[01-04]",
		"ReqNodeNotAvail, UnavailableNodes:nvl72d[001-020]-T[01-18],nvl72d[021-022]-T[01-03,05-09,11-18],login1": "ReqNodeNotAvail, UnavailableNodes:nvl72d001-T01 and 392 more",
		strings.Repeat("x", 200): strings.Repeat("x", 120) + "…",
	} {
		if got := shortReason(long); got != short {
			t.Errorf("%s is shortened to %s, want %s", long, got, short)
		}
	}
}

// An answer that breaks off tells nothing of the jobs that it lacks.
func TestQueueIsWhole(t *testing.T) {
	const row = "54|llmb-x-s1-a1|RUNNING|0|N/A|N/A|gb01|None|\n"
	for out, want := range map[string]bool{
		"": true, row: true, "CLUSTER: blue\n" + row: true, "Welcome\n\n" + row: true, row + "55|llmb-x": false, row + "55": false,
	} {
		if _, whole := parseQueue(out); whole != want {
			t.Errorf("%q is whole: %v, want %v", out, whole, want)
		}
	}
}

func TestSubmittedID(t *testing.T) {
	for out, want := range map[string]string{
		"12\n": "12", "Welcome to the cluster\n12;blue\n": "12", "": "", "job 12\n": "",
	} {
		if got, _ := parseSubmitted(out); got != want {
			t.Errorf("%q gives %q, want %q", out, got, want)
		}
	}
}

func TestEnvironmentIsScrubbed(t *testing.T) {
	caller := []string{
		"PATH=/bin", "HF_TOKEN=x", "KRB5CCNAME=/k", "LD_LIBRARY_PATH=/l", "https_proxy=p", "NCCL_ALGO=Ring", "SLURM_CONF=/c", "SLURM_CONF_SERVER=s", "SLURM_JWT=j", "HOME=/h",
		"SBATCH_PARTITION=p", "SRUN_DEBUG=1", "SALLOC_ACCOUNT=a", "SQUEUE_FORMAT=f", "SINFO_FORMAT=f", "SACCT_FORMAT=f", "SACCTMGR_X=1", "SPRIO_FORMAT=f", "SCANCEL_USER=u",
		"SLURM_JOB_ID=1", "SLURM_CLUSTERS=other", "SLURM_TIME_FORMAT=relative", "LC_ALL=de_DE",
	}
	site := []string{
		"PATH=/bin", "HF_TOKEN=x", "KRB5CCNAME=/k", "LD_LIBRARY_PATH=/l", "https_proxy=p", "NCCL_ALGO=Ring", "SLURM_CONF=/c", "SLURM_CONF_SERVER=s", "SLURM_JWT=j", "HOME=/h",
		"LC_ALL=C", "SLURM_TIME_FORMAT=standard",
	}
	jobs := []string{"LC_ALL=C", "PATH=/bin", "SLURM_CONF=/c", "HOME=/h"}
	if got := environment(caller); !slices.Equal(got, jobs) {
		t.Errorf("jobs get %v, want %v", got, jobs)
	}
	jobs = append(jobs, "KRB5CCNAME=/k", "LD_LIBRARY_PATH=/l", "SLURM_CONF_SERVER=s", "SLURM_JWT=j") // which the script drops
	for _, name := range reaching {
		if !strings.Contains(commonPart, " "+name+" ") {
			t.Errorf("the job's script keeps %s", name)
		}
	}
	for command, want := range map[string][]string{
		"squeue --me": site, "scontrol show config": site, "srun --help": site,
		"sbatch --parsable script.sh": jobs, "srun --jobid=7 --overlap bash -c x": jobs,
	} {
		if got := commandEnvironment(caller, strings.Fields(command)); !slices.Equal(got, want) {
			t.Errorf("%s gets %v, want %v", command, got, want)
		}
	}
}

func TestImageFile(t *testing.T) {
	for image, want := range map[string]string{
		"nvcr.io/nvidia/tensorrt-llm/release:1.0.0rc1":              "tensorrt-llm+release+1.0.0rc1.sqsh",
		"nvcr.io/nvidia/tensorrt-llm/release:1.0@sha256:0123456789": "tensorrt-llm+release+1.0.sqsh",
	} {
		if got := imageFile(image); got != want {
			t.Errorf("%s is %s, want %s", image, got, want)
		}
	}
}

func TestRecipeLinks(t *testing.T) {
	run := &plan.Run{Model: plan.Model{Label: "llama4_maverick"}, UseCase: plan.UseCase{Label: "reasoning"},
		Arguments: trtllm.Arguments{"tp": int64(8), "ep": int64(8), "pp": int64(1), "concurrency": int64(-1), "streaming": true}}
	links := recipeLinks(run, "77")
	const want = "llama4_TP8_EP8_PP1_CON-1_reasoning/llama4_TP8_EP8_PP1_CON-1_reasoning_streaming-on_77.out"
	if links[want] != "stdout" {
		t.Errorf("no %s in %v", want, links)
	}
}

func configure(t *testing.T, body string) (*Config, hcl.Diagnostics) {
	t.Helper()
	f, diags := hclsyntax.ParseConfig([]byte(body), "main.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	v, diags := hcldec.Decode(f.Body, Spec(), nil)
	if diags.HasErrors() {
		return nil, diags
	}
	return Configure(v, func(...string) hcl.Range { return f.Body.MissingItemRange() })
}

func TestConfigure(t *testing.T) {
	c, diags := configure(t, "account = \"perf\"\n")
	if diags.HasErrors() || c.PollInterval != time.Minute || c.MaxInQueue != 8 || !c.Canary || c.MPI != "pmix" || c.Launcher[0] != "trtllm-llmapi-launch" {
		t.Errorf("%+v %v", c, diags)
	}
	for body, want := range map[string]string{
		`poll_interval = "10ms"`:                                     "at least",
		`poll_interval = 60`:                                         "poll_interval",
		`extra_args = ["--array=1-3"]`:                               "belongs to llmbench",
		`extra_args = ["-N4"]`:                                       "belongs to llmbench",
		`account = "a b"`:                                            "holds a space",
		"container {\n image_dir = \"images\"\n}":                    "absolute",
		"container {\n image_dir = \"/i\"\n runtime = \"docker\"\n}": "pyxis",
		"container {\n image_dir = \"/i,j\"\n}":                      "comma",
		`max_in_queue = 0`:                                           "at least 1",
	} {
		if _, diags := configure(t, body+"\n"); !strings.Contains(diags.Error(), want) {
			t.Errorf("%s: %v, want %q", body, diags, want)
		}
	}
}

// Slurm expands % in the paths of a job's output and drops a \ there; pyxis splits
// mounts at commas and colons.
func TestUnusableStore(t *testing.T) {
	node, boxed := testConfig(), testConfig()
	boxed.Container = &Container{}
	for dir, want := range map[string][2]string{
		"/a/b c/d'e\"f$g;h*[i]#é": {"", ""},
		"/a/b%j":                  {"%", "%"}, "/a/100%": {"%", "%"}, `/a\b`: {`\`, `\`}, "/a\nb": {"line break", "line break"}, "/a\x7fb": {"control", "control"},
		"/a,b": {"", "comma"}, "/a:b": {"", "colon"},
	} {
		for i, c := range []*Config{node, boxed} {
			if why := c.UnusableStore(dir); !strings.Contains(why, want[i]) || (why == "") != (want[i] == "") {
				t.Errorf("%q: %q, want %q", dir, why, want[i])
			}
		}
	}
}

// fake puts a command on PATH that is a line of shell.
func fake(t testing.TB, dir, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestLies drives the executor with commands of Slurm's that lie, lag, fail and
// forget.
func TestLies(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	for _, name := range []string{"sbatch", "squeue", "sacct", "scontrol", "scancel"} {
		fake(t, bin, name, "exit 1")
	}
	e := newExecutor(&Config{PollInterval: time.Second}, hclog.NewNullLogger())
	e.shared = nil
	e.AdoptWindow, e.LostAfter = time.Millisecond, 0
	job := &executors.Job{Name: "llmb-x-s1-a1", Dir: t.TempDir(), Argv: []string{"sbatch", "script.sh"}, NotBefore: time.Now()}
	h := handle{id: "7", name: job.Name}.String()

	t.Run("a failed squeue is no answer", func(t *testing.T) {
		if all, err := e.Poll(t.Context(), []executors.Handle{h}); err == nil {
			t.Errorf("got %v", all)
		}
	})
	t.Run("nothing is submitted while squeue cannot tell", func(t *testing.T) {
		fake(t, bin, "sbatch", "echo 9")
		resumed := *job
		resumed.Resumed = true
		if h, err := e.Submit(t.Context(), &resumed); err == nil {
			t.Errorf("submitted as %s", h)
		}
	})
	t.Run("a banner and a warning are no failure", func(t *testing.T) {
		fake(t, bin, "sbatch", "echo 'Welcome'; echo 'sbatch: Slurm temporarily unable to accept job, sleeping and retrying' >&2; echo '9;blue'")
		if h, err := e.Submit(t.Context(), job); err != nil || executors.JobID(h) != "9" {
			t.Errorf("%s %v", h, err)
		}
	})
	t.Run("success without an id is not believed", func(t *testing.T) {
		fake(t, bin, "sbatch", "true")
		if h, err := e.Submit(t.Context(), job); err == nil || errors.Is(err, executors.ErrRejected) {
			t.Errorf("%s %v", h, err)
		}
	})
	t.Run("a full queue is not a refusal", func(t *testing.T) {
		fake(t, bin, "sbatch", "echo 'sbatch: error: QOSMaxSubmitJobPerUserLimit' >&2; exit 1")
		if _, err := e.Submit(t.Context(), job); !errors.Is(err, executors.ErrLimit) {
			t.Error(err)
		}
	})
	t.Run("an unknown state keeps the job where it was", func(t *testing.T) {
		fake(t, bin, "squeue", "echo '7|llmb-x-s1-a1|BEWITCHED|0|N/A|N/A||None|'")
		all, err := e.Poll(t.Context(), []executors.Handle{h})
		if _, told := all[h]; err != nil || told {
			t.Errorf("%v %v", all, err)
		}
	})
	t.Run("a federation's sibling has the job", func(t *testing.T) {
		const here = "7|llmb-x-s1-a1|REVOKED|0|N/A|N/A||None|"
		for queue, want := range map[string]plan.State{
			here: plan.Queued,
			here + "\n7|llmb-x-s1-a1|RUNNING|0|N/A|N/A|gb01|None|":                         plan.Running,
			"7|llmb-x-s1-a1|RUNNING|0|N/A|N/A|gb01|None|\n" + here:                         plan.Running,
			"7|llmb-x-s1-a1|RUNNING|0|N/A|N/A|gb01|None|\n7|other|FAILED|0|N/A|N/A||None|": plan.Running,
		} {
			fake(t, bin, "squeue", "echo '"+queue+"'")
			all, err := e.Poll(t.Context(), []executors.Handle{h})
			if err != nil || all[h].State != want {
				t.Errorf("%s\nis %+v, %v; want %s", queue, all[h], err, want)
			}
		}
	})
	t.Run("a failed launch that is held may run elsewhere", func(t *testing.T) {
		fake(t, bin, "squeue", "echo '7|llmb-x-s1-a1|PENDING|0|N/A|N/A||launch failed requeued held|'")
		all, err := e.Poll(t.Context(), []executors.Handle{h})
		if err != nil || all[h].State != plan.Held || all[h].End != failure.NodeFail {
			t.Errorf("%+v, %v", all[h], err)
		}
	})
	t.Run("nodes that are down", func(t *testing.T) {
		fake(t, bin, "sinfo", `[ "$4" = 'gb[01-04]' ] && printf 'gb01|allocated\ngb02|down*\ngb02|down*\ngb03|idle*\ngb04|down\n'`)
		down, err := e.Down(t.Context(), []string{"gb[01-04]"})
		if want := []string{"gb02", "gb03", "gb04"}; err != nil || !slices.Equal(down, want) {
			t.Errorf("%v, %v, want %v", down, err, want)
		}
		fake(t, bin, "sinfo", "exit 1")
		if down, err := e.Down(t.Context(), []string{"gb01"}); err == nil {
			t.Errorf("%v although sinfo failed", down)
		}
	})
	t.Run("a reused id is another job", func(t *testing.T) {
		fake(t, bin, "squeue", "echo '7|somebody-elses|RUNNING|0|N/A|N/A|gb01|None|'")
		if err := e.Cancel(t.Context(), h); err == nil {
			t.Error("another's job was cancelled")
		}
	})
	t.Run("a job that all have forgotten is lost, in the end", func(t *testing.T) {
		fake(t, bin, "squeue", "true")
		all, err := e.Poll(t.Context(), []executors.Handle{h})
		if err != nil || all[h].End != failure.Lost {
			t.Errorf("%v %v", all, err)
		}
	})
	t.Run("who only looks learns at once that a job is gone", func(t *testing.T) {
		for answer, want := range map[string]int{
			"echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1":                             1,
			"echo 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)' >&2; exit 1": 0,
			"echo 'JobId=7 JobName=llmb-x-s1-a1 JobState=RUNNING'":                                           0,
		} {
			fake(t, bin, "scontrol", answer)
			if gone, err := e.Gone(t.Context(), []executors.Handle{h}); err != nil || len(gone) != want {
				t.Errorf("%s: %v %v", answer, gone, err)
			}
		}
		fake(t, bin, "scontrol", "exit 1")
	})
	t.Run("the accounting confirms an end", func(t *testing.T) {
		fake(t, bin, "sacct", "echo '7|llmb-x-s1-a1|CANCELLED by 0|0:15|2025-01-01T00:00:00|Unknown|gb01'")
		all, err := e.Poll(t.Context(), []executors.Handle{h})
		if err != nil || all[h].End != failure.Cancelled {
			t.Errorf("%v %v", all, err)
		}
	})
	t.Run("the claim tells the job when nobody else does", func(t *testing.T) {
		resumed := *job
		resumed.Resumed = true
		if err := os.WriteFile(filepath.Join(job.Dir, "claim"), []byte(`{"job_id":"41","end":true}`+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if h, err := e.Submit(t.Context(), &resumed); err != nil || executors.JobID(h) != "41" {
			t.Errorf("%s %v", h, err)
		}
	})
}

// countingRunner answers squeue and counts what is asked.
type countingRunner struct {
	out   string
	calls map[string]int
}

func (c *countingRunner) Run(_ context.Context, _ time.Duration, _ string, argv ...string) (string, error) {
	c.calls[argv[0]]++
	return c.out, nil
}

// askedRunner keeps the last command.
type askedRunner struct{ argv []string }

func (a *askedRunner) Run(_ context.Context, _ time.Duration, _ string, argv ...string) (string, error) {
	a.argv = argv
	return "", nil
}

// A run that shares its job with others is looked into on its own nodes alone.
func TestDiagnoseKeepsToItsNodes(t *testing.T) {
	a := &askedRunner{}
	e := newExecutor(&Config{PollInterval: time.Second}, hclog.NewNullLogger())
	e.through(a.Run)
	for want, nodes := range map[string][]string{
		"--input=none --nodes=2 --ntasks=2 --nodelist=gb03,gb04 bash": {"gb03", "gb04"},
		"--input=none bash": nil,
	} {
		if _, err := e.Diagnose(t.Context(), handle{id: "7", name: "llmb-pack-x"}.String(), nodes); err != nil || !strings.Contains(strings.Join(a.argv, " "), want) {
			t.Errorf("%v: %v, %v", nodes, a.argv, err)
		}
	}
}

// Following two hundred jobs costs one squeue a tick.
func TestOneCommandATick(t *testing.T) {
	var queue strings.Builder
	var handles []executors.Handle
	for i := range 200 {
		name := fmt.Sprintf("llmb-x-%d-s1-a1", i)
		fmt.Fprintf(&queue, "%d|%s|RUNNING|0|2026-01-01T00:00:00|N/A|gb01|None|\n", 100+i, name)
		handles = append(handles, handle{id: fmt.Sprint(100 + i), name: name}.String())
	}
	c := &countingRunner{out: queue.String(), calls: map[string]int{}}
	e := newExecutor(&Config{PollInterval: time.Second}, hclog.NewNullLogger())
	e.through(c.Run)
	for range 10 {
		all, err := e.Poll(t.Context(), handles)
		if err != nil || len(all) != 200 {
			t.Fatalf("%d of 200 jobs, %v", len(all), err)
		}
	}
	if c.calls["squeue"] != 10 || len(c.calls) != 1 {
		t.Errorf("10 ticks took %v", c.calls)
	}
}

// Jobs go on when this process ends, in a queue and in an allocation: -detach may
// leave them, and whoever comes next follows them.
func TestJobsOutliveTheirProcess(t *testing.T) {
	for _, inside := range []bool{false, true} {
		cfg := testConfig()
		cfg.InAllocation = inside
		if !cfg.backend(hclog.NewNullLogger()).Adopt {
			t.Errorf("in an allocation %v: jobs are taken to end with their process", inside)
		}
	}
}

// failedCommand is what a runner returns for a command that failed with words of its
// own; answered says that it ended by itself.
func failedCommand(name, stderr string, answered bool) error {
	return &commandError{name: name, stderr: stderr, err: errors.New("exit status 1"), answered: answered}
}

// through makes the executor run its commands by r instead of as processes, and share
// nothing with others on this host.
func (e *Executor) through(r runner) { e.slurm.runner, e.shared = r, nil }
