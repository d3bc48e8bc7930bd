package schema

import (
	"strings"
	"testing"
)

// A share has one form everywhere.
func TestParseShare(t *testing.T) {
	for text, want := range map[string]float64{"2%": .02, "0.02": .02, "0.5%": .005, "0": 0, "0%": 0, "400%": 4, ".5": .5, "0.999": .999} {
		if got, wrong := ParseShare(text); wrong != "" || got < want-1e-12 || got > want+1e-12 {
			t.Errorf("%s: %v %s, want %v", text, got, wrong, want)
		}
	}
	for _, text := range []string{"NaN", "nan", "Inf", "+Inf", "-Inf", "NaN%", "Inf%", "-1%", "-0.1", "x", "", "%", "2 %", "1e400", "0x1p-4", "1e-2", "2%%", "2,5%"} {
		if got, wrong := ParseShare(text); wrong == "" {
			t.Errorf("%q is read as %v", text, got)
		}
	}
	for text, write := range map[string]string{"5": `"5%"`, "1": `"1%"`, "2.5": `"2.5%"`} {
		if _, wrong := ParseShare(text); !strings.Contains(wrong, write) {
			t.Errorf("%s: %q does not say %s", text, wrong, write)
		}
	}
}
