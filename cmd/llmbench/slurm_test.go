package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors/slurm/slurmtest"
)

// rehearsal is the recipe with few requests, on Slurm with the stand-in in
// trtllm-bench's place.
const rehearsal = `
executor "slurm" "rehearsal" {
  partition     = "batch"
  poll_interval = "1s"
  canary        = false
  launcher      = ["llmbench", "trtllm-bench"]
}
model "maverick" {
  checkpoint   = "nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8"
  path         = "/weights"
  quantization = "FP8"
}
hardware "gb200x8" {
  gpu           = "GB200"
  gpus          = 8
  gpus_per_node = 4
}
image "rc4" {
  name            = "nvcr.io/nvidia/tensorrt-llm/release:1.0.0rc4"
  llm_api_options = { enable_attention_dp = true }
}
use_case "reasoning" {
  isl = 1000
  osl = 1000
}
use_case "chat" {
  isl = 128
  osl = 128
}
use_case "summarization" {
  isl = 8000
  osl = 512
}
use_case "generation" {
  isl = 512
  osl = 8000
}
benchmark "max_throughput" {
  model          = model.maverick
  hardware       = hardware.gb200x8
  image          = image.rc4
  time_limit     = "5m"
  tp             = 8
  ep             = 8
  max_batch_size = 128
  max_num_tokens = 8192
  num_requests   = 64
  streaming      = true
  env            = { LLMBENCH_SIMULATED_SPEED = "20" }

  use_case "reasoning" {}
  use_case "chat" {}
  use_case "summarization" {}
  use_case "generation" {}
}
`

// A campaign is a directory of definitions on a throwaway Slurm.
type campaign struct {
	t   *testing.T
	bin string // the folder of the llmbench binary
	dir string
	// user is who runs llmbench and Slurm's commands, nil for root.
	user *syscall.Credential
}

func (c *campaign) asUser(cmd *exec.Cmd) *exec.Cmd {
	if c.user != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.user}
	}
	return cmd
}

// patience is how long tests on Slurm wait for what should happen; a loaded
// machine may be slow.
const patience = 3 * time.Minute

// command is a command that is ended where it does not end itself; what was going on
// then is logged.
func (c *campaign) command(name string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	c.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error {
		c.stuck(strings.Join(append([]string{name}, args...), " ") + " ends")
		return cmd.Process.Signal(syscall.SIGTERM)
	}
	cmd.WaitDelay = 10 * time.Second
	return c.asUser(cmd)
}

// stuck fails the test with what was waited for, and what Slurm and this host were
// doing.
func (c *campaign) stuck(what string) {
	c.t.Helper()
	var state strings.Builder
	for _, line := range [][]string{
		{"ps", "-eo", "pid,ppid,stat,wchan:20,etimes,args", "--forest", "--width", "160"},
		{"scontrol", "show", "steps"}, {"sinfo", "-N", "-o", "%N %T %E"}, {"squeue", "-a", "-o", "%i %j %T %N %r"},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		out, err := exec.CommandContext(ctx, line[0], line[1:]...).CombinedOutput()
		cancel()
		fmt.Fprintf(&state, "$ %s (%v)\n%s", strings.Join(line, " "), err, out)
	}
	c.t.Errorf("it does not come to this: %s\n%s", what, &state)
}

func newCampaign(t *testing.T, accounting bool) *campaign {
	t.Helper()
	c, _ := newCampaignOn(t, slurmtest.Options{Accounting: accounting, MinJobAge: 86400})
	return c
}

func newCampaignOn(t *testing.T, opts slurmtest.Options) (*campaign, *slurmtest.Cluster) {
	t.Helper()
	cluster := slurmtest.ForTest(t, opts)
	c := &campaign{t: t, bin: t.TempDir(), dir: filepath.Join(t.TempDir(), "defs")}
	t.Cleanup(func() { quiet(t, cluster) })
	if err := os.Link(built(t), filepath.Join(c.bin, "llmbench")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", c.bin+":"+os.Getenv("PATH"))
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.dir, "main.hcl"), []byte(rehearsal), 0o644); err != nil {
		t.Fatal(err)
	}
	return c, cluster
}

// quiet waits until no job is left that could write into a folder of the test.
func quiet(t *testing.T, cluster *slurmtest.Cluster) {
	if err := cluster.Quiet(context.Background()); err != nil {
		t.Error(err)
	}
}

// llmbench runs a command to its end and returns its output and exit code.
func (c *campaign) llmbench(args ...string) (string, int) {
	c.t.Helper()
	cmd := c.command("llmbench", args...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	code := cmd.ProcessState.ExitCode()
	if err != nil && code < 0 {
		c.t.Fatalf("llmbench %v: %v", args, err)
	}
	c.t.Logf("llmbench %s: exit %d\n%s%s", strings.Join(args, " "), code, stdout.String(), stderr.String())
	return stdout.String(), code
}

// results are the verdict and the throughput of each run.
func (c *campaign) results() map[string]string {
	c.t.Helper()
	out, _ := c.llmbench("results", "-format=json", c.dir)
	var doc struct {
		Results []struct {
			Address   string
			Verdict   string
			Simulated bool
			Metrics   map[string]*float64
		}
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		c.t.Fatal(err)
	}
	table := map[string]string{}
	for _, r := range doc.Results {
		tps := r.Metrics["output_throughput_per_gpu_tok_s"]
		if tps == nil {
			table[r.Address] = r.Verdict
			continue
		}
		table[r.Address] += fmt.Sprintf("%s %v %.3f", r.Verdict, r.Simulated, *tps)
	}
	return table
}

// jobs are the names of all jobs that Slurm knows.
func (c *campaign) jobs() []string {
	c.t.Helper()
	out, err := c.command("squeue", "-h", "-a", "-t", "all", "-o", "%j").Output()
	if err != nil {
		c.t.Fatal(err)
	}
	names := strings.Fields(string(out))
	slices.Sort(names)
	return names
}

// checkJobs fails unless there is one job per run.
func (c *campaign) checkJobs() {
	c.t.Helper()
	names := c.jobs()
	if len(names) != 4 || len(slices.Compact(names)) != 4 {
		c.t.Errorf("%d jobs, want one for each of 4 runs: %v", len(names), names)
	}
}

func TestOnSlurmApply(t *testing.T) {
	for _, accounting := range []bool{false, true} {
		t.Run(fmt.Sprintf("accounting=%v", accounting), func(t *testing.T) {
			c := newCampaign(t, accounting)
			c.survivesKills()
			c.detaches()
			c.takesHandSubmissions()
			c.cancels()
		})
	}
}

// survivesKills kills apply again and again; in the end every run has one job
// and one result.
func (c *campaign) survivesKills() {
	for _, after := range []time.Duration{20, 60, 120, 200, 350, 600, 1000, 1700} {
		cmd := exec.Command("llmbench", "apply", "-auto-approve", c.dir)
		if err := cmd.Start(); err != nil {
			c.t.Fatal(err)
		}
		time.Sleep(after * time.Millisecond)
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
	}
	if out, code := c.llmbench("apply", "-auto-approve", c.dir); code != 0 || !strings.Contains(out, "SIMULATED") {
		c.t.Fatalf("apply after the kills: exit %d", code)
	}
	c.checkJobs()
	first := c.results()
	for address, r := range first {
		if !strings.HasPrefix(r, "valid true ") {
			c.t.Errorf("%s: %s", address, r)
		}
	}
	if len(first) != 4 {
		c.t.Errorf("%d runs have results, want 4", len(first))
	}
	if _, code := c.llmbench("apply", "-auto-approve", c.dir); code != 0 {
		c.t.Errorf("apply with nothing to do: exit %d", code)
	}
	c.checkJobs()
}

// detaches submits, leaves, and lets other processes find everything.
func (c *campaign) detaches() {
	before := c.results()
	store := filepath.Join(c.t.TempDir(), "store")
	if _, code := c.llmbench("apply", "-auto-approve", "-detach", "-store="+store, c.dir); code != 0 {
		c.t.Fatalf("apply -detach: exit %d", code)
	}
	deadline := time.Now().Add(patience)
	for {
		_, code := c.llmbench("status", "-store="+store, c.dir)
		if code == 0 {
			break
		}
		if code != 4 || time.Now().After(deadline) {
			c.t.Fatalf("status: exit %d", code)
		}
		time.Sleep(time.Second)
	}
	out, code := c.llmbench("results", "-store="+store, c.dir)
	if code != 0 || strings.Count(out, "valid (simulated)") != len(before) {
		c.t.Errorf("results after -detach: exit %d", code)
	}
}

// takesHandSubmissions submits a script of -write-scripts by hand.
func (c *campaign) takesHandSubmissions() {
	store := filepath.Join(c.t.TempDir(), "store")
	scripts := filepath.Join(c.t.TempDir(), "scripts")
	if _, code := c.llmbench("plan", "-store="+store, "-write-scripts="+scripts, "-target=use_case=chat", c.dir); code != 0 {
		c.t.Fatalf("plan -write-scripts: exit %d", code)
	}
	found, _ := filepath.Glob(filepath.Join(scripts, "*.sh"))
	if len(found) != 1 {
		c.t.Fatalf("scripts: %v", found)
	}
	if out, err := c.command("sbatch", "--wait", found[0]).CombinedOutput(); err != nil {
		c.t.Fatalf("%v: %s", err, out)
	}
	if _, code := c.llmbench("plan", "-detailed-exitcode", "-store="+store, "-target=use_case=chat", c.dir); code != 0 {
		c.t.Errorf("plan after the submission by hand: exit %d, want 0: its result is stored", code)
	}
}

// cancels stops jobs in flight.
func (c *campaign) cancels() {
	store := filepath.Join(c.t.TempDir(), "store")
	if _, code := c.llmbench("apply", "-auto-approve", "-detach", "-store="+store, "-target=use_case=generation", c.dir); code != 0 {
		c.t.Fatalf("apply -detach: exit %d", code)
	}
	if _, code := c.llmbench("cancel", "-auto-approve", "-store="+store, "-dir="+c.dir, "use_case=generation"); code != 0 {
		c.t.Errorf("cancel: exit %d", code)
	}
	deadline := time.Now().Add(patience)
	for {
		out, err := c.command("squeue", "-h", "-a", "-o", "%j %T").Output()
		if err == nil && len(strings.TrimSpace(string(out))) == 0 {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("jobs are left: %s", out)
		}
		time.Sleep(200 * time.Millisecond)
	}
}
