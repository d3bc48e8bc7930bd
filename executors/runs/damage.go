package runs

import (
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
)

// damage is the outcome of an attempt of which a record cannot be read: it is known
// to have been there, and no more.
func (s *snapshot) damage(why string) *results.Result {
	a := s.attempt
	run, err := a.run(s.files)
	if err != nil {
		run, err = jobdir.Document[plan.Run](s.files, jobdir.RunFile)
	}
	if err != nil || run == nil {
		run = &plan.Run{Fingerprint: a.Key.Fingerprint, Simulated: a.Key.Simulated}
		if intent, err := jobdir.Document[jobdir.Intent](s.files, jobdir.IntentFile); err == nil && intent != nil {
			run.Address = intent.Address
			if a.owns(intent.Fingerprint) {
				run.Fingerprint = intent.Fingerprint
			}
		}
	}
	return results.Judge(results.Evidence{
		Run: run, Sample: a.Sample, Attempt: a.Number, Cluster: a.Key.Cluster, Simulated: a.Key.Simulated,
		Damaged: a.String() + ": " + why,
	})
}
