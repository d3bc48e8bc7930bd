package schema_test

import (
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/schema"
)

func TestParseDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"40m": 40 * time.Minute, "1h30m": 90 * time.Minute, "90s": 90 * time.Second, "1.5h": 90 * time.Minute, "500ms": time.Second / 2,
	} {
		if d, wrong := schema.ParseDuration(cty.StringVal(in)); d != want || wrong != "" {
			t.Errorf("%q: %v, %q", in, d, wrong)
		}
	}
}

func TestParseDurationRefuses(t *testing.T) {
	text := cty.StringVal
	for _, c := range []struct {
		in   cty.Value
		want string // part of the answer
	}{
		{text("40:00"), `Write "40m"`},
		{text("0:40"), `Write "40s", which is how Slurm reads it (minutes and seconds), or "40m"`},
		{text("1:30"), `"1m30s", which is how Slurm reads it (minutes and seconds), or "1h30m"`},
		{text("90:00"), `Write "1h30m"`},
		{text("00:40:00"), `Write "40m"`},
		{text("1-00:00:00"), `Write "24h"`},
		{text("2-12"), `Write "60h"`},
		{text("40"), `Write "40m" for 40 minutes`},
		{cty.NumberIntVal(40), `Write "40m" for 40 minutes`},
		{cty.NumberFloatVal(0.5), `Write "30s"`},
		{text("40 minutes"), `Write "40m"`},
		{text("40min"), `Write "40m"`},
		{text("1.5 h"), `Write "1h30m"`},
		{text("2d"), `Write "48h"`},
		{text("40M"), `Write "40m"`},
		{text(" 40m"), `Write "40m"`},
		{text("soon"), `not "soon"`},
		{text(""), `must be a duration`},
		{text("0"), `must be a duration`},
		{text("0:00"), `must be a duration`},
		{text("0s"), `must be more than nothing`},
		{text("-5m"), `must be more than nothing`},
		{text("+5m"), `must be a duration`},
		{cty.NumberIntVal(0), `must be a duration`},
		{cty.True, `not true`},
		{cty.NullVal(cty.String), `not null`},
	} {
		if d, wrong := schema.ParseDuration(c.in); d != 0 || !strings.Contains(wrong, c.want) {
			t.Errorf("%#v: %v, %q, want %q", c.in, d, wrong, c.want)
		}
	}
}
