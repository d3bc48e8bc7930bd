package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// `make bench` runs what follows. A benchmark is named for its work, its size, and
// "of" for who does it: `benchstat -col /of` lays llmbench beside the floors and
// rivals, which are measured in the same run. What misses its reach says so.

// A bench runs programs in the place of llmbench's users.
type bench struct {
	*testing.B
	env []string
}

func newBench(b *testing.B) *bench {
	path, err := build()
	if err != nil {
		b.Fatal(err)
	}
	return &bench{b, append(os.Environ(), "SBATCH_ACCOUNT=bench", "PATH="+filepath.Dir(path)+":"+os.Getenv("PATH"), "LLMBENCH="+path)}
}

// sub is the same for part of a benchmark.
func (b *bench) sub(name string, do func(*bench)) {
	b.Run(name, func(t *testing.B) { do(&bench{t, b.env}) })
}

// program is the path of what a name stands for; where it is not installed, the
// benchmark is skipped.
func (b *bench) program(name string) string {
	if name == "llmbench" {
		path, _ := build()
		return path
	}
	path, err := exec.LookPath(name)
	if err != nil {
		b.Skip(err)
	}
	return path
}

// run runs a program to its end; that runs are missing is no failure.
func (b *bench) run(stdout io.Writer, name string, args ...string) *os.ProcessState {
	b.Helper()
	cmd := exec.Command(b.program(name), args...)
	var complaint bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = b.env, stdout, &complaint
	if err := cmd.Run(); err != nil && cmd.ProcessState.ExitCode() != 3 {
		b.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, complaint.String())
	}
	return cmd.ProcessState
}

// most is what a figure should not be above, by its unit.
type most map[string]float64

// within is a reach in seconds and in MiB.
func within(seconds, mebibytes float64) most {
	return most{"ns/op": seconds * 1e9, "peak-bytes": mebibytes * (1 << 20)}
}

// measure runs a program for each iteration, and reports its processor time, its
// peak memory and what it printed.
func (b *bench) measure(reach most, name string, args ...string) {
	b.Helper()
	var cpu, peak float64
	var printed counter
	for b.Loop() {
		printed = 0
		state := b.run(&printed, name, args...)
		cpu += float64(state.UserTime() + state.SystemTime())
		if u, ok := state.SysUsage().(*syscall.Rusage); ok {
			peak = max(peak, float64(u.Maxrss)*1024) // Linux counts KiB
		}
	}
	b.report(reach, map[string]float64{
		"ns/op": float64(b.Elapsed()) / float64(b.N), "cpu-ns/op": cpu / float64(b.N), "peak-bytes": peak, "printed-bytes": float64(printed),
	})
}

// report reports figures by their unit, and says which miss their reach.
func (b *bench) report(reach most, figures map[string]float64) {
	for unit, v := range figures {
		b.ReportMetric(v, unit)
		if at, ok := reach[unit]; ok && v > at {
			b.Logf("MISSED: %.3g %s, where %.3g is the reach", v, unit, at)
		}
	}
}

// counter counts what is written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func (b *bench) write(path, text string) {
	b.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
		b.Fatal(err)
	}
}

// blocks are the model, the hardware and all else that the example sweep declares
// before its benchmark.
func (b *bench) blocks() string {
	example, err := os.ReadFile("../../examples/sweep/main.hcl")
	if err != nil {
		b.Fatal(err)
	}
	blocks, _, _ := strings.Cut(string(example), "\nbenchmark ")
	return blocks
}

// matrix writes definitions of so many runs and returns their folder: two use cases,
// concurrency, streaming and batch size as arguments, and an option on an axis.
func (b *bench) matrix(runs int) string {
	return b.definitions(bothUses, "llm_api_options = { stream_interval = each.interval }", fmt.Sprintf(`
    concurrency    = [8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096]
    streaming      = [true, false]
    max_batch_size = [128, 256, 512, 768, 896]
    axis "interval" {
      values = range(1, %d)
    }`, runs/200+1))
}

const bothUses = `use_case "reasoning" {}
  use_case "chat" {}`

func (b *bench) definitions(uses, argument, axes string) string {
	dir := b.TempDir()
	b.write(filepath.Join(dir, "main.hcl"), b.blocks()+fmt.Sprintf(`
benchmark "load" {
  model          = model.llama4_maverick
  hardware       = hardware.gb200x8
  image          = image.rc4
  time_limit     = "4h"
  tp             = 8
  ep             = 8
  max_num_tokens = 8192
  num_requests   = each.concurrency
  %s

  %s

  matrix {%s
  }
}
`, argument, uses, axes))
	return dir
}

// BenchmarkPlan plans matrices.
func BenchmarkPlan(bb *testing.B) {
	for _, runs := range []int{1000, 10_000} {
		newBench(bb).sub(fmt.Sprint("runs=", runs), func(b *bench) {
			dir := b.matrix(runs)
			saved := filepath.Join(b.TempDir(), "saved.plan")
			reach := within(float64(runs)/10_000, 200)
			b.sub("of=llmbench", func(b *bench) { b.measure(reach, "llmbench", "plan", dir) })
			b.sub("of=hcl-alone", func(b *bench) { evaluate(b, runs) })
			b.sub("of=python", func(b *bench) { b.measure(nil, "python3", "-c", expansion, fmt.Sprint(runs)) })
			b.sub("of=validate", func(b *bench) { b.measure(reach, "llmbench", "validate", dir) })
			b.sub("of=explain", func(b *bench) {
				b.measure(reach, "llmbench", "plan", "-explain=load/use_case=chat/concurrency=8/streaming=true/max_batch_size=128/interval=1", dir)
			})
			b.sub("of=json", func(b *bench) { b.measure(nil, "llmbench", "plan", "-json", dir) })
			b.sub("of=markdown", func(b *bench) {
				b.measure(most{"printed-bytes": 60_000}, "llmbench", "plan", "-format=markdown", dir)
			})
			b.sub("of=out", func(b *bench) {
				b.measure(nil, "llmbench", "plan", "-out="+saved, dir)
				if info, err := os.Stat(saved); err == nil {
					b.report(most{"bytes/run": 3000}, map[string]float64{"bytes/run": float64(info.Size()) / float64(runs)})
				}
			})
			b.sub("of=show", func(b *bench) { b.measure(within(1, 100), "llmbench", "show", saved) })
			b.sub("of=show_json", func(b *bench) { b.measure(nil, "llmbench", "show", "-json", saved) })
			b.sub("of=apply_saved", func(b *bench) { // up to the question that a plan of others asks
				rehearsal := filepath.Join(b.TempDir(), "rehearsal.plan")
				b.run(io.Discard, "llmbench", "plan", "-executor=simulate", "-out="+rehearsal, dir)
				if err := os.Chmod(rehearsal, 0o666); err != nil {
					b.Fatal(err)
				}
				b.measure(most{"peak-bytes": 100 << 20}, "sh", "-c", `"$LLMBENCH" apply "$0" </dev/null; test $? = 1`, rehearsal)
			})
		})
	}
}

// evaluate is the floor of a plan: hcl and cty evaluate the arguments of each run.
func evaluate(b *bench, runs int) {
	expr, diags := hclsyntax.ParseExpression([]byte(
		`{ num_requests = each.concurrency > 1000 ? 4 * each.concurrency : 4000, concurrency = each.concurrency, streaming = each.streaming, tp = 8, ep = 8, max_num_tokens = 8192, llm_api_options = { stream_interval = each.concurrency } }`,
	), "bench.hcl", hcl.InitialPos)
	for b.Loop() {
		for i := range runs {
			_, more := expr.Value(&hcl.EvalContext{Variables: map[string]cty.Value{"each": cty.ObjectVal(map[string]cty.Value{
				"concurrency": cty.NumberIntVal(int64(i)), "streaming": cty.BoolVal(i%2 == 0),
			})}})
			if diags = append(diags, more...); diags.HasErrors() {
				b.Fatal(diags)
			}
		}
	}
}

// expansion lists the command lines of a matrix as a script for one benchmark does.
const expansion = `
import itertools, sys
axes = {
    "use_case": ["1000/1000", "128/128"], "concurrency": [8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096],
    "streaming": [True, False], "max_batch_size": [128, 256, 512, 768, 896], "interval": range(int(sys.argv[1]) // 200),
}
for values in itertools.product(*axes.values()):
    args = dict(zip(axes, values), tp=8, ep=8, max_num_tokens=8192)
    print("trtllm-bench throughput " + " ".join(f"--{k} {v}" for k, v in args.items()))
`

// BenchmarkSweep plans loads of which each is simulated.
func BenchmarkSweep(bb *testing.B) {
	newBench(bb).sub("runs=1000", func(b *bench) {
		dir := b.definitions(bothUses, "warmup = 10", `
    concurrency    = [for i in range(1, 251) : 8 * i]
    max_batch_size = [512, 896]`)
		b.sub("of=llmbench", func(b *bench) { b.measure(within(1, 64), "llmbench", "plan", dir) })
	})
}

// BenchmarkStore reads a store that holds a simulated result of each run.
func BenchmarkStore(bb *testing.B) {
	for _, runs := range []int{1000, 10_000} {
		newBench(bb).sub(fmt.Sprint("results=", runs), func(b *bench) {
			dir, store := b.matrix(runs), filepath.Join(b.TempDir(), "store")
			line := func(words string) []string {
				return append(strings.Fields(words), "-executor=simulate", "-store="+store, dir)
			}
			b.run(io.Discard, "llmbench", line("apply -auto-approve")...)
			time.Sleep(3 * time.Second) // what is too new enters no cache
			b.run(io.Discard, "llmbench", line("plan")...)
			reach := within(1, 512)
			for _, command := range []string{
				"plan", "status", "results", "results -format=json", "plan -target=interval=1", "results -target=interval=1",
			} {
				b.sub("of="+strings.ReplaceAll(command, " ", "_"), func(b *bench) { b.measure(reach, "llmbench", line(command)...) })
			}
			b.sub("of=results_-format=markdown", func(b *bench) {
				b.measure(most{"printed-bytes": 60_000}, "llmbench", line("results -format=markdown")...)
			})
			b.sub("of=report", func(b *bench) {
				page := filepath.Join(b.TempDir(), "page.html")
				b.measure(reach, "llmbench", line("report -out="+page)...)
				if info, err := os.Stat(page); err == nil {
					b.report(most{"page-bytes": 2e6 * float64(runs) / 1000}, map[string]float64{"page-bytes": float64(info.Size())})
				}
			})
			b.sub("of=import", func(b *bench) { b.imports(store, dir) })
			b.sub("of=plan_first", func(b *bench) {
				if err := os.RemoveAll(filepath.Join(store, "simulated", "cache")); err != nil {
					b.Fatal(err)
				}
				b.measure(within(10, 512), "llmbench", line("plan")...)
			})
			const figure = `"system_output_throughput_tok_s": [0-9.]+`
			b.sub("of=grep", func(b *bench) { b.measure(nil, "grep", "-rhoE", "--include=report.json", figure, store) })
			b.sub("of=rg", func(b *bench) { b.measure(nil, "rg", "-uuINo", "-g", "report.json", figure, store) })
			for command, asked := range map[string]int{"plan": runs, "status": runs, "results": runs, "results -target=interval=1": 200} {
				name := strings.ReplaceAll(command, " ", "_")
				b.sub("of=calls_"+name, func(b *bench) { b.calls(most{"calls/run": 5}, float64(asked), "/runs/", line(command)...) })
				b.sub("of=slow_"+name, func(b *bench) { b.slow(within(3, 1024), line(command)...) })
			}
		})
	}
}

// imports imports the logs of a store into another, each with a line that makes it one of
// its own.
func (b *bench) imports(store, dir string) {
	logs, err := filepath.Glob(filepath.Join(store, "simulated", "runs", "*", "*", "*", "*", "stdout"))
	if err != nil || len(logs) == 0 {
		b.Fatal(len(logs), err)
	}
	folder := b.TempDir()
	for i, log := range logs {
		text, err := os.ReadFile(log)
		if err != nil {
			b.Fatal(err)
		}
		b.write(filepath.Join(folder, fmt.Sprint(i)+".log"), fmt.Sprintf("%s%d\n", text, i))
	}
	b.measure(most{"cpu-ns/op": 3e6 * float64(len(logs)), "peak-bytes": 128 << 20}, "llmbench", "import", "-store="+filepath.Join(b.TempDir(), "store"), dir, folder)
}

// calls counts the calls of llmbench to the kernel about files whose paths hold a
// string, with strace.
func (b *bench) calls(reach most, per float64, in string, args ...string) {
	log := filepath.Join(b.TempDir(), "calls")
	var calls, syncs int
	for b.Loop() {
		b.run(io.Discard, "strace", append([]string{"-f", "-qq", "-y", "-e", "trace=%file,fstat,getdents64,fsync,fdatasync", "-o", log, b.program("llmbench")}, args...)...)
		calls, syncs = b.count(log, in)
	}
	b.report(reach, map[string]float64{"calls/run": float64(calls) / per, "syncs/run": float64(syncs) / per})
}

// atCWD is the working directory beside a path, as strace -y writes it.
var atCWD = regexp.MustCompile(`AT_FDCWD<[^>]*>`)

// slow runs an llmbench to which each look at a stored file takes a millisecond longer, as
// on a busy file server. The rows of=calls_… tell that there are no other calls a run.
func (b *bench) slow(reach most, args ...string) {
	path, err := buildSlow()
	if err != nil {
		b.Fatal(err)
	}
	b.measure(reach, path, args...)
}

var buildSlow = sync.OnceValues(func() (string, error) {
	path, err := build()
	if err != nil {
		return "", err
	}
	file, err := filepath.Abs("../../executors/store/stamp_linux.go")
	source, failed := os.ReadFile(file)
	const look, slow = "var statx = unix.Statx\n", `var statx = func(dir int, path string, flags, mask int, into *unix.Statx_t) error {
	_ = unix.Nanosleep(&unix.Timespec{Nsec: 1e6}, nil)
	return unix.Statx(dir, path, flags, mask, into)
}
`
	if err := errors.Join(err, failed); err != nil || !bytes.Contains(source, []byte(look)) {
		return "", fmt.Errorf("%s has no line %q: %w", file, look, err)
	}
	path += ".slow"
	replace, _ := json.Marshal(map[string]any{"Replace": map[string]string{file: path + ".go"}})
	out, err := []byte(nil), errors.Join(os.WriteFile(path+".go", bytes.Replace(source, []byte(look), []byte(slow), 1), 0o666), os.WriteFile(path+".json", replace, 0o666))
	if err == nil {
		out, err = exec.Command("go", "build", "-overlay", path+".json", "-o", path, ".").CombinedOutput()
	}
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return path, err
})

// count counts the lines of what strace wrote that hold a string.
func (b *bench) count(log, in string) (calls, syncs int) {
	f, err := os.Open(log)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		switch line := atCWD.ReplaceAllString(lines.Text(), ""); {
		case !strings.Contains(line, in):
		case strings.Contains(line, "sync("):
			syncs++
		default:
			calls++
		}
	}
	return calls, syncs
}

// BenchmarkOwnDataset plans over a data set of the user, whose rows are counted.
func BenchmarkOwnDataset(bb *testing.B) {
	newBench(bb).sub("MB=200", func(b *bench) {
		path := filepath.Join(b.TempDir(), "own.jsonl")
		const rows = 25_000
		row := `{"task_id": 0, "input_ids": [` + strings.Repeat("123456, ", 1000) + `1], "output_tokens": 512}` + "\n"
		f, err := os.Create(path)
		for range rows { // little memory: that of this process counts as its children's
			_, more := f.WriteString(row)
			err = errors.Join(err, more)
		}
		if err := errors.Join(err, f.Close()); err != nil {
			b.Fatal(err)
		}
		dir := b.definitions(`use_case "own" {}`, "max_batch_size = 128", fmt.Sprintf("\n    concurrency = [%d]", rows))
		b.write(filepath.Join(dir, "own.hcl"), fmt.Sprintf("use_case \"own\" {\n  dataset = %q\n}\n", path))
		root := filepath.Join(b.TempDir(), "store")
		if err := store.Open(root).Create(); err != nil {
			b.Fatal(err)
		}
		time.Sleep(61 * time.Second) // what is too new is not kept
		b.run(io.Discard, "llmbench", "plan", "-store="+root, dir)
		for _, name := range []string{"plan", "status"} {
			b.sub("of="+name, func(b *bench) { b.measure(within(0.1, 64), "llmbench", name, "-store="+root, dir) })
		}
		b.sub("of=sha256sum", func(b *bench) { b.measure(nil, "sha256sum", path) })
	})
}

// BenchmarkDataset generates a data set into a store: hashed, written, synced.
func BenchmarkDataset(bb *testing.B) {
	const rows, isl = 4000, 8000
	newBench(bb).sub("rows=4000", func(b *bench) {
		shape := trtllm.Shape{ISL: isl, OSL: 512, Seed: 420, Lines: rows, Vocab: 202048, EOS: 200001}
		size := 0
		b.sub("of=llmbench", func(b *bench) {
			for b.Loop() {
				dir := b.TempDir()
				st := store.Open(dir)
				if _, _, err := st.EnsureDataset(context.Background(), shape, nil); err != nil {
					b.Fatal(err)
				}
				made, err := filepath.Glob(filepath.Join(dir, "datasets", "*.jsonl"))
				if err != nil || len(made) != 1 {
					b.Fatal(made, err)
				}
				info, _ := os.Stat(made[0])
				size = int(info.Size())
				os.Remove(made[0])
			}
			b.SetBytes(int64(size))
		})
		b.sub("of=write-and-sync", func(b *bench) {
			text := bytes.Repeat([]byte("0123456789"), 100_000)
			for b.Loop() {
				f, err := os.Create(filepath.Join(b.TempDir(), "bytes"))
				for range size / len(text) {
					_, more := f.Write(text)
					err = errors.Join(err, more)
				}
				if err := errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name())); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(size))
		})
		b.sub("of=python", func(b *bench) {
			b.measure(nil, "python3", "-c", generator, filepath.Join(b.TempDir(), "rows"), fmt.Sprint(rows), fmt.Sprint(isl))
		})
	})
}

// generator draws ids without repetition, drops the end of text and writes JSON, which
// is what trtllm-bench's prepare_dataset.py does after it has loaded a tokenizer.
const generator = `
import json, random, sys
random.seed(420)
with open(sys.argv[1], "w") as out:
    for i in range(int(sys.argv[2])):
        ids = [0 if t == 200001 else t for t in random.sample(range(202048), int(sys.argv[3]))]
        out.write(json.dumps({"task_id": i, "input_ids": ids, "output_tokens": 512}, separators=(",", ":")) + "\n")
`

// BenchmarkStart runs the commands that everyone waits for.
func BenchmarkStart(bb *testing.B) {
	b := newBench(bb)
	b.sub("of=version", func(b *bench) { b.measure(within(0.03, 64), "llmbench", "version") })
	b.sub("of=validate", func(b *bench) {
		b.measure(within(0.06, 64), "llmbench", "validate", "../../examples/llama4-maverick")
	})
	b.sub("of=true", func(b *bench) { b.measure(nil, "true") })
}
