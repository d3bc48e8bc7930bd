package trtllm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Rows and digests of the generator llmbench-norm-1, which never change.
func TestDatasetGolden(t *testing.T) {
	for _, c := range []struct {
		shape Shape
		want  string
	}{
		{Shape{ISL: 4, OSL: 2, Seed: 420, Lines: 2, Vocab: 100, EOS: 3}, `{"task_id":0,"input_ids":[25,90,33,23],"output_tokens":2}
{"task_id":1,"input_ids":[38,1,71,53],"output_tokens":2}
`},
		{Shape{ISL: 4, OSL: 9, ISLStdev: 2, OSLStdev: 3, Seed: -1, Lines: 3, Vocab: 2_000_000, EOS: -1}, `{"task_id":0,"input_ids":[501947,1825377,462695,1284540],"output_tokens":9}
{"task_id":1,"input_ids":[312338,1158301,43530,799558,555224,48873,1241614,423588,1441474],"output_tokens":6}
{"task_id":2,"input_ids":[1014389,1547364,42107],"output_tokens":10}
`},
	} {
		var b strings.Builder
		if _, err := c.shape.Write(&b, nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, b.String()); diff != "" {
			t.Errorf("the generator changed: a new one needs a new name\n%s", diff)
		}
	}
	for _, c := range []struct {
		shape Shape
		sha   string
	}{
		{Shape{ISL: 8000, OSL: 512, Seed: 420, Lines: 40, Vocab: 202048, EOS: 200001}, "f37682b6d0e7dd252467b03d2310fd4abdfa2e28a1e03b0fc89abba407c663fa"},
		{Shape{ISL: 300, OSL: 20, ISLStdev: 140, OSLStdev: 5, Seed: -7, Lines: 3000, Vocab: 5000, EOS: 7}, "5f6fe69342e91b043d3048994465685ee5cb9ae58acc9f4ac31762b0eabac4f1"},
		{Shape{ISL: 99, OSL: 20, Seed: 1, Lines: 300, Vocab: 100, EOS: 5}, "9c751f9127f795c28791a8cdb617917b2f2c00117886ec55ba60112ecc8db883"},
		{Shape{ISL: 3, OSL: 20, Seed: 1 << 60, Lines: 30000, Vocab: 2_000_000, EOS: 5}, "4024a7a36dc96163e5ebc3dd8ccbdb8846daf0a04f1226e093b19775bc68b204"},
	} {
		d, err := c.shape.Write(io.Discard, nil)
		if err != nil || d.SHA256 != c.sha {
			t.Errorf("%+v: sha256 %s (%v), want %s", c.shape, d.SHA256, err, c.sha)
		}
	}
}

func TestDatasetIsTheSameWhateverTheProcessors(t *testing.T) {
	s := Shape{ISL: 300, OSL: 20, ISLStdev: 40, OSLStdev: 5, Seed: 420, Lines: 3000, Vocab: 5000, EOS: 7}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var first []byte
	for _, procs := range []int{1, 2, 4, 64} {
		runtime.GOMAXPROCS(procs)
		var b bytes.Buffer
		if _, err := s.Write(&b, nil); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = b.Bytes()
		} else if !bytes.Equal(b.Bytes(), first) {
			t.Errorf("%d processors give other bytes", procs)
		}
	}
}

// shapes draws small shapes at the edges: prompts as long as the vocabulary,
// wide spreads, no EOS.
func shapes(t *rapid.T) Shape {
	return Shape{
		ISL: rapid.IntRange(-1, 60).Draw(t, "isl"), OSL: rapid.IntRange(-1, 60).Draw(t, "osl"),
		ISLStdev: rapid.Float64Range(0, 80).Draw(t, "isl stdev"), OSLStdev: rapid.Float64Range(0, 80).Draw(t, "osl stdev"),
		Seed: rapid.Int64().Draw(t, "seed"), Lines: rapid.IntRange(1, 40).Draw(t, "rows"),
		Vocab: rapid.IntRange(2, 80).Draw(t, "vocab"), EOS: rapid.IntRange(-2, 80).Draw(t, "eos"),
	}
}

func TestDatasetLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := shapes(t)
		var b bytes.Buffer
		made, err := s.Write(&b, nil)
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.SplitAfter(b.Bytes(), []byte("\n"))
		for i, line := range lines[:len(lines)-1] {
			checkLine(t, s, i, line)
		}
		read, err := readDataset(&b, 0, maxLineBytes)
		if err != nil {
			t.Fatal(err)
		}
		read.Lengths, read.Traits = nil, Traits{}
		if diff := cmp.Diff(made, read); diff != "" || read.Lines != s.Lines {
			t.Fatalf("written and read differ:\n%s", diff)
		}
	})
}

// checkLine checks that a line is line i of a shape in the only form that is
// written.
func checkLine(t *rapid.T, s Shape, i int, line []byte) {
	var r struct {
		TaskID       int   `json:"task_id"`
		InputIDs     []int `json:"input_ids"`
		OutputTokens int   `json:"output_tokens"`
	}
	if err := json.Unmarshal(line, &r); err != nil {
		t.Fatal(err)
	}
	if again, _ := json.Marshal(r); string(again)+"\n" != string(line) {
		t.Fatalf("row is %s, want the form %s", line, again)
	}
	isl, osl := s.Lengths(i)
	if r.TaskID != i || len(r.InputIDs) != isl || r.OutputTokens != osl || isl < 1 || osl < 1 {
		t.Fatalf("row %d is %s, want %d ids and %d tokens", i, line, isl, osl)
	}
	seen := map[int]bool{}
	for _, id := range r.InputIDs {
		if id < 0 || id >= s.Vocab || id == s.EOS || seen[id] && isl < s.Vocab {
			t.Fatalf("row %d: id %d is EOS, outside the vocabulary or there twice: %s", i, id, line)
		}
		seen[id] = true
	}
}

func TestLongerDatasetBeginsWithShorter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := shapes(t)
		var short, long bytes.Buffer
		if _, err := s.Write(&short, nil); err != nil {
			t.Fatal(err)
		}
		s.Lines *= 2
		if _, err := s.Write(&long, nil); err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(long.Bytes(), short.Bytes()) {
			t.Fatal("rows depend on their number")
		}
	})
}

func TestDatasetRefusesShapes(t *testing.T) {
	for _, s := range []Shape{{Vocab: 1, EOS: 0, ISL: 1, Lines: 1}, {Vocab: 9, Lines: -1}, {Vocab: 9, Lines: 1, ISL: maxLength + 1}} {
		if _, err := s.Write(io.Discard, nil); err == nil {
			t.Errorf("%+v has a data set", s)
		}
	}
	d, err := Shape{Vocab: 9}.Write(io.Discard, nil)
	if err != nil || d.Bytes != 0 {
		t.Errorf("no rows: %+v, %v", d, err)
	}
}

// failing takes a number of bytes, then fails.
type failing struct {
	left int
	err  error
}

func (f *failing) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, f.err
	}
	return len(b), nil
}

func TestDatasetWriteStopsOnErrors(t *testing.T) {
	full := errors.New("no space left")
	s := Shape{ISL: 1000, OSL: 1, Lines: 100_000_000, Vocab: 5000, EOS: 1}
	for _, left := range []int{0, 3 << 20} {
		// The bubble does not end before all goroutines in it have.
		synctest.Test(t, func(t *testing.T) {
			told := 0
			_, err := s.Write(&failing{left, full}, func(lines int) {
				if lines <= told {
					t.Errorf("progress goes from %d to %d", told, lines)
				}
				told = lines
			})
			if !errors.Is(err, full) || left > 0 && told == 0 {
				t.Errorf("error %v after %d rows", err, told)
			}
		})
	}
}

// peak is a writer that notes how much memory is in use.
type peak struct{ bytes uint64 }

func (p *peak) Write(b []byte) (int, error) {
	p.bytes = max(p.bytes, heapInUse())
	return len(b), nil
}

func heapInUse() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

func TestDatasetMemoryIsFlat(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(16))
	for _, s := range []Shape{
		{ISL: 8000, OSL: 1, Lines: 700, Vocab: 202048, EOS: 1},
		{ISL: 1, OSL: 1, ISLStdev: 10_000, Lines: 2000, Vocab: 202048, EOS: 1},
	} {
		var p peak
		runtime.GC()
		before := heapInUse()
		if _, err := s.Write(&p, nil); err != nil {
			t.Fatal(err)
		}
		if p.bytes > before+64<<20 {
			t.Errorf("%+v takes %d MiB", s, (p.bytes-before)>>20)
		}
	}
}

// ISL and OSL must not move together, nor with the row before.
func TestLengthsAreIndependent(t *testing.T) {
	s := Shape{ISL: 1000, OSL: 1000, ISLStdev: 100, OSLStdev: 100, Seed: 420}
	const rows = 20_000
	var sum, square, cross, serial, last float64
	for i := range rows {
		isl, osl := s.Lengths(i)
		x, y := float64(isl)-1000.5, float64(osl)-1000.5
		sum, square, cross, serial, last = sum+x, square+x*x, cross+x*y, serial+x*last, x
	}
	const tolerance = 4 / 141.0 // four standard errors
	for name, v := range map[string]float64{
		"mean": sum / rows / 100, "variance": (square/rows/1e4 - 1) / 1.42,
		"correlation of ISL and OSL": cross / rows / 1e4, "correlation with the row before": serial / rows / 1e4,
	} {
		if v < -tolerance || v > tolerance {
			t.Errorf("%s is off by %.4f", name, v)
		}
	}
}

func BenchmarkDataset(b *testing.B) {
	s := Shape{ISL: 8000, OSL: 512, Seed: 420, Lines: 4000, Vocab: 202048, EOS: 200001}
	b.ReportAllocs()
	for b.Loop() {
		d, err := s.Write(io.Discard, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(d.Bytes)
	}
}

func ExampleShape_Write() {
	s := Shape{ISL: 3, OSL: 7, Seed: 420, Lines: 1, Vocab: 1000, EOS: 2}
	var b strings.Builder
	d, _ := s.Write(&b, nil)
	fmt.Print(b.String(), d.Lines, " row, ", d.Bytes, " bytes")
	// Output:
	// {"task_id":0,"input_ids":[254,907,335],"output_tokens":7}
	// 1 row, 58 bytes
}
