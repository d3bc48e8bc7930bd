package slurm

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/jobdir"
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
	run.Settings.Launcher = []string{launcher, argument, "--end"}
	job := cfg.Job(run)
	write := func(path, text string, mode os.FileMode) {
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(bin, "srun"), "#!/bin/bash\neval \"words=($(sed -n 2p bench))\"\nprintf '%s\\0' \"${words[@]}\" >argv\nprintf '%s' \"$HOSTILE\" >value\n", 0o700)
	write(filepath.Join(dir, "attempt"), "LLMBENCH_ATTEMPT="+dir+"\nLLMBENCH_NONCE=n\nLLMBENCH_DATASETS=/d\n", 0o600)
	write(filepath.Join(dir, "script.sh"), job.Script, 0o600)
	if out, err := exec.Command("bash", "-n", filepath.Join(dir, "script.sh")).CombinedOutput(); err != nil {
		t.Fatalf("bash -n: %v: %s\n%s", err, out, job.Script)
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
	if _, want := launch(run.Command().Argv); !slices.Equal(words, want) {
		t.Errorf("%q is measured, want %q", words, want)
	}
	if env, _ := os.ReadFile(filepath.Join(dir, "value")); string(env) != value {
		t.Errorf("the environment has %q, want %q", env, value)
	}
	onlyOurs(t, dir)
}

// onlyOurs checks that a job left only the files that it should.
func onlyOurs(t *testing.T, dir string) {
	t.Helper()
	known := []string{"argv", "attempt", "bench", "claim", "claim.7", "exit", "observed", "script.sh", "start", "stderr", "stdout", "value"}
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

// What the step prints of secrets is private while it runs and gone when the job has
// ended, and then all may read it; neither what is submitted nor any record holds one.
func TestSecretsLeaveTheLogs(t *testing.T) {
	const secret, longer = `hunter2.*[is]/&\$`, `hunter2.*[is]/&\$-longer`
	p := newSecretJob(t, "API_KEY="+secret+"\nOTHER="+longer+"\n=hidden-value\n", `[ "$OTHER" = '`+longer+`' ] && : >seen
for out in stdout stderr report.json; do printf '%s %s hidden-value\0 %s' "$API_KEY" "$OTHER" "$API_KEY" >$out; done
mkdir more && echo "$API_KEY" >more/log
[ "$(stat -c %a stdout)" = 600 ] && : >private`)
	out := p.run(t)
	for _, name := range []string{"seen", "private"} {
		if _, err := os.Stat(filepath.Join(p.dir, name)); err != nil {
			t.Errorf("%s: the step did not get the secrets, or its output is not private", name)
		}
	}
	all := append(out, strings.Join(p.job.Argv, " ")+p.job.Script...)
	for name, text := range p.files(t) {
		all = append(all, text...)
		if info, err := os.Stat(filepath.Join(p.dir, name)); err != nil || info.Mode().Perm()&0o644 != 0o644 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	for _, s := range []string{"hunter2", "hidden-value", "longer", "hf_caller"} {
		if bytes.Contains(all, []byte(s)) {
			t.Errorf("%s is in what the job left or was submitted with", s)
		}
	}
	if got := p.files(t)["stdout"]; got != "(secret) (secret) (secret)\x00 (secret)" {
		t.Errorf("stdout is %q", got)
	}
	if got := p.files(t)["secrets"]; got != "" {
		t.Error("the file of secrets is still there")
	}
	exit, err := jobdir.Folder{Dir: p.dir}.ExitRecord()
	if err != nil || exit == nil {
		t.Fatal(exit, err)
	}
	for name, sum := range map[string]*jobdir.Sum{"report.json": exit.Report, "stdout": exit.Stdout} {
		text := p.files(t)[name]
		if want := fmt.Sprintf("%x", sha256.Sum256([]byte(text))); sum == nil || sum.SHA256 != want || sum.Bytes != int64(len(text)) {
			t.Errorf("the exit is of another %s: %+v", name, sum)
		}
	}
}

// A job that is stopped for a while, as scontrol suspend does, says for how long; one
// that is not says 0.
func TestJobsTellSuspension(t *testing.T) {
	t.Parallel()
	for stopped, want := range map[time.Duration]string{0: `"suspended_s":0,`, 8 * time.Second: `"suspended_s":[789],`} {
		p := newSecretJob(t, "", ": >stdout; sleep 3")
		cmd := exec.Command("bash", "script.sh")
		cmd.Dir, cmd.Env = p.dir, []string{"PATH=" + p.bin + ":/usr/bin:/bin", "SLURM_JOB_ID=7", "SLURM_JOB_NODELIST=gb01"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		until(t, func() bool { _, err := os.Stat(filepath.Join(p.dir, "stdout")); return err == nil })
		time.Sleep(1500 * time.Millisecond)
		if stopped > 0 {
			if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			time.Sleep(stopped)
			if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		if got := p.files(t)["exit"]; !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("stopped for %s, and the exit is %s", stopped, got)
		}
	}
}

// launcher is trtllm-llmapi-launch as far as it runs what it is given
// (tensorrt_llm/llmapi/trtllm-llmapi-launch of TensorRT-LLM): in the background of rank
// 0, without the variables of Slurm and MPI, while leader and workers wait to be told to
// stop, which set -e skips after a failure. Up to June 2025 (cbe4c0ae) it ran unquoted
// words, later what it is given.
func launcher(form string) string {
	keep, run := `task="${@:1}"`, `$task`
	if form == "quoted" {
		keep, run = `task=("$@")`, `"${task[@]}"`
	}
	return `#!/bin/bash
set -e
` + keep + `
if [ "${SLURM_PROCID:-0}" = 0 ]; then
  (
    for var in $(compgen -e); do case $var in SLURM_* | PMIX_* | PMI_* | OMPI_* | MPI_* | UCX_*) unset "$var" ;; esac; done
    ` + run + `
    : >stop
  ) &
fi
until [ -e stop ]; do sleep 0.1; done
`
}

// launched are arguments that a launcher might take apart.
var launched = []string{"--model", "a b  c", "it's", "*", ""}

// launchedText is what stands in for trtllm-bench and leaves its arguments.
func launchedText(run *plan.Run) string {
	return strings.Join(run.Command().Argv[2:], "\x00") + "\x00"
}

const leavesArguments = "#!/bin/bash\nprintf '%s\\0' \"$@\" >argv\nexit "

// The launcher is given one word, so that what is measured starts with the arguments
// that it should have, and its status is known, whichever form the launcher has and
// whether or not pyxis stands between: its flags are srun's, and the words behind them
// are the task's as without it (pyxis_slurmstepd.c of 0.24.0).
func TestLaunchersOfBothForms(t *testing.T) {
	for _, form := range []string{"words", "quoted"} {
		for _, rc := range []string{"0", "3"} {
			p := newSecretJob(t, "", `while [ "$1" != trtllm-llmapi-launch ]; do shift; done; exec "$@"`)
			run := testRun("true")
			run.Settings.Launcher = append([]string{"trtllm-llmapi-launch", "trtllm-bench"}, launched...)
			cfg := testConfig()
			cfg.Container = &Container{ImageDir: "/images"}
			job := cfg.Job(run)
			for path, text := range map[string]string{
				filepath.Join(p.dir, "script.sh"):            job.Script,
				filepath.Join(p.dir, "attempt"):              "LLMBENCH_NONCE=n\nLLMBENCH_DATASETS=/d\nLLMBENCH_SHUTDOWN_GRACE=1\nLLMBENCH_ATTEMPT=" + p.dir + "\n",
				filepath.Join(p.bin, "trtllm-llmapi-launch"): launcher(form),
				filepath.Join(p.bin, "trtllm-bench"):         leavesArguments + rc + "\n",
			} {
				if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			p.run(t)
			files := p.files(t)
			if got := files["argv"]; got != launchedText(run) {
				t.Errorf("%s: trtllm-bench got %q, want %q", form, got, launchedText(run))
			}
			if got := strings.TrimSpace(files["bench_exit"]); got != rc || !strings.Contains(files["exit"], `"bench_rc":`+rc) {
				t.Errorf("%s: the status is %q, want %s: %s", form, got, rc, files["exit"])
			}
			if hung := strings.Contains(files["exit"], "the launcher did not end"); hung != (rc != "0") {
				t.Errorf("%s, status %s: %s", form, rc, files["exit"])
			}
		}
	}
}

// A job that is cancelled before it began removes its secrets.
func TestSecretsOfCancelledJobs(t *testing.T) {
	p := newSecretJob(t, "API_KEY=hunter2-is-secret\n", "")
	if err := os.WriteFile(filepath.Join(p.dir, "cancelled"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.run(t)
	if p.files(t)["secrets"] != "" {
		t.Error("the file of secrets is still there")
	}
}

// Files have the mode of the folder that they are in, whatever the umask.
func TestJobsShareWhatTheFolderDoes(t *testing.T) {
	for mode, want := range map[os.FileMode]os.FileMode{0o755: 0o644, 0o770: 0o660, 0o700: 0o600, 0o775: 0o664} {
		p := newSecretJob(t, "", ": >stdout")
		if err := os.Chmod(p.dir, mode|os.ModeSetgid); err != nil {
			t.Fatal(err)
		}
		p.run(t)
		for _, name := range []string{"claim", "start", "observed", "stdout", "exit"} {
			if info, err := os.Stat(filepath.Join(p.dir, name)); err != nil || info.Mode().Perm() != want {
				t.Errorf("in a folder %v: %s is %v, %v", mode, name, info.Mode(), err)
			}
		}
	}
}

// A secretJob is a job script with a stand-in for srun, and its folder.
type secretJob struct {
	dir, bin string
	job      *plan.Job
}

// newSecretJob prepares a job with these lines of secrets whose step does something.
func newSecretJob(t *testing.T, secrets, step string) *secretJob {
	t.Helper()
	run := testRun("true")
	run.Env["API_KEY"] = nil // sensitive
	job := testConfig().Job(run)
	p := &secretJob{dir: t.TempDir(), bin: t.TempDir(), job: job}
	files := map[string]string{"attempt": "LLMBENCH_NONCE=n\nLLMBENCH_ATTEMPT=" + p.dir + "\n", "script.sh": job.Script}
	if secrets != "" {
		files["secrets"] = secrets
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(p.bin, "srun"), []byte("#!/bin/bash\n"+step+"\ntrue\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return p
}

// run runs the script and returns what it said.
func (p *secretJob) run(t *testing.T) []byte {
	t.Helper()
	cmd := exec.Command("bash", "-c", "umask 077; exec bash script.sh")
	cmd.Dir, cmd.Env = p.dir, []string{"PATH=" + p.bin + ":/usr/bin:/bin", "SLURM_JOB_ID=7", "SLURM_JOB_NODELIST=gb01", "HF_TOKEN=hf_caller"}
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); err != nil && code != 76 && code != 143 {
		t.Fatalf("%v: %s", err, out)
	}
	return out
}

// files are the texts of the files that the job left.
func (p *secretJob) files(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(p.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(p.dir, path)
		out[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
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
		func(c *Config, r *plan.Run) {
			c.Container, r.Engine = &Container{ImageDir: "/images"}, plan.SharedEngine
		},
	} {
		cfg, run := testConfig(), testRun("true")
		change(cfg, run)
		job := cfg.Job(run)
		two := cfg.Job(run, run)
		one := cfg.ManualScript(run, executors.ManualPaths{Folder: "/s/it's", Files: "/files", Store: "/s", Dataset: "/d/0.jsonl", Cluster: "gb"})
		for name, script := range map[string]string{
			"script": job.Script, "two": two.Script, "hand": one, "diagnosis": "#!/bin/bash\n" + diagnosis, "take": takeScript,
		} {
			if place := regexp.MustCompile("@[A-Z]+@").FindString(script); place != "" {
				t.Errorf("%s: nothing is at %s", name, place)
			}
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

// By whatever way a job is submitted, its step does not see what else the caller has
// in his shell.
func TestStepsGetNoMoreOfTheCaller(t *testing.T) {
	run := testRun("true")
	cfg := testConfig()
	job := cfg.Job(run)
	store, files, bin := t.TempDir(), t.TempDir(), t.TempDir()
	hand := cfg.ManualScript(run, executors.ManualPaths{Folder: filepath.Join(store, "run"), Files: files, Store: store, Dataset: filepath.Join(store, "d.jsonl"), Cluster: "gb"})
	fake(t, bin, "srun", "env >"+filepath.Join(store, "seen"))
	caller := []string{"PATH=" + bin + ":/usr/bin:/bin", "HOME=/h", "NCCL_ALGO=Ring", "API_KEY=hunter2-is-secret", "LD_LIBRARY_PATH=/l", "SLURM_JWT=token-of-caller"}
	allocation := []string{"SLURM_JOB_ID=7", "SLURM_JOB_NAME=x", "SLURM_JOB_NODELIST=gb01", "HF_TOKEN=token-of-a-prolog"}
	for way, c := range map[string]struct {
		script string
		env    []string
	}{
		"apply":         {job.Script, append(commandEnvironment(caller, job.Argv), allocation...)},
		"in_allocation": {job.Script, allocationEnvironment(append(caller, allocation...))},
		"by hand":       {hand, append(caller, allocation...)},
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{"attempt": "LLMBENCH_NONCE=n\nLLMBENCH_ATTEMPT=" + dir + "\n", "script.sh": c.script} {
			for _, at := range []string{dir, files} {
				if err := os.WriteFile(filepath.Join(at, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		cmd := exec.Command("bash", "script.sh")
		cmd.Dir, cmd.Env = dir, c.env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", way, err, out)
		}
		seen, err := os.ReadFile(filepath.Join(store, "seen"))
		if err != nil || !strings.Contains(string(seen), "HOME=/h\n") {
			t.Errorf("%s: %v: %s", way, err, seen)
		}
		for _, word := range []string{"NCCL_ALGO", "hunter2", "LD_LIBRARY_PATH", "token-of-caller", "token-of-a-prolog"} {
			if strings.Contains(string(seen), word) {
				t.Errorf("%s: the step sees %s", way, word)
			}
		}
		os.Remove(filepath.Join(store, "seen"))
	}
}

// A job starts nothing whose attempt was cancelled before it began, or whose files a
// crash of the host has torn. A list of version 0.1.0, which has none, is no refusal.
func TestJobsRefuse(t *testing.T) {
	job := testConfig().Job(testRun("true"))
	bin := t.TempDir()
	fake(t, bin, "srun", "touch started")
	for what, c := range map[string]struct {
		files  bool
		change func(dir string) error
		code   int
		says   string
	}{
		"cancelled": {true, func(dir string) error { return jobdir.Folder{Dir: dir}.MarkCancelled() }, 76, "it was cancelled"},
		"truncated": {true, func(dir string) error { return os.Truncate(filepath.Join(dir, "attempt"), 9) }, 79, "not what was written: attempt"},
		"emptied":   {true, func(dir string) error { return os.Truncate(filepath.Join(dir, "run.json"), 0) }, 79, "not what was written: run.json"},
		"gone":      {true, func(dir string) error { return os.Remove(filepath.Join(dir, "config.yml")) }, 79, "not what was written: config.yml"},
		"whole":     {true, func(string) error { return nil }, 0, ""},
		"unlisted":  {false, func(string) error { return nil }, 0, ""},
	} {
		dir := t.TempDir()
		list, err := jobdir.FillFiles(dir, []jobdir.File{
			{Name: "attempt", Data: []byte("LLMBENCH_NONCE=n\nLLMBENCH_ATTEMPT=" + dir + "\n"), Perm: 0o644},
			{Name: "run.json", Data: []byte("{}\n"), Perm: 0o644}, {Name: "config.yml", Data: []byte("a: 1\n"), Perm: 0o644},
		})
		if !c.files {
			list = nil
		}
		if err := errors.Join(err, jobdir.Folder{Dir: dir}.Intend(jobdir.Intent{JobName: "x", Nonce: "n", Files: list}), c.change(dir)); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("bash", "-c", job.Script)
		cmd.Dir, cmd.Env = dir, []string{"PATH=" + bin + ":/usr/bin:/bin", "HOME=/h", "SLURM_JOB_ID=7", "SLURM_JOB_NAME=x", "SLURM_JOB_NODELIST=gb01"}
		out, _ := cmd.CombinedOutput()
		_, err = os.Stat(filepath.Join(dir, "started"))
		if code := cmd.ProcessState.ExitCode(); code != c.code || (err == nil) != (c.code == 0) || !strings.Contains(string(out), c.says) {
			t.Errorf("%s: exit %d: %s", what, code, out)
		}
	}
}
