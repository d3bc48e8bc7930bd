package slurm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
)

// A faultyJob lives as a job script does: it claims its attempt, measures and
// leaves its word, unless its schedule has something else in store for it.
type faultyJob struct {
	slurm     *faultySlurm
	id        int
	name, dir string
	submitted time.Time
	visible   time.Time // from when squeue tells of it
	// Drawn from the schedule.
	fate    string
	waits   time.Duration
	runs    time.Duration
	twice   bool // Slurm starts it a second time
	lateLog time.Duration

	mu            sync.Mutex
	state, reason string
	started       time.Time
	ended         time.Time
	cancelled     bool
	cancel        chan struct{}
	members       []*faultyJob // what a pack runs now
	inPack        bool
	lost          string        // the state of the job that a run takes down with it
	dead          chan struct{} // closed when the job is gone without a word
	measured      int           // how often it did the work
	whole         bool
	tps           float64
}

// draw decides what becomes of the job.
func (j *faultyJob) draw(rng *rand.Rand, calm bool, faults float64) {
	j.waits = time.Duration(rng.Int63n(int64(40 * time.Second)))
	j.runs = 5*time.Second + time.Duration(rng.Int63n(int64(60*time.Second)))
	j.tps = 500 + float64(rng.Intn(100000))/100
	if calm || rng.Float64() >= faults {
		return
	}
	fates := []string{"fails", "node fails", "vanishes", "killed", "preempted", "time limit", "torn exit", "late exit", "held", "never", "requeued", "nothing", "late report", "suspended", "hangs"}
	j.fate = fates[rng.Intn(len(fates))]
	j.twice = rng.Intn(4) == 0
	j.lateLog = time.Duration(rng.Int63n(int64(20 * time.Second)))
}

// now is the job's state and reason by the controller's word.
func (j *faultyJob) now() (state, reason string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.state, j.reason
}

func (j *faultyJob) enter(state, reason string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.state, j.reason = state, reason
}

func (j *faultyJob) begin() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.started = time.Now()
}

func (j *faultyJob) end(state string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ended.IsZero() {
		j.state, j.reason, j.ended = state, "None", time.Now()
	}
}

func (j *faultyJob) stop() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.cancelled && j.ended.IsZero() {
		j.cancelled = true
		close(j.cancel)
	}
}

// sleep reports whether the job was left alone for d.
func (j *faultyJob) sleep(d time.Duration) bool {
	select {
	case <-j.cancel:
		return false
	case <-j.dead:
		return false
	case <-time.After(d):
		return true
	}
}

// gone reports whether the job is gone and says nothing more.
func (j *faultyJob) gone() bool {
	select {
	case <-j.dead:
		return true
	default:
		return false
	}
}

// live is the course of the job.
func (j *faultyJob) live() {
	switch {
	case j.fate == "held", j.fate == "never":
		j.sleep(48 * time.Hour)
		j.end("CANCELLED")
		return
	case !j.sleep(j.waits):
		j.end("CANCELLED")
		return
	}
	j.enter("RUNNING", "None")
	j.begin()
	if j.fate == "vanishes" { // the node dies before the script's first line
		j.sleep(j.runs)
		j.end("NODE_FAIL")
		return
	}
	script := j.script
	if members(j.dir) != nil {
		script = j.pack
	}
	script(0)
	if j.fate == "requeued" || j.twice {
		script(1)
	}
	j.end("COMPLETED")
}

// claims reports whether a script may go on that is started for the restarts-th
// time.
func (j *faultyJob) claims(restarts int) bool {
	if _, err := os.Stat(j.path("attempt")); err != nil {
		return false
	}
	if restarts > 0 || j.has("cancelled") {
		j.refuses("again")
		return false
	}
	if !j.takes(jobdir.Claim{JobID: j.number(), Host: "gb01", Time: stamp(), Nonce: "n"}) {
		j.refuses("claimed")
		return false
	}
	return true
}

// takes makes a claim as job scripts do: it stays beside the claim that is won.
func (j *faultyJob) takes(c jobdir.Claim) bool {
	own := jobdir.ClaimPrefix + c.JobID
	j.record(own, c)
	return os.Link(j.path(own), j.path(jobdir.ClaimFile)) == nil
}

func (j *faultyJob) refuses(why string) {
	j.record(jobdir.RefusedPrefix+j.number(), jobdir.Refusal{JobID: j.number(), Reason: why, Time: stamp()})
}

func (j *faultyJob) number() string { return strconv.Itoa(j.id) }

func (j *faultyJob) record(name string, r any) { j.put(name, string(jobdir.Encode(r))) }

// starts says that the benchmark's step was started, and returns when.
func (j *faultyJob) starts() time.Time {
	now := stamp()
	j.record(jobdir.StartFile, jobdir.Start{JobID: j.number(), Host: "gb01", Nodes: []string{"gb01", "gb02"}, Time: now})
	return now
}

// script is what the job script does, started for the restarts-th time.
func (j *faultyJob) script(restarts int) {
	if !j.claims(restarts) {
		return
	}
	began := j.starts()
	j.mu.Lock()
	j.measured++
	j.mu.Unlock()
	if j.fate == "hangs" { // ranks died, and the launcher waits for them
		j.put("stderr", "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB.\n")
		j.runs = 48 * time.Hour
	}
	left := j.sleep(min(j.runs, j.limit()))
	switch {
	case j.gone():
	case left && j.runs > j.limit():
		j.exit(began, 143, "TERM", "time_limit", "")
	case !left:
		j.exit(began, 143, "TERM", "cancelled", "")
		j.end("CANCELLED")
	case j.fate == "fails":
		j.put("stderr", "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB.")
		j.exit(began, 1, "", "", "")
		j.end("FAILED")
	case j.fate == "no start":
		j.put("stderr", "Error: No such option: --x\n")
		j.exit(began, 2, "", "", "")
		j.end("FAILED")
	case j.fate == "node fails":
		j.end("NODE_FAIL")
	case j.fate == "killed":
		j.end("FAILED")
	case j.fate == "preempted":
		j.end("PREEMPTED")
	case j.fate == "time limit":
		j.end("TIMEOUT")
	case j.fate == "nothing":
		j.exit(began, 0, "", "", "")
	case j.fate == "torn exit":
		os.WriteFile(j.path("exit"), []byte(`{"job_id":"`), 0o600) //nolint:errcheck // what follows tells
		j.succeed(began)
	case j.fate == "late exit":
		j.end("COMPLETED")
		time.Sleep(j.lateLog)
		j.succeed(began)
	case j.fate == "suspended":
		j.enter("SUSPENDED", "None")
		time.Sleep(j.lateLog)
		j.enter("RUNNING", "None")
		j.succeed(began)
	default:
		j.succeed(began)
	}
}

// limit is for how long a pack's script lets a run go on. Who ends other jobs is
// Slurm.
func (j *faultyJob) limit() time.Duration {
	if j.inPack {
		return 600 * time.Second
	}
	return 100 * time.Hour
}

func (j *faultyJob) succeed(began time.Time) {
	report := faultReport(j.tps)
	if j.fate == "late report" { // the exit is seen before the report is
		j.exit(began, 0, "", "", report)
		time.Sleep(min(j.lateLog, 10*time.Second))
		j.put("report.json", report)
	} else {
		j.put("report.json", report)
		j.exit(began, 0, "", "", report)
	}
	j.mu.Lock()
	j.whole = true
	j.mu.Unlock()
}

func (j *faultyJob) exit(began time.Time, rc int, signal, reason, report string) {
	var sum *jobdir.Sum
	if report != "" {
		digest := sha256.Sum256([]byte(report))
		sum = &jobdir.Sum{Bytes: int64(len(report)), SHA256: hex.EncodeToString(digest[:])}
	}
	j.record(jobdir.ExitFile, jobdir.ExitRecord{JobID: j.number(), RC: rc, BenchRC: &rc, Signal: signal, Reason: reason, Started: began, Ended: stamp(), Report: sum})
}

func stamp() time.Time { return time.Now().UTC().Truncate(time.Second) }

func (j *faultyJob) path(name string) string { return filepath.Join(j.dir, name) }

func (j *faultyJob) has(name string) bool {
	_, err := os.Stat(j.path(name))
	return err == nil
}

// put puts a file in place whole. A folder that is gone loses it, as it would.
func (j *faultyJob) put(name, content string) {
	temp := j.path(fmt.Sprintf(".%s.%d.tmp", name, j.id))
	if os.WriteFile(temp, []byte(content), 0o600) == nil {
		os.Rename(temp, j.path(name)) //nolint:errcheck // seen by who reads
	}
}

// faultReport is a whole report of faultRun.
func faultReport(tps float64) string {
	pct := `{"p50": 900.0, "p90": 1000.0, "p95": 1010.0, "p99": 1020.0, "minimum": 500.0, "maximum": 1030.0, "average": 905.5}`
	return fmt.Sprintf(`{
    "engine": {"model": "m", "model_path": "/w", "engine_dir": null, "version": "1.0.0", "backend": "Pytorch", "dtype": "bfloat16", "kv_cache_dtype": "FP8", "quantization": "FP8"},
    "world_info": {"tp_size": 8, "pp_size": 1, "ep_size": 8, "world_size": 8, "max_batch_size": 16, "max_num_tokens": 2048, "scheduling_policy": "GUARANTEED_NO_EVICT", "kv_cache_percentage": 0.9, "issue_rate": 1e+17},
    "request_info": {"num_requests": 2, "avg_num_concurrent_requests": 2.0, "avg_input_length": 128.0, "avg_output_length": 64.0},
    "performance": {"total_latency_ms": 1031.0, "avg_request_latency_ms": 905.5, "request_throughput_req_s": 96.99, "system_output_throughput_tok_s": 6207.5, "system_total_throughput_tok_s": 18622.6, "output_throughput_per_user_tok_s": 70.7, "output_throughput_per_gpu_tok_s": %g, "request_latency_percentiles_ms": %s},
    "dataset": {"isl_stats": %s, "osl_stats": %s, "seq_len_stats": %s, "num_requests": 2, "dataset_path": "dataset.jsonl", "max_isl": 128, "max_osl": 64, "max_sequence_length": 192, "avg_isl": 128.0, "avg_osl": 64.0, "avg_sequence_length": 192.0}
}`, tps, pct, pct, pct, pct)
}
