package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors/slurm/slurmtest"
)

// smi stands in for nvidia-smi: gb02 has a lower power limit, one GPU less, and an
// uncorrected error on another.
const smi = `#!/bin/bash
n=4 power=1200.00
case $SLURMD_NODENAME in gb02) power=1000.00 n=3 ;; esac
case "$*" in
*query-gpu*) for ((i = 0; i < n; i++)); do
  ecc=0; [[ $SLURMD_NODENAME == gb02 && $i == 1 ]] && ecc=2
  echo "NVIDIA GB200, 189471, 570.133.20, 2062, $power, $ecc"
done ;;
*remapped*) for ((i = 0; i < n; i++)); do echo "0, No, No"; done ;;
*compute-apps*) ;;
*nvlink*) for ((i = 0; i < 18 * n; i++)); do echo "   Link $i: 53.125 GB/s"; done ;;
-q) for ((i = 0; i < n; i++)); do printf '    Fabric\n        State                             : Completed\n        Status                            : Success\n        CliqueId                          : 32766\n        ClusterUUID                       : 8f3c\n'; done ;;
esac
`

// definitions are the rehearsal on real nodes, with an executor of its own.
func definitions(executor, weights string) string {
	_, rest, _ := strings.Cut(rehearsal, "model \"maverick\"")
	return executor + "model \"maverick\"" + strings.NewReplacer(`"/weights"`, fmt.Sprintf("%q", weights),
		"nvcr.io/", "127.0.0.1:1/").Replace(rest)
}

// On a real Slurm, jobs without GPUs bring what runs read and ask images, and jobs look
// at the nodes and name those that are not well.
func TestOnSlurmPrepareAndDoctor(t *testing.T) {
	c, _ := newCampaignOn(t, slurmtest.Options{})
	root := t.TempDir()
	hubs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"siblings":[{"rfilename":"model.safetensors","size":4000000}]}`)
	}))
	t.Cleanup(hubs.Close)
	t.Setenv("HF_ENDPOINT", hubs.URL)
	t.Setenv("HF_TOKEN", "hf_thisIsNobodysToken")
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "nvidia-smi"), []byte(smi), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	c.bringsByJobs(root)
	c.looksAtNodes(root)
	c.asksAnImage(root, bin)
}

// bringsByJobs kills prepare while its job is in the queue, and takes the job up.
func (c *campaign) bringsByJobs(root string) {
	weights := filepath.Join(root, "weights")
	c.define(definitions(fmt.Sprintf(`
executor "slurm" "here" {
  poll_interval = "1s"

  container {
    image_dir = %q
  }
  prepare {
    partition  = "batch"
    time_limit = "5m"
  }
}
`, filepath.Join(root, "images")), weights))
	if out, err := c.command("scontrol", "update", "PartitionName=batch", "State=DOWN").CombinedOutput(); err != nil {
		c.t.Fatalf("%v: %s", err, out)
	}
	first := exec.Command("llmbench", "prepare", c.dir)
	if err := first.Start(); err != nil {
		c.t.Fatal(err)
	}
	waitFor(c.t, func() bool { return len(c.jobs()) == 1 })
	job := c.jobs()[0]
	_ = first.Process.Kill()
	_ = first.Wait()
	shown, err := c.command("scontrol", "show", "job", "-d", strings.TrimSpace(c.ids())).CombinedOutput()
	c.holdsNoToken(root)
	if err != nil || strings.Contains(string(shown), "gres") || !strings.Contains(string(shown), "Partition=batch") || strings.Contains(string(shown), "thisIsNobodysToken") {
		c.t.Errorf("%v: %s", err, shown)
	}
	if out, err := c.command("scontrol", "update", "PartitionName=batch", "State=UP").CombinedOutput(); err != nil {
		c.t.Fatalf("%v: %s", err, out)
	}
	out, code := c.llmbench("prepare", c.dir)
	if code != 0 || !strings.Contains(out, "ok  weights") || !strings.Contains(out, "ok  image") {
		c.t.Errorf("prepare: exit %d", code)
	}
	names := c.jobs()
	if len(names) != 2 || names[0] != job && names[1] != job || !strings.HasPrefix(job, "llmb-prepare-") {
		c.t.Errorf("jobs %v, want %s and one for the image", names, job)
	}
	if left, _ := filepath.Glob(filepath.Join(root, ".llmbench-*")); left != nil {
		c.t.Errorf("left: %v", left)
	}
	c.holdsNoToken(root)
}

// holdsNoToken looks for the token where llmbench and Slurm keep files.
func (c *campaign) holdsNoToken(root string) {
	c.t.Helper()
	for _, dir := range []string{root, c.dir, filepath.Dir(os.Getenv("SLURM_CONF"))} {
		if found, err := exec.Command("grep", "-rl", "thisIsNobodysToken", dir).Output(); err == nil {
			c.t.Errorf("the token is in %s", found)
		}
	}
}

// looksAtNodes runs doctor -nodes over two nodes of which one is not well.
func (c *campaign) looksAtNodes(root string) {
	c.define(definitions(`
executor "slurm" "here" {
  partition     = "batch"
  nodelist      = "gb[01-02]"
  poll_interval = "1s"
}
`, filepath.Join(root, "weights")))
	out, code := c.llmbench("doctor", "-nodes", "-json", c.dir)
	if code != 3 {
		c.t.Errorf("doctor -nodes: exit %d", code)
	}
	var doc struct {
		Checks []struct{ Name, Node, Result, Detail, Remedy string }
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		c.t.Fatal(err)
	}
	var bad []string
	well := map[string]int{}
	for _, k := range doc.Checks {
		switch {
		case k.Node == "" || k.Name == "shm" || k.Name == "governor" || k.Name == "imex" || k.Result == "warn":
			// of the host that the test runs on
		case k.Result == "ok":
			well[k.Node]++
		default:
			bad = append(bad, fmt.Sprintf("%s %s: %s", k.Node, k.Name, k.Detail))
		}
	}
	const want = `gb02 gpus: 3 NVIDIA GB200
gb02 ecc: GPU 1 has 2 uncorrected errors
gb02 power: 1000.00 W`
	if got := strings.Join(bad, "\n"); got != want || well["gb01"] < 6 {
		c.t.Errorf("well: %v; not:\n%s\nwant:\n%s", well, got, want)
	}
	if out, _ := c.llmbench("doctor", "-nodes", c.dir); !strings.Contains(out, "✗ 3 NVIDIA GB200") || !strings.Contains(out, "fail  gb02 power") || !strings.Contains(out, "another node has 1200.00 W") {
		c.t.Error("the table of nodes lacks something")
	}
}

// asksAnImage probes an image in a job, and plans with what it said. srun drops the
// flags of pyxis, and trtllm-bench and python3 answer as an image of 1.2.0 would that
// calls itself 1.4.7.
func (c *campaign) asksAnImage(root, bin string) {
	srun, err := exec.LookPath("srun")
	if err != nil {
		c.t.Fatal(err)
	}
	answers, err := filepath.Abs("../../schema/catalog/testdata/probe/1.2.0.txt")
	if err != nil {
		c.t.Fatal(err)
	}
	section := "sed -n '/^== %s$/,/^== /{/^== /!p}' " + answers
	asked := filepath.Join(root, "asked")
	for name, text := range map[string]string{
		"srun": `words=()
for w; do case $w in --container-* | --no-container-*) echo "$w" >>` + asked + ` ;; *) words+=("$w") ;; esac; done
exec ` + srun + ` "${words[@]}"`,
		"trtllm-bench": `case "$*" in *throughput*) ` + fmt.Sprintf(section, "trtllm-bench throughput --help") + ` ;; *) ` + fmt.Sprintf(section, "trtllm-bench --help") + ` ;; esac`,
		"python3":      `if [ "$3" = probe ]; then echo 'llmbench engine {"python": "3.12.3", "name": "tensorrt_llm.bench.benchmark.PyTorchLLM", "refused": ""}'; elif [ "$1" = -c ]; then echo 1.4.7; else cat >/dev/null; echo "== options"; ` + fmt.Sprintf(section, "options") + `; fi`,
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/bash\n"+text+"\n"), 0o755); err != nil {
			c.t.Fatal(err)
		}
	}
	c.define(strings.NewReplacer("release:1.0.0rc4", "release:1.4.7", "enable_attention_dp", "print_iter_log").Replace(definitions(fmt.Sprintf(`
executor "slurm" "here" {
  partition     = "batch"
  poll_interval = "1s"

  container {
    image_dir = %q
  }
}
`, filepath.Join(root, "images")), filepath.Join(root, "weights"))))
	const image = "127.0.0.1:1/nvidia/tensorrt-llm/release:1.4.7"
	for _, want := range []string{"trtllm-1.4.7.catalog.hcl", "catalogued already"} {
		if out, code := c.llmbench("catalog", "probe", image, c.dir); code != 0 || !strings.Contains(out, want) || !strings.Contains(out, "\nengine: can be shared: tensorrt_llm.bench.benchmark.PyTorchLLM, Python 3.12.3\n") {
			c.t.Errorf("catalog probe: exit %d, want %s and the engine\n%s", code, want, out)
		}
	}
	if words, err := os.ReadFile(asked); err != nil || !strings.Contains(string(words), "--container-image=127.0.0.1:1#nvidia/tensorrt-llm/release:1.4.7") {
		c.t.Errorf("%v: srun was given %s", err, words)
	}
	if out, code := c.llmbench("plan", c.dir); code != 0 || !strings.Contains(out, "declared by you, not supported") {
		c.t.Errorf("plan with what the image said: exit %d", code)
	}
}

func (c *campaign) define(text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, "main.hcl"), []byte(text), 0o644); err != nil {
		c.t.Fatal(err)
	}
}

func (c *campaign) ids() string {
	c.t.Helper()
	out, err := c.command("squeue", "-h", "-a", "-t", "all", "-o", "%i").Output()
	if err != nil {
		c.t.Fatal(err)
	}
	return string(out)
}

// waitFor waits for something that must come.
func waitFor(t *testing.T, come func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !come(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come")
		}
	}
}
