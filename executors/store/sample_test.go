package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
)

// counts are those of a key, read from the files alone.
func (s *Store) counts(k Key, wanted int) (plan.Samples, error) {
	samples, err := s.Samples(k, wanted)
	return countsOf(samples, wanted), err
}

func held(t *testing.T, s *Store, k Key, wanted int) plan.Samples {
	t.Helper()
	st, err := s.counts(k, wanted)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func TestHeldFollowsAnAttempt(t *testing.T) {
	s := Open(t.TempDir())
	vacant, err := s.Reserve(testKey, 1)
	if err != nil {
		t.Fatal(err)
	}
	none := plan.Samples{Wanted: 1, InFlight: []plan.InFlight{}, Failed: []plan.Failed{}}
	if diff := cmp.Diff(none, held(t, s, testKey, 1)); diff != "" {
		t.Errorf("%s is vacant: %s", vacant, diff)
	}
	a := newAttempt(t, s, testKey, 1, testAddress)
	inFlight := func(job string, state plan.State) {
		t.Helper()
		want := none
		want.InFlight = []plan.InFlight{{JobID: job, User: UserName(), State: state}}
		if diff := cmp.Diff(want, held(t, s, testKey, 1)); diff != "" {
			t.Errorf("%s: %s", state, diff)
		}
	}
	inFlight("", "intent")
	if err := a.RecordJob(jobdir.JobRecord{Handle: "h", JobID: "4711"}); err != nil {
		t.Fatal(err)
	}
	inFlight("4711", "submitted")
	files := left("4711", reportJSON())
	for i, state := range []plan.State{"submitted", "starting", "running", "running", "running", "running", "running", "finishing"} {
		put(t, a, files[i].name, files[i].content)
		inFlight("4711", state)
	}
	put(t, a, "exit", files[len(files)-1].content)
	want := none
	want.Valid = 1
	if diff := cmp.Diff(want, held(t, s, testKey, 1)); diff != "" {
		t.Error(diff)
	}
	other := testKey
	other.Simulated = true
	if diff := cmp.Diff(none, held(t, s, other, 1)); diff != "" {
		t.Errorf("simulated: %s", diff)
	}
	other = testKey
	other.Cluster = "h100"
	if diff := cmp.Diff(none, held(t, s, other, 1)); diff != "" {
		t.Errorf("another cluster: %s", diff)
	}
	if st, err := s.View("").Look(testKey.Fingerprint, "", false, 1); err != nil || st.Valid != 0 {
		t.Errorf("unknown cluster: %+v, %v", st, err)
	}
}

// The claim tells the job when the submission was never confirmed.
func TestHeldNamesTheJobOfTheClaim(t *testing.T) {
	s := Open(t.TempDir())
	a := newAttempt(t, s, testKey, 1, testAddress)
	put(t, a, "claim", left("99", "")[0].content)
	if st := held(t, s, testKey, 1); len(st.InFlight) != 1 || st.InFlight[0].JobID != "99" {
		t.Errorf("%+v", st)
	}
}

func TestSamples(t *testing.T) {
	s := Open(t.TempDir())
	samples := func() []Sample {
		t.Helper()
		out, err := s.Samples(testKey, 2)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	fail(t, newAttempt(t, s, testKey, 1, testAddress), "node_fail")
	second := newAttempt(t, s, testKey, 1, testAddress)
	if err := second.RecordJob(jobdir.JobRecord{Handle: "slurm:gb:1:n", JobID: "1"}); err != nil {
		t.Fatal(err)
	}
	finish(t, newAttempt(t, s, testKey, 5, testAddress))

	got := samples()
	if len(got) != 3 || got[0].Sample != 1 || got[1].Sample != 2 || got[2].Sample != 5 {
		t.Fatalf("%+v", got)
	}
	if g := got[0]; !g.State.InFlight() || g.Counts || g.Handle != "slurm:gb:1:n" || !g.Mine || g.Tries != 2 || g.Attempt.Number != 2 {
		t.Errorf("%+v", g)
	}
	if g := got[1]; g.Attempt != nil || g.State.InFlight() || g.Counts {
		t.Errorf("%+v", g)
	}
	if g := got[2]; !g.Counts || g.Result == nil || g.State != plan.Ended {
		t.Errorf("%+v", g)
	}

	fail(t, second, "gpu_oom")
	if g := samples()[0]; g.State.InFlight() || g.Result.Code() != "gpu_oom" || g.Tries != 2 {
		t.Errorf("%+v", g)
	}
	st := held(t, s, testKey, 2)
	if diff := cmp.Diff([]plan.Failed{{Code: "gpu_oom", Detail: "said the backend"}}, st.Failed); diff != "" {
		t.Error(diff)
	}

	finish(t, newAttempt(t, s, testKey, 1, testAddress))
	fail(t, newAttempt(t, s, testKey, 1, testAddress), "lost")
	if g := samples()[0]; !g.Counts || g.Attempt.Number != 3 {
		t.Errorf("a later failure speaks for a sample that is there: %+v", g)
	}
}

func TestReplaceRetires(t *testing.T) {
	s := Open(t.TempDir())
	if err := s.replace(testKey, 1, "nothing there", ""); err != nil {
		t.Fatal(err)
	}
	finish(t, newAttempt(t, s, testKey, 1, testAddress))
	newAttempt(t, s, testKey, 1, testAddress)
	if err := s.replace(testKey, 1, "asked for with -replace", ""); err != nil {
		t.Fatal(err)
	}
	if st := held(t, s, testKey, 1); st.Valid != 0 || len(st.InFlight) != 0 || st.Missing() != 1 {
		t.Errorf("%+v", st)
	}
	if l, err := s.View("test").Results(false); err != nil || len(l) != 0 {
		t.Errorf("%v, %v", l, err)
	}
	if l, err := s.View("test").History(false); err != nil || len(l) != 1 {
		t.Errorf("%v, %v", l, err)
	}
	a := newAttempt(t, s, testKey, 1, testAddress)
	if a.Number != 3 {
		t.Errorf("attempt %d, want 3: numbers are never given again", a.Number)
	}
	finish(t, a)
	if st := held(t, s, testKey, 1); st.Valid != 1 {
		t.Errorf("%+v", st)
	}
}

func TestReplaceAll(t *testing.T) {
	s := Open(t.TempDir())
	for sample := range 3 {
		finish(t, newAttempt(t, s, testKey, sample+1, testAddress))
	}
	if err := s.ReplaceAll(testKey, "asked for with -replace", ""); err != nil {
		t.Fatal(err)
	}
	if st := held(t, s, testKey, 1); st.Valid != 0 || st.Missing() != 1 {
		t.Errorf("%+v", st)
	}
}

// Without a saved plan the store is as it was before that was applied.
func TestWithoutPlan(t *testing.T) {
	s := Open(t.TempDir())
	of := func(plan string) *Attempt {
		a, err := s.Reserve(testKey, 1)
		if err != nil {
			t.Fatal(err)
		}
		p := testPrepared(s, a, testAddress)
		p.Intent.Plan = plan
		if err := a.Prepare(p); err != nil {
			t.Fatal(err)
		}
		finish(t, a)
		return a
	}
	finish(t, newAttempt(t, s, testKey, 1, testAddress))
	if err := s.ReplaceAll(testKey, "asked for with -replace", ""); err != nil {
		t.Fatal(err)
	}
	finish(t, newAttempt(t, s, testKey, 1, testAddress))
	before := held(t, s, testKey, 1)

	for range 2 { // a second apply sets aside nothing that the first one measured
		if err := s.ReplaceAll(testKey, "asked for with -replace", "p"); err != nil {
			t.Fatal(err)
		}
		of("p")
	}
	last := of("p")
	fail(t, newAttempt(t, s, testKey, 2, testAddress), "lost")
	if samples, err := s.Samples(testKey, 1); err != nil || samples[0].Attempt.Number != last.Number || samples[0].Tries != 1 {
		t.Errorf("%+v, %v", samples, err)
	}
	old := s.Without("p")
	for name, look := range map[string]func() (plan.Samples, error){
		"store": func() (plan.Samples, error) { return old.counts(testKey, 1) },
		"view": func() (plan.Samples, error) {
			return old.View("0").Look(testKey.Fingerprint, testKey.Cluster, false, 1)
		},
	} {
		st, err := look()
		if err != nil || st.Valid != before.Valid || len(st.Failed) != 1 { // that of nobody's plan is seen
			t.Errorf("%s: %+v, %v, want %+v and a failure", name, st, err, before)
		}
	}
	if at, err := old.View("0").LastAt(testAddress, false); err != nil || at == nil {
		t.Errorf("%v, %v", at, err)
	}
	if s.Without("") != s {
		t.Error("without no plan it is another store")
	}
	if samples, err := old.Samples(testKey, 1); err != nil || samples[0].Attempt.Number != 2 {
		t.Errorf("the attempt that speaks is %+v, %v", samples, err)
	}
}

func TestReportThatStillArrives(t *testing.T) {
	s := Open(t.TempDir())
	a := newAttempt(t, s, testKey, 1, testAddress)
	finish(t, a)
	ended := time.Date(2026, 3, 4, 6, 10, 0, 0, time.UTC)
	put(t, a, "report.json", reportJSON()[:100])

	s.now = func() time.Time { return ended.Add(time.Minute) }
	if p, err := a.State(); p != plan.Finishing || err != nil {
		t.Errorf("a minute after the end: %s, %v", p, err)
	}
	s.now = func() time.Time { return ended.Add(time.Hour) }
	if r, err := a.Result(); err != nil || r.Code() != "report_damaged" || r.Verdict != results.Failed {
		t.Errorf("an hour after the end: %+v, %v", r, err)
	}
}

// Two fingerprints may share the digits that name the folder.
func TestFingerprintsThatShareAFolder(t *testing.T) {
	s := Open(t.TempDir())
	finish(t, newAttempt(t, s, testKey, 1, testAddress))
	newAttempt(t, s, testKey, 2, testAddress)
	twin := testKey
	twin.Fingerprint = twin.Fingerprint[:63] + "0"
	if st := held(t, s, twin, 2); st.Valid != 0 || len(st.InFlight) != 0 {
		t.Errorf("%+v", st)
	}
}

func TestResultsAreInOrder(t *testing.T) {
	s := Open(t.TempDir())
	finish(t, newAttempt(t, s, testKey, 2, "b/use_case=chat"))
	finish(t, newAttempt(t, s, testKey, 1, "b/use_case=chat"))
	finish(t, newAttempt(t, s, otherKey, 1, "a/use_case=chat"))
	newAttempt(t, s, otherKey, 2, "a/use_case=chat")
	got, err := s.View("test").Results(false)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, r := range got {
		order = append(order, r.Address+" "+r.Fingerprint[:2]+" "+string(rune('0'+r.Sample)))
	}
	want := []string{"a/use_case=chat cd 1", "b/use_case=chat ab 1", "b/use_case=chat ab 2"}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Error(diff)
	}
	r := got[0]
	if *r.Job.ID != "4711" || len(r.Job.Nodes) != 2 || r.Took() != 10*time.Minute || r.Files.Report == nil || r.Simulated {
		t.Errorf("%+v", r)
	}
}
