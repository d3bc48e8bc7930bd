package trtllm

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDatasetIsTheSameWhateverTheProcessors(t *testing.T) {
	s := Shape{ISL: 300, OSL: 20, ISLStdev: 40, OSLStdev: 5, Seed: 420, Rows: 3000, Vocab: 5000, EOS: 7}
	var first Dataset
	for i, procs := range []int{1, 2, 4} {
		before := runtime.GOMAXPROCS(procs)
		var b bytes.Buffer
		d, err := s.Write(&b, nil)
		runtime.GOMAXPROCS(before)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = d
			checkRows(t, s, b.Bytes())
		} else if d.SHA256 != first.SHA256 {
			t.Errorf("%d processors: sha256 %s, want %s", procs, d.SHA256, first.SHA256)
		}
	}
}

func checkRows(t *testing.T, s Shape, b []byte) {
	t.Helper()
	d, err := ReadDataset(bytes.NewReader(b), 0)
	if err != nil {
		t.Fatal(err)
	}
	if d.Rows != s.Rows || d.Bytes != int64(len(b)) {
		t.Fatalf("read %d rows, %d bytes; want %d, %d", d.Rows, d.Bytes, s.Rows, len(b))
	}
	for i, l := range d.Lengths {
		isl, osl := s.Lengths(i)
		if l.ISL != isl || l.OSL != osl {
			t.Fatalf("row %d has lengths %v, want %d %d", i, l, isl, osl)
		}
	}
}

func TestDatasetGolden(t *testing.T) {
	var b strings.Builder
	if _, err := (Shape{ISL: 4, OSL: 2, Seed: 420, Rows: 2, Vocab: 100, EOS: 3}).Write(&b, nil); err != nil {
		t.Fatal(err)
	}
	want := `{"task_id":0,"input_ids":[25,90,33,23],"output_tokens":2}
{"task_id":1,"input_ids":[38,1,71,53],"output_tokens":2}
`
	if b.String() != want {
		t.Errorf("the generator changed: a new one needs a new name\n%s", cmp.Diff(want, b.String()))
	}
}

func TestInvocationRoundTrip(t *testing.T) {
	inv := Invocation{
		Model: "a/b", ModelPath: "/w", Dataset: "d.jsonl", Report: "r.json", Options: "c.yml",
		Args: Arguments{"tp": int64(8), "streaming": true, "concurrency": int64(-1), "kv_cache_free_gpu_mem_fraction": 0.9, "backend": "pytorch"},
	}
	got, err := ParseArgv(inv.Argv())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(inv, *got); diff != "" {
		t.Error(diff)
	}
}

func TestParseArgvRefuses(t *testing.T) {
	for _, c := range []struct{ argv, want string }{
		{"-m a --tp 8 throughput", "No such option: --tp"},
		{"-m a throughput --tpx 8", "No such option: --tpx"},
		{"-m a throughput --tp x", "not a valid integer"},
		{"throughput --tp 8", "Missing option '--model'"},
		{"-m a throughput --scheduler_policy best", "is not one of"},
		{"-m a throughput --tp 8", "--dataset is missing"},
		{"-m a throughput --dataset d --kv_cache_free_gpu_mem_fraction 1.5", "validation error"},
	} {
		_, err := ParseArgv(strings.Fields(c.argv))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.argv, err, c.want)
		}
	}
}

func FuzzParseArgv(f *testing.F) {
	f.Add("-m a throughput --tp=8 --dataset d")
	f.Fuzz(func(_ *testing.T, s string) { _, _ = ParseArgv(strings.Fields(s)) })
}

func BenchmarkDataset(b *testing.B) {
	s := Shape{ISL: 8000, OSL: 512, Seed: 420, Rows: 4000, Vocab: 202048, EOS: 200001}
	for b.Loop() {
		if _, err := s.Write(io.Discard, nil); err != nil {
			b.Fatal(err)
		}
	}
}
