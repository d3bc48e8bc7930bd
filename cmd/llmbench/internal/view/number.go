package view

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// count writes a whole number with commas between thousands.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// figure writes a measurement with three or four digits that count.
func figure(f float64) string {
	switch a := math.Abs(f); {
	case math.IsNaN(f):
		return "-"
	case a >= 1000:
		return count(int64(math.Round(f)))
	case a >= 1:
		return strconv.FormatFloat(f, 'f', 2-int(math.Log10(a)), 64)
	case a == 0:
		return "0"
	}
	return strconv.FormatFloat(f, 'g', 3, 64)
}

// decimal writes a number with a fixed count of decimals, and commas between thousands.
func decimal(f float64, decimals int) string {
	s := strconv.FormatFloat(f, 'f', decimals, 64)
	whole, rest, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	switch {
	case err != nil || n == 0:
		return s
	case rest == "":
		return count(n)
	}
	return count(n) + "." + rest
}

// orDash writes a value, and "-" for none.
func orDash[T any](v *T, write func(T) string) string {
	if v == nil {
		return "-"
	}
	return write(*v)
}

// milliseconds writes a duration given in milliseconds with a fitting unit.
func milliseconds(ms float64) string {
	switch {
	case ms >= 120e3:
		return figure(ms/60e3) + " min"
	case ms >= 1000:
		return figure(ms/1000) + " s"
	}
	return figure(ms) + " ms"
}

func minutes(seconds int) string {
	if seconds%3600 == 0 && seconds >= 3600 {
		return fmt.Sprintf("%d h", seconds/3600)
	}
	if seconds%60 == 0 {
		return fmt.Sprintf("%d min", seconds/60)
	}
	return fmt.Sprintf("%d s", seconds)
}

// took writes how long something lasted.
func took(d time.Duration) string {
	switch {
	case d < 0:
		return "-"
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}

// literal writes a value of a plan as a person would say it in definitions.
func literal(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64, int, float64:
		f, _ := number(v)
		return strconv.FormatFloat(f, 'f', -1, 64)
	case *string:
		if v != nil {
			return *v
		}
	case []string:
		return "[" + strings.Join(v, ", ") + "]"
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = literal(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if string(b) == "null" {
		return "not set"
	}
	return strings.Trim(string(b), `"`)
}

// Plural is a number with its noun: "1 run", "2 runs".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// amounts says how many there are of each, but of which there is none.
func amounts(of []string, n ...int) []string {
	var out []string
	for i, what := range of {
		if n[i] > 0 {
			out = append(out, fmt.Sprintf("%d %s", n[i], what))
		}
	}
	return out
}

// present are the strings that are not empty.
func present(list ...string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

// groupBy divides a list by a key, in the order in which keys appear.
func groupBy[T any, K comparable](list []T, key func(T) K) (order []K, of map[K][]T) {
	of = map[K][]T{}
	for _, v := range list {
		k := key(v)
		if _, ok := of[k]; !ok {
			order = append(order, k)
		}
		of[k] = append(of[k], v)
	}
	return order, of
}

// A tally has labels by a key, each once, in the order in which they are added.
type tally[K comparable] struct {
	keys []K
	of   map[K][]string
}

func (t *tally[K]) add(key K, label string) {
	if t.of[key] == nil {
		t.keys = append(t.keys, key)
	}
	if t.of == nil {
		t.of = map[K][]string{}
	}
	if !slices.Contains(t.of[key], label) {
		t.of[key] = append(t.of[key], label)
	}
}

// someOf names the first most of a list and counts the others.
func someOf[T any](list []T, most int, name func(T) string) string {
	var names []string
	for _, v := range list {
		names = append(names, name(v))
	}
	return Some(names, most)
}

// Some joins the first most of a list and counts the others.
func Some(list []string, most int) string {
	if more := len(list) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), more)
	}
	return strings.Join(list, ", ")
}

// roundFigure writes an estimate with the two digits that it is good for.
func roundFigure(f float64) string {
	if f <= 0 {
		return "0"
	}
	unit := math.Pow(10, math.Floor(math.Log10(f))-1)
	return figure(math.Round(f/unit) * unit)
}

// minutesRange writes an expected time, given in seconds.
func minutesRange(low, high float64) string {
	switch {
	case high < 90:
		return fmt.Sprintf("%.0f-%.0f s", low, high)
	case high < 5400:
		return fmt.Sprintf("%.0f-%.0f min", math.Max(1, low/60), high/60)
	}
	return fmt.Sprintf("%.1f-%.1f h", low/3600, high/3600)
}

// hoursRange writes expected GPU-hours.
func hoursRange(low, high float64) string {
	if low == high {
		return fmt.Sprintf("%.2g", high)
	}
	if high >= 20 {
		return fmt.Sprintf("%.0f-%.0f", low, high)
	}
	if high < 0.95 {
		return fmt.Sprintf("%.2f-%.2f", low, high)
	}
	return fmt.Sprintf("%.1f-%.1f", low, high)
}
