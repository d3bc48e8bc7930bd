package schema

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"
)

// ParseDuration reads "40m", "1h30m", "90s". What is written the way of Slurm or
// of prose is refused with the right spelling. wrong ends a sentence that begins
// with the argument's name.
func ParseDuration(v cty.Value) (d time.Duration, wrong string) {
	const form = `a duration such as "40m", "1h30m" or "90s"`
	if v.IsNull() {
		return 0, "must be " + form + ", not null"
	}
	switch v.Type() {
	case cty.String:
	case cty.Number:
		if f := asFloat(v); f > 0 && f < 1e7 {
			return 0, fmt.Sprintf("has no unit. Write %q for %s minutes", minutes(f), shortest(v))
		}
		return 0, "must be " + form
	default:
		return 0, "must be " + form + ", not " + describe(v)
	}
	s := strings.TrimSpace(v.AsString())
	if d, err := time.ParseDuration(s); err == nil && !strings.HasPrefix(s, "+") && s == v.AsString() && s != "0" {
		if d <= 0 {
			return 0, "must be more than nothing, and it is " + strconv.Quote(s)
		}
		return d, ""
	}
	if right, means := respell(s); right != "" {
		return 0, fmt.Sprintf("is written with units. Write %q%s", right, means)
	}
	return 0, fmt.Sprintf("must be %s, not %q", form, s)
}

var (
	clockPattern = regexp.MustCompile(`^(?:([0-9]{1,4})-)?([0-9]{1,6})(?::([0-9]{1,2}))?(?::([0-9]{1,2}))?$`)
	prosePattern = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)$`)
)

// respell answers a duration in Slurm's form or in prose with ours; means tells
// how it was understood, with a leading space.
func respell(s string) (right, means string) {
	if m := clockPattern.FindStringSubmatch(s); m != nil {
		return fromClock(s, m)
	}
	m := prosePattern.FindStringSubmatch(s)
	if m == nil {
		return "", ""
	}
	f, err := strconv.ParseFloat(m[1], 64)
	if err != nil || f <= 0 || f > 1e6 {
		return "", ""
	}
	switch strings.ToLower(m[2]) {
	case "s", "sec", "secs", "second", "seconds":
		return spell(time.Duration(f * float64(time.Second))), ""
	case "m", "min", "mins", "minute", "minutes":
		return minutes(f), ""
	case "h", "hr", "hrs", "hour", "hours":
		return minutes(f * 60), ""
	case "d", "day", "days":
		return minutes(f * 60 * 24), ""
	}
	return "", ""
}

// fromClock reads Slurm's forms: M, M:S, H:M:S, D-H, D-H:M, D-H:M:S.
func fromClock(s string, m []string) (right, means string) {
	part := func(i int) time.Duration {
		n, _ := strconv.Atoi(m[i])
		return time.Duration(n)
	}
	var d time.Duration
	switch {
	case m[1] != "":
		d = part(1)*24*time.Hour + part(2)*time.Hour + part(3)*time.Minute + part(4)*time.Second
		means = ", which is how Slurm reads it"
	case m[4] != "":
		d = part(2)*time.Hour + part(3)*time.Minute + part(4)*time.Second
	case m[3] != "":
		d = part(2)*time.Minute + part(3)*time.Second
		means = ", which is how Slurm reads it (minutes and seconds)"
		if part(2) < 24 && part(3) < 60 {
			if hours := part(2)*time.Hour + part(3)*time.Minute; hours > 0 {
				means += fmt.Sprintf(", or %q if it means hours and minutes", spell(hours))
			}
		}
	default:
		d = part(2) * time.Minute
		means = fmt.Sprintf(" for %s minutes", m[2])
	}
	if d <= 0 {
		return "", ""
	}
	return spell(d), means
}

func minutes(f float64) string { return spell(time.Duration(f * float64(time.Minute))) }

// spell writes d without the zero parts that time.Duration prints.
func spell(d time.Duration) string {
	s := d.Round(time.Millisecond).String()
	s = strings.TrimSuffix(s, "0s")
	if s == "" || !strings.ContainsAny(s[len(s)-1:], "hms") {
		return d.Round(time.Millisecond).String()
	}
	if trimmed := strings.TrimSuffix(s, "h0m"); trimmed != s {
		return trimmed + "h"
	}
	return s
}
