package store

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
)

// A Sample is one sample of a key and the attempt that speaks for it: the newest
// that counts, else the newest in flight, else the newest that ended. Retired
// attempts do not speak.
type Sample struct {
	Sample int
	// Attempt is nil when none speaks.
	Attempt *Attempt
	State   plan.State
	// Counts says that the sample is there. Result is set when the attempt ended.
	Counts bool
	Result *results.Result
	// Handle is the receipt of the job of an attempt in flight, "" where the submission
	// was not confirmed; Mine says that this user submitted it.
	Handle string
	Mine   bool
	Job    plan.InFlight
	// SharedJob is the job of several that the attempt in flight is in, "" for none.
	SharedJob string
	// Deferred says why the newest attempt was given back before it began, where
	// nothing else speaks for the sample.
	Deferred string
	// Tries is the number of attempts that were prepared and not retired; Retired
	// says that there are attempts that were.
	Tries   int
	Retired bool
	// Took is for how long the jobs of its attempts that ended have run.
	Took time.Duration
	// Failed are the attempts that ended without a sample, the newest first.
	Failed []plan.Failed
}

// Samples lists the samples of a key from 1 to wanted, and those beyond that have
// attempts.
func (s *Store) Samples(k Key, wanted int) ([]Sample, error) {
	homes, err := s.homes(k)
	if err != nil {
		return nil, err
	}
	parts := make([][]sampleHistory, len(homes))
	for i, home := range homes {
		parts[i], _ = s.readSamples(home, k)
	}
	return s.samplesOf(k, wanted, homes, parts), nil
}

// samplesOf is Samples by what was read in each of the key's homes.
func (s *Store) samplesOf(k Key, wanted int, homes []string, parts [][]sampleHistory) []Sample {
	var numbers []int
	for n := range wanted {
		numbers = append(numbers, n+1)
	}
	for _, part := range parts {
		for _, h := range part {
			numbers = append(numbers, h.Number)
		}
	}
	slices.Sort(numbers)
	var out []Sample
	for _, n := range slices.Compact(numbers) {
		sample := Sample{Sample: n}
		gone, retired := 0, false // attempts up to gone are retired in all homes
		for i, home := range slices.Backward(homes) {
			at := slices.IndexFunc(parts[i], func(h sampleHistory) bool { return h.Number == n })
			if at < 0 {
				continue
			}
			attempts, last := parts[i][at].Attempts, max(parts[i][at].UpTo, gone)
			retired = retired || last > 0
			if i == len(homes)-1 {
				gone = last
			}
			for j := range slices.Backward(attempts) {
				o := &attempts[j]
				if o.Number <= last {
					break
				}
				if o.Fingerprint == "" || k.owns(o.Fingerprint) {
					sample.consider(s.attempt(home, k, n, o.Number), o)
				}
			}
		}
		if sample.Retired = retired; n <= wanted || sample.Attempt != nil {
			out = append(out, sample)
		}
	}
	return out
}

// consider takes an older attempt into account.
func (sample *Sample) consider(a *Attempt, o *outcome) {
	if o.result != nil {
		sample.Took += o.result.Took()
	}
	if o.State == plan.Vacant || sample.Counts {
		return
	}
	if o.State == plan.Deferred {
		if sample.Attempt == nil && sample.Deferred == "" {
			sample.Deferred = o.Deferred
		}
		return
	}
	sample.Tries++
	if snap := o.snap; o.result == nil {
		if snap.intent != nil || snap.job != nil {
			sample.wait(a, o)
			return
		}
		// Nothing is left by which its job could be found.
		o.lose(cmp.Or(snap.unread, fmt.Errorf("%s, which says what was submitted, is empty or not whole", jobdir.IntentFile)))
	}
	if !o.result.Counts() {
		sample.Failed = append(sample.Failed, plan.Failed{Code: o.result.Code(), Detail: o.result.Cause(), Node: o.result.Main().Node})
	}
	if o.result.Counts() || sample.Attempt == nil {
		*sample = Sample{Sample: sample.Sample, Attempt: a, State: plan.Ended, Counts: o.result.Counts(), Result: o.result, Tries: sample.Tries, Took: sample.Took, Failed: sample.Failed}
	}
}

// wait takes an attempt in flight into account; the newest one speaks.
func (sample *Sample) wait(a *Attempt, o *outcome) {
	if sample.State.InFlight() {
		return
	}
	*sample = Sample{Sample: sample.Sample, Attempt: a, State: o.State, Job: plan.InFlight{State: o.State}, Tries: sample.Tries, Took: sample.Took, Failed: sample.Failed}
	snap := o.snap
	if intent := snap.intent; intent != nil {
		sample.Job.User = intent.User
		sample.Mine, sample.SharedJob = intent.User == UserName(), intent.JobFolder
	}
	switch {
	case snap.job != nil:
		sample.Handle, sample.Job.JobID = snap.job.Handle, snap.job.JobID
	case snap.claim != nil:
		sample.Job.JobID = snap.claim.JobID
	case snap.start != nil:
		sample.Job.JobID = snap.start.JobID
	}
}

// countsOf sums up the samples of a key.
func countsOf(samples []Sample, wanted int) plan.Samples {
	counts := newSamples(wanted)
	for _, sample := range samples {
		if !sample.Counts {
			counts.Tries = max(counts.Tries, len(sample.Failed))
		}
		switch {
		case sample.State.InFlight():
			counts.InFlight = append(counts.InFlight, sample.Job)
		case sample.State == plan.Lost, sample.Result != nil && !sample.Counts:
			counts.Failed = append(counts.Failed, sample.Failed[0])
			counts.Earlier = append(counts.Earlier, sample.Failed[1:]...)
		case sample.Counts:
			if sample.Result.Verdict == results.Suspect {
				counts.Suspect++
			} else {
				counts.Valid++
			}
			if o := sample.Result.Provenance.Observation(); len(o) > 0 {
				counts.Observed = append(counts.Observed, o)
			}
		}
	}
	return counts
}

func newSamples(wanted int) plan.Samples {
	return plan.Samples{Wanted: wanted, InFlight: []plan.InFlight{}, Failed: []plan.Failed{}}
}

// replacedFile retires the attempts of a sample, beside which it lies.
const replacedFile = "replaced.json"

// A tombstone says why attempts no longer count.
type tombstone struct {
	// UpTo is the last attempt that does not count.
	UpTo int       `json:"up_to"`
	Why  string    `json:"why"`
	Time time.Time `json:"time"`
	// Plan is the saved plan that asked for it, as in jobdir.Intent, and Before the
	// last attempt that did not count without it.
	Plan   string `json:"plan,omitempty"`
	Before int    `json:"before,omitempty"`
}

// replace retires all attempts of a sample that exist now, but for those of plan,
// the saved plan that asks for it, "" for none. They stay where they are and are
// judged no more; the sample is measured again.
func (s *Store) replace(k Key, sample int, why, plan string) error {
	last, err := s.Without(plan).lastAttempt(k, sample)
	if err != nil || last == 0 {
		return err
	}
	dir := sampleDir(s.KeyDir(k), sample)
	if err := s.mkdirAll(dir); err != nil {
		return err
	}
	l, err := jobdir.List(dir)
	if err != nil {
		return err
	}
	before, err := s.Without(plan).retired(l)
	if err != nil {
		return err
	}
	t := tombstone{UpTo: last, Why: why, Time: s.now().UTC(), Plan: plan, Before: before}
	if err := s.stir(k); err != nil { // this process may be killed before it can do so again
		return err
	}
	return cmp.Or(jobdir.ReplaceFile(dir, replacedFile, jobdir.Encode(t), 0o644), s.stir(k))
}

// lastAttempt is the highest number of an attempt of a sample in any home, 0 if
// there is none.
func (s *Store) lastAttempt(k Key, sample int) (int, error) {
	homes, err := s.homes(k)
	if err != nil {
		return 0, err
	}
	last := 0
	for _, home := range homes {
		l, err := jobdir.List(sampleDir(home, sample))
		if err != nil {
			return 0, err
		}
		for _, n := range s.attemptsIn(l) {
			if n <= mostNumbered {
				last = max(last, n)
			}
		}
	}
	return last, nil
}

// ReplaceAll retires all attempts of all samples of a key, those beyond wanted
// too: one that was left would satisfy the run in place of a new one.
func (s *Store) ReplaceAll(k Key, why, plan string) error {
	homes, err := s.homes(k)
	if err != nil {
		return err
	}
	var samples []int
	for _, home := range homes {
		samples = append(samples, samplesIn(home)...)
	}
	slices.Sort(samples)
	for _, sample := range slices.Compact(samples) {
		if err := s.replace(k, sample, why, plan); err != nil {
			return err
		}
	}
	return nil
}

// retired is the number of the last attempt in a sample's folder that does not
// count, 0 if all do.
func (s *Store) retired(l jobdir.Listing) (int, error) {
	t, err := jobdir.Document[tombstone](l, replacedFile)
	if err != nil || t == nil && !l.Has(replacedFile) {
		return 0, err
	}
	if t == nil {
		return 0, fmt.Errorf("%s is empty or not whole", filepath.Join(l.Dir, replacedFile))
	}
	if s.without != "" && t.Plan == s.without {
		return t.Before, nil
	}
	if t.UpTo < 0 || t.UpTo > mostNumbered {
		return 0, fmt.Errorf("%s: up_to is %d", filepath.Join(l.Dir, replacedFile), t.UpTo)
	}
	return t.UpTo, nil
}
