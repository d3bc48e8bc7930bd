package slurm

import (
	"context"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/trtllm"
)

var (
	faultSeed  = flag.Int64("faults.seed", 0, "replay the fault schedule of this seed alone")
	faultCount = flag.Int("faults.n", 200, "how many fault schedules to run")
)

// TestFaults runs campaigns through seeded schedules of faults, of Slurm's, of
// its jobs' and of its own process's, and checks after each what must hold at
// every moment.
func TestFaults(t *testing.T) {
	if *faultSeed != 0 {
		runSchedule(t, *faultSeed, true)
		return
	}
	inParts(t, *faultCount, func(t *testing.T, seed int64) { runSchedule(t, seed, false) })
}

// inParts runs seeded schedules side by side, until one fails.
func inParts(t *testing.T, count int, run func(t *testing.T, seed int64)) {
	const parts = 4
	for part := range parts {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			for seed := int64(part + 1); seed <= int64(count); seed += parts {
				run(t, seed)
				if t.Failed() {
					name, _, _ := strings.Cut(t.Name(), "/")
					t.Fatalf("seed %d: replay it alone with `go test ./executors/slurm -run '^%s$' -faults.seed=%d`", seed, name, seed)
				}
			}
		})
	}
}

func runSchedule(t *testing.T, seed int64, verbose bool) {
	dir, err := os.MkdirTemp(memory(), "llmbench-faults-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	synctest.Test(t, func(t *testing.T) {
		s := newSchedule(t, seed, dir, verbose)
		s.run()
		s.check()
	})
}

// memory is a folder in memory where there is one.
func memory() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return ""
}

// A schedule is one campaign with its faults.
type schedule struct {
	t       *testing.T
	seed    int64
	rng     *rand.Rand
	slurm   *faultySlurm
	store   *store.Store
	plan    *plan.Plan
	cluster string
	kills   int
	verbose bool
	last    executors.Ending
	// unsure says that the campaign could not tell whether jobs are left.
	unsure bool
	// packed says that its runs are packed; skips counts what was given up.
	packed bool
	skips  int
	// alone says that the present life does not pack.
	alone bool
	// bounds are those of the present life.
	bounds bounds
	// searchGPUHours bounds what the jobs of each search cost over all lives; 0 is none.
	searchGPUHours float64
	// next makes the plan that a life applies, and after it ended the one after, nil for
	// none; by default a life applies fresh alone.
	next func() *plan.Plan
}

func newSchedule(t *testing.T, seed int64, dir string, verbose bool) *schedule {
	rng := rand.New(rand.NewSource(seed))
	s := &schedule{t: t, seed: seed, rng: rng, cluster: "gb", verbose: verbose, store: store.Open(dir), kills: rng.Intn(4), packed: seed%3 == 0}
	s.slurm = &faultySlurm{
		rng: rand.New(rand.NewSource(seed + 1)), faults: []float64{0, 0.1, 0.3, 0.6}[rng.Intn(4)],
		accounting: rng.Intn(2) == 0, minJobAge: []time.Duration{2 * time.Second, 30 * time.Second, 5 * time.Minute}[rng.Intn(3)],
		submitting:       func(dir string, argv []string) { s.submitting(dir, argv) },
		refusedNow:       func(dir string) { s.bounds.refused[dir] = true },
		preflightRefused: func() { s.bounds.preflight = true },
	}
	if err := s.store.Create(); err != nil {
		t.Fatal(err)
	}
	s.plan = &plan.Plan{Runs: []*plan.Run{s.faultRun("chat", "ab"), s.faultRun("reasoning", "cd")}}
	if rng.Intn(2) == 0 {
		s.plan.Runs[0].State.Wanted = 2
	}
	if s.packed && seed%5 == 0 { // a node failed before
		if err := s.store.Exclude(s.cluster, store.Exclusion{Node: "gb03", Until: time.Now().Add(12 * time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	if s.packed {
		s.plan.Runs = append(s.plan.Runs, s.faultRun("generation", "ef"))
		s.plan.Runs[1].State.Wanted = 1 + rng.Intn(2)
	}
	if s.search() != "" {
		round := plan.Round{FormatVersion: plan.FormatVersion, Benchmark: "max_throughput", Label: "best", Number: 1, Cluster: s.cluster}
		for _, r := range s.plan.Runs {
			round.Runs = append(round.Runs, plan.RoundRun{Address: r.Address, Fingerprint: r.Fingerprint, Samples: r.State.Wanted})
		}
		if err := s.store.WriteRound(round, false); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *schedule) config() *Config {
	c := &Config{PollInterval: 5 * time.Second, MaxInQueue: 2, MPI: "pmix", Exclusive: true, GPUsPerNodeFlag: true, Retries: 2, Launcher: []string{"trtllm-bench"}, profile: &Profile{}}
	if s.packed && !s.alone {
		longest := []time.Duration{4 * time.Hour, 30 * time.Minute}[s.seed/9%2] // half an hour is two runs
		c.Pack, c.Canary = &Pack{MaxRuns: 3, MaxTime: longest}, s.seed%2 == 0
	}
	return c
}

func (s *schedule) faultRun(label, digits string) *plan.Run {
	isl, osl, zero, seed, generator := 128, 64, 0.0, int64(420), trtllm.Generator
	r := &plan.Run{
		Address: "max_throughput/use_case=" + label, Action: plan.Measure, Fingerprint: strings.Repeat(digits, 32), FingerprintVersion: plan.FingerprintVersion,
		State:    plan.Samples{Wanted: 1},
		Model:    plan.Model{Label: "m", Checkpoint: "org/model", Quantization: "FP8"},
		Hardware: plan.Hardware{Label: "h", GPU: "GB200", GPUs: 8, GPUsPerNode: 4, Nodes: 2},
		Image:    plan.Image{Label: "i", Name: "registry/image:1.0", TRTLLMVersion: "1.0"},
		UseCase:  plan.UseCase{Label: label, ISL: &isl, OSL: &osl, ISLStdev: &zero, OSLStdev: &zero, Seed: &seed},
		Dataset:  plan.Dataset{Generator: &generator, Seed: &seed, Lines: 2},
		Executor: plan.ExecutorRef{Type: Type, Name: "gb"}, TimeLimitSeconds: 600,
		Env: map[string]*string{},
		Arguments: trtllm.Arguments{
			"tp": int64(8), "pp": int64(1), "ep": int64(8), "max_batch_size": int64(16), "max_num_tokens": int64(2048),
			"num_requests": int64(2), "concurrency": int64(-1), "streaming": false, "kv_cache_free_gpu_mem_fraction": 0.9,
			"scheduler_policy": nil, "warmup": int64(0), "max_seq_len": int64(192),
		},
		LLMAPIOptions: map[string]any{"enable_attention_dp": true},
		Settings:      plan.ExecutorIdentity{Launcher: []string{"trtllm-bench"}},
	}
	return r
}

// run applies until the campaign ends by itself: clients are killed, interrupted
// and started again.
func (s *schedule) run() {
	for life := 0; ; life++ {
		s.slurm.mu.Lock()
		s.slurm.killAt, s.slurm.calm = 0, life > s.kills+3
		if life < s.kills {
			s.slurm.killAt = 1 + s.rng.Intn(12)
		}
		s.slurm.mu.Unlock()
		s.alone = s.seed%4 == 0 && life%2 == 1
		if s.rng.Intn(6) == 0 && s.next == nil { // it would be the outcome of a run
			s.dyingCancel()
		}
		s.bound()
		ended, died := s.life()
		if s.next == nil { // another search may try once more what failed
			s.fewAttempts()
		}
		s.logf("life %d: ended %v %s %+v", life, ended, died, s.last)
		if ended && died == "" {
			return
		}
		if life > 12 {
			s.t.Errorf("seed %d: the campaign does not end", s.seed)
			return
		}
		time.Sleep(time.Duration(s.rng.Int63n(int64(3 * time.Minute))))
	}
}

// dyingCancel is a cancel that writes its wish down and dies before it asks Slurm.
func (s *schedule) dyingCancel() {
	for _, j := range s.slurm.jobs {
		if j.now2() == "" && j.has("intent.json") && s.rng.Intn(2) == 0 {
			j.put("cancelled", "")
		}
	}
}

// life is one client from its start to its end or death.
func (s *schedule) life() (ended bool, died string) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 6*time.Hour)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			k, ok := p.(killed)
			if !ok {
				panic(p)
			}
			died = k.at
		}
	}()
	s.unsure = false
	s.skips = 0
	events := 0
	killEvent := -1
	if s.slurm.killAt > 0 && s.rng.Intn(3) == 0 {
		killEvent = s.rng.Intn(10)
	}
	secrets := -1 // asked for as each attempt is prepared
	if killEvent >= 0 && s.rng.Intn(2) == 0 {
		secrets = s.rng.Intn(3)
	}
	b := s.backend()
	campaign := func(p *plan.Plan) *executors.Campaign {
		return &executors.Campaign{
			Plan:  p,
			Saved: s.saved(),
			Secrets: func(string) []string {
				if secrets--; secrets == -1 {
					panic(killed{"while attempts are made"})
				}
				return nil
			},
			Store: s.store, Backends: map[plan.ExecutorRef]*executors.Backend{b.Ref: b},
			Budget: s.budget(), Vocabulary: func(*plan.Run) (int, int) { return 1000, 2 }, Log: hclog.NewNullLogger(),
			Observe: func(ev executors.Event) {
				s.logf("%s %s s%d a%d job %s %s %s", ev.Time.Format("15:04:05"), ev.Type, ev.Sample, ev.Attempt, ev.JobID, ev.State, ev.Text)
				s.unsure = s.unsure || strings.Contains(ev.Text, "has orphaned jobs; `llmbench cancel -orphans`")
				if ev.Type == executors.RunErrored && ev.Result == nil {
					s.skips++
				}
				if events++; events-1 == killEvent {
					panic(killed{"at " + string(ev.Type)})
				}
			},
		}
	}
	for p := s.first(); p != nil; p = s.next() {
		out, err := campaign(p).Run(ctx)
		s.last = out
		if err != nil {
			s.logf("error: %v", err)
			return false, ""
		}
		if s.next == nil || out.Failed+out.GoingOn > 0 || ctx.Err() != nil {
			return s.next == nil && ctx.Err() == nil, ""
		}
	}
	return true, ""
}

// first is the plan that a life begins with.
func (s *schedule) first() *plan.Plan {
	if s.next != nil {
		return s.next()
	}
	return s.fresh()
}

func (s *schedule) backend() *executors.Backend {
	cfg := s.config()
	b := cfg.backend(hclog.NewNullLogger())
	e := newExecutor(cfg, hclog.NewNullLogger())
	e.through(s.slurm.Run)
	b.Preflight = e.Preflight
	b.Executor, b.Ref, b.Cluster, b.Simulated = e, plan.ExecutorRef{Type: Type, Name: "gb"}, s.cluster, false
	return b
}

// budget is that of one life, or of the saved plan.
func (s *schedule) budget() *executors.Budget {
	if s.search() != "" {
		return &executors.Budget{}
	}
	return &executors.Budget{Max: s.bounds.maxGPUHours}
}

// fresh is the plan as it would be made now.
func (s *schedule) fresh() *plan.Plan {
	p := &plan.Plan{}
	for _, r := range s.plan.Runs {
		c := *r
		if s.search() != "" {
			c.Asked = plan.InRound{Search: s.search(), Round: 1}
		}
		p.Runs = append(p.Runs, &c)
	}
	if s.search() != "" {
		p.Searches = []*plan.Search{{Benchmark: "max_throughput", Label: "best", MaxGPUHours: s.bounds.maxGPUHours}}
	}
	if s.packed && !s.alone {
		s.pack(p)
	}
	return p
}

func (s *schedule) logf(format string, args ...any) {
	if s.verbose {
		s.t.Logf(format, args...)
	}
}

// check looks at what is left once all is quiet.
func (s *schedule) check() {
	synctest.Wait()
	if s.unsure { // it said so, and what to do
		s.slurm.calm = true
		if _, err := executors.Sweep(s.t.Context(), s.store, s.plan.Runs, s.backend(), func(string) {}); err != nil {
			s.t.Fatal(err)
		}
		synctest.Wait()
	}
	for _, j := range s.slurm.jobs {
		if j.now2() == "" {
			s.known(j)
		}
	}
	for _, j := range s.slurm.jobs {
		j.stop()
	}
	s.slurm.wg.Wait()
	s.inStore()
	if s.packed {
		s.packsEnd()
	}
}

// known checks that a job that has not ended is about to: it refused, or has said
// its last word.
func (s *schedule) known(j *faultyJob) {
	last, _ := os.ReadFile(j.path("exit")) // none is as good as another's
	if j.has(fmt.Sprintf("refused.%d", j.id)) || strings.Contains(string(last), fmt.Sprintf(`"job_id":"%d"`, j.id)) {
		return
	}
	s.t.Errorf("seed %d: job %d (%s, %s) is left and the campaign ended", s.seed, j.id, j.name, j.fate)
}

// now2 is "" for a job that has not ended.
func (j *faultyJob) now2() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ended.IsZero() {
		return ""
	}
	return j.state
}

// inStore compares what jobs did with what the store says of it.
func (s *schedule) inStore() {
	done := map[string][]*faultyJob{} // by attempt folder
	for _, j := range append(s.slurm.jobs, s.slurm.members...) {
		if j.measured > 0 {
			done[j.dir] = append(done[j.dir], j)
		}
	}
	for dir, jobs := range done {
		if len(jobs) > 1 || jobs[0].measured > 1 {
			s.t.Errorf("seed %d: %s was measured by %d jobs", s.seed, dir, len(jobs))
		}
	}
	history, err := s.store.View("test").History(false)
	if err != nil {
		s.t.Fatal(err)
	}
	told := map[string]*results.Result{}
	for _, r := range history {
		key := store.Key{Fingerprint: r.Fingerprint, Cluster: r.Cluster}
		told[fmt.Sprintf("%s/sample-%d/attempt-%d", s.store.KeyDir(key), r.Sample, r.Attempt)] = r
	}
	good := map[string]int{}
	for dir, jobs := range done {
		j, r := jobs[0], told[dir]
		switch {
		case j.whole && r == nil:
			s.t.Errorf("seed %d: the result of job %d (%s) is lost: %s", s.seed, j.id, j.fate, dir)
		case j.whole && !r.Counts():
			s.t.Errorf("seed %d: the result of job %d (%s) does not count: %s: %s", s.seed, j.id, j.fate, r.Code(), r.Cause())
		case j.whole && *r.Metrics.At(trtllm.OutputThroughputPerGPU) != j.tps:
			s.t.Errorf("seed %d: job %d measured %v and %v is told", s.seed, j.id, j.tps, *r.Metrics.At(trtllm.OutputThroughputPerGPU))
		case j.whole:
			good[fmt.Sprintf("%s sample %d", r.Address, r.Sample)]++
		}
	}
	for dir, r := range told {
		if r.Counts() && (len(done[dir]) == 0 || !done[dir][0].whole) {
			s.t.Errorf("seed %d: %s counts, and no job measured it", s.seed, dir)
		}
	}
	for sample, n := range good {
		if n > 1 {
			s.t.Errorf("seed %d: %s was bought %d times", s.seed, sample, n)
		}
	}
}
