package store

import (
	"fmt"
	"strings"
	"testing"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan/failure"
)

func TestProgress(t *testing.T) {
	s := Open(t.TempDir())
	a := newAttempt(t, s, testKey, 1, testAddress)
	progress := func() *Progress {
		t.Helper()
		p, err := a.Progress()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := progress(); p != nil {
		t.Errorf("before the start: %+v", p)
	}
	files := left("1", "")
	put(t, a, files[2].name, files[2].content)
	if p := progress(); *p != (Progress{}) {
		t.Errorf("before a word: %+v", p)
	}
	put(t, a, "stdout", "[03/04/2026-06:01:00] [TRT-LLM] [I] Setting up throughput benchmark.\n")
	if p := progress(); p.Stage != "Setting up throughput benchmark" || p.Total != 0 {
		t.Errorf("%+v", p)
	}
	bar := func(done int) string {
		return fmt.Sprintf("Benchmarking: %3d%%|##   | %d/100 [00:01<00:09,  1.0it/s]", done, done)
	}
	put(t, a, "stderr", bar(1)+"\r"+bar(2)+"\r"+bar(37)+"\r")
	if p := progress(); p.Done != 37 || p.Total != 100 {
		t.Errorf("%+v", p)
	}
	put(t, a, "stdout", "[03/04/2026-06:01:00] [TRT-LLM] [I] Starting benchmark...\n"+strings.Repeat("iter = 1, global_rank = 0, rank = 0\n", 10000))
	if p := progress(); p.Done != 37 || p.Stage != "Starting benchmark" {
		t.Errorf("behind many lines: %+v", p)
	}
	put(t, a, "stderr", "")
	put(t, a, "stdout", "[03/04/2026-06:01:00] [TRT-LLM] [I] Setting up throughput benchmark.\n"+strings.Repeat("loading a shard\n", 20000))
	if p := progress(); p.Stage != "Setting up throughput benchmark" {
		t.Errorf("said long ago: %+v", p)
	}
}

// What other ranks wrote stands in files of their own: it is looked at for signs of an
// end and for the cause.
func TestRankFiles(t *testing.T) {
	s := Open(t.TempDir())
	a := newAttempt(t, s, testKey, 1, testAddress)
	put(t, a, jobdir.StdoutFile, "[03/04/2026-06:01:00] [TRT-LLM] [I] Starting benchmark...\n")
	before, _, err := a.Growth()
	if err != nil {
		t.Fatal(err)
	}
	put(t, a, jobdir.RankFile(jobdir.StderrFile, 5), "torch.OutOfMemoryError: CUDA out of memory.\n")
	if after, _, err := a.Growth(); err != nil || after <= before {
		t.Errorf("%d bytes, then %d, %v", before, after, err)
	}
	if signs, err := a.Signs(); err != nil || !strings.Contains(signs.End, "out of memory") {
		t.Errorf("%+v, %v", signs, err)
	}
	if err := a.RecordEnd(jobdir.EndRecord{}); err != nil {
		t.Fatal(err)
	}
	if r, err := a.Result(); err != nil || r.Code() != failure.GPUOOM || !strings.HasPrefix(r.Reasons[0].Detail, "rank 5: ") {
		t.Errorf("%+v, %v", r, err)
	}
}
