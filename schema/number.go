package schema

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// exactInt is the largest whole number up to which float64 has no gaps.
const exactInt = 1 << 53

// round gives a number the value of the nearest float64, in its shortest
// decimal form, so that 0.9 still equals 0.9 in an expression. ok is false if
// no float64 is near.
func round(v cty.Value) (rounded cty.Value, ok bool) {
	f := asFloat(v)
	if math.IsInf(f, 0) {
		return v, false
	}
	if f == math.Trunc(f) && math.Abs(f) <= exactInt {
		return cty.NumberIntVal(int64(f)), true
	}
	return cty.MustParseNumberVal(strconv.FormatFloat(f, 'g', -1, 64)), true
}

func asFloat(v cty.Value) float64 {
	f, _ := v.AsBigFloat().Float64()
	return f
}

// asWhole is the whole number in v; ok is false if it has a fraction or is too
// large to be exact.
func asWhole(v cty.Value) (n int64, ok bool) {
	f := asFloat(v)
	if f != math.Trunc(f) || math.Abs(f) > exactInt {
		return 0, false
	}
	return int64(f), true
}

// beyond says what is wrong with a number that no float64 holds.
func beyond(v cty.Value) string {
	if n, err := convert.Convert(v, cty.Number); err == nil && n.AsBigFloat().IsInf() {
		return "is infinite: its expression divides by zero"
	}
	return "is too large a number"
}

// shortest prints a number without an exponent.
func shortest(v cty.Value) string {
	return strconv.FormatFloat(asFloat(v), 'f', -1, 64)
}

// roundDeep rounds all numbers in v and turns maps into objects and lists into
// tuples, so that equal content is equal. ok is false if a number is too large.
func roundDeep(v cty.Value) (out cty.Value, ok bool) {
	ty := v.Type()
	switch {
	case v.IsNull():
		return cty.NullVal(cty.DynamicPseudoType), true
	case ty == cty.Number:
		return round(v)
	case v.CanIterateElements():
		attrs, elems := map[string]cty.Value{}, []cty.Value{}
		keyed := ty.IsObjectType() || ty.IsMapType()
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			if e, ok = roundDeep(e); !ok {
				return v, false
			}
			if keyed {
				attrs[k.AsString()] = e
			}
			elems = append(elems, e)
		}
		if keyed {
			return cty.ObjectVal(attrs), true
		}
		return cty.TupleVal(elems), true
	}
	return v, true
}

var (
	percentPattern  = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?%$`)
	fractionPattern = regexp.MustCompile(`^[0-9]*(\.[0-9]+)?$`)
)

// ParseShare reads a share as it is written everywhere: "2%" or 0.02. A number of
// 1 or more without a percent sign is refused, for it is as likely meant in
// percent. wrong ends a sentence that begins with the name of what it is for.
func ParseShare(text string) (share float64, wrong string) {
	percent := percentPattern.MatchString(text)
	if percent {
		text = text[:len(text)-1]
	}
	v, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || math.IsInf(v, 0) || math.IsNaN(v) || v < 0 || !fractionPattern.MatchString(text):
		return 0, fmt.Sprintf(`must be a share such as "2%%" or 0.02, not %q`, text)
	case percent:
		return v / 100, ""
	case v >= 1:
		return 0, fmt.Sprintf(`is %s, which may be meant in percent. Write "%s%%" for %g, or "%s%%" for %g`,
			text, text, v/100, strconv.FormatFloat(100*v, 'f', -1, 64), v)
	}
	return v, ""
}

// shareIn refuses shares below least (not included) or above most.
func shareIn(least, most float64) func(cty.Value) string {
	return func(v cty.Value) string {
		f, wrong := ParseShare(text(v))
		switch {
		case wrong != "":
			return wrong
		case f <= least || f > most:
			return fmt.Sprintf("must be more than %g%% and at most %g%%, and it is %q", 100*least, 100*most, text(v))
		}
		return ""
	}
}

// anyShare refuses what is no share.
func anyShare(v cty.Value) string {
	_, wrong := ParseShare(text(v))
	return wrong
}

// share is the share in v, nil if there is none.
func share(v cty.Value) *float64 {
	f, wrong := ParseShare(text(v))
	if wrong != "" {
		return nil
	}
	return &f
}

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
	if right, means := correctDuration(s); right != "" {
		return 0, fmt.Sprintf("is written with units. Write %q%s", right, means)
	}
	return 0, fmt.Sprintf("must be %s, not %q", form, s)
}

var (
	clockPattern = regexp.MustCompile(`^(?:([0-9]{1,4})-)?([0-9]{1,6})(?::([0-9]{1,2}))?(?::([0-9]{1,2}))?$`)
	prosePattern = regexp.MustCompile(`(?i)^([0-9]+(?:\.[0-9]+)?)\s*(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)$`)
)

// units are those of prose by their first letters.
var units = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}

// correctDuration answers a duration in Slurm's form or in prose with ours; means tells
// how it was understood, with a leading space.
func correctDuration(s string) (right, means string) {
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
	return formatDuration(time.Duration(f * float64(units[strings.ToLower(m[2][:1])]))), ""
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
				means += fmt.Sprintf(", or %q if it means hours and minutes", formatDuration(hours))
			}
		}
	default:
		d = part(2) * time.Minute
		means = fmt.Sprintf(" for %s minutes", m[2])
	}
	if d <= 0 {
		return "", ""
	}
	return formatDuration(d), means
}

func minutes(f float64) string { return formatDuration(time.Duration(f * float64(time.Minute))) }

// formatDuration writes d without the zero parts that time.Duration prints.
func formatDuration(d time.Duration) string {
	s := d.Round(time.Millisecond).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}
