package failure

import (
	"regexp"
	"strings"
	"testing"
)

// Every entry has every field that its verdict needs, and entries agree with themselves.
func TestTable(t *testing.T) {
	seen := map[Code]bool{}
	name := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	for _, e := range Table {
		if seen[e.Code] || !name.MatchString(string(e.Code)) {
			t.Errorf("%q is there twice, or is no name", e.Code)
		}
		seen[e.Code] = true
		if e.Rule == "" || !strings.HasSuffix(e.Rule, ".") || e.Remedy == "" || strings.HasSuffix(e.Remedy, ".") {
			t.Errorf("%s: rule %q, remedy %q", e.Code, e.Rule, e.Remedy)
		}
		if (e.Caption != "") != (e.Verdict == Note) || e.Advises && e.Verdict != Note {
			t.Errorf("%s: caption %q of a %s", e.Code, e.Caption, e.Verdict)
		}
		failed := e.Verdict == Failed
		if failed != (e.Fault != "") {
			t.Errorf("%s: fault %q of a %s", e.Code, e.Fault, e.Verdict)
		}
		if !failed && (e.Retry != NoRetry || e.Final || e.Siblings || e.Ends || e.Stop != NotStopped || e.Follows != FollowsNone || e.Change != NoChange) {
			t.Errorf("%s is %s, and has columns of a failure", e.Code, e.Verdict)
		}
		if e.Retry == Anywhere && e.Final {
			t.Errorf("%s is retried anywhere, and final", e.Code)
		}
		if e.Stop != NotStopped && e.Follows != FollowsNone {
			t.Errorf("%s both stops a job and follows from a stop", e.Code)
		}
		if e.Code.Entry().Rule != e.Rule || !e.Code.Known() {
			t.Errorf("%s is not found", e.Code)
		}
	}
	if later := Code("of_a_later_version"); later.Known() || later.Entry() != (Entry{Code: later}) {
		t.Errorf("an unknown code has %+v", later.Entry())
	}
}
