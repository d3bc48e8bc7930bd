package schema

import (
	"fmt"
	"math"
	"regexp"
	"strconv"

	"github.com/zclconf/go-cty/cty"
)

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
		f, wrong := ParseShare(v.AsString())
		switch {
		case wrong != "":
			return wrong
		case f <= least || f > most:
			return fmt.Sprintf("must be more than %g%% and at most %g%%, and it is %q", 100*least, 100*most, v.AsString())
		}
		return ""
	}
}

// anyShare refuses what is no share.
func anyShare(v cty.Value) string {
	_, wrong := ParseShare(v.AsString())
	return wrong
}

// share is the share in v, nil if it is null or not known.
func share(v cty.Value) *float64 {
	j := judge(v)
	if !j.ok || j.value.IsNull() {
		return nil
	}
	f, wrong := ParseShare(j.value.AsString())
	if wrong != "" {
		return nil
	}
	return &f
}
