package slurm

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/llmbench/llmbench/schema/catalog"
)

// The job's script and the probe's run in a real bash; trtllm-bench and python3 answer
// with what the catalogue's test reads of 1.2.0.
func TestAskImage(t *testing.T) {
	answers, err := os.ReadFile(filepath.Join("..", "..", "schema", "catalog", "testdata", "probe", "1.2.0.txt"))
	if err != nil {
		t.Fatal(err)
	}
	part := func(from, to string) string {
		_, after, _ := strings.Cut(string(answers), from+"\n")
		text, _, _ := strings.Cut(after, to)
		return text
	}
	bin := t.TempDir()
	leaveIn := func(name, script string) {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/bash\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	leave(t, bin, map[string]string{
		"group": part("== trtllm-bench --help", "== "), "throughput": part("== trtllm-bench throughput --help", "== "),
		"options": "== options\n" + part("== options", "== end"),
	})
	leaveIn("srun", `echo "$*" >"`+bin+`/srun.log"; while [[ $1 == -* ]]; do shift; done; exec "$@"`)
	leaveIn("trtllm-bench", `[[ "$*" == *throughput* ]] && exec cat "`+bin+`/throughput"; exec cat "`+bin+`/group"`)
	leaveIn("python3", `[[ $1 == -c ]] && { echo noise >&2; echo 1.4.7; exit; }; cat >/dev/null; exec cat "`+bin+`/options"`)
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))

	ask := func(t *testing.T) ([]byte, error) {
		d := &deskSlurm{states: []string{"PENDING|Priority", "RUNNING"}}
		d.works = func(dir string) {
			cmd := exec.Command("bash", "script.sh")
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "SLURM_JOB_ID=17")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		}
		c := deskConfig(d)
		c.Prepare, c.Container = nil, &Container{Runtime: "pyxis", ImageDir: "/images"}
		say, _ := said()
		return c.Ask(t.Context(), "nvcr.io/nvidia/tensorrt-llm/release:1.4.7", catalog.ProbeScript, filepath.Join(t.TempDir(), "probe", "answer"), say)
	}
	synctest.Test(t, func(t *testing.T) {
		out, err := ask(t)
		if err != nil {
			t.Fatal(err)
		}
		p, err := catalog.ReadProbe(out)
		if err != nil || p.Version != "1.4.7" {
			t.Errorf("%v: %v\n%s", p, err, out)
		}
		words, _ := os.ReadFile(filepath.Join(bin, "srun.log"))
		if !strings.Contains(string(words), "--container-image=nvcr.io#nvidia/tensorrt-llm/release:1.4.7") || strings.Contains(string(words), "--gpus") {
			t.Errorf("srun %s", words)
		}
	})

	leaveIn("trtllm-bench", `echo "ImportError: libcuda.so.1: cannot open shared object file" >&2; exit 1`)
	synctest.Test(t, func(t *testing.T) {
		if _, err := ask(t); err == nil || !strings.Contains(err.Error(), "libcuda.so.1") {
			t.Errorf("an image that cannot answer: %v", err)
		}
	})
}
