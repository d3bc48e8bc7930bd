package view

import (
	"strings"
	"testing"

	"github.com/llmbench/llmbench/executors"
)

// A cause that nodes share is printed once, with all of them.
func TestChecksShareCauses(t *testing.T) {
	var b strings.Builder
	fail := func(node, detail string) executors.Check {
		return executors.Check{Name: "paths", Node: node, Result: executors.CheckFail, Detail: detail, Remedy: "exclude = \"" + node + "\" keeps runs away from it"}
	}
	if err := Checks(&b, []executors.Check{fail("gb01", "does not see /w"), fail("gb02", "does not see /w"), fail("gb03", "does not see /x")}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"gb01,gb02 paths  does not see /w\n", `exclude = "gb01,gb02" keeps`, "gb03 paths       does not see /x\n"} {
		if strings.Count(b.String(), want) != 1 {
			t.Errorf("%q is not there once:\n%s", want, b.String())
		}
	}
}
