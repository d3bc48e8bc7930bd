package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"golang.org/x/sys/unix"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/slurm/slurmtest"
)

// BenchmarkOnSlurm measures apply on a throwaway Slurm, each piece of work beside the
// same done with Slurm's commands alone.
func BenchmarkOnSlurm(bb *testing.B) {
	b := &onSlurm{bench: newBench(bb), first: map[string]float64{}}
	b.env = append(b.env, slurmtest.ForTest(b, slurmtest.Options{}).Env()...)
	b.note = filepath.Join(b.TempDir(), "calls")
	b.countCalls()
	b.run(io.Discard, "scontrol", "create", "partitionname=down", "nodes=ALL", "state=down")
	for _, runs := range []int{fewest, 1000} {
		b.part(fmt.Sprintf("submit/runs=%d/of=llmbench", runs), func(b *onSlurm) { b.submit(runs) })
		b.part(fmt.Sprintf("submit/runs=%d/of=sbatch-loop", runs), func(b *onSlurm) { b.sbatchLoop(runs) })
	}
	b.part(fmt.Sprintf("submit/runs=%d/of=calls", fewest), func(b *onSlurm) {
		b.calls(most{"calls/run": 60}, fewest, "/runs/", b.detached(b.matrix("down", fewest))...)
		b.emptyQueue()
	})
	b.part("follow/runs=16/of=llmbench", (*onSlurm).follow)
	b.part("end/of=llmbench", (*onSlurm).endSeen)
	b.part("end/of=sbatch-wait", (*onSlurm).waitSeen)
	b.part("gap/of=llmbench", (*onSlurm).gap)
	b.part("gap/of=srun-loop", (*onSlurm).stepGap)
	var setUp float64
	b.part("engine-gap/of=bare", func(b *onSlurm) { setUp = b.bareSetUp() })
	b.part("engine-gap/of=llmbench", func(b *onSlurm) { b.engineGap(setUp) })
}

type onSlurm struct {
	*bench
	note string // a line for each call to Slurm from outside jobs
	// first is the seconds that the fewest submissions took, by who made them.
	first map[string]float64
}

func (b *onSlurm) part(name string, do func(*onSlurm)) {
	b.sub(name, func(sub *bench) { do(&onSlurm{sub, b.note, b.first}) })
}

// countCalls puts programs before Slurm's commands that note each call from outside
// jobs.
func (b *onSlurm) countCalls() {
	bin := b.TempDir()
	for _, name := range []string{"sbatch", "squeue", "scontrol", "sacct", "scancel", "sinfo", "srun", "sacctmgr"} {
		path := filepath.Join(bin, name)
		b.write(path, fmt.Sprintf("#!/bin/sh\n[ -n \"$SLURM_JOB_ID\" ] || echo %s >>%s\nexec /usr/bin/%[1]s \"$@\"\n", name, b.note))
		if err := os.Chmod(path, 0o777); err != nil {
			b.Fatal(err)
		}
	}
	llmbench, _ := build()
	if err := os.Symlink(llmbench, filepath.Join(bin, "llmbench")); err != nil {
		b.Fatal(err)
	}
	b.env = append(b.env, "PATH="+bin+":"+os.Getenv("PATH"))
}

// noted counts the calls that were noted since the last time, all and those of squeue.
func (b *onSlurm) noted() (all, squeue float64) {
	text, _ := os.ReadFile(b.note)
	os.Remove(b.note)
	return float64(bytes.Count(text, []byte("\n"))), float64(bytes.Count(text, []byte("squeue\n")))
}

// matrix declares runs of the stand-in on a partition, one data set for all.
func (b *onSlurm) matrix(partition string, runs int) string {
	dir := b.TempDir()
	_, rest, _ := strings.Cut(b.blocks(), "\nmodel ")
	b.write(filepath.Join(dir, "main.hcl"), fmt.Sprintf(`
executor "slurm" "throwaway" {
  partition     = %q
  poll_interval = "1s"
  max_in_queue  = 1000
  canary        = false
  exclusive     = false
  launcher      = ["llmbench", "trtllm-bench"]

  # Nothing is held back: submission itself is measured.
  commands_per_minute = 60000
}

variable "install_dir" {
  default = %q
}

model %s

benchmark "load" {
  model           = model.llama4_maverick
  hardware        = hardware.gb200x8
  image           = image.rc4
  time_limit      = "5m"
  tp              = 8
  ep              = 8
  max_batch_size  = 896
  max_num_tokens  = 8192
  num_requests    = 64
  concurrency     = 64
  llm_api_options = { stream_interval = each.interval }
  use_case "chat" {}
  matrix {
    axis "interval" {
      values = range(1, %d)
    }
  }
}
`, partition, dir, rest, runs+1))
	return dir
}

func (b *onSlurm) detached(dir string) []string {
	return []string{"apply", "-auto-approve", "-detach", "-skip-checks", "-store=" + filepath.Join(b.TempDir(), "store"), dir}
}

// submit submits to a partition that starts nothing, and leaves.
func (b *onSlurm) submit(runs int) {
	dir := b.matrix("down", runs)
	b.noted()
	var calls, cpu, own float64
	for b.Loop() {
		cmd := exec.Command(b.program("llmbench"), b.detached(dir)...)
		cmd.Env = b.env
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		own += b.ownCPU(cmd.Process.Pid)
		if err := cmd.Wait(); err != nil {
			b.Fatal(err)
		}
		cpu += float64(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime())
		all, _ := b.noted()
		calls += all
		b.StopTimer()
		b.emptyQueue()
		b.StartTimer()
	}
	n := float64(b.N * runs)
	b.report(most{"slurm-calls/run": 2, "own-cpu-ns/run": 2e6}, map[string]float64{"slurm-calls/run": calls / n, "cpu-ns/op": cpu / float64(b.N), "own-cpu-ns/run": own / n})
	b.exponent(most{"exponent": 1.05}, runs)
}

// fewest is the number of submissions that larger ones are held against.
const fewest = 125

// exponent reports the power of the number of runs with which the time of the same work
// has grown since the fewest.
func (b *onSlurm) exponent(reach most, runs int) {
	took, of := b.Elapsed().Seconds()/float64(b.N), path.Base(b.Name())
	if runs == fewest {
		b.first[of] = took
	} else if first := b.first[of]; first > 0 {
		b.report(reach, map[string]float64{"exponent": math.Log(took/first) / math.Log(float64(runs)/fewest)})
	}
}

// ownCPU waits for the end of a process, and is the nanoseconds of processor time that it
// took without the programs it started: fields 14 and 15 of /proc/PID/stat, see proc(5).
func (b *onSlurm) ownCPU(pid int) float64 {
	if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		b.Fatal(err)
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	const tick = 10_000_000 // USER_HZ is 100 wherever Go runs
	return (user + system) * tick
}

// sbatchLoop submits a script of such a run as often.
func (b *onSlurm) sbatchLoop(runs int) {
	store := filepath.Join(b.TempDir(), "store")
	b.run(io.Discard, "llmbench", "apply", "-auto-approve", "-detach", "-skip-checks", "-store="+store, b.matrix("down", 1))
	found, _ := filepath.Glob(filepath.Join(store, "simulated", "runs", "*", "*", "sample-1", "attempt-1"))
	if len(found) != 1 {
		b.Fatal("no attempt was prepared: ", found)
	}
	loop := fmt.Sprintf(`cd %s && for i in $(seq %d); do sbatch --parsable --no-requeue --job-name=floor-$i --nodes=2 --ntasks=8 --ntasks-per-node=4 --gpus-per-node=4 --time=30 --partition=down --output=job.out --error=job.out script.sh >/dev/null || exit 1; done`, found[0], runs)
	var cpu float64
	for b.Loop() {
		state := b.run(io.Discard, "bash", "-c", loop)
		cpu += float64(state.UserTime() + state.SystemTime())
		b.StopTimer()
		b.emptyQueue()
		b.StartTimer()
	}
	b.report(nil, map[string]float64{"cpu-ns/op": cpu / float64(b.N)})
	b.exponent(nil, runs)
}

// emptyQueue cancels all jobs that do not start and waits until they are gone.
func (b *onSlurm) emptyQueue() {
	for left := counter(1); left > 0; time.Sleep(100 * time.Millisecond) {
		left = 0
		b.run(io.Discard, "scancel", "--partition=down")
		b.run(&left, "squeue", "--noheader")
	}
	b.noted()
}

// follow applies runs of the stand-in to their ends.
func (b *onSlurm) follow() {
	const runs = 16
	dir := b.matrix("batch", runs)
	b.noted()
	var calls, squeues float64
	for b.Loop() {
		b.run(io.Discard, "llmbench", "apply", "-auto-approve", "-skip-checks", "-store="+filepath.Join(b.TempDir(), "store"), dir)
		all, squeue := b.noted()
		calls, squeues = calls+all, squeues+squeue
	}
	// There is a tick a second, as poll_interval says.
	b.report(most{"slurm-calls/run": 2, "squeues/tick": 1}, map[string]float64{"slurm-calls/run": calls / float64(b.N*runs), "squeues/tick": squeues / b.Elapsed().Seconds()})
}

// endSeen measures from the end of a run to the event that says so, while the cluster
// is polled once a minute.
func (b *onSlurm) endSeen() {
	b.times(func() []int64 {
		dir := b.notingRuns(1, "60s")
		var out bytes.Buffer
		b.run(&out, "llmbench", "apply", "-auto-approve", "-skip-checks", "-json", dir)
		for line := range bytes.Lines(out.Bytes()) {
			var event struct {
				Type string    `json:"type"`
				Time time.Time `json:"@timestamp"`
			}
			if json.Unmarshal(line, &event) == nil && (event.Type == "run_complete" || event.Type == "run_errored") {
				return []int64{event.Time.UnixNano() - b.notes(attempts(dir), "over")[0]}
			}
		}
		b.Fatalf("apply told of no end:\n%s", out.String())
		return nil
	})
}

// waitSeen is the same for sbatch --wait.
func (b *onSlurm) waitSeen() {
	b.times(func() []int64 {
		dir := b.steps(fmt.Sprintf(bareStep, "step.sh"))
		return []int64{time.Now().UnixNano() - b.notes(dir, "over")[0]}
	})
}

// packedRuns is how many runs a pack has: a gap fewer.
const packedRuns = 8

// gap measures how long the GPUs of an allocation wait between two runs.
func (b *onSlurm) gap() {
	b.times(func() []int64 { return b.packGaps(b.notingRuns(packedRuns, "1s")) })
}

// packGaps measures the runs of a folder in one job.
func (b *onSlurm) packGaps(dir string) []int64 {
	b.run(io.Discard, "llmbench", "apply", "-auto-approve", "-skip-checks", "-detach", dir)
	for ended := []string(nil); len(ended) == 0; time.Sleep(100 * time.Millisecond) {
		ended, _ = filepath.Glob(filepath.Join(dir, ".llmbench", "packs", "*", "*", jobdir.ExitFile))
	}
	return b.gaps(attempts(dir))
}

// engineGap is the gap between runs that share an engine of the fake TensorRT-LLM. It
// should be no more than a second above setUp, in nanoseconds, 0 if not known.
func (b *onSlurm) engineGap(setUp float64) {
	gap := b.times(func() []int64 {
		site := b.fakeTensorRT()
		dir := b.matrix("batch", packedRuns)
		file := filepath.Join(dir, "main.hcl")
		text, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		list := make([]string, packedRuns)
		for i := range list {
			list[i] = fmt.Sprint(8 * (i + 1))
		}
		head, _, _ := strings.Cut(string(text), "  concurrency     = 64\n")
		b.write(file, strings.NewReplacer(
			`["llmbench", "trtllm-bench"]`, fmt.Sprintf("[\"trtllm-bench\"]\n  telemetry = false\n  pack {\n    max_runs = %d\n    max_time = \"4h\"\n  }", packedRuns),
			`exclusive     = false`, "",
		).Replace(head)+fmt.Sprintf("  engine = \"shared\"\n  max_seq_len = 2048\n  env = { PYTHONPATH = %q, FAKE_BENCH = %q }\n  use_case \"chat\" {}\n  matrix {\n    concurrency = [%s]\n  }\n}\n",
			site, "bash "+filepath.Join(site, "step.sh"), strings.Join(list, ", ")))
		return b.packGaps(dir)
	})
	if setUp > 0 {
		b.report(most{"ns/op": setUp + 1e9}, map[string]float64{"ns/op": gap})
	}
}

// bareSetUp is how long a run of the fake trtllm-bench takes whose engine and measurement
// take no time.
func (b *onSlurm) bareSetUp() float64 {
	return b.times(func() []int64 {
		site, dir := b.fakeTensorRT(), b.TempDir()
		b.write(filepath.Join(dir, "data.jsonl"), "{}\n")
		began := time.Now()
		b.run(io.Discard, "env", "PYTHONPATH="+site, "python3", "-c", "import sys; from tensorrt_llm.commands.bench import main; main(sys.argv[1:], 'trtllm-bench', False)",
			"--model", "m", "throughput", "--dataset", filepath.Join(dir, "data.jsonl"), "--num_requests", "1", "--report_json", filepath.Join(dir, "report.json"))
		return []int64{time.Since(began).Nanoseconds()}
	})
}

// fakeTensorRT is a folder with the fake package, and with a script that measures with
// the stand-in and notes beside the report when that begins and ends.
func (b *onSlurm) fakeTensorRT() (site string) {
	b.program("python3")
	site = b.TempDir()
	archive, err := txtar.ParseFile(filepath.Join("..", "..", "testdata", "engine", "fake.txtar"))
	if err != nil {
		b.Fatal(err)
	}
	if err := txtar.Write(archive, site); err != nil {
		b.Fatal(err)
	}
	b.write(filepath.Join(site, "step.sh"), fmt.Sprintf(`for word; do [ "$last" != --report_json ] || dir=${word%%/*}; last=$word; done
date +%%s%%N >"$dir/began"
%s trtllm-bench "$@"; rc=$?
date +%%s%%N >"$dir/over"
exit $rc
`, b.program("llmbench")))
	return site
}

// stepGap is the same for steps of one job that nothing drives but a loop.
func (b *onSlurm) stepGap() {
	b.times(func() []int64 {
		return b.gaps(filepath.Join(b.steps(fmt.Sprintf("for i in $(seq %d); do mkdir $i && cd $i || exit; %s; cd ..; done", packedRuns, fmt.Sprintf(bareStep, "../step.sh"))), "*"))
	})
}

// times reports and returns the median of what was measured in each iteration, in
// nanoseconds.
func (b *onSlurm) times(do func() []int64) float64 {
	var all []int64
	for b.Loop() {
		all = append(all, do()...)
	}
	slices.Sort(all)
	median := float64(all[len(all)/2])
	b.ReportMetric(median, "ns/op")
	return median
}

// noting is what a run does: rank 0 notes when it begins and ends.
const noting = `case $SLURM_PROCID in 0) date +%s%N >began; sleep 0.3; date +%s%N >over ;; *) sleep 0.3 ;; esac
`

// notingRuns declares runs in one pack that note when they begin and end.
func (b *onSlurm) notingRuns(runs int, poll string) (dir string) {
	dir = b.matrix("batch", runs)
	step, file := filepath.Join(dir, "step.sh"), filepath.Join(dir, "main.hcl")
	b.write(step, noting)
	text, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	b.write(file, strings.NewReplacer(
		`poll_interval = "1s"`, fmt.Sprintf("poll_interval = %q\n  pack {\n    max_runs = %d\n  }", poll, runs),
		`exclusive     = false`, "", `["llmbench", "trtllm-bench"]`, fmt.Sprintf(`["bash", %q]`, step),
	).Replace(string(text)))
	return dir
}

func attempts(dir string) string {
	return filepath.Join(dir, ".llmbench", "runs", "*", "*", "sample-1", "attempt-1")
}

// bareStep starts the noting script at a path as a run's step is started.
const bareStep = "srun --nodes=2 --ntasks=8 --ntasks-per-node=4 --gpus-per-node=4 --mem=0 --mpi=pmix --output=stdout --error=stderr bash %s"

// steps runs lines of shell as a job, with the noting script beside them, to its end.
func (b *onSlurm) steps(lines string) (dir string) {
	dir = b.TempDir()
	b.write(filepath.Join(dir, "step.sh"), noting)
	b.write(filepath.Join(dir, "job.sh"), "#!/bin/bash\n"+lines+"\n")
	b.run(io.Discard, "sbatch", "--wait", "--chdir="+dir, "--output=/dev/null", "--nodes=2", "--ntasks=8", "--ntasks-per-node=4",
		"--gpus-per-node=4", "--exclusive", filepath.Join(dir, "job.sh"))
	return dir
}

// gaps are the times between the end of one run and the beginning of the next.
func (b *onSlurm) gaps(folders string) []int64 {
	began, over := b.notes(folders, "began"), b.notes(folders, "over")
	if len(began) != packedRuns || len(over) != packedRuns {
		b.Fatal("a run noted nothing")
	}
	var out []int64
	for i := range packedRuns - 1 {
		out = append(out, began[i+1]-over[i])
	}
	return out
}

// notes reads what runs noted in files of a name, ascending.
func (b *onSlurm) notes(folders, name string) (out []int64) {
	found, err := filepath.Glob(filepath.Join(folders, name))
	if err != nil || len(found) == 0 {
		b.Fatal("a run noted nothing: ", err)
	}
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		ns, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		out = append(out, ns)
	}
	slices.Sort(out)
	return out
}
