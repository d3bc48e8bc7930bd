package plan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcldec"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

// A busyLedger has a job in flight for what every address was before.
type busyLedger struct {
	plan.Ledger
	addresses []string
}

func (busyLedger) Look(fingerprint, _ string, _ bool, wanted int) (plan.Samples, error) {
	st := plan.Samples{Wanted: wanted}
	if fingerprint == "before" {
		st.InFlight = []plan.InFlight{{JobID: "17", User: "me", State: "running"}}
	}
	return st, nil
}

func (busyLedger) LastAt(address string, _ bool) (*plan.Last, error) {
	return &plan.Last{Fingerprint: "before", Run: func() (*plan.Run, error) { return &plan.Run{Address: address, Fingerprint: "before"}, nil }}, nil
}

func (busyLedger) Lessons(func(plan.Subject) bool) ([]plan.Lesson, error) { return nil, nil }

func (l busyLedger) Addresses(bool) ([]string, error) { return l.addresses, nil }

// Jobs of earlier definitions cost, so a plan tells of them.
func TestPlanWarnsOfOrphans(t *testing.T) {
	dir := t.TempDir()
	matrix := fmt.Sprintf(matrixBase, "    concurrency = [8]\n    max_batch_size = [16]\n    max_num_tokens = [8192]\n    image = [image.a]\n"+
		"    axis \"interval\" {\n      values = [1]\n    }\n    axis \"level\" {\n      values = [\"INFO\"]\n    }\n")
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(matrix), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, transient := range []bool{false, true} {
		defs, diags := schema.Load(dir, schema.Options{
			Executors: map[string]hcldec.Spec{"fixed": hcldec.ObjectSpec{}}, Version: "1", Catalog: catalog.Load(),
		})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		p, diags := plan.Build(plan.Request{
			Definitions: defs, Catalog: catalog.Load(), Ledger: busyLedger{addresses: []string{"load/use_case=gone"}},
			Place: func(*schema.Cell) (plan.Placement, hcl.Diagnostics) {
				return plan.Placement{Ref: plan.ExecutorRef{Type: "fixed", Name: "here"}, Renderer: fixedRenderer{}, Cluster: "c", Transient: transient}, nil
			},
		})
		var warned []string
		for _, d := range diags {
			if d.Severity == hcl.DiagError {
				t.Fatal(d)
			}
			if strings.Contains(d.Detail, "job 17 of me (running)") {
				warned = append(warned, d.Extra.(plan.About).Address)
			}
		}
		want := []string{p.Runs[0].Address, p.Runs[1].Address, "load/use_case=gone"}
		if transient {
			want = nil
		}
		if strings.Join(warned, " ") != strings.Join(want, " ") {
			t.Errorf("transient %v: warned of %v, want %v", transient, warned, want)
		}
	}
}
