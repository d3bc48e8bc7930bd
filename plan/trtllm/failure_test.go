package trtllm

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/llmbench/llmbench/plan/failure"
)

// Every signature is found by its own marks, and every class has a remedy.
func TestSignatures(t *testing.T) {
	for _, s := range signatures {
		line, before := strings.Join(s.Marks, "x")+"x", "[TensorRT-LLM][INFO] x\n"
		if s.Early {
			before = ""
		}
		f, ok := own.Classify(strings.NewReader(before + line + "\n"))
		if !ok || f.Code != s.Code || f.Remedy == "" || strings.HasSuffix(f.Remedy, ".") || f.Strong != (s.Grade != failure.Weak && s.Grade != failure.Hint) {
			t.Errorf("%q: %+v, want %s", line, f, s.Code)
		}
		if strings.ToLower(line) != line {
			t.Errorf("%q has capitals", line)
		}
	}
	for _, c := range advice {
		if strings.ToLower(c.Mark) != c.Mark {
			t.Errorf("%q has capitals", c.Mark)
		}
	}
}

// A cause is shown between the lines around it.
func TestClassifyContext(t *testing.T) {
	log := "one\ntwo\n\nthree\ntorch.OutOfMemoryError: CUDA out of memory.\nfour " + strings.Repeat("x", 300) + "\nfive\nsix\n"
	f, _ := own.Classify(strings.NewReader(log))
	want := "two\nthree\ntorch.OutOfMemoryError: CUDA out of memory.\nfour " + strings.Repeat("x", 195) + "\nfive"
	if f.Context != want {
		t.Errorf("%q, want %q", f.Context, want)
	}
}

func TestClassifyLongLine(t *testing.T) {
	long := strings.Repeat("ä", 3000) + " CUDA out of memory " + strings.Repeat("ö", 3000)
	f, _ := own.Classify(strings.NewReader(long))
	if f.Code != "gpu_oom" || len(f.Line) > maxFailureLine || !utf8.ValidString(f.Line) || !strings.Contains(f.Line, "CUDA out of memory") {
		t.Errorf("%+v", f)
	}
	f, _ = own.Classify(strings.NewReader("[E] CUDA out of memory. " + strings.Repeat("x", 3000)))
	if !strings.HasPrefix(f.Line, "[E] CUDA") || len(f.Line) != maxFailureLine {
		t.Errorf("%+v", f)
	}
}

func FuzzClassify(f *testing.F) {
	for _, path := range files(f, "failures", ".txt") {
		f.Add(content(f, path))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		found, ok := own.Classify(bytes.NewReader(b))
		if !ok {
			if found != (Failure{}) {
				t.Fatalf("nothing found, and yet %+v", found)
			}
			return
		}
		if found.Code == "" || found.Remedy == "" || len(found.Line) > maxFailureLine || !utf8.ValidString(found.Line) {
			t.Fatalf("%+v", found)
		}
		if found.Node != hostName([]byte(found.Node)) {
			t.Fatalf("node %q", found.Node)
		}
		if l := readLog(t, b); l.Failure != nil && *l.Failure != found {
			t.Fatalf("ReadLog says %+v, Classify %+v", l.Failure, found)
		}
	})
}
