package view

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSafe(t *testing.T) {
	for in, want := range map[string]string{
		"plain\n\ttext":              "plain\n\ttext",
		"\x1b[31mred\x1b]0;title\a":  `\u001b[31mred\u001b]0;title\u0007`,
		"over\rwritten":              `over\u000dwritten`,
		"C1 \u009b31m":               `C1 \u009b31m`,
		"8-bit \x9b31m":              `8-bit \x9b31m`,
		"bidi \u202egnp.exe\u2069":   `bidi \u202egnp.exe\u2069`,
		"GB200 · 8 × 4 … „ü“ 数 🚀\n":  "GB200 · 8 × 4 … „ü“ 数 🚀\n",
		"delete \x7f":                `delete \u007f`,
		"cut \xf0\x9f":               "cut ", // it waits for the rest
		"\u200e\u200f\u061c visible": `\u200e\u200f\u061c visible`,
	} {
		var b bytes.Buffer
		if n, err := safe(&b).Write([]byte(in)); n != len(in) || err != nil || b.String() != want {
			t.Errorf("%q: got %q, %d, %v; want %q", in, b.String(), n, err, want)
		}
	}
}

// However a string is cut into writes, no control gets through, and JSON keeps
// its meaning.
func TestSafeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := strings.Map(withoutColours, rapid.String().Draw(t, "value"))
		doc, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		w := safe(&b)
		for rest := doc; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "n")
			if _, err := w.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		for _, r := range b.String() {
			if control(r) {
				t.Fatalf("%q has %U", b.String(), r)
			}
		}
		var got string
		if err := json.Unmarshal(b.Bytes(), &got); err != nil || got != value {
			t.Errorf("%q became %q: %v", value, got, err)
		}
	})
}

func TestLog(t *testing.T) {
	var b bytes.Buffer
	in := "\x1b[1;31mred\x1b[0m\r\nBenchmarking: 1/2\rBenchmarking: 2/2\n\x1b]0;title\a\n"
	if _, err := Log(safe(&b)).Write([]byte(in)); err != nil {
		t.Fatal(err)
	}
	want := "red\nBenchmarking: 1/2\nBenchmarking: 2/2\n\\u001b]0;title\\u0007\n"
	if b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func TestMarkdownShowsForeignText(t *testing.T) {
	var b bytes.Buffer
	tbl := &table{header: []string{"run", "cause"}}
	tbl.add("a", "x | y <img src=z> & `a > b` `<i>")
	if err := tbl.markdown(&b); err != nil {
		t.Fatal(err)
	}
	if want := "| a   | x \\| y &lt;img src=z&gt; &amp; `a > b` `&lt;i&gt; |\n"; !strings.HasSuffix(b.String(), want) {
		t.Errorf("got %s, want %s", b.String(), want)
	}
}

// Colours reach a terminal that shows them and nobody else, and take no room.
func TestColours(t *testing.T) {
	text := painted("valid") + " " + painted("planned")
	for sgr, want := range map[bool]string{true: "\x1b[32mvalid\x1b[0m planned", false: "valid planned"} {
		var b strings.Builder
		_, _ = (&safeWriter{w: &b, sgr: sgr}).Write([]byte(text))
		if b.String() != want {
			t.Errorf("%q, want %q", b.String(), want)
		}
	}
	if width(text) != len("valid planned") {
		t.Error(width(text))
	}
	if got := markdownText(text); got != "valid planned" {
		t.Errorf("%q", got)
	}
}
