package schema

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	names := []string{"tp", "pp", "ep", "concurrency", "max_batch_size", "max_num_tokens", "streaming", "var"}
	for given, want := range map[string]string{
		"concurency": "concurrency", "conccurrency": "concurrency", "steaming": "streaming", "vra": "var",
		"max_batch": "max_batch_size", "num_tokens": "max_num_tokens", "max_batchsize": "max_batch_size",
		"tpp": "tp", "nonsense": "", "x": "", "": "", "isl": "",
	} {
		if got := Nearest(given, names); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

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
