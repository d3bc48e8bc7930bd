package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/txtar"
)

// engineSweep defines runs of so many concurrencies on one shared engine, with the fake
// tensorrt_llm of testdata/engine, which the environment steers.
func (d *drill) engineSweep(n int, limit string, env ...string) (loads string) {
	d.t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		d.t.Skip("python3 is not on this host: shared engines were not tried")
	}
	dir := d.t.TempDir()
	archive, err := txtar.ParseFile(filepath.Join("..", "..", "testdata", "engine", "fake.txtar"))
	d.ok(err)
	d.ok(txtar.Write(archive, dir))
	loads = filepath.Join(dir, "loads")
	vars := fmt.Sprintf("PYTHONPATH = %q\n FAKE_BENCH = %q\n FAKE_LOADS = %q\n", dir, filepath.Join(d.bin, "llmbench")+" trtllm-bench", loads)
	for i := 0; i < len(env); i += 2 {
		vars += fmt.Sprintf("%s = %q\n", env[i], env[i+1])
	}
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint(8 * (i + 1))
	}
	s := rehearsal
	for _, change := range [][2]string{
		{`["llmbench", "trtllm-bench"]`, "[\"trtllm-bench\"]\n  telemetry = false\n  retries = 0\n  pack {\n    max_runs = 32\n    max_time = \"12h\"\n  }"},
		{`{ LLMBENCH_SIMULATED_SPEED = "20" }`, "{\n" + vars + "}\n  engine = \"shared\"\n  max_seq_len = 2048"},
		{`time_limit     = "5m"`, fmt.Sprintf("time_limit = %q", limit)},
		{"num_requests   = 64", "num_requests = 256"}, {"max_batch_size = 128", "max_batch_size = 512"},
		{"  use_case \"reasoning\" {}\n", ""}, {"  use_case \"summarization\" {}\n", ""},
		{"  use_case \"generation\" {}\n", fmt.Sprintf("matrix {\n concurrency = [%s]\n}\n", strings.Join(list, ", "))},
	} {
		if !strings.Contains(s, change[0]) {
			d.t.Fatalf("the rehearsal has no %s", change[0])
		}
		s = strings.Replace(s, change[0], change[1], 1)
	}
	d.definitions(s)
	return loads
}

// onEngines lists what became of runs: verdict or code, the engine's number in its job
// and the place in it.
func (d *drill) onEngines() (list []string) {
	d.t.Helper()
	out, _ := d.llmbench("results", "-store="+d.store, "-all", "-format=json", d.dir)
	var doc struct {
		Results []struct {
			Verdict string
			Reasons []struct{ Code string }
			Engine  *struct {
				ID               string
				Position, Starts int
			} `json:"shared_engine"`
		}
	}
	d.ok(json.Unmarshal([]byte(out), &doc))
	for _, r := range doc.Results {
		word := r.Verdict
		if len(r.Reasons) > 0 {
			word = r.Reasons[0].Code
		}
		if e := r.Engine; e != nil {
			_, number, _ := strings.Cut(e.ID, ".")
			word += fmt.Sprintf(" %s/%d/%d", number, e.Position, e.Starts)
		}
		list = append(list, word)
	}
	return list
}

func (d *drill) wantLoads(path string, any ...int) {
	d.t.Helper()
	text, _ := os.ReadFile(path)
	if got := strings.Count(string(text), "load\n"); !slices.Contains(any, got) {
		d.t.Errorf("the model was loaded %d times, want %d", got, any)
	}
}

// engines has 20 runs share one load; one that fails or meets its time limit ends its
// engine and nothing else; an engine that drifts and one that cannot be shared are told.
func (d *drill) engines() {
	const skip = "-skip-checks"
	apply := func(code int) string {
		d.t.Helper()
		out, got := d.start(skip).wait()
		if got != code {
			d.t.Errorf("apply: exit %d, want %d", got, code)
		}
		return out
	}
	loads := d.engineSweep(20, "2m")
	apply(0)
	d.wantLoads(loads, 1)
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprintf("valid 1/%d/1", i+1))
	}
	got := d.onEngines()
	if len(got) != 20 {
		d.t.Fatalf("%d results: %s", len(got), got)
	}
	seen := map[string]bool{}
	for _, g := range got {
		seen[g] = true
	}
	for _, w := range want {
		if !seen[w] {
			d.t.Errorf("no run is %s: %s", w, got)
		}
	}
	// A rehearsal does the same with the stand-in.
	d.store = filepath.Join(d.t.TempDir(), "store")
	d.engineSweep(3, "2m")
	path := filepath.Join(d.dir, "main.hcl")
	text, err := os.ReadFile(path)
	d.ok(err)
	d.definitions(strings.Replace(string(text), `["trtllm-bench"]`, `["llmbench", "trtllm-bench"]`, 1))
	apply(0)
	if got := strings.Join(d.onEngines(), ", "); strings.Count(got, "valid 1/") != 3 {
		d.t.Errorf("rehearsed: %s", got)
	}
	for _, c := range []struct {
		env   []string
		limit string
		loads int
		code  int
		want  string
	}{
		{[]string{"FAKE_FAIL", "16"}, "2m", 2, 3, "fewer_requests"},
		{[]string{"FAKE_HANG", "16"}, "20s", 2, 3, "time_limit"},
		{[]string{"FAKE_DRIFT", "0.05"}, "2m", 1, 0, "engine_drift"},
		{[]string{"FAKE_SHAPE", "both"}, "2m", 0, 3, "engine_refused"},
	} {
		d.store = filepath.Join(d.t.TempDir(), "store")
		loads := d.engineSweep(4, c.limit, c.env...)
		apply(c.code)
		d.wantLoads(loads, c.loads)
		if got := strings.Join(d.onEngines(), ", "); !strings.Contains(got, c.want) {
			d.t.Errorf("%s: %s", c.env, got)
		}
	}
}

// enginesLost kills apply and the job of a shared engine: what was measured stays, and
// the rest is measured on another.
func (d *drill) enginesLost() {
	loads := d.engineSweep(6, "5m", "LLMBENCH_SIMULATED_SPEED", "5")
	measured := func(n int) func() bool {
		return func() bool {
			found, _ := filepath.Glob(filepath.Join(d.store, "runs", "*", "*", "sample-*", "attempt-*", "exit"))
			return len(found) >= n
		}
	}
	a := d.start("-skip-checks")
	d.until("a run has measured", measured(1))
	d.ok(a.cmd.Process.Signal(syscall.SIGKILL))
	<-a.done
	a = d.start("-skip-checks")
	d.until("three runs have measured", measured(3))
	d.wantLoads(loads, 1)
	d.must("scancel", "--full", "--signal=KILL", d.job("RUNNING"))
	a.wait()
	out, code := d.start("-skip-checks").wait()
	if code != 0 {
		d.t.Errorf("exit %d\n%s", code, out)
	}
	d.wantLoads(loads, 2, 3) // the run that was lost is in the next job, or in one of its own
	valid := 0
	for _, g := range d.onEngines() {
		if strings.HasPrefix(g, "valid 1/") {
			valid++
		}
	}
	if valid != 6 {
		d.t.Errorf("%d runs are valid: %s", valid, d.onEngines())
	}
}
