package slurm

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// An engineTest runs engine.py with the fake tensorrt_llm of testdata/engine.
type engineTest struct {
	t       *testing.T
	dir     string
	path    string // PYTHONPATH=…
	env     []string
	members []string
	cmd     *exec.Cmd
}

// verdict is what engine.py leaves of a member or an engine.
type verdict struct {
	Engine, Role, Why, Refused, Ended, Python string
	Exit                                      *int
	Position, Starts, Calls                   int
	Touched                                   bool
	LoadS                                     *float64       `json:"load_s"`
	TookS                                     float64        `json:"took_s"`
	First, Again                              map[string]any `json:",omitempty"`
	Modules                                   map[string]string
}

func newEngine(t *testing.T, env ...string) *engineTest {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not on this host: the driver of shared engines was not tried")
	}
	e := &engineTest{t: t, dir: t.TempDir()}
	archive, err := txtar.ParseFile("../../testdata/engine/fake.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if err := txtar.Write(archive, filepath.Join(e.dir, "site")); err != nil {
		t.Fatal(err)
	}
	e.path = "PYTHONPATH=" + filepath.Join(e.dir, "site")
	e.env = append(os.Environ(), e.path, "PYTHONDONTWRITEBYTECODE=1", "LLMBENCH_ENGINE_ID=e1", "FAKE_LOADS="+filepath.Join(e.dir, "loads"))
	e.env = append(e.env, env...)
	return e
}

// member lists one with these flags beside those that all have.
func (e *engineTest) member(role string, limit float64, flags ...string) string {
	e.t.Helper()
	dir := filepath.Join(e.dir, fmt.Sprint("member ", len(e.members)))
	if err := os.Mkdir(dir, 0o755); err != nil {
		e.t.Fatal(err)
	}
	argv := append([]string{"trtllm-bench", "--model=m", "throughput", "--dataset=dataset.jsonl", "--report_json", "report.json", "--num_requests=100", "--max_seq_len=2048"}, flags...)
	e.write(filepath.Join(dir, "argv"), strings.Join(argv, "\x00")+"\x00")
	e.write(filepath.Join(dir, "dataset.jsonl"), "{}\n")
	e.write(filepath.Join(dir, "report.json"), "a report of before")
	e.members = append(e.members, fmt.Sprintf("%s %g %s", role, limit, dir))
	return dir
}

func (e *engineTest) write(path, text string) {
	e.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		e.t.Fatal(err)
	}
}

func (e *engineTest) start(lines ...string) {
	e.t.Helper()
	e.write(filepath.Join(e.dir, "engine.py"), engineDriver)
	e.write(filepath.Join(e.dir, "members"), strings.Join(append(e.members, lines...), "\n")+"\n")
	out, err := os.Create(filepath.Join(e.dir, "out"))
	if err != nil {
		e.t.Fatal(err)
	}
	defer out.Close()
	e.cmd = exec.CommandContext(e.t.Context(), "python3", "engine.py", "members")
	e.cmd.Dir, e.cmd.Env, e.cmd.Stdout, e.cmd.Stderr = e.dir, e.env, out, out
	if err := e.cmd.Start(); err != nil {
		e.t.Fatal(err)
	}
}

// run runs all members and returns the exit status.
func (e *engineTest) run() int {
	e.t.Helper()
	e.start("end")
	e.cmd.Wait()
	return e.cmd.ProcessState.ExitCode()
}

func (e *engineTest) text(path ...string) string {
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		return ""
	}
	return string(b)
}

// of reads a record, nil where there is none.
func (e *engineTest) of(path ...string) *verdict {
	e.t.Helper()
	text := e.text(path...)
	if text == "" {
		return nil
	}
	v := &verdict{}
	if err := json.Unmarshal([]byte(text), v); err != nil {
		e.t.Fatalf("%s: %v\n%s", path, err, text)
	}
	return v
}

func (e *engineTest) want(dir string, exit int, why string) *verdict {
	e.t.Helper()
	v := e.of(dir, "member.json")
	if v == nil || v.Exit == nil {
		e.t.Fatalf("%s has no verdict; the engine said:\n%s", filepath.Base(dir), e.text(e.dir, "out"))
	}
	if *v.Exit != exit || !strings.Contains(v.Why, why) || why == "" && v.Why != "" {
		e.t.Errorf("%s: exit %d, %q; want %d, %q\n%s", filepath.Base(dir), *v.Exit, v.Why, exit, why, e.text(dir, "stderr"))
	}
	return v
}

// Twenty members have one load, in both shapes, although the engine writes into its
// arguments and one of them has no equality; each has its own log and report.
func TestEngineServesMembers(t *testing.T) {
	for _, shape := range []string{"throughput", "benchmark"} {
		t.Run(shape, func(t *testing.T) {
			e := newEngine(t, "FAKE_SHAPE="+shape)
			dirs := []string{e.member("prime", 60, "--request_json", "requests.json")}
			for i := range 20 {
				dirs = append(dirs, e.member("measure", 60, "--request_json", "requests.json", fmt.Sprintf("--concurrency=%d", i+1)))
			}
			dirs = append(dirs, e.member("again", 60, "--request_json", "requests.json", "--concurrency=1"))
			if rc := e.run(); rc != 0 {
				t.Errorf("exit %d\n%s", rc, e.text(e.dir, "out"))
			}
			for i, dir := range dirs {
				v := e.want(dir, 0, "")
				if v.Position != i || v.Starts != 1 || v.Calls != 1 || v.Engine != "e1" || len(v.Modules) != 2 {
					t.Errorf("member %d: %+v", i, v)
				}
				if _, err := os.Stat(filepath.Join(dir, "requests.json")); (err == nil) != (i > 0 && i < 21) {
					t.Errorf("member %d: %v; only what is measured has records", i, err)
				}
				if i > 0 && strings.Count(e.text(dir, "stdout"), "Starting benchmarking") != 1 {
					t.Errorf("member %d's log:\n%s", i, e.text(dir, "stdout"))
				}
			}
			if got := e.text(e.dir, "loads"); got != "load\n" {
				t.Errorf("loads: %q", got)
			}
			// What the engine writes goes to the step's output, between a member's marks.
			out := e.text(e.dir, "out")
			for _, want := range []string{"Allocated 100 GiB", "worker started", "llmbench member begin 7 measure\n", "llmbench member end 7\n", "engine shut down"} {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in the engine's log:\n%s", want, out)
				}
			}
			if strings.Contains(e.text(dirs[1], "stdout"), "iter = ") || strings.Count(out, "iter = ") != 22 {
				t.Errorf("the iteration lines are not in the engine's log:\n%s", out)
			}
			if end := e.of(dirs[20], "engine.json"); end == nil || end.Starts != 1 || end.First == nil || end.Again == nil || end.Ended != "" {
				t.Errorf("engine.json: %+v", end)
			}
		})
	}
}

// What a member does wrong ends the engine if it touched it, whatever its exit status.
func TestEngineJudgesMembers(t *testing.T) {
	for _, c := range []struct {
		name, env string
		flags     []string
		remove    string
		exit      int
		why       string
		ends      bool
	}{
		{name: "a request that failed", env: "FAKE_FAIL=13", flags: []string{"--concurrency=13"}, exit: 1, why: "the report is of 95 requests, not of 100", ends: true},
		{name: "a flag that is none", flags: []string{"--no_such_flag=1"}, exit: 1, why: "trtllm-bench ended with 2"},
		{name: "no data set", remove: "dataset.jsonl", exit: 1, why: "trtllm-bench ended with 1"},
		{name: "another length", flags: []string{"--max_seq_len=4096"}, exit: 1, why: "the engine's arguments differ: max_seq_len"},
		{name: "an iteration log", flags: []string{"--iteration_log=x"}, exit: 1, why: "--iteration_log"},
		{name: "a function", env: "FAKE_ARGUMENT=varies", exit: 1, why: "the engine's arguments differ: cuda_graph_config"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEngine(t, c.env)
			e.member("prime", 60)
			if c.env != "FAKE_ARGUMENT=varies" {
				e.member("measure", 60)
			}
			bad := e.member("measure", 60, c.flags...)
			if c.remove != "" {
				os.Remove(filepath.Join(bad, c.remove))
			}
			next := e.member("measure", 60)
			rc := e.run()
			e.want(bad, c.exit, c.why)
			switch v := e.of(next, "member.json"); {
			case c.ends && (v != nil || rc != 1):
				t.Errorf("the engine went on (exit %d): %+v", rc, v)
			case !c.ends && c.env == "" && (v == nil || *v.Exit != 0 || v.Starts != 1):
				t.Errorf("the next member: %+v\n%s", v, e.text(e.dir, "out"))
			}
			if c.ends && !strings.Contains(e.of(e.dir, "engine.json").Ended, "request") {
				t.Errorf("engine.json: %s", e.text(e.dir, "engine.json"))
			}
		})
	}
}

// An engine that cannot be shared says why, by name, before or after it is loaded.
func TestEngineRefuses(t *testing.T) {
	for _, c := range []struct {
		name, env, old, new, why string
		flags                    []string
		loads                    int
	}{
		{name: "the class in both places", env: "FAKE_SHAPE=both", why: "PyTorchLLM must be in one of tensorrt_llm.bench.benchmark.throughput and tensorrt_llm.bench.benchmark, and is in both"},
		{name: "the class in none", env: "FAKE_SHAPE=none", why: "and is in none"},
		{name: "an engine that is not ended", old: "llm.shutdown()", new: "pass", why: "does not end its engine by llm.shutdown()"},
		{name: "no command", old: "@Command", new: "", why: "no click command throughput_command"},
		{name: "an argument that is a function", env: "FAKE_ARGUMENT=function", why: "moe_config.post is a function"},
		{name: "statistics", flags: []string{"--iter_stats=1"}, why: "enable_iter_perf_stats"},
		{name: "block reuse asked for", old: "enable_block_reuse=False", new: "", why: "kv_cache_config.enable_block_reuse must be false"},
		{name: "block reuse switched on by the engine", env: "FAKE_REUSE=1", why: "kv_cache_config.enable_block_reuse must be false", loads: 1},
		{name: "another executor", env: "FAKE_NO_QUEUE=1", why: "the engine's executor (Executor) has no _error_queue", loads: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEngine(t, c.env)
			if c.old != "" {
				path := filepath.Join(e.dir, "site/tensorrt_llm/bench/benchmark/throughput.py")
				text := e.text(path)
				if !strings.Contains(text, c.old) {
					t.Fatalf("%q is not in the fake", c.old)
				}
				e.write(path, strings.ReplaceAll(text, c.old, c.new))
			}
			prime, next := e.member("prime", 60, c.flags...), e.member("measure", 60)
			if rc := e.run(); rc != 1 {
				t.Errorf("exit %d", rc)
			}
			if v := e.want(prime, 1, c.why); v.Refused == "" {
				t.Errorf("not told as a refusal: %+v", v)
			}
			if out := e.text(e.dir, "out"); !strings.Contains(out, "llmbench: the engine cannot be shared: ") || !strings.Contains(out, c.why) {
				t.Errorf("the log does not say it:\n%s", out)
			}
			if e.of(next, "member.json") != nil || strings.Count(e.text(e.dir, "loads"), "load") != c.loads {
				t.Errorf("the next one was run, or loads: %q", e.text(e.dir, "loads"))
			}
		})
	}
}

// A time limit and a signal end the process at once, although the command swallows
// every exception.
func TestEngineEndsAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		limit float64
		exit  int
		why   string
	}{"limit": {1, 124, "the time limit was met"}, "signal": {60, 143, "ended by SIGTERM"}} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, "FAKE_HANG=9")
			e.member("prime", 60)
			good := e.member("measure", 60)
			hangs := e.member("measure", c.limit, "--concurrency=9")
			next := e.member("measure", 60)
			e.start("end")
			for range 300 {
				if strings.Contains(e.text(hangs, "stdout"), "hangs") {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			since := time.Now()
			if c.limit > 10 {
				e.cmd.Process.Signal(syscall.SIGTERM)
			}
			e.cmd.Wait()
			if took := time.Since(since); took > 5*time.Second || e.cmd.ProcessState.ExitCode() != c.exit {
				t.Errorf("exit %d after %v", e.cmd.ProcessState.ExitCode(), took)
			}
			e.want(good, 0, "")
			e.want(hangs, c.exit, c.why)
			if v := e.of(next, "member.json"); v != nil {
				t.Errorf("the next one has a verdict: %+v", v)
			}
			if end := e.of(good, "engine.json"); end == nil || end.Ended != c.why {
				t.Errorf("engine.json: %s", e.text(good, "engine.json"))
			}
		})
	}
}

func TestEngineProbe(t *testing.T) {
	for shape, want := range map[string]string{
		"throughput": "can be shared: tensorrt_llm.bench.benchmark.throughput.PyTorchLLM, Python 3.",
		"benchmark":  "can be shared: tensorrt_llm.bench.benchmark.PyTorchLLM, Python 3.",
		"both":       "and is in both",
	} {
		e := newEngine(t, "FAKE_SHAPE="+shape)
		cmd := exec.CommandContext(t.Context(), "bash", "-c", ProbeEngine())
		cmd.Env = e.env
		out, _ := cmd.CombinedOutput()
		if shared, words := Shareable(strings.TrimSpace(string(out))); shared == (shape == "both") || !strings.Contains(words, want) {
			t.Errorf("%s: %v, %s", shape, shared, words)
		}
	}
}

// doctor asks the Python of the nodes, or of the image, whether runs can share an engine.
func TestNodesAreAskedForEngines(t *testing.T) {
	for shape, want := range map[string]string{
		"throughput": "ok: can be shared: tensorrt_llm.bench.benchmark.throughput.PyTorchLLM, Python 3",
		"none":       "fail: cannot be shared: PyTorchLLM must be in one of",
		"":           "",
	} {
		e := newEngine(t)
		cfg, n := testConfig(), nodeCheck(t.TempDir(), 2)
		n.Shared = shape != ""
		text := lookAt(t, cfg, n, "FAKE_SHAPE="+shape, e.path)
		got := ""
		for _, c := range cfg.judge(n, "abc", parseFacts(text), "") {
			if c.Name == "engine" {
				got = c.Result + ": " + c.Detail
			}
		}
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q\n%s", shape, got, text)
		}
	}
}
