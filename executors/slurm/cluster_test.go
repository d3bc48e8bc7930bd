package slurm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/executortest"
	"github.com/llmbench/llmbench/executors/slurm/slurmtest"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
)

// testRun is a run of two nodes with four tasks each whose benchmark is a line
// of shell.
func testRun(script string) *plan.Run {
	return &plan.Run{
		Address: "max_throughput/use_case=chat", Fingerprint: strings.Repeat("0123456789abcdef", 4),
		Hardware:         plan.Hardware{GPU: "GB200", GPUs: 8, GPUsPerNode: 4, Nodes: 2},
		Image:            plan.Image{Name: "nvcr.io/nvidia/tensorrt-llm/release:1.0.0rc1", TRTLLMVersion: "1.0.0rc1"},
		UseCase:          plan.UseCase{Label: "chat"},
		TimeLimitSeconds: 900,
		Env:              map[string]*string{},
		Settings:         plan.ExecutorIdentity{Launcher: []string{"bash", "-c", script}},
	}
}

func testConfig() *Config {
	return &Config{
		PollInterval: time.Second, MaxInQueue: 8, MPI: "pmix", Exclusive: true, GPUsPerNodeFlag: true,
		Launcher: []string{"bash", "-c"}, Partition: "batch", profile: &Profile{},
	}
}

// running is the cluster of the test that runs.
var running *slurmtest.Cluster

// testJob is a prepared attempt of run, which no job uses once the test has ended.
func testJob(t *testing.T, cfg *Config, run *plan.Run, attempt int) *executors.Job {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		if err := running.Quiet(context.Background()); err != nil {
			t.Error(err)
		}
	})
	planned := cfg.Job(run)
	mark := fmt.Sprintf("s1-a%d", attempt)
	job := &executors.Job{Name: planned.Name + "-" + mark, Dir: dir, Members: []executors.Member{{Run: run, Dir: dir}}, NotBefore: time.Now()}
	for _, word := range planned.Argv {
		job.Argv = append(job.Argv, strings.ReplaceAll(word, plan.AttemptPlaceholder, mark))
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write("script.sh", planned.Script)
	write("attempt", "LLMBENCH_ATTEMPT="+dir+"\nLLMBENCH_NONCE=n"+mark+"\n")
	write("secrets", "HF_SECRET=hunter2\n")
	return job
}

func TestScriptIsShell(t *testing.T) {
	run := testRun("echo 'it'\"'\"'s' $HOME")
	run.Env["GREETING"] = ptr("it's; $(reboot) `x`")
	cfg := testConfig()
	cfg.Container = &Container{Runtime: "pyxis", ImageDir: "/images with space", Mounts: []string{"/a:/a", "/b:/c"}, Writable: true}
	cfg.Prolog = []string{"echo 'hi'"}
	planned := cfg.Job(run)
	cmd := exec.Command("bash", "-n")
	cmd.Stdin = strings.NewReader(planned.Script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, planned.Script)
	}
	for _, want := range []string{
		"--container-image=/images with space/tensorrt-llm+release+1.0.0rc1.sqsh", "--no-container-mount-home", `"$LLMBENCH_ATTEMPT:$LLMBENCH_ATTEMPT"`, "/a:/a", "/b:/c",
		`export GREETING='it'\''s; $(reboot) ` + "`x`'",
	} {
		if !strings.Contains(planned.Script, want) {
			t.Errorf("the script lacks %q", want)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "a b", "it's", "$(x)`y`\"\\", "-n", "é\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsRune(s, 0) {
			t.Skip()
		}
		out, err := exec.Command("sh", "-c", "printf '%s' "+quote(s)).Output()
		if err != nil || string(out) != s {
			t.Fatalf("%q became %q: %v", s, out, err)
		}
	})
}

func FuzzParseQueue(f *testing.F) {
	f.Add("54|llmb-x-s1-a1|FAILED|768|2025-01-02T03:04:05|N/A|gb01|NonZeroExitCode|\n")
	f.Fuzz(func(t *testing.T, s string) {
		jobs, _ := parseQueue(s)
		for _, r := range jobs {
			if !isID(r.id) {
				t.Fatalf("%+v", r)
			}
		}
	})
}

// windowOfDefaultQOS: what nobody wrote into the definitions bounds the window too.
func windowOfDefaultQOS(t *testing.T) {
	for _, change := range []string{"add qos two set MaxSubmitJobsPerUser=2", "modify user where name=root set qos+=two", "modify user where name=root set defaultqos=two"} {
		if out, err := exec.Command("sacctmgr", append([]string{"-i"}, strings.Fields(change)...)...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", change, err, out)
		}
	}
	t.Cleanup(func() {
		_ = exec.Command("sacctmgr", "-i", "modify", "user", "where", "name=root", "set", "defaultqos=normal").Run()
	})
	cfg := &Config{MaxInQueue: 8}
	p := cfg.probe(t.Context(), nil)
	if got := cfg.window(); got != 2 || p.DefaultAccount != "root" || cfg.qosOf() != "two" {
		t.Errorf("the window is %d, want 2: account %s, QOS %s, %+v", got, p.DefaultAccount, cfg.qosOf(), p.Associations)
	}
}

// both runs a test on a cluster without and one with accounting.
func both(t *testing.T, test func(t *testing.T, accounting bool)) {
	for _, accounting := range []bool{false, true} {
		t.Run(fmt.Sprintf("accounting=%v", accounting), func(t *testing.T) {
			running = slurmtest.ForTest(t, slurmtest.Options{Accounting: accounting})
			test(t, accounting)
		})
	}
}

func TestOnSlurm(t *testing.T) {
	both(t, func(t *testing.T, accounting bool) {
		t.Run("profile", func(t *testing.T) { profileOfCluster(t, accounting) })
		if accounting {
			t.Run("default QOS", windowOfDefaultQOS)
		}
		t.Run("contract", contract)
		t.Run("environment", environmentOfJob)
		t.Run("claim", claimExcludes)
		t.Run("requeue", requeueRefused)
		t.Run("lost answer", lostAnswer)
		t.Run("launchers of both forms", launchersRun)
		t.Run("launcher hangs", launcherHangs)
		if !accounting { // more than a minute, and accounting takes no part in it
			t.Run("time limit", timeLimit)
		}
	})
}

// profileOfCluster compares what is found out with what the cluster is.
func profileOfCluster(t *testing.T, accounting bool) {
	t.Setenv("USER", "root")
	p := (&Config{}).probe(t.Context(), nil)
	batch := p.Partitions["batch"]
	if p.Cluster != "throwaway" || p.Version == "" || p.Pyxis || batch.Nodes != 4 || batch.MaxTime != 4*time.Hour || batch.State != "UP" || !strings.Contains(batch.Gres, "gb200:4") {
		t.Errorf("%+v", p)
	}
	if got := strings.HasSuffix(p.Accounting, "/slurmdbd"); got != accounting {
		t.Errorf("accounting is %s", p.Accounting)
	}
	if got := slices.Contains(p.accountNames(), "perf"); got != accounting {
		t.Errorf("accounts are %v", p.accountNames())
	}
	if !slices.Contains(p.GRES, "gpu") || p.MinJobAge != 300 || p.MessageTimeout != 10 || p.KillWait != 5 || !batch.Default || p.Select != "select/cons_tres" {
		t.Errorf("%+v", p)
	}
	if _, got := p.QOS["normal"]; got != accounting {
		t.Errorf("QOS are %v", p.QOS)
	}
	failed := func(change func(*Config), longest time.Duration, nodes int) string {
		cfg := testConfig()
		change(cfg)
		cfg.profile = p
		var names []string
		for _, c := range cfg.Check(t.Context(), false, longest, nodes) {
			if c.Result == executors.CheckFail {
				names = append(names, c.Name)
			}
		}
		return strings.Join(names, " ")
	}
	for want, got := range map[string]string{
		"":              failed(func(*Config) {}, time.Hour, 2),
		"mpi":           failed(func(c *Config) { c.MPI = "lam" }, time.Hour, 2),
		"container":     failed(func(c *Config) { c.Container = &Container{} }, time.Hour, 2),
		"partition":     failed(func(c *Config) { c.Partition = "gold" }, time.Hour, 2),
		"partition\x00": failed(func(*Config) {}, 5*time.Hour, 2) + "\x00",
		"partition\x01": failed(func(*Config) {}, time.Hour, 9) + "\x01",
		"partition\x02": failed(func(c *Config) { c.Partition = "" }, 5*time.Hour, 2) + "\x02",
	} {
		if got != want {
			t.Errorf("failed: %q, want %q", got, want)
		}
	}
}

func impatient(cfg *Config) *Executor {
	e := newExecutor(cfg, hclog.NewNullLogger())
	e.AdoptWindow = 2 * time.Second
	return e
}

func contract(t *testing.T) {
	cfg := testConfig()
	n := 0
	job := func(script string) func(t *testing.T) *executors.Job {
		return func(t *testing.T) *executors.Job { n++; return testJob(t, cfg, testRun(script), n) }
	}
	executortest.Run(t, executortest.Harness{
		Executor: impatient(cfg), Job: job("exit 0"), Long: job("sleep 600"),
		Refused: func(t *testing.T) *executors.Job {
			wrong := *cfg
			wrong.Partition = "nowhere"
			return testJob(t, &wrong, testRun("true"), 99)
		},
	})
}

// environmentOfJob checks tasks, GPUs, exit status and secrets of a job.
func environmentOfJob(t *testing.T) {
	cfg := testConfig()
	e := impatient(cfg)
	t.Setenv("HF_TOKEN", "not for jobs")
	t.Setenv("SBATCH_PARTITION", "nowhere")
	job := testJob(t, cfg, testRun(`echo "rank $SLURM_PROCID gpus $CUDA_VISIBLE_DEVICES token ${HF_TOKEN:-none} secret $HF_SECRET"; [ "$SLURM_PROCID" = 0 ] && exit 7; exit 0`), 50)
	h := submit(t, e, job)
	waitFor(t, e, h)
	for rank := range 8 {
		out := read(t, job, "stdout")
		if rank > 0 {
			out = read(t, job, fmt.Sprintf("stdout.%d", rank))
		}
		// The value of the secret is taken out of what is left.
		if want := fmt.Sprintf("rank %d gpus 0,1,2,3 token none secret (secret)\n", rank); !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	var exit struct {
		RC      int  `json:"rc"`
		BenchRC *int `json:"bench_rc"`
		End     bool `json:"end"`
	}
	if err := json.Unmarshal([]byte(read(t, job, "exit")), &exit); err != nil || exit.BenchRC == nil || *exit.BenchRC != 7 || !exit.End {
		t.Errorf("exit is %+v: %v", exit, err)
	}
	shown, err := exec.Command("scontrol", "show", "job", executors.JobID(h)).Output()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(shown)+read(t, job, "script.sh"), "hunter2") {
		t.Error("a secret can be seen")
	}
}

// claimExcludes submits one attempt twice behind the executor's back.
func claimExcludes(t *testing.T) {
	cfg := testConfig()
	e := impatient(cfg)
	job := testJob(t, cfg, testRun("sleep 2; echo once >>ran.$SLURM_PROCID"), 60)
	first := submit(t, e, job)
	second := submit(t, e, job)
	waitFor(t, e, first)
	last := waitFor(t, e, second)
	if got := read(t, job, "ran.0"); got != "once\n" {
		t.Errorf("the attempt ran: %q", got)
	}
	// Whichever came second left the attempt alone, or was cancelled as it waited.
	refused, _ := filepath.Glob(filepath.Join(job.Dir, "refused.*"))
	if len(refused) != 1 && last.End != failure.Cancelled {
		t.Errorf("%d jobs refused and the second %s, want one to be kept away", len(refused), last.End)
	}
}

// requeueRefused has Slurm start a job again.
func requeueRefused(t *testing.T) {
	cfg := testConfig()
	e := impatient(cfg)
	job := testJob(t, cfg, testRun("sleep 600"), 70)
	job.Argv = replaceArg(job.Argv, "--no-requeue", "--requeue")
	h := submit(t, e, job)
	until(t, func() bool { _, err := os.Stat(filepath.Join(job.Dir, "start")); return err == nil })
	if out, err := exec.Command("scontrol", "requeue", executors.JobID(h)).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// Slurm waits two minutes before it starts a requeued job; do not.
	last := time.Time{}
	until(t, func() bool {
		if time.Since(last) > 5*time.Second {
			last = time.Now()
			_ = exec.Command("scontrol", "update", "jobid="+executors.JobID(h), "StartTime=now").Run()
		}
		_, err := os.Stat(filepath.Join(job.Dir, "refused."+executors.JobID(h)))
		return err == nil
	})
}

// lostAnswer kills sbatch's answer: the job exists and nobody was told.
func lostAnswer(t *testing.T) {
	cfg := testConfig()
	e := impatient(cfg)
	job := testJob(t, cfg, testRun("sleep 600"), 80)
	bin := t.TempDir()
	real, err := exec.LookPath("sbatch")
	if err != nil {
		t.Fatal(err)
	}
	lie := "#!/bin/sh\n" + real + " \"$@\" >/dev/null\necho 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2\nexit 1\n"
	if err := os.WriteFile(filepath.Join(bin, "sbatch"), []byte(lie), 0o755); err != nil {
		t.Fatal(err)
	}
	path := os.Getenv("PATH")
	t.Setenv("PATH", bin+":"+path)
	if _, err := e.Submit(t.Context(), job); err == nil || errors.Is(err, executors.ErrRejected) {
		t.Fatalf("the lie was believed: %v", err)
	}
	os.Setenv("PATH", path)
	job.Resumed = true
	h, err := e.Submit(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("squeue", "-h", "-n", job.Name, "-o", "%i").Output()
	if err != nil || strings.TrimSpace(string(out)) != executors.JobID(h) {
		t.Errorf("jobs called %s: %q, adopted %s: %v", job.Name, out, h, err)
	}
	if err := e.Cancel(t.Context(), h); err != nil {
		t.Error(err)
	}
	waitFor(t, e, h)
}

// launchersRun starts a benchmark on eight ranks behind launchers of both forms.
func launchersRun(t *testing.T) {
	for _, form := range []string{"words", "quoted"} {
		bin := t.TempDir()
		path, bench := filepath.Join(bin, "trtllm-llmapi-launch"), filepath.Join(bin, "trtllm-bench")
		for path, text := range map[string]string{path: launcher(form), bench: leavesArguments + "0\n"} {
			if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		cfg := testConfig()
		e := impatient(cfg)
		run := testRun("")
		run.Settings.Launcher = append([]string{path, bench}, launched...)
		job := testJob(t, cfg, run, 94)
		waitFor(t, e, submit(t, e, job))
		if got := read(t, job, "argv"); got != launchedText(run) {
			t.Errorf("%s: trtllm-bench got %q, want %q", form, got, launchedText(run))
		}
		if exit := read(t, job, "exit"); !strings.Contains(exit, `"rc":0,"bench_rc":0,`) || strings.Contains(exit, "did not end") {
			t.Errorf("%s: the job's last word is %s", form, exit)
		}
	}
}

// launcherHangs starts a launcher that waits for ever after the benchmark on
// rank 0 has failed, as trtllm-llmapi-launch does.
func launcherHangs(t *testing.T) {
	bin := t.TempDir()
	launcher := filepath.Join(bin, "trtllm-llmapi-launch")
	err := os.WriteFile(launcher, []byte("#!/bin/sh\n[ \"$SLURM_PROCID\" = 0 ] && (\"$@\")\nsleep 300\n"), 0o755)
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig()
	e := impatient(cfg)
	run := testRun("")
	run.Settings.Launcher = []string{launcher, "sh", "-c", "echo 'Error: No such option: --x' >&2; exit 2"}
	job := testJob(t, cfg, run, 95)
	f, err := os.OpenFile(filepath.Join(job.Dir, "attempt"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("LLMBENCH_SHUTDOWN_GRACE=1\n"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	waitFor(t, e, submit(t, e, job))
	exit := read(t, job, "exit")
	if !strings.Contains(exit, `"bench_rc":2,`) || !strings.Contains(exit, "the launcher did not end") {
		t.Errorf("the job's last word is %s", exit)
	}
}

// timeLimit lets a job run into its limit of a minute. Slurm looks at limits
// every half minute, so that this is the slow one.
func timeLimit(t *testing.T) {
	cfg := testConfig()
	e := impatient(cfg)
	run := testRun("sleep 300")
	run.TimeLimitSeconds = 60
	job := testJob(t, cfg, run, 90)
	h := submit(t, e, job)
	deadline := time.Now().Add(3 * time.Minute)
	for {
		all, err := e.Poll(t.Context(), []executors.Handle{h})
		if s := all[h]; err == nil && s.State == plan.Ended {
			if s.End != failure.TimeLimit {
				t.Errorf("ended as %q (%s)", s.End, s.Raw)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the limit was not enforced")
		}
		time.Sleep(time.Second)
	}
	if exit := read(t, job, "exit"); !strings.Contains(exit, `"reason":"time_limit"`) {
		t.Errorf("the job's last word is %s", exit)
	}
}

func submit(t *testing.T, e *Executor, job *executors.Job) executors.Handle {
	t.Helper()
	h, err := e.Submit(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Cancel(context.Background(), h) })
	return h
}

func waitFor(t *testing.T, e *Executor, h executors.Handle) (last executors.Status) {
	t.Helper()
	until(t, func() bool {
		all, err := e.Poll(t.Context(), []executors.Handle{h})
		last = all[h]
		return err == nil && last.State == plan.Ended
	})
	return last
}

func until(t testing.TB, yes func() bool) {
	t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for !yes() {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen in time")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func read(t *testing.T, job *executors.Job, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(job.Dir, name))
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

func replaceArg(argv []string, old, with string) []string {
	out := append([]string{}, argv...)
	for i, a := range out {
		if a == old {
			out[i] = with
		}
	}
	return out
}
