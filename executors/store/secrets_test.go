package store

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/llmbench/llmbench/executors/jobdir"
)

const secret = "hunter2-is-secret"

// Wherever a value stands in a log, also across the pieces in which it is read, no
// part of it is left, and all else is.
func TestRedactorCopies(t *testing.T) {
	r := NewRedactor("hunter2", "hunter2-longer", "short", "ab.*[]$")
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.SampledFrom([]string{"hunter2", "hunter2-longer", "short", "ab.*[]$", "x", "\n", "\x00", "hunter", strings.Repeat("y", 1<<20-3)})).Draw(t, "parts")
		in := strings.Join(parts, "")
		want := strings.NewReplacer("hunter2-longer", hidden, "hunter2", hidden, "ab.*[]$", hidden).Replace(in)
		var out bytes.Buffer
		found, err := r.copy(&out, iotest.HalfReader(strings.NewReader(in)))
		if err != nil || out.String() != want || found != (in != want) {
			t.Fatalf("%v, %v: %d bytes of %d", found, err, out.Len(), len(want))
		}
	})
}

// A value that a longer one begins with, at the end of a piece, is not taken for it.
func TestRedactorCopiesLonger(t *testing.T) {
	r := NewRedactor("hunter2", "hunter2-longer")
	filler := strings.Repeat("y", 1<<20-len("hunter2"))
	var out bytes.Buffer
	if _, err := r.copy(&out, strings.NewReader(filler+"hunter2-longer")); err != nil || out.String() != filler+hidden {
		t.Errorf("%v, ends in %q", err, out.String()[len(filler):])
	}
}

// secretAttempt is an attempt with secrets whose job has printed one.
func secretAttempt(t *testing.T, s *Store, sample int) *Attempt {
	t.Helper()
	a := newAttempt(t, s, testKey, sample, testAddress)
	if err := os.WriteFile(filepath.Join(a.Dir, jobdir.SecretsFile), []byte("API_KEY="+secret+"\n=other-value\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{jobdir.StdoutFile, jobdir.StderrFile, "iterations.log"} {
		if err := os.WriteFile(filepath.Join(a.Dir, name), []byte("RuntimeError: "+secret+" and other-value\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// leaks lists the files of the store in which the secret stands, and those that are
// private.
func leaks(t *testing.T, s *Store) (list []string) {
	t.Helper()
	err := filepath.WalkDir(s.Dir(), func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		info, _ := d.Info()
		if strings.Contains(string(text), secret) || info.Mode()&0o077 == 0 {
			list = append(list, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// What a job script could not do the owner's next command does, once nobody writes
// any more: not before, and whatever became of the job.
func TestRedactEnded(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(a *Attempt)
		vacant bool
		due    bool
	}{
		"killed, long ago":   {due: true, end: func(a *Attempt) { finishClaim(t, a); fail(t, a, "node_fail") }},
		"cancelled just now": {end: func(a *Attempt) { finishClaim(t, a); failAt(t, a, "cancelled", time.Now()) }},
		"never began":        {due: true, end: func(a *Attempt) { failAt(t, a, "cancelled", time.Now()) }},
		"given back":         {due: true, end: func(a *Attempt) { deferNow(t, a) }},
		"ended by its word":  {due: true, end: func(a *Attempt) { finishClaim(t, a); put(t, a, "exit", `{"job_id":"1","rc":1,"end":true}`+"\n") }},
		"its word is lost":   {end: func(a *Attempt) { finishClaim(t, a); unreadable(t, a, "exit") }},
		"runs":               {end: func(a *Attempt) { finishClaim(t, a); put(t, a, "start", `{"end":true}`+"\n") }},
		"vacant, no writer":  {end: func(a *Attempt) { remove(t, a, jobdir.IntentFile) }},
		"vacant":             {due: true, vacant: true, end: func(a *Attempt) { remove(t, a, jobdir.IntentFile) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := Open(t.TempDir())
			a := secretAttempt(t, s, 1)
			c.end(a)
			if err := s.RedactEnded(c.vacant); err != nil {
				t.Fatal(err)
			}
			if got := leaks(t, s); (len(got) == 0) != c.due {
				t.Errorf("private, or with the secret: %v", got)
			}
			if marks, _ := os.ReadDir(s.unredactedDir()); (len(marks) == 0) != c.due {
				t.Errorf("%d attempts are noted", len(marks))
			}
			if text, _ := os.ReadFile(filepath.Join(a.Dir, jobdir.StdoutFile)); c.due && string(text) != "RuntimeError: (secret) and (secret)\n" {
				t.Errorf("the log says %q", text)
			}
		})
	}
}

// No word on a job with secrets holds one, while its file of secrets is there.
func TestWordsHoldNoSecret(t *testing.T) {
	s := Open(t.TempDir())
	a := secretAttempt(t, s, 1)
	put(t, a, jobdir.StdoutFile, "torch.OutOfMemoryError: CUDA out of memory with "+secret+"\n")
	signs, err := a.Signs()
	if err != nil || signs.End == "" || strings.Contains(signs.End, secret) {
		t.Errorf("%q, %v", signs.End, err)
	}
	if err := a.RecordDiagnosis("stack of " + secret); err != nil {
		t.Fatal(err)
	}
	if err := a.RecordEnd(jobdir.EndRecord{Code: "hang", Detail: "after " + secret}); err != nil {
		t.Fatal(err)
	}
	r, err := a.Result()
	if err != nil || strings.Contains(r.Cause()+r.Reasons[0].Log, secret) {
		t.Errorf("%+v, %v", r, err)
	}
	for _, name := range []string{jobdir.DiagnosisFile, jobdir.EndedFile} {
		text, err := os.ReadFile(filepath.Join(a.Dir, name))
		if info, _ := os.Stat(filepath.Join(a.Dir, name)); err != nil || strings.Contains(string(text), secret) || info.Mode().Perm()&0o044 == 0 {
			t.Errorf("%s, %v: %s", name, info.Mode(), text)
		}
	}
}

func finishClaim(t *testing.T, a *Attempt) { put(t, a, "claim", `{"job_id":"1","end":true}`+"\n") }

// unreadable makes a record of an attempt one that cannot be read.
func unreadable(t *testing.T, a *Attempt, name string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(a.Dir, name), 0o700); err != nil {
		t.Fatal(err)
	}
}

func failAt(t *testing.T, a *Attempt, code string, at time.Time) {
	t.Helper()
	if err := a.RecordEnd(jobdir.EndRecord{Code: code, Time: at}); err != nil {
		t.Fatal(err)
	}
}

func deferNow(t *testing.T, a *Attempt) {
	t.Helper()
	if given, err := a.Defer("no time left"); err != nil || !given {
		t.Fatal(given, err)
	}
}

func remove(t *testing.T, a *Attempt, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(a.Dir, name)); err != nil {
		t.Fatal(err)
	}
}

// 0.1.0 left its files of secrets for good and noted them nowhere. The owner's next
// command removes those of jobs that have ended, and what they printed.
func TestRedactEndedOf010(t *testing.T) {
	s := store010(t)
	for path, due := range map[string]bool{
		"runs/82b100964f2c/throwaway/sample-1/attempt-1":           true,  // it has an exit
		"runs/17755dc09df3/throwaway/sample-1/attempt-1":           false, // it runs
		"simulated/runs/3a44c66e1f99/throwaway/sample-1/attempt-1": true,
	} {
		dir := filepath.Join(s.Dir(), path)
		for name, text := range map[string]string{jobdir.SecretsFile: "API_KEY=" + secret + "\n", jobdir.StderrFile: "it has " + secret + "\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := Open(s.Dir()).RedactEnded(false); err != nil {
			t.Fatal(err)
		}
		left, _ := exec.Command("grep", "-rl", secret, dir).Output()
		if (len(left) == 0) != due {
			t.Errorf("%s: the secret is in %q", path, left)
		}
	}
}
