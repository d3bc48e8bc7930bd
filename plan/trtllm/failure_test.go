package trtllm

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// The name of each file begins with the class to be found, or with "none".
func TestClassify(t *testing.T) {
	for _, path := range files(t, "failures", ".txt") {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		t.Run(name, func(t *testing.T) {
			want, _, _ := strings.Cut(name, "-")
			b := content(t, path)
			f, ok := Classify(bytes.NewReader(b))
			if ok != (want != "none") || ok && f.Class != want {
				t.Errorf("%q for %q", f.Class, f.Line)
			}
			var out strings.Builder
			if ok {
				out.WriteString(f.Class + map[bool]string{true: " (strong)", false: " (weak)"}[f.Strong] + "\n" + f.Line + "\nnode: " + f.Node + "\n" + f.Remedy + "\n")
			}
			golden(t, path, out.String())
			if l := readLog(t, b); (l.Failure != nil) != ok || ok && *l.Failure != f {
				t.Errorf("ReadLog says %+v, Classify %+v", l.Failure, f)
			}
		})
	}
}

// Every signature is found by its own marks, and every class has a remedy.
func TestSignatures(t *testing.T) {
	for _, s := range signatures {
		line := strings.Join(s.marks, "x") + "x"
		f, ok := Classify(strings.NewReader(line + "\n"))
		if !ok || f.Class != s.class || f.Remedy == "" || strings.HasSuffix(f.Remedy, ".") || f.Strong != (s.grade != weak) {
			t.Errorf("%q: %+v, want %s", line, f, s.class)
		}
		if strings.ToLower(line) != line {
			t.Errorf("%q has capitals", line)
		}
	}
	for _, c := range cures {
		if strings.ToLower(c.mark) != c.mark {
			t.Errorf("%q has capitals", c.mark)
		}
	}
}

// Whichever cause comes first is kept, and symptoms never hide one.
func TestClassifyOrder(t *testing.T) {
	const (
		oom    = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.\n"
		nccl   = "RuntimeError: NCCL error: unhandled system error\n"
		warn   = "gb01:12:13 [0] NCCL WARN something\n"
		abort  = "MPI_ABORT was invoked on rank 3\n"
		failed = "RuntimeError: Executor worker returned error\n"
		limit  = "slurmstepd: error: *** STEP 1.0 ON gb01 CANCELLED AT 2026-03-04T06:30:00 DUE TO TIME LIMIT ***\n"
		exit   = "srun: error: gb01: task 3: Exited with exit code 1\n"
		killed = "slurmstepd: error: Detected 1 oom_kill event in StepId=1.0.\n"
		warned = "[01/02/2026-03:04:05] [TRT-LLM] [W] retrying after CUDA out of memory\n"
	)
	for _, c := range []struct{ log, class string }{
		{oom + nccl + abort + limit + exit, "gpu_oom"},
		{nccl + oom, "nccl"},
		{nccl + limit, "nccl"},
		{warn + limit, "nccl"},
		{warn + oom, "gpu_oom"},
		{failed + oom, "gpu_oom"},
		{failed + nccl, "request_failed"},
		{failed + limit, "request_failed"},
		{abort + killed, "host_oom"},
		{abort + limit, "mpi"},
		{limit + oom, "time_limit"},
		{limit + nccl, "time_limit"},
		{exit + nccl, "nccl"},
		{exit + limit, "time_limit"},
		{warned + nccl, "nccl"},
		{warned + exit, "gpu_oom"},
		{warned, "gpu_oom"},
	} {
		if f, _ := Classify(strings.NewReader(c.log)); f.Class != c.class {
			t.Errorf("%s\nis %s (%s), want %s", c.log, f.Class, f.Line, c.class)
		}
	}
}

func TestFailureNode(t *testing.T) {
	for log, want := range map[string]string{
		"slurmstepd: error: Detected 1 oom_kill event in StepId=1.0.\nsrun: error: gb01: task 3: Out Of Memory\n":                "gb01",
		"slurmstepd: error: Detected 1 oom_kill event in StepId=1.0.\nsrun: error: gb[01-02]: tasks 3: Killed\n":                 "",
		"slurmstepd: error: Detected 1 oom_kill event in StepId=1.0.\nsrun: error: gb01 is not a task line\n":                    "",
		"slurmstepd: error: *** STEP 1.0 ON gb01 CANCELLED AT X DUE TO NODE FAILURE, SEE SLURMCTLD LOG ***\n":                    "",
		"slurmstepd: error: *** JOB 12 STEPD TERMINATED ON gb01 AT 2026-03-04T06:30:00 DUE TO JOB NOT ENDING WITH SIGNALS ***\n": "gb01",
		"srun: error: Node failure on gb01.cluster.\n":                                                                           "gb01.cluster",
		"x-1.y:12:13 [0] NCCL WARN Cuda failure\n":                                                                               "x-1.y",
		"x-1.y:12:13 [0] NCCL WARN Call to connect failed\n":                                                                     "",
		"notes: NCCL WARN Cuda failure\n":                                                                                        "",
		"slurmstepd: error: *** STEP 1.0 ON gb01 CANCELLED AT 2026-03-04T06:30:00 DUE TO TIME LIMIT ***\n":                       "",
		"pyxis: couldn't start container\nslurmstepd: error: *** STEP 1.0 ON ... CANCELLED AT 2026-03-04T06:30:00 ***":           "",
	} {
		if f, ok := Classify(strings.NewReader(log)); !ok || f.Node != want {
			t.Errorf("%q: node %q, want %q", log, f.Node, want)
		}
	}
}

// A cause is shown between the lines around it.
func TestClassifyContext(t *testing.T) {
	log := "one\ntwo\n\nthree\ntorch.OutOfMemoryError: CUDA out of memory.\nfour " + strings.Repeat("x", 300) + "\nfive\nsix\n"
	f, _ := Classify(strings.NewReader(log))
	want := "two\nthree\ntorch.OutOfMemoryError: CUDA out of memory.\nfour " + strings.Repeat("x", 195) + "\nfive"
	if f.Context != want {
		t.Errorf("%q, want %q", f.Context, want)
	}
}

func TestClassifyLongLine(t *testing.T) {
	long := strings.Repeat("ä", 3000) + " CUDA out of memory " + strings.Repeat("ö", 3000)
	f, _ := Classify(strings.NewReader(long))
	if f.Class != "gpu_oom" || len(f.Line) > maxFailureLine || !utf8.ValidString(f.Line) || !strings.Contains(f.Line, "CUDA out of memory") {
		t.Errorf("%+v", f)
	}
	f, _ = Classify(strings.NewReader("[E] CUDA out of memory. " + strings.Repeat("x", 3000)))
	if !strings.HasPrefix(f.Line, "[E] CUDA") || len(f.Line) != maxFailureLine {
		t.Errorf("%+v", f)
	}
}

func FuzzClassify(f *testing.F) {
	for _, path := range files(f, "failures", ".txt") {
		f.Add(content(f, path))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		found, ok := Classify(bytes.NewReader(b))
		if !ok {
			if found != (Failure{}) {
				t.Fatalf("nothing found, and yet %+v", found)
			}
			return
		}
		if found.Class == "" || found.Remedy == "" || len(found.Line) > maxFailureLine || !utf8.ValidString(found.Line) {
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
