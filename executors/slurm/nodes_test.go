package slurm

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
)

// nodeCheck is for a run on nodes of four GPUs.
func nodeCheck(dir string, nodes int) executors.NodeCheck {
	run := testRun("true")
	run.Hardware.Nodes, run.Hardware.GPUs = nodes, 4*nodes
	return executors.NodeCheck{Dir: dir, Run: run, MemoryBytes: 189471 << 20, Domain: true}
}

// What nodes say of themselves is judged, each defect with its words.
func TestJudgeNodes(t *testing.T) {
	well := func(node string) string {
		return strings.ReplaceAll(`NODE	nonce	abc
NODE	shm	99999999999
NODE	governor	performance
NODE	write	900000000
NODE	gpu	NVIDIA GB200, 189471, 570, 2062, 1200, 0
NODE	gpu	NVIDIA GB200, 189471, 570, 2062, 1200, 0
NODE	gpu	NVIDIA GB200, 189471, 570, 2062, 1200, 0
NODE	gpu	NVIDIA GB200, 189471, 570, 2062, 1200, [N/A]
NODE	rows	0, No, No
NODE	busy	0
NODE	links	72
NODE	fabric	Completed/Success,8f3c/1
NODE	imex	1
NODE	enroot	3.5.0
NODE	container	starts
`, "NODE", node)
	}
	for name, test := range map[string]struct{ old, new, want string }{
		"well":            {"", "", ""},
		"other store":     {"a\tnonce\tabc", "a\tnonce\t", "fail a store: does not read what this host wrote\n"},
		"read-only store": {"a\twrite\t900000000", "", "fail a store: cannot write\n"},
		"slow store":      {"a\twrite\t900000000", "a\twrite\t1000000", "warn a store: 1 MB/s\n"},
		"unseen":          {"a\tnonce", "a\tunseen\t/lustre/weights\na\tnonce", "fail a paths: does not see /lustre/weights\n"},
		"unread":          {"a\tnonce", "a\tunread\t/w/model-1.safetensors\na\tnonce", "fail a paths: cannot read /w/model-1.safetensors\n"},
		"little shm":      {"a\tshm\t99999999999", "a\tshm\t67108864", "warn a shm: 0 GiB\n"},
		"governor":        {"a\tgovernor\tperformance", "a\tgovernor\tpowersave", "warn a governor: powersave\n"},
		"another GPU":     {"a\tgpu\tNVIDIA GB200, 189471", "a\tgpu\tNVIDIA H100, 81559", "fail a memory: GPU 0 has 81559 MiB\n"},
		"pending rows":    {"a\trows\t0, No, No", "a\trows\t2, Yes, No", "fail a ecc: GPU 0 waits for a reset to remap rows\n"},
		"failed rows":     {"a\trows\t0, No, No", "a\trows\t2, No, Yes", "fail a ecc: GPU 0 failed to remap rows\n"},
		"in use":          {"a\tbusy\t0", "a\tbusy\t2", "fail a gpus: 4 NVIDIA GB200, 2 foreign processes on them\n"},
		"fabric":          {"a\tfabric\tCompleted/Success,8f3c/1", "a\tfabric\tIn Progress/N/A,", "fail a domain: fabric In Progress/N/A\n"},
		"two domains":     {"a\tfabric\tCompleted/Success,8f3c/1", "a\tfabric\tCompleted/Success,8f3c/2", "fail a domain: 8f3c/2\n"},
		"no channel":      {"a\timex\t1", "a\timex\t0", "fail a imex: no channel\n"},
		"power":           {"a\tgpu\tNVIDIA GB200, 189471, 570, 2062, 1200", "a\tgpu\tNVIDIA GB200, 189471, 570, 2062, 1000", "fail a power: 1000, 1200, 1200, 1200 W\n"},
		"driver":          {"a\tgpu\tNVIDIA GB200, 189471, 570", "a\tgpu\tNVIDIA GB200, 189471, 560", "fail a driver: 560, 570, 570, 570\n"},
		"no enroot":       {"a\tenroot\t3.5.0", "", "fail a enroot: not installed\n"},
		"container":       {"a\tcontainer\tstarts", "", "fail a container: does not start: pyxis: no such image\n"},
		"blind container": {"a\tcontainer\tstarts", "a\tcontainer\t/w cannot be read in it", "fail a container: /w cannot be read in it\n"},
	} {
		t.Run(name, func(t *testing.T) {
			text := well("a") + well("b") + well("c")
			if test.old != "" {
				text = strings.Replace(text, test.old, test.new, 1)
			}
			cfg := testConfig()
			cfg.Container = &Container{ImageDir: "/images"}
			n := nodeCheck("", 3)
			var b strings.Builder
			for _, c := range cfg.judge(n, "abc", parseFacts(text), "pyxis: no such image") {
				if c.Result != executors.CheckOK {
					fmt.Fprintf(&b, "%s %s %s: %s\n", c.Result, c.Node, c.Name, c.Detail)
				}
			}
			if !strings.Contains(b.String(), test.want) || test.want == "" && b.String() != "" {
				t.Errorf("got:\n%swant:\n%s", b.String(), test.want)
			}
		})
	}
	// The lines of enroot and pyxis are as pyxis_slurmstepd.c passes them on.
	for name, test := range map[string]struct{ words, detail, remedy string }{
		"image": {
			"slurmstepd: error: pyxis: printing enroot log file:\nslurmstepd: error: pyxis:     [INFO] Extracting squashfs filesystem...\nslurmstepd: error: pyxis:     [ERROR] Invalid image format: /images/a.sqsh\nslurmstepd: error: spank: required plugin spank_pyxis.so: task_init() failed with rc=-1",
			"does not start: Invalid image format: /images/a.sqsh", "`llmbench prepare` verifies the image and imports it again",
		},
		"hook": {
			"slurmstepd: error: pyxis:     nvidia-container-cli: mount error: operation not permitted\nslurmstepd: error: pyxis:     [ERROR] /etc/enroot/hooks.d/98-nvidia.sh exited with return code 1",
			"does not start: /etc/enroot/hooks.d/98-nvidia.sh exited with return code 1", "all nodes have it, so that excluding one does not help: ask the site's operators",
		},
	} {
		cfg := testConfig()
		cfg.Container = &Container{ImageDir: "/images"}
		text := strings.ReplaceAll(well("a")+well("b"), "container\tstarts", "other\tstarts")
		n := 0
		for _, c := range cfg.judge(nodeCheck("", 2), "abc", parseFacts(text), test.words) {
			if c.Name == "container" {
				n++
				if c.Result != executors.CheckFail || c.Detail != test.detail || c.Remedy != test.remedy {
					t.Errorf("%s: %+v", name, c)
				}
			}
		}
		if n != 2 {
			t.Errorf("%s: %d checks of containers", name, n)
		}
	}
	if checks := testConfig().judge(nodeCheck("", 2), "abc", parseFacts(well("a")), ""); checks[len(checks)-1].Detail != "1 of 2 nodes answered: the others said nothing" {
		t.Errorf("a silent node: %+v", checks[len(checks)-1])
	}
}

func FuzzParseFacts(f *testing.F) {
	f.Add("a\tgpu\tNVIDIA GB200, 1, 2, 3, 4, 5\na\trows\t0, No")
	f.Add("\t\t\n\x00")
	f.Fuzz(func(t *testing.T, text string) {
		n := nodeCheck("", 2)
		for _, c := range testConfig().judge(n, "abc", parseFacts(text), "") {
			if c.Name == "" || c.Result == "" {
				t.Errorf("%+v", c)
			}
		}
	})
}

// The script is one whatever the names are.
func TestLookScriptIsShell(t *testing.T) {
	cfg := testConfig()
	cfg.Container = &Container{ImageDir: "/images with space", Mounts: []string{"/a:/a", "/b:/c"}}
	n := executors.NodeCheck{Dir: "/store/it's", Run: testRun("true"), Weights: []string{"/weights $(reboot)"}, Files: []string{"/draft's"}}
	n.Run.Image = plan.Image{Name: "nvcr.io/nvidia/tensorrt-llm/release:1.0.0rc1"}
	script := cfg.lookScript(n)
	cmd := exec.Command("bash", "-n")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s\n%s", err, out, script)
	}
	for _, want := range []string{`dir='/store/it'\''s'`, `weights=('/weights $(reboot)')`, `files=('/draft'\''s')`, `'--container-mounts=/weights $(reboot):/weights $(reboot),/draft'\''s:/draft'\''s:ro,/a:/a,/b:/c'`} {
		if !strings.Contains(script, want) {
			t.Errorf("the script lacks %s\n%s", want, script)
		}
	}
}

// The scripts of auxiliary jobs pass shellcheck as those of runs do.
func TestShellcheckOfAuxiliaryJobs(t *testing.T) {
	path, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Skip("shellcheck is not installed; `make deps` installs it")
	}
	cfg := testConfig()
	cfg.Container = &Container{ImageDir: "/images"}
	for name, script := range map[string]string{
		"nodes": cfg.lookScript(executors.NodeCheck{Dir: "/store", Run: testRun("true"), Weights: []string{"/weights"}, Files: []string{"/draft"}}),
		"bring": fetchScript("/store", []string{"hf", "download", "a/b"}, secretsWait),
	} {
		if place := regexp.MustCompile("@[A-Z]+@").FindString(script); place != "" {
			t.Errorf("%s: nothing is at %s", name, place)
		}
		cmd := exec.Command(path, "-S", "warning", "-")
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %s", name, out)
		}
	}
}

// lookAt runs the script of n without a Slurm and returns what its two nodes say: the
// stand-in for srun runs the last three words for each.
func lookAt(t *testing.T, cfg *Config, n executors.NodeCheck, env ...string) string {
	t.Helper()
	bin := t.TempDir()
	for name, text := range map[string]string{
		"srun":   "#!/bin/bash\nfor node in gb01 gb02; do SLURMD_NODENAME=$node \"${@: -3}\"; done\n",
		"enroot": "#!/bin/bash\necho 3.5.0\n",
		"nvidia-smi": `#!/bin/bash
case "$*" in
*query-gpu*) for i in 0 1 2 3; do echo "NVIDIA GB200, 189471, 570.133.20, 2062, 1200.00, 0"; done ;;
*remapped*) for i in 0 1 2 3; do echo "0, No, No"; done ;;
*nvlink*) for i in {1..72}; do echo "   Link $i: 53.125 GB/s"; done ;;
-q) printf '    Fabric\n        State                             : Completed\n        Status                            : Success\n        CliqueId                          : 32766\n        ClusterUUID                       : 8f3c\n' ;;
esac
`,
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"nonce": "abc", "attempt": "LLMBENCH_NONCE=abc\n", "script.sh": cfg.lookScript(n)} {
		if err := os.WriteFile(filepath.Join(n.Dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("bash", "script.sh")
	cmd.Dir, cmd.Env = n.Dir, append([]string{"PATH=" + bin + ":" + os.Getenv("PATH"), "SLURM_JOB_ID=7"}, env...)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%v: %s", err, out)
	}
	if words, _ := os.ReadFile(filepath.Join(n.Dir, "errors")); len(words) > 0 {
		t.Errorf("complaints: %s", words)
	}
	seen, err := os.ReadFile(filepath.Join(n.Dir, "facts"))
	if err != nil {
		t.Fatal(err)
	}
	return string(seen)
}

// lookable is a check of two nodes whose weights and image are there.
func lookable(t *testing.T) (*Config, executors.NodeCheck) {
	t.Helper()
	weights := t.TempDir()
	cfg := testConfig()
	cfg.Container = &Container{ImageDir: weights}
	n := nodeCheck(t.TempDir(), 2)
	n.Weights = []string{weights}
	for _, name := range []string{"config.json", "model-1.safetensors", imageFile(n.Run.Image.Name)} {
		if err := os.WriteFile(filepath.Join(weights, name), []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return cfg, n
}

func TestLookScriptRuns(t *testing.T) {
	cfg, n := lookable(t)
	seen := lookAt(t, cfg, n)
	well := map[string]int{}
	for _, c := range cfg.judge(n, "abc", parseFacts(seen), "") {
		switch {
		case c.Name == "shm" || c.Name == "governor" || c.Name == "imex" || c.Result == executors.CheckWarn:
			// of the host that the test runs on
		case c.Result == executors.CheckOK:
			well[c.Node]++
		default:
			t.Errorf("%+v", c)
		}
	}
	if well["gb01"] < 9 || well["gb02"] < 9 {
		t.Errorf("well: %v\n%s", well, seen)
	}
	if left, _ := filepath.Glob(filepath.Join(n.Dir, "write.*")); left != nil {
		t.Errorf("left: %v", left)
	}
	if _, err := os.Stat(filepath.Join(n.Dir, "done")); err != nil {
		t.Error("the last word is missing")
	}
}

// Files and folders that options name are looked at as weights are: on the node and
// inside the container.
func TestLookScriptSeesNamedFiles(t *testing.T) {
	dir := t.TempDir()
	draft, modules, balancer := filepath.Join(dir, "draft"), filepath.Join(dir, "my modules"), filepath.Join(dir, "balancer.yml")
	shard := filepath.Join(draft, "model-1.safetensors")
	for _, name := range []string{draft, modules} {
		if err := os.Mkdir(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{shard, balancer} {
		if err := os.WriteFile(name, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name              string
		spoil             func() error
		paths, containers string
	}{
		{"well", func() error { return nil }, "seen", "starts"},
		{"dangling shard", func() error { return errors.Join(os.Remove(shard), os.Symlink("nowhere", shard)) }, "cannot read " + shard, "starts"},
		{"no file", func() error { return errors.Join(os.Remove(shard), os.Remove(balancer)) }, "does not see " + balancer, balancer + " cannot be read in it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := test.spoil(); err != nil {
				t.Fatal(err)
			}
			cfg, n := lookable(t)
			n.Files = []string{draft, modules, balancer}
			found := 0
			for _, c := range cfg.judge(n, "abc", parseFacts(lookAt(t, cfg, n)), "") {
				if want, ok := map[string]string{"paths": test.paths, "container": test.containers}[c.Name]; ok {
					found++
					if c.Detail != want {
						t.Errorf("%s %s: %q, want %q", c.Node, c.Name, c.Detail, want)
					}
				}
			}
			if found != 4 {
				t.Errorf("%d checks of paths and containers", found)
			}
		})
	}
}

// The script that brings things waits for its secrets, which are on no disk before it
// has begun, and leaves how that went, and no secrets.
func TestBringScriptRuns(t *testing.T) {
	for _, test := range []struct {
		command string
		alone   bool
		want    string
	}{
		{command: `[ ${#HF_TOKEN} = 9 ] && [ "$A" = "b c" ] && [ ${#https_proxy} = 18 ]`},
		{command: "echo 'no access'; exit 7", want: "hf: exit status 7: no access"},
		{command: `[ "$A" = "b c" ]`, alone: true},
		{command: "exit 7", alone: true, want: "hf: exit status 7: the job began without its token: no llmbench prepare was there to hand it over"},
	} {
		path := filepath.Join(t.TempDir(), "weights")
		b := executors.Command{Path: path, Argv: []string{"bash", "-c", test.command}, Env: []string{"HF_TOKEN=hf_nobody", "A=b c", "BAD=\n", "https_proxy=http://me:pw@proxy"}, Clean: func() {}}
		a, err := deskConfig(&deskSlurm{}).fetchJob(b, func(string, ...any) {})
		if err != nil {
			t.Fatal(err)
		}
		dir := a.job.Dir
		for name, perm := range map[string]os.FileMode{"": 0o700, "environment": 0o600} {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != perm {
				t.Errorf("%s: %v, %v", name, info.Mode(), err)
			}
		}
		hand := handing(b, dir)
		hand()
		if found, err := exec.Command("grep", "-rlE", "hf_nobody|me:pw", dir).Output(); err == nil {
			t.Errorf("before the job has begun the token is in %s", found)
		}
		script, err := os.ReadFile(filepath.Join(dir, "script.sh"))
		if err != nil {
			t.Fatal(err)
		}
		if test.alone { // its wait is over
			script = bytes.ReplaceAll(script, []byte("seconds=120"), []byte("seconds=1"))
		}
		cmd := exec.Command("bash", "-c", string(script))
		var out bytes.Buffer
		cmd.Dir, cmd.Env, cmd.Stderr = dir, append(os.Environ(), "SLURM_JOB_ID=7"), &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		for len(ended) == 0 {
			if time.Sleep(10 * time.Millisecond); !test.alone {
				hand()
			}
		}
		if err := <-ended; err != nil {
			t.Fatalf("%v: %s", err, &out)
		}
		if handing(b, dir)(); jobdir.Seen(dir, jobdir.SecretsFile) || jobdir.Seen(dir, environmentFile) {
			t.Error("secrets are left")
		}
		got := ""
		if err := commandEnded(dir, "hf"); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("outcome %q, want %q", got, test.want)
		}
	}
}

// A job is taken up from a folder of this user's own alone: what another put there
// would be handed this user's secrets.
func TestForeignFolderIsNotTakenUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weights")
	a, err := deskConfig(&deskSlurm{}).fetchJob(executors.Command{Path: path, Argv: []string{"true"}, Clean: func() {}}, func(string, ...any) {})
	if err != nil {
		t.Fatal(err)
	}
	taken := func(dir string) bool { _, _, ok := intended(dir, stemOf(path)); return ok }
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(a.job.Dir, link); err != nil {
		t.Fatal(err)
	}
	if !taken(a.job.Dir) || taken(link) {
		t.Errorf("own %v, by a link %v", taken(a.job.Dir), taken(link))
	}
	if os.Getuid() != 0 {
		t.Skip("giving the folder to another user needs root")
	}
	if err := os.Chown(filepath.Join(a.job.Dir, jobdir.ScriptFile), 65534, -1); err != nil || taken(a.job.Dir) {
		t.Errorf("another's script is taken up: %v", err)
	}
}

// What a job left is not waited for, nor read whole, whatever it is.
func TestWordsOfJobs(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "status"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := commandEnded(dir, "hf"); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Error(err)
	}
	long := filepath.Join(dir, "output")
	if err := os.WriteFile(long, []byte(" short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if words, err := lastText(long); err != nil || words != "short" {
		t.Errorf("%q, %v", words, err)
	}
	if err := os.Truncate(long, 1<<40); err != nil {
		t.Fatal(err)
	}
	if words, err := lastText(long); err != nil || len(words) != 600 {
		t.Errorf("%d bytes, %v", len(words), err)
	}
}

// The files of a revision in the cache of Hugging Face are links into the folder blobs of
// their repository (huggingface_hub, "How-to: manage cache"): a container sees both.
func TestContainerSeesLinkedWeights(t *testing.T) {
	repository := filepath.Join(t.TempDir(), "hub", "models--nvidia--finch-FP8")
	weights := filepath.Join(repository, "snapshots", "5f0b1c")
	blob := filepath.Join(repository, "blobs", "9a0c")
	for _, dir := range []string{weights, filepath.Dir(blob)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../../blobs/9a0c", filepath.Join(weights, "model-1.safetensors")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(blob, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg := testConfig()
	cfg.Container = &Container{ImageDir: "/images"}
	run := testRun("true")
	run.Model.Path = &weights
	run.LLMAPIOptions = map[string]any{"speculative_config": map[string]any{"speculative_model_dir": "/plain/snapshots/draft"}}
	run.Image.TRTLLMVersion = "1.1"
	for _, words := range [][]string{cfg.Container.words(run), cfg.lookInside("/images/i", executors.NodeCheck{Run: run, Weights: []string{weights}})} {
		if all := strings.Join(words, " "); !strings.Contains(all, repository+":"+repository) || strings.Contains(all, weights) {
			t.Errorf("the container does not see %s: %s", repository, all)
		}
	}
	if all := strings.Join(cfg.Container.words(run), " "); !strings.Contains(all, "/plain/snapshots/draft:/plain/snapshots/draft:ro") {
		t.Errorf("another folder is mounted otherwise: %s", all)
	}
}
