package trtllm

import (
	"bytes"
	stdflag "flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = stdflag.Bool("update", false, "write the golden files")

// testdataDir holds look-alikes: reports, logs and failures.
var testdataDir = filepath.Join("..", "..", "testdata", "trtllm")

// files returns the files of a folder of testdata with an extension, in order.
func files(t testing.TB, folder, extension string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(testdataDir, folder, "*"+extension))
	if err != nil || len(found) == 0 {
		t.Fatalf("no %s in %s: %v", extension, folder, err)
	}
	return found
}

func content(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// golden compares with a file beside path, or writes it under -update.
func golden(t *testing.T, path, got string) {
	t.Helper()
	path += ".golden"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(content(t, path)), got); diff != "" {
		t.Errorf("%s: -want +got\n%s", path, diff)
	}
}

// samplesDir is where the real excerpts are, which are kept out of this
// repository.
func samplesDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("LLMBENCH_SAMPLES")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "reference", "samples")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("real excerpts are not here; LLMBENCH_SAMPLES names their folder: %v", err)
	}
	return dir
}

func readLog(t testing.TB, b []byte) *Log {
	t.Helper()
	l, err := ReadLog(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// logText is what a log tells, for goldens.
func logText(t testing.TB, l *Log) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "phase %q, stage %q, %d of %d requests, %d iterations, simulated %v\n", l.Phase, l.Stage, l.Done, l.Total, l.Iterations, l.Simulated)
	if f := l.Failure; f != nil {
		fmt.Fprintf(&b, "failure: %s, strong %v: %s\n", f.Code, f.Strong, f.Line)
	}
	for _, part := range []struct {
		name   string
		report *Report
	}{{"whole report", l.Report}, {"report that lacks " + strings.Join(l.Lacks, ", "), l.Partial}} {
		if part.report == nil {
			continue
		}
		b.WriteString(part.name + ":\n")
		if err := part.report.WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// nan compares iterations, whose times may be NaN.
var nan = cmpopts.EquateNaNs()

// oneByte reads a byte at a time, then fails with what err says.
func oneByte(b []byte, err error) io.Reader {
	r := iotest.OneByteReader(bytes.NewReader(b))
	if err == nil {
		return r
	}
	return io.MultiReader(r, iotest.ErrReader(err))
}

// What the tests that need the words of Slurm use of this package's.
var (
	Files, Content, Golden, SamplesDir = files, content, golden, samplesDir
)

// SampleReport reports whether a real excerpt is read as a report.
func SampleReport(name string) bool { _, ok := sampleReports[name]; return ok }
