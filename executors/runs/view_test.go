package runs

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// keeping is a view that keeps everything, and at once.
func keeping(s *Store) *View {
	v := s.View()
	for i := range v.halves {
		v.halves[i].least = 1
		v.halves[i].now = func(dir string) int64 { return fileTime(dir) + int64(time.Hour) }
	}
	return v
}

// withoutIndex is a view that reads no index.
func withoutIndex(s *Store) *View {
	v := s.View()
	for i := range v.halves {
		h := &v.halves[i]
		h.open.Do(func() { h.dir, _ = os.Open(s.runsDir(h.simulated)) })
	}
	return v
}

// indexFiles are the indexes of a store.
func indexFiles(s *Store) []string {
	found, _ := filepath.Glob(filepath.Join(s.Dir(), "index", "*"))
	more, _ := filepath.Glob(filepath.Join(s.Dir(), "simulated", "index", "*"))
	return append(found, more...)
}

// said is what a view answers, in a form that can be compared.
type said struct {
	States    []plan.State
	Slots     [][]Slot
	Last      []string
	Addresses []string
	Lessons   string // in JSON
	Results   []*results.Result
}

var viewKeys = []Key{testKey, otherKey, {Fingerprint: testKey.Fingerprint, Cluster: "other"}, {Fingerprint: testKey.Fingerprint, Cluster: "gb", Simulated: true}}

var viewAddresses = []string{testAddress, "max_throughput/use_case=other"}

func ask(t testing.TB, v *View) said {
	t.Helper()
	var out said
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range viewKeys {
		state, err := v.Look(k.Fingerprint, k.Cluster, k.Simulated, 2)
		must(err)
		slots, err := v.Slots(k, 2)
		must(err)
		alike(t, v.store, k, slots)
		out.States, out.Slots = append(out.States, state), append(out.Slots, plainSlots(slots))
	}
	for _, simulated := range []bool{false, true} {
		for _, address := range viewAddresses {
			last, err := v.LastAt(address, simulated)
			must(err)
			text := "none"
			if last != nil {
				run, err := last.Run()
				must(err)
				text = fmt.Sprint(last.Fingerprint, run != nil && run.Fingerprint == last.Fingerprint)
			}
			out.Last = append(out.Last, text)
		}
		addresses, err := v.Addresses(simulated)
		must(err)
		list, err := v.Results(simulated)
		must(err)
		out.Addresses, out.Results = append(out.Addresses, addresses...), append(out.Results, list...)
	}
	lessons, err := v.Lessons(func(plan.Subject) bool { return true })
	must(err)
	text, err := json.Marshal(lessons)
	must(err)
	out.Lessons = string(text)
	return out
}

// plainSlots are slots without their attempts.
func plainSlots(slots []Slot) []Slot {
	slots = slices.Clone(slots)
	for i := range slots {
		if a := slots[i].Attempt; a != nil {
			slots[i].Handle += " " + a.String()
		}
		slots[i].Attempt = nil
	}
	return slots
}

// alike holds the slots of a view against those that are read from the files.
func alike(t testing.TB, s *Store, k Key, got []Slot) {
	t.Helper()
	want, err := s.Slots(k, 2)
	if err != nil {
		t.Fatal(err)
	}
	text := func(slots []Slot) string {
		var b strings.Builder
		for _, slot := range plainSlots(slots) {
			fmt.Fprintln(&b, slot.Sample, slot.Handle, slot.Phase, slot.Counts, slot.InFlight, slot.Job, slot.Pack, slot.Deferred, slot.Tries)
			if r := slot.Result; r != nil {
				fmt.Fprintln(&b, r.Address, r.Fingerprint, r.Sample, r.Attempt, r.Executor, r.Cluster, r.Simulated, r.Verdict, r.Reasons, r.Caveats, r.Took(), r.Provenance.Observation(), r.Job.Nodes)
				for _, p := range []*string{r.Job.ID, r.Files.Stdout, r.Files.Stderr, r.Files.Report, r.Files.JobOut} {
					if p != nil {
						fmt.Fprintln(&b, *p)
					}
				}
				for _, m := range trtllm.Metrics {
					if v := r.Metrics.At(m.Name); v != nil {
						fmt.Fprintln(&b, m.Name, *v)
					}
				}
			}
		}
		return b.String()
	}
	if diff := cmp.Diff(text(want), text(got)); diff != "" {
		t.Fatalf("%v as the files tell and as the view does:\n%s", k, diff)
	}
}

// With an index, with a damaged one and without, a store answers the same after
// whatever was done to it.
func TestAnIndexChangesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := Open(t.TempDir())
		s.now = func() time.Time { return testTime.Add(1000 * time.Hour) } // all has arrived
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			changeStore(t, rt, s)
			for _, path := range indexFiles(s) {
				damage(t, rt, path)
			}
			v := keeping(s)
			got, want := ask(t, v), ask(t, withoutIndex(s))
			if diff := cmp.Diff(want, got); diff != "" {
				rt.Fatalf("without and with an index:\n%s", diff)
			}
			v.Keep()
			time.Sleep(10 * time.Millisecond) // a step of the kernel's clock
		}
	})
}

// changeStore does one thing to a store that a client, a job or a person does.
func changeStore(t *testing.T, rt *rapid.T, s *Store) {
	k := rapid.SampledFrom(viewKeys).Draw(rt, "key")
	sample := rapid.IntRange(1, 2).Draw(rt, "sample")
	attempts, err := s.Attempts(k)
	if err != nil {
		t.Fatal(err)
	}
	what := rapid.SampledFrom([]string{"new", "new", "finish", "finish", "fail", "defer", "replace", "edit", "remove a file", "remove"}).Draw(rt, "what")
	if what == "new" || len(attempts) == 0 {
		newAttempt(t, s, k, sample, rapid.SampledFrom(viewAddresses).Draw(rt, "address"))
		return
	}
	a := rapid.SampledFrom(attempts).Draw(rt, "attempt")
	names, err := jobdir.List(a.Dir)
	if err != nil {
		t.Fatal(err)
	}
	name := rapid.SampledFrom(names.Names).Draw(rt, "file")
	path := filepath.Join(a.Dir, name)
	switch what {
	case "finish":
		finish(t, a)
	case "fail":
		fail(t, a, "gpu_oom")
	case "defer":
		_, err = a.Defer("others are waiting")
	case "replace":
		err = s.Replace(k, sample, "asked for")
	case "edit": // in place, its size kept
		path = filepath.Join(a.Dir, rapid.SampledFrom([]string{"report.json", "exit", "start", "intent.json", "ended.json", "claim"}).Draw(rt, "edited"))
		if b, readErr := os.ReadFile(path); readErr == nil {
			digit := rapid.SampledFrom([]string{"1", "3", "7"}).Draw(rt, "digit")
			err = os.WriteFile(path, []byte(strings.NewReplacer("1", digit, "7", digit).Replace(string(b))), 0o644)
		}
	case "remove a file":
		err = os.Remove(path)
	case "remove":
		err = os.RemoveAll(a.Dir)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// damage does something to an index, or leaves it.
func damage(t *testing.T, rt *rapid.T, path string) {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) == 0 {
		return
	}
	at := rapid.IntRange(0, len(b)-1).Draw(rt, "at")
	switch rapid.SampledFrom([]string{"keep", "keep", "keep", "remove", "cut", "flip"}).Draw(rt, "damage") {
	case "remove":
		err = os.Remove(path)
	case "cut":
		err = os.Truncate(path, int64(at))
	case "flip":
		b[at] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		err = os.WriteFile(path, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// fillOld puts finished runs into a store.
func fillOld(t testing.TB, s *Store, n int) []Key {
	var keys []Key
	for i := range n {
		k := Key{Fingerprint: fmt.Sprintf("%064x", uint64(i)<<40), Cluster: "gb"}
		k.Fingerprint = fmt.Sprintf("%012x", i) + k.Fingerprint[12:]
		finish(t, newAttempt(t, s, k, 1, fmt.Sprintf("b/use_case=u%d", i)))
		keys = append(keys, k)
	}
	return keys
}

// What is in the index is not judged again.
func TestAnIndexSavesReading(t *testing.T) {
	s := Open(t.TempDir())
	fillOld(t, s, 3)
	judged := func() int {
		v := keeping(s)
		if got, err := v.Results(false); len(got) != 3 || err != nil {
			t.Fatalf("%d results, %v", len(got), err)
		}
		v.Keep()
		return v.halves[0].judged
	}
	if n := judged(); n != 3 {
		t.Errorf("%d judged without an index", n)
	}
	if n := judged(); n != 0 {
		t.Errorf("%d judged with one", n)
	}
	if err := os.RemoveAll(filepath.Join(s.Dir(), indexDir)); err != nil {
		t.Fatal(err)
	}
	if n := judged(); n != 3 {
		t.Errorf("%d judged once it was removed", n)
	}
}

// What has just changed may change again within one step of the file system's
// clock, and a small store needs no index: neither is kept.
func TestWhatIsTooNewOrSmallIsNotKept(t *testing.T) {
	for _, n := range []int{3, 2 * leastFresh} {
		s := Open(t.TempDir())
		fillOld(t, s, n)
		v := s.View()
		if got, err := v.Results(false); len(got) != n || err != nil {
			t.Fatalf("%d results, %v", len(got), err)
		}
		v.Keep()
		if found := indexFiles(s); len(found) > 0 {
			t.Errorf("%d results that are new: %v", n, found)
		}
	}
}

// Attempts that tell their owner more than others are judged by each reader.
func TestSecretsStayOutOfTheIndex(t *testing.T) {
	s := Open(t.TempDir())
	fail(t, newAttempt(t, s, testKey, 1, testAddress), "gpu_oom")
	for range 2 {
		v := keeping(s)
		if got, err := v.Results(false); len(got) != 1 || err != nil {
			t.Fatalf("%d results, %v", len(got), err)
		}
		v.Keep()
		if found := indexFiles(s); len(found) > 0 {
			t.Errorf("kept: %v", found)
		}
	}
}

// Of every subject the newest lessons are kept.
func TestLessonsAreBounded(t *testing.T) {
	l := lessons{}
	s := Open(t.TempDir())
	r := &results.Result{Verdict: results.Valid, Metrics: trtllm.Measured(map[string]float64{trtllm.OutputThroughputPerGPU: 1})}
	for i := range 5 * plan.LessonsOfSubject {
		c := *r
		c.Job.Ended = ptr(testTime.Add(time.Duration(i*7%1000) * time.Second))
		l.add(Slot{Attempt: s.attempt(s.KeyDir(testKey), testKey, 1, i+1), Counts: true, Result: &c})
	}
	for about, list := range l {
		if len(list) > 2*plan.LessonsOfSubject {
			t.Errorf("%d kept of %v", len(list), about)
		}
		left := newest(list)
		if len(left) != plan.LessonsOfSubject || left[0].ended.Before(left[len(left)-1].ended) {
			t.Errorf("%d lessons from %v to %v", len(left), left[0].ended, left[len(left)-1].ended)
		}
	}
}

func FuzzIndex(f *testing.F) {
	s := Open(f.TempDir())
	fillOld(f, s, 2)
	v := keeping(s)
	if _, err := v.Results(false); err != nil {
		f.Fatal(err)
	}
	v.Keep()
	for _, path := range indexFiles(s) {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, e := range v.halves[0].kept.entries {
		f.Add(e.raw)
	}
	f.Fuzz(func(t *testing.T, text string) {
		x := parseIndex(text)
		for fingerprint, e := range x.entries {
			decode(x.words, fingerprint, e.raw)
		}
		if h, ok := decode(v.halves[0].kept.words, "0123456789ab", text); ok {
			_ = h.encode(newWords(nil), 0)
		}
	})
}

// A file that is written over in place, with its size kept, is noticed.
func TestAnEditInPlaceIsNoticed(t *testing.T) {
	for _, name := range []string{"report.json", "exit", "start", "job.json", "run.json", "intent.json", "replaced.json"} {
		s := Open(t.TempDir())
		retired := newAttempt(t, s, testKey, 1, testAddress)
		finish(t, retired)
		if err := s.Replace(testKey, 1, "asked for"); err != nil {
			t.Fatal(err)
		}
		a := newAttempt(t, s, testKey, 1, testAddress)
		if err := a.RecordJob(jobdir.JobRecord{JobID: "17"}); err != nil {
			t.Fatal(err)
		}
		finish(t, a)
		v := keeping(s)
		before := ask(t, v)
		v.Keep()
		path := filepath.Join(a.Dir, name)
		if name == replacedFile {
			path = filepath.Join(filepath.Dir(a.Dir), name)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond) // a step of the kernel's clock
		put := strings.NewReplacer("775.9", "875.9", `"rc":0`, `"rc":1`, "gb[01-02]", "gb[01-03]", `"FP8"`, `"FP4"`, `"created":"2026`, `"created":"2027`, `"up_to":1`, `"up_to":2`, `"17"`, `"18"`).Replace(string(b))
		if err := os.WriteFile(path, []byte(put), 0o644); err != nil {
			t.Fatal(err)
		}
		v = keeping(s)
		got := ask(t, v)
		if diff := cmp.Diff(ask(t, withoutIndex(s)), got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if v.halves[0].judged == 0 {
			t.Errorf("%s was edited, and nothing judged again", name)
		}
		if name == "report.json" && cmp.Equal(before, got) {
			t.Error("another report says the same")
		}
	}
}
