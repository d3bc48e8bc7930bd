package store

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/noise"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// The rounds of a search are at searches/BENCHMARK/LABEL/round-N.json.
const (
	searchesDir = "searches"
	roundPrefix = "round-"
	roundSuffix = ".json"
)

func (s *Store) searchDir(benchmark, label string, simulated bool) string {
	return filepath.Join(s.half(simulated), searchesDir, benchmark, label)
}

// Rounds are the rounds of a search, in order.
func (s *Store) Rounds(benchmark, label string, simulated bool) ([]plan.Round, error) {
	if !nameOK(benchmark) || !nameOK(label) {
		return nil, fmt.Errorf("%q cannot name a search", benchmark+"/"+label)
	}
	l, err := jobdir.List(s.searchDir(benchmark, label, simulated))
	if err != nil {
		return nil, err
	}
	var out []plan.Round
	for n := 1; l.Has(roundFile(n)); n++ {
		r, err := jobdir.Document[plan.Round](l, roundFile(n))
		switch {
		case err != nil:
			return nil, err
		case r == nil || r.Number != n:
			return nil, fmt.Errorf("%s is damaged: it says which runs the search has spent its budget on; restore it, or give the search another label", filepath.Join(l.Dir, roundFile(n)))
		case r.FormatVersion != plan.FormatVersion:
			return nil, fmt.Errorf("%s has format version %q, this llmbench reads %q", filepath.Join(l.Dir, roundFile(n)), r.FormatVersion, plan.FormatVersion)
		case s.without != "" && r.Plan == s.without:
			return out, nil
		}
		out = append(out, *r)
	}
	return out, nil
}

func roundFile(n int) string { return roundPrefix + strconv.Itoa(n) + roundSuffix }

// ErrRoundExists is the error of WriteRound for a round that somebody else wrote down.
var ErrRoundExists = errors.New("another apply has begun this round")

// WriteRound writes a round down. It is durable when WriteRound returns.
func (s *Store) WriteRound(r plan.Round, simulated bool) error {
	dir := s.searchDir(r.Benchmark, r.Label, simulated)
	if _, err := os.Lstat(filepath.Join(dir, roundFile(r.Number))); err == nil {
		return fmt.Errorf("search %s/%s, round %d: %w; plan again", r.Benchmark, r.Label, r.Number, ErrRoundExists)
	}
	return s.put(dir, roundFile(r.Number), jobdir.Encode(r))
}

// A charge is what an attempt of a search has cost or may still cost, in GPU-hours: its
// share of its job, of which Dir is the folder.
type charge struct {
	Dir      string
	Round    int
	GPUHours float64
}

// Charges are those of a search by its rounds: of the attempts of all runs that they name
// whose intents name it.
func (s *Store) Charges(rounds []plan.Round, simulated bool) ([]charge, error) {
	var keys []Key
	search := ""
	for _, r := range rounds {
		search = r.Benchmark + "/" + r.Label
		for _, run := range r.Runs {
			keys = append(keys, Key{Fingerprint: run.Fingerprint, Cluster: r.Cluster, Simulated: simulated})
		}
	}
	var out []charge
	for _, k := range unique(keys) {
		attempts, err := s.Attempts(k)
		if err != nil {
			return nil, err
		}
		for _, a := range attempts {
			c, err := a.charge(search)
			if err != nil {
				return nil, err
			}
			if c != nil {
				out = append(out, *c)
			}
		}
	}
	return out, nil
}

// charge is nil for an attempt of no search, or of another one.
func (a *Attempt) charge(search string) (*charge, error) {
	intent, err := a.Intent()
	if err != nil || intent == nil || intent.Search != search {
		return nil, err
	}
	job, err := a.Job()
	if err != nil {
		return nil, err
	}
	members, err := job.Members()
	if err != nil {
		return nil, err
	}
	planned, err := job.Planned()
	if err != nil {
		return nil, err
	}
	if planned == nil {
		return nil, fmt.Errorf("%s: what its job may cost is not recorded", job.Dir)
	}
	prepared := 0 // to the end; the job passes over the others
	for _, m := range members {
		in, err := m.Intent()
		if err != nil {
			return nil, err
		}
		if in != nil {
			prepared++
		}
	}
	return &charge{job.Dir, intent.Round, job.Cost(planned.GPUs, planned.GPUHoursLimit()) / float64(max(1, prepared))}, nil
}

// Cost is what a job on so many GPUs has cost, in GPU-hours: by its own account, else by
// the backend's, else its limit.
func (j *Job) Cost(gpus int, limit float64) float64 {
	exit, errExit := j.ExitRecord()
	start, errStart := j.Start()
	ended, errEnded := j.Ended()
	claim, errClaim := j.Claim()
	switch {
	case errors.Join(errExit, errStart, errEnded, errClaim) != nil:
		return limit
	case exit != nil && !exit.Started.IsZero():
		return GPUHours(gpus, exit.Started, exit.Ended)
	case exit != nil && start != nil:
		return GPUHours(gpus, start.Time, exit.Ended)
	case ended == nil:
		return limit
	case start != nil: // the end may have been noticed late
		return min(limit, GPUHours(gpus, start.Time, ended.Time))
	case ended.GPUHours != nil:
		return min(limit, *ended.GPUHours)
	case claim == nil && j.Cancelled():
		return 0 // before it had nodes
	}
	return limit
}

// GPUHours is what GPUs cost from a time to another.
func GPUHours(gpus int, from, to time.Time) float64 {
	return float64(gpus) * max(0, to.Sub(from).Hours())
}

// Search implements plan.Ledger.
func (v *View) Search(benchmark, label string, simulated bool) (plan.SearchAccount, error) {
	var a plan.SearchAccount
	var err error
	if a.Rounds, err = v.store.Rounds(benchmark, label, simulated); err != nil {
		return a, err
	}
	charges, err := v.store.Charges(a.Rounds, simulated)
	for _, c := range charges {
		a.GPUHours += c.GPUHours
		a.Begun = max(a.Begun, c.Round)
	}
	if err != nil || len(a.Rounds) == 0 {
		return a, err
	}
	a.Tried = map[string][]plan.InRound{}
	last := a.Rounds[len(a.Rounds)-1]
	for _, run := range last.Runs {
		attempts, err := v.store.Attempts(Key{Fingerprint: run.Fingerprint, Cluster: last.Cluster, Simulated: simulated})
		if err != nil {
			return a, err
		}
		for _, attempt := range attempts {
			intent, err := attempt.Intent()
			if err != nil {
				return a, err
			}
			if intent != nil {
				a.Tried[run.Fingerprint] = append(a.Tried[run.Fingerprint], plan.InRound{Search: intent.Search, Round: intent.Round})
			}
		}
	}
	return a, nil
}

// Noise implements plan.Ledger.
func (v *View) Noise(image, cluster string, simulated bool) (float64, error) {
	all, err := v.Results(simulated)
	if err != nil {
		return 0, err
	}
	samples := map[string][]*results.Result{}
	for _, r := range all {
		if r.Cluster == cluster && r.Image.Name == image {
			samples[r.Fingerprint] = append(samples[r.Fingerprint], r)
		}
	}
	var pool noise.Pool
	for _, fingerprint := range slices.Sorted(maps.Keys(samples)) { // sums depend on the order
		pool.Add(results.Values(samples[fingerprint], trtllm.OutputThroughputPerGPU))
	}
	return pool.SD(), nil
}

// Figures implements plan.Ledger.
func (v *View) Figures(fingerprint, cluster string, simulated bool) ([]map[string]float64, int, error) {
	if cluster == "" {
		return nil, 0, nil
	}
	list, err := v.Samples(Key{Fingerprint: fingerprint, Cluster: cluster, Simulated: simulated}, 0)
	if err != nil {
		return nil, 0, err
	}
	var out []map[string]float64
	samples := 0
	for _, group := range results.Independent(resultsOf(list)) {
		values := map[string]float64{}
		for name, f := range trtllm.Figures() {
			sum, all := 0.0, true
			for _, r := range group {
				value, ok := r.Figure(f)
				sum, all = sum+value, all && ok
			}
			if all {
				values[name] = sum / float64(len(group))
			}
		}
		out, samples = append(out, values), samples+len(group)
	}
	return out, samples, nil
}

// Precision implements plan.Ledger.
func (v *View) Precision(fingerprint, cluster string, simulated bool) (int, float64, error) {
	if cluster == "" {
		return 0, math.Inf(1), nil
	}
	samples, err := v.Samples(Key{Fingerprint: fingerprint, Cluster: cluster, Simulated: simulated}, 0)
	if err != nil {
		return 0, 0, err
	}
	list, n := resultsOf(samples), 0
	for _, r := range list {
		if r.Counts() && r.Metrics.At(trtllm.OutputThroughputPerGPU) != nil {
			n++
		}
	}
	sum := results.Summarise(results.Values(list, trtllm.OutputThroughputPerGPU))
	if sum == nil || sum.Low == nil || sum.High == nil || sum.Median == 0 {
		return n, math.Inf(1), nil
	}
	return n, max(sum.Median-*sum.Low, *sum.High-sum.Median) / sum.Median, nil
}
