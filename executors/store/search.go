package store

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/noise"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// searchDir holds the rounds of a search, each in roundFile.
func (s *Store) searchDir(benchmark, label string, simulated bool) string {
	return filepath.Join(s.half(simulated), "searches", benchmark, label)
}

func roundFile(n int) string { return fmt.Sprintf("round-%d.json", n) }

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

// Charges tells what each attempt of a search has cost or may still cost, in GPU-hours: its
// share of its job, by the folder of that, and its round. They are the attempts of all
// runs that the search's rounds name whose intents name it.
func (s *Store) Charges(rounds []plan.Round, simulated bool, tell func(job string, round int, gpuHours float64)) error {
	var keys []Key
	search := ""
	for _, r := range rounds {
		search = r.Benchmark + "/" + r.Label
		for _, run := range r.Runs {
			keys = append(keys, Key{Fingerprint: run.Fingerprint, Cluster: r.Cluster, Simulated: simulated})
		}
	}
	for _, k := range unique(keys) {
		err := s.Intents(k, func(a *Attempt, intent *jobdir.Intent) error {
			if intent.Search != search {
				return nil
			}
			job, share, err := a.cost()
			if err == nil {
				tell(job.Dir, intent.Round, share)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// cost is the attempt's share of what its job has cost or may still cost, in GPU-hours.
func (a *Attempt) cost() (*Job, float64, error) {
	job, err := a.Job()
	if err != nil {
		return nil, 0, err
	}
	members, err := job.Members()
	if err != nil {
		return nil, 0, err
	}
	planned, err := job.Planned()
	if err == nil && planned == nil {
		err = fmt.Errorf("%s: what its job may cost is not recorded", job.Dir)
	}
	if err != nil {
		return nil, 0, err
	}
	prepared := 0.0 // to the end; the job passes over the others
	for _, m := range members {
		in, err := m.Intent()
		if err != nil {
			return nil, 0, err
		}
		if in != nil {
			prepared++
		}
	}
	return job, job.Cost(planned.GPUs, planned.GPUHoursLimit()) / max(1, prepared), nil
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
	err = v.store.Charges(a.Rounds, simulated, func(_ string, round int, gpuHours float64) {
		a.GPUHours += gpuHours
		a.Begun = max(a.Begun, round)
	})
	if err != nil || len(a.Rounds) == 0 {
		return a, err
	}
	a.Tried = map[string][]plan.InRound{}
	last := a.Rounds[len(a.Rounds)-1]
	for _, run := range last.Runs {
		k := Key{Fingerprint: run.Fingerprint, Cluster: last.Cluster, Simulated: simulated}
		err = cmp.Or(err, v.store.Intents(k, func(_ *Attempt, intent *jobdir.Intent) error {
			a.Tried[run.Fingerprint] = append(a.Tried[run.Fingerprint], plan.InRound{Search: intent.Search, Round: intent.Round})
			return nil
		}))
	}
	return a, err
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

// resultsAt are the results of a run; those of a cluster that is not known are none.
func (v *View) resultsAt(fingerprint, cluster string, simulated bool) ([]*results.Result, error) {
	if cluster == "" {
		return nil, nil
	}
	samples, err := v.Samples(Key{Fingerprint: fingerprint, Cluster: cluster, Simulated: simulated}, 0)
	return resultsOf(samples), err
}

// Figures implements plan.Ledger.
func (v *View) Figures(fingerprint, cluster string, simulated bool) ([]map[string]float64, int, error) {
	list, err := v.resultsAt(fingerprint, cluster, simulated)
	if err != nil {
		return nil, 0, err
	}
	var out []map[string]float64
	samples := 0
	for _, group := range results.Independent(list) {
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
	list, err := v.resultsAt(fingerprint, cluster, simulated)
	if err != nil {
		return 0, 0, err
	}
	n := 0
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
