package jobdir

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRecordsAreWholeOrAbsent(t *testing.T) {
	whole := string(Encode(JobRecord{Handle: "h", JobID: "1"}))
	for n := range len(whole) {
		var r JobRecord
		if Decode([]byte(whole[:n]), &r) {
			t.Errorf("%q is taken for whole", whole[:n])
		}
	}
	var r JobRecord
	if !Decode([]byte(whole), &r) || r.JobID != "1" {
		t.Errorf("%q is not read: %+v", whole, r)
	}
	if Decode([]byte(`{"job_id":"1"}`+"\n"), &r) {
		t.Error("a record without its end is taken for whole")
	}
}

// The form is that of job.sh where there is no report, also in 0.1.0.
func TestExitAsShellsWriteIt(t *testing.T) {
	var e ExitRecord
	line := `{"job_id":"4711","restart_count":0,"rc":137,"bench_rc":null,"signal":"","reason":"","started":"2026-03-04T06:00:00Z","ended":"2026-03-04T06:10:00Z","report":null,"report_written":"","stdout":null,"suspended_s":0,"suspend_time":"","end":true}` + "\n"
	if !Decode([]byte(line), &e) {
		t.Fatal("not read")
	}
	if e.JobID != "4711" || e.RC != 137 || e.BenchRC != nil || !e.ReportWritten.IsZero() || e.Ended.IsZero() || e.Report != nil {
		t.Errorf("%+v", e)
	}
}

func TestExpandNodes(t *testing.T) {
	for in, want := range map[string][]string{
		"":                      nil,
		"gb01":                  {"gb01"},
		"gb[01-03,7],login1":    {"gb01", "gb02", "gb03", "gb7", "login1"},
		"r[1-2]n[1-2]":          {"r1n1", "r1n2", "r2n1", "r2n2"},
		"r[1-2],n[1],,m":        {"r1", "r2", "n1", "m"},
		"a[2-1]":                {"a[2-1]"},
		"a[1-":                  {"a[1-"},
		"a[x]":                  {"a[x]"},
		"n[0-99999999]":         {"n[0-99999999]"},
		"n[0-999]m[0-999]":      {"n[0-999]m[0-999]"},
		"a[-1]":                 {"a[-1]"},
		"a[+1]":                 {"a[+1]"},
		"a]1[":                  {"a]1["},
		"rack1-n[098-101].site": {"rack1-n098.site", "rack1-n099.site", "rack1-n100.site", "rack1-n101.site"},
	} {
		if diff := cmp.Diff(want, ExpandNodes(in)); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
}

func FuzzRecords(f *testing.F) {
	f.Add(Encode(ExitRecord{JobID: "1", Report: &Sum{Bytes: 3}}))
	f.Add(Encode(Claim{JobID: "1", Host: "gb01"}))
	f.Add([]byte(`{"nodes":["a"],"end":true}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var (
			e ExitRecord
			c Claim
			s Start
		)
		if Decode(b, &e) && !strings.HasSuffix(string(b), "\n") {
			t.Error("not whole")
		}
		Decode(b, &c)
		if Decode(b, &s) && len(s.Nodes) > 2*mostNodes {
			t.Errorf("%d nodes from %d bytes", len(s.Nodes), len(b))
		}
	})
}
