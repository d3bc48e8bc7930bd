package slurm

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/plan"
)

// hostile are values that shells, Slurm and file names trip over.
var hostile = []string{
	"", " ", "a b", "'", `"`, "''", `\`, "$(touch owned)", "`touch owned`", "; touch owned", "&& touch owned", "| touch owned", "> owned",
	"a\nb", "a\n#SBATCH --wrap=x", "%j", "%", "..", "../../owned", "-n", "--", "-rf", "*", "?", "[a]", "{a,b}", "~", "$HOME", "${IFS}", "!x", "#", "@STEP@", "@ENV@",
	"ünïcödé", "日本", "\t", "\r", "a=b", "EOF", "\x01", "$'\\n'",
}

func FuzzScript(f *testing.F) {
	for i, s := range hostile {
		f.Add(s, hostile[len(hostile)-1-i], s)
	}
	f.Fuzz(func(t *testing.T, argument, value, launcher string) {
		if strings.ContainsRune(argument+value+launcher, 0) || launcher == "" || len(argument)+len(value)+len(launcher) > 100_000 {
			t.Skip("no process takes that")
		}
		runHostile(t, argument, value, launcher)
	})
}

// Values of 4 MiB go through files; what goes through argv is bounded by the
// kernel at 128 KiB a word.
func TestHugeEnvironment(t *testing.T) {
	runHostile(t, "x", strings.Repeat("x'y ", 25_000), "bench")
}

// runHostile runs the job script of a run that holds hostile words, with a
// stand-in for srun, and checks that they arrive as they are and nothing else
// happens.
func runHostile(t *testing.T, argument, value, launcher string) {
	t.Helper()
	dir, bin := t.TempDir(), t.TempDir()
	cfg := testConfig()
	cfg.Container = &Container{ImageDir: "/images", Mounts: []string{"/a b:" + strings.ReplaceAll(strings.ReplaceAll(argument, ",", ""), ":", "")}}
	run := testRun("true")
	run.Env["HOSTILE"] = &value
	run.Steps[0].Argv = []string{launcher, argument, "--end"}
	job, err := cfg.Target().Job(run)
	if err != nil {
		t.Fatal(err)
	}
	write := func(path, text string, mode os.FileMode) {
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(bin, "srun"), "#!/bin/bash\nprintf '%s\\0' \"$@\" >argv\nprintf '%s' \"$HOSTILE\" >value\n", 0o700)
	write(filepath.Join(dir, "attempt"), "LLMBENCH_ATTEMPT="+dir+"\nLLMBENCH_NONCE=n\nLLMBENCH_DATASETS=/d\n", 0o600)
	write(filepath.Join(dir, "script.sh"), *job.Script, 0o600)
	if out, err := exec.Command("bash", "-n", filepath.Join(dir, "script.sh")).CombinedOutput(); err != nil {
		t.Fatalf("bash -n: %v: %s\n%s", err, out, *job.Script)
	}
	cmd := exec.Command("bash", "script.sh")
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin", "SLURM_JOB_ID=7", "SLURM_JOB_NODELIST=gb01"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got, err := os.ReadFile(filepath.Join(dir, "argv"))
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Split(strings.TrimSuffix(string(got), "\x00"), "\x00")
	if want := []string{launcher, argument, "--end"}; len(words) < 3 || !slices.Equal(words[len(words)-3:], want) {
		t.Errorf("srun got %q, want %q at its end", words, want)
	}
	if env, _ := os.ReadFile(filepath.Join(dir, "value")); string(env) != value {
		t.Errorf("the environment has %q, want %q", env, value)
	}
	onlyOurs(t, dir)
}

// onlyOurs checks that a job left only the files that it should.
func onlyOurs(t *testing.T, dir string) {
	t.Helper()
	known := []string{"argv", "attempt", "claim", "claim.7", "exit", "observed", "script.sh", "start", "value"}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(known, e.Name()) {
			t.Errorf("the job left %q", e.Name())
		}
	}
}

// Secrets are read from a file: neither what is submitted nor what is planned
// holds one, and no record of the job does.
func TestSecretsStayInTheirFile(t *testing.T) {
	run := testRun("true")
	run.Env["API_KEY"] = nil // sensitive
	cfg := testConfig()
	job, err := cfg.Target().Job(run)
	if err != nil {
		t.Fatal(err)
	}
	const secret = "hunter2-is-secret"
	dir := t.TempDir()
	for name, text := range map[string]string{"attempt": "LLMBENCH_NONCE=n\nLLMBENCH_ATTEMPT=" + dir + "\n", "secrets": "API_KEY=" + secret + "\n", "script.sh": *job.Script} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "srun"), []byte("#!/bin/bash\n[ \"$API_KEY\" = "+secret+" ] && : >seen\ntrue\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "script.sh")
	cmd.Dir, cmd.Env = dir, []string{"PATH=" + bin + ":/usr/bin:/bin", "SLURM_JOB_ID=7", "SLURM_JOB_NODELIST=gb01", "HF_TOKEN=hf_caller"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "seen")); err != nil {
		t.Error("the step did not get the secret")
	}
	all := append(out, []byte(strings.Join(job.Argv, " ")+*job.Script)...)
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.Name() != "secrets" {
			b, _ := os.ReadFile(filepath.Join(dir, e.Name()))
			all = append(all, b...)
		}
	}
	for _, s := range []string{secret, "hf_caller"} {
		if bytes.Contains(all, []byte(s)) {
			t.Errorf("%s is in what the job left or was submitted with", s)
		}
	}
}

// Every script passes shellcheck, but for two remarks on the list of mounts,
// which is one word with commas in it.
func TestShellcheck(t *testing.T) {
	path, err := exec.LookPath("shellcheck")
	if err != nil {
		if os.Getenv("LLMBENCH_REQUIRE_SLURM") == "1" {
			t.Fatal("shellcheck is not installed; `make deps` installs it")
		}
		t.Skip("shellcheck is not installed; `make deps` installs it")
	}
	for i, change := range []func(*Config, *plan.Run){
		func(*Config, *plan.Run) {},
		func(c *Config, _ *plan.Run) { c.Container = &Container{ImageDir: "/images", Writable: true} },
		func(c *Config, _ *plan.Run) { c.Container = &Container{ImageDir: "/images"} },
		func(c *Config, _ *plan.Run) {
			c.Container, c.Telemetry = &Container{ImageDir: "/images"}, true
			c.Pack = &Pack{MaxRuns: 2, MaxTime: time.Hour}
		},
		func(c *Config, r *plan.Run) { c.Prolog = []string{"nvidia-smi"}; v := "1 2"; r.Env["A"] = &v },
	} {
		cfg, run := testConfig(), testRun("true")
		change(cfg, run)
		job, err := cfg.Target().Job(run)
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Pack == nil {
			cfg.Pack = &Pack{MaxRuns: 2, MaxTime: time.Hour}
		}
		packer := cfg.Target().(plan.Packer)
		pack, err := packer.PackJob([]*plan.Run{run, run})
		if err != nil {
			t.Fatal(err)
		}
		one, err := cfg.Target().(executors.Hand).HandScript(run, executors.HandPlace{Folder: "/s/it's", Files: "/files", Store: "/s", Dataset: "/d/0.jsonl", Cluster: "gb"})
		if err != nil {
			t.Fatal(err)
		}
		for name, script := range map[string]string{
			"script": *job.Script, "pack": pack.Script, "hand": one, "diagnosis": "#!/bin/bash\n" + diagnosis,
		} {
			file := filepath.Join(t.TempDir(), fmt.Sprintf("%s%d.sh", name, i))
			if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(path, "-S", "warning", "-e", "SC2054,SC2140", file).CombinedOutput(); err != nil {
				t.Errorf("%s", out)
			}
		}
	}
}
