package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// keeping is a view that keeps everything, and at once.
func keeping(s *Store) *View {
	v := s.View("test")
	for i := range v.halves {
		v.halves[i].least = 1
		v.halves[i].now = func(dir string) int64 { return fileTime(dir) + int64(time.Hour) }
	}
	return v
}

// withoutCache is a view that reads no cache.
func withoutCache(s *Store) *View {
	v := s.View("test")
	for i := range v.halves {
		v.halves[i].open.Do(func() {})
	}
	return v
}

// cacheFiles are the caches of a store.
func cacheFiles(s *Store) []string {
	found, _ := filepath.Glob(filepath.Join(s.Dir(), "cache", "*"))
	more, _ := filepath.Glob(filepath.Join(s.Dir(), "simulated", "cache", "*"))
	return append(found, more...)
}

// said is what a view answers, in a form that can be compared.
type said struct {
	States    []plan.Samples
	Samples   [][]Sample
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
		samples, err := v.Shown(k, 2)
		must(err)
		state, err := v.Look(k.Fingerprint, k.Cluster, k.Simulated, 2)
		must(err)
		alike(t, v.store, k, samples)
		out.States, out.Samples = append(out.States, state), append(out.Samples, plainSamples(samples))
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

// plainSamples are samples without their attempts.
func plainSamples(samples []Sample) []Sample {
	samples = slices.Clone(samples)
	for i := range samples {
		if a := samples[i].Attempt; a != nil {
			samples[i].Handle += " " + a.String()
		}
		samples[i].Attempt = nil
	}
	return samples
}

// alike compares the samples of a view with those that are read from the files.
func alike(t testing.TB, s *Store, k Key, got []Sample) {
	t.Helper()
	want, err := s.Samples(k, 2)
	if err != nil {
		t.Fatal(err)
	}
	text := func(samples []Sample) string {
		var b strings.Builder
		for _, sample := range plainSamples(samples) {
			fmt.Fprintln(&b, sample.Sample, sample.Handle, sample.State, sample.Counts, sample.State.InFlight(), sample.Job, sample.SharedJob, sample.Deferred, sample.Tries)
			if r := sample.Result; r != nil {
				fmt.Fprintln(&b, r.Reasons, r.Took())
				if r.Files.JobOut != nil {
					fmt.Fprintln(&b, *r.Files.JobOut)
				}
				document, err := json.Marshal(r)
				fmt.Fprintln(&b, string(document), err)
			}
		}
		return b.String()
	}
	if diff := cmp.Diff(text(want), text(got)); diff != "" {
		t.Fatalf("%v as the files tell and as the view does:\n%s", k, diff)
	}
}

// With a cache, with a damaged one and without, a store answers the same after
// whatever was done to it.
func TestACacheChangesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := Open(t.TempDir())
		s.now = func() time.Time { return testTime.Add(1000 * time.Hour) } // all has arrived
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			changeStore(t, rt, s)
			for _, path := range cacheFiles(s) {
				damage(t, rt, path)
			}
			v := keeping(s)
			got, want := ask(t, v), ask(t, withoutCache(s))
			if diff := cmp.Diff(want, got); diff != "" {
				rt.Fatalf("without and with a cache:\n%s", diff)
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
		err = s.replace(k, sample, "asked for", "")
	case "edit": // in place, its size kept
		path = filepath.Join(a.Dir, rapid.SampledFrom([]string{"report.json", "exit", "run.json", "stdout"}).Draw(rt, "edited"))
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

// damage does something to a cache, or leaves it.
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

// A value is in the cache once, and what one of its owners appends is not the others'.
func TestResultsShareValues(t *testing.T) {
	var shared values
	nodes := []string{"a", "b", "c"}
	n := shared.add(&nodes)
	if again := shared.add(&nodes); again != n || len(shared.lines) != 1 {
		t.Errorf("the same value is %d, then %d", n, again)
	}
	var one, other []string
	if err := errors.Join(shared.get(n, &one), shared.get(n, &other)); err != nil {
		t.Fatal(err)
	}
	one, other = append(one, "one"), append(other, "other")
	if one[3] != "one" || other[3] != "other" {
		t.Error(one, other)
	}
	if err := shared.get(n+1, &one); err == nil {
		t.Error("there is a value that nobody added")
	}
}

// What is in the cache is not judged again.
func TestACacheSavesReading(t *testing.T) {
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
		t.Errorf("%d judged without a cache", n)
	}
	if n := judged(); n != 0 {
		t.Errorf("%d judged with one", n)
	}
	if err := os.RemoveAll(filepath.Join(s.Dir(), cacheDir)); err != nil {
		t.Fatal(err)
	}
	if n := judged(); n != 3 {
		t.Errorf("%d judged once it was removed", n)
	}
}

// What has just changed may change again within one step of the file system's
// clock, and a small store needs no cache: neither is kept.
func TestWhatIsTooNewOrSmallIsNotKept(t *testing.T) {
	for n, clock := range map[int]func(began int64) int64{
		3:              func(began int64) int64 { return began + int64(time.Hour) },
		2 * leastFresh: func(began int64) int64 { return began + int64(coarse) },
	} {
		s := Open(t.TempDir())
		began := fileTime(s.Dir())
		fillOld(t, s, n)
		v := s.View("test")
		for i := range v.halves {
			v.halves[i].now = func(string) int64 { return clock(began) }
		}
		if got, err := v.Results(false); len(got) != n || err != nil {
			t.Fatalf("%d results, %v", len(got), err)
		}
		v.Keep()
		if found := cacheFiles(s); len(found) > 0 {
			t.Errorf("%d results that are new: %v", n, found)
		}
	}
}

// Attempts that tell their owner more than others are judged by each reader.
func TestSecretsStayOutOfTheCache(t *testing.T) {
	s := Open(t.TempDir())
	fail(t, newAttempt(t, s, testKey, 1, testAddress), "gpu_oom")
	for range 2 {
		v := keeping(s)
		if got, err := v.Results(false); len(got) != 1 || err != nil {
			t.Fatalf("%d results, %v", len(got), err)
		}
		v.Keep()
		if found := cacheFiles(s); len(found) > 0 {
			t.Errorf("kept: %v", found)
		}
	}
}

// Of every subject the newest lessons are kept.
func TestLessonsAreBounded(t *testing.T) {
	var l []lessonSample
	s := Open(t.TempDir())
	r := &results.Result{Verdict: results.Valid, Metrics: trtllm.Measured(map[string]float64{trtllm.OutputThroughputPerGPU: 1})}
	for i := range 5 * plan.LessonsOfSubject {
		c := *r
		c.Job.Ended = ptr(testTime.Add(time.Duration(i*7%1000) * time.Second))
		c.Hardware.Nodes = i % 2
		l = addLesson(l, Sample{Attempt: s.attempt(s.KeyDir(testKey), testKey, 1, i+1), Counts: true, Result: &c})
	}
	left := newest(l, func(about plan.Subject) bool { return about.Nodes == 1 })
	if len(left) != plan.LessonsOfSubject || left[0].ended.Before(left[len(left)-1].ended) || left[0].about.Nodes != 1 {
		t.Errorf("%d lessons from %v to %v", len(left), left[0].ended, left[len(left)-1].ended)
	}
}

func FuzzCache(f *testing.F) {
	s := Open(f.TempDir())
	fillOld(f, s, 2)
	v := keeping(s)
	if _, err := v.Results(false); err != nil {
		f.Fatal(err)
	}
	v.Keep()
	for _, path := range cacheFiles(s) {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		for line := range bytes.Lines(text) {
			f.Add(line)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		_, shared := parseCache(text, "test")
		if h, err := readLine(text, "/store", &values{lines: shared}); err == nil {
			h.line(&values{})
		}
	})
}

// The lines of another version, of another user and of a cache that is damaged are
// not read, and the cache is written anew.
func TestOnlyOwnCachesAreRead(t *testing.T) {
	s := Open(t.TempDir())
	fillOld(t, s, 3)
	keep := func() *View {
		v := keeping(s)
		if got, err := v.Results(false); len(got) != 3 || err != nil {
			t.Fatalf("%d results, %v", len(got), err)
		}
		v.Keep()
		return v
	}
	keep()
	path := cachePath(s.half(false))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: not for its owner alone", info.Mode(), err)
	}
	if got, _ := readCache(s.half(false), "another"); got != nil {
		t.Error("the cache of another version is read")
	}
	for name, spoil := range map[string]func() error{
		"cut": func() error { return os.Truncate(path, int64(len(whole)/2)) },
		"changed": func() error {
			return os.WriteFile(path, bytes.Replace(whole, []byte("FP8"), []byte("FP4"), 1), 0o600)
		},
		"foreign": func() error {
			if os.Geteuid() != 0 {
				return os.Remove(path) // only root can give files away
			}
			return os.Chown(path, 65534, 65534)
		},
	} {
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		if lines, _ := readCache(s.half(false), "test"); lines == nil {
			t.Fatal("a whole cache is not read")
		}
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if v := keep(); v.halves[0].judged != 3 {
			t.Errorf("%s: %d judged, want all", name, v.halves[0].judged)
		}
		if v := keep(); v.halves[0].judged != 0 {
			t.Errorf("%s: %d judged once the cache was written anew", name, v.halves[0].judged)
		}
		os.Remove(path)
	}
}

// A store that was moved has its paths where it is now.
func TestACacheMovesWithItsStore(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "before"))
	fillOld(t, s, 1)
	v := keeping(s)
	if _, err := v.Results(false); err != nil {
		t.Fatal(err)
	}
	v.Keep()
	after := filepath.Join(filepath.Dir(s.Dir()), "after")
	if err := os.Rename(s.Dir(), after); err != nil {
		t.Fatal(err)
	}
	v = keeping(Open(after))
	got, err := v.Results(false)
	if err != nil || len(got) != 1 || v.halves[0].judged != 0 || !strings.HasPrefix(*got[0].Files.Report, after) {
		t.Errorf("%d judged, %v, %v", v.halves[0].judged, got, err)
	}
}

// On a file system that takes 10 ms for a look at a file, views look at an ended run
// twice, at its contents five times, at many runs at once, and at no run that is not
// asked for.
func TestSlowMetadata(t *testing.T) {
	s := Open(t.TempDir())
	keys := fillOld(t, s, 320)
	v := keeping(s)
	_, err := v.scan(false)
	if err := errors.Join(err, s.LinkAddress("b/use_case=u7", s.Attempt(keys[7], 1, 1))); err != nil {
		t.Fatal(err)
	}
	v.Keep()
	var looks atomic.Int64
	statx = func(dir int, path string, flags, mask int, into *unix.Statx_t) error {
		looks.Add(1)
		time.Sleep(10 * time.Millisecond)
		return unix.Statx(dir, path, flags, mask, into)
	}
	t.Cleanup(func() { statx = unix.Statx })
	for name, c := range map[string]struct {
		ask  func(v *View) error
		want int64
	}{
		"a plan":      {func(v *View) error { _, err := v.LastAt("b/use_case=u7", false); return err }, 2 * 320},
		"all results": {func(v *View) error { _, err := v.Results(false); return err }, 5 * 320},
		"one result":  {func(v *View) error { _, err := v.Shown(keys[7], 1); return err }, 5},
		"plan of one": {func(v *View) error {
			v.Some = true
			if _, err := v.Look(keys[7].Fingerprint, "gb", false, 1); err != nil {
				return err
			}
			if last, err := v.LastAt("b/use_case=u7", false); err != nil || last == nil {
				return fmt.Errorf("last: %v, %w", last, err)
			}
			lessons, err := v.Lessons(func(plan.Subject) bool { return true })
			if len(lessons) != plan.LessonsOfSubject {
				t.Errorf("%d lessons", len(lessons))
			}
			return err
		}, 2},
	} {
		looks.Store(0)
		began := time.Now()
		if err := c.ask(s.View("test")); err != nil {
			t.Fatal(name, err)
		}
		if n := looks.Load(); n != c.want {
			t.Errorf("%s: %d looks, want %d", name, n, c.want)
		}
		if took, least := time.Since(began), time.Duration(c.want)*10*time.Millisecond; took > time.Second+least/16 {
			t.Errorf("%s: %s for what takes %s one after another", name, took, least)
		}
	}
}

// What is added to a fingerprint is noticed, though nobody looks at the folders above
// those of attempts.
func TestWhatIsAddedIsNoticed(t *testing.T) {
	elsewhere := testKey
	elsewhere.Cluster = "other"
	for name, add := range map[string]func(t *testing.T, s *Store) error{
		"an attempt":  func(t *testing.T, s *Store) error { finish(t, newAttempt(t, s, testKey, 1, testAddress)); return nil },
		"a sample":    func(t *testing.T, s *Store) error { finish(t, newAttempt(t, s, testKey, 2, testAddress)); return nil },
		"a cluster":   func(t *testing.T, s *Store) error { finish(t, newAttempt(t, s, elsewhere, 1, testAddress)); return nil },
		"a tombstone": func(_ *testing.T, s *Store) error { return s.replace(testKey, 1, "asked for", "") },
	} {
		s := Open(t.TempDir())
		fail(t, newAttempt(t, s, testKey, 1, testAddress), "node_fail")
		if err := os.Remove(filepath.Join(s.attempt(s.KeyDir(testKey), testKey, 1, 1).Dir, jobdir.SecretsFile)); err != nil {
			t.Fatal(err)
		}
		v := keeping(s)
		before := ask(t, v)
		v.Keep()
		if v = keeping(s); !cmp.Equal(before, ask(t, v)) || v.halves[0].judged > 1 { // the other key has no folder
			t.Fatalf("%s: nothing was kept", name)
		}
		time.Sleep(10 * time.Millisecond) // a step of the kernel's clock
		if err := add(t, s); err != nil {
			t.Fatal(err)
		}
		got := ask(t, keeping(s))
		if diff := cmp.Diff(ask(t, withoutCache(s)), got); diff != "" || cmp.Equal(before, got) {
			t.Errorf("%s is not noticed: %s", name, diff)
		}
	}
}

// A file that is written over in place, with its size kept, is noticed.
func TestAnEditInPlaceIsNoticed(t *testing.T) {
	for _, name := range []string{"report.json", "exit", "run.json", "stdout", "requests.csv"} {
		s := Open(t.TempDir())
		retired := newAttempt(t, s, testKey, 1, testAddress)
		finish(t, retired)
		if err := s.replace(testKey, 1, "asked for", ""); err != nil {
			t.Fatal(err)
		}
		a := newAttempt(t, s, testKey, 1, testAddress)
		if err := a.RecordJob(jobdir.JobRecord{JobID: "17"}); err != nil {
			t.Fatal(err)
		}
		finish(t, a)
		var records bytes.Buffer
		if err := trtllm.WriteRequests(&records, testRequests()); err != nil {
			t.Fatal(err)
		}
		put(t, a, jobdir.RequestsCSV, records.String())
		v := keeping(s)
		before := ask(t, v)
		v.Keep()
		path := filepath.Join(a.Dir, name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond) // a step of the kernel's clock
		put := strings.NewReplacer("775.9", "875.9", `"rc":0`, `"rc":1`, `"FP8"`, `"FP4"`, "Starting", "Stopping", ",900000000,", ",900000009,").Replace(string(b))
		if err := os.WriteFile(path, []byte(put), 0o644); err != nil {
			t.Fatal(err)
		}
		v = keeping(s)
		got := ask(t, v)
		if diff := cmp.Diff(ask(t, withoutCache(s)), got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if v.halves[0].judged == 0 {
			t.Errorf("%s was edited, and nothing judged again", name)
		}
		v.halves[0].least = leastFresh
		v.Keep() // one is enough where the cache was wrong
		state, err := keeping(s).Look(testKey.Fingerprint, testKey.Cluster, false, 2)
		if diff := cmp.Diff(got.States[0], state); err != nil || diff != "" {
			t.Errorf("%s: the cache still has what was before: %v %s", name, err, diff)
		}
		if name == "report.json" && cmp.Equal(before, got) {
			t.Error("another report says the same")
		}
	}
}
