package runs

import (
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
)

var _ plan.Teacher = (*Store)(nil)

// Lessons returns what the real samples teach about predictions. It implements
// plan.Teacher.
func (s *Store) Lessons() ([]plan.Lesson, error) {
	list, err := s.Results(false)
	if err != nil {
		return nil, err
	}
	var out []plan.Lesson
	for _, r := range list {
		tps := r.Metrics.At("output_throughput_per_gpu_tok_s")
		if !r.Counts() || r.Simulated || tps == nil || *tps <= 0 {
			continue
		}
		key := Key{Fingerprint: r.Fingerprint, Cluster: r.Cluster}
		run, err := s.attempt(key, r.Sample, r.Attempt).Run()
		if err != nil {
			return nil, err
		}
		if run != nil {
			out = append(out, plan.Lesson{Run: run, Cluster: r.Cluster, OutputThroughputPerGPU: *tps, StartupSeconds: startup(r)})
		}
	}
	return out, nil
}

// startup is how long a job ran before and after it measured, 0 if unknown.
func startup(r *results.Result) float64 {
	total := r.Metrics.At("total_latency_ms")
	if total == nil || r.Took() <= 0 {
		return 0
	}
	return max(0, r.Took().Seconds()-*total/1e3)
}
