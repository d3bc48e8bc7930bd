package plan

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/schema"
)

// A Selection says which runs are asked for and how. Patterns match whole
// components of an address (see Match).
type Selection struct {
	Addresses []string // empty: all
	Replaces  []string // measured again
	Retry     bool     // lifts blocked
}

// Match reports whether pattern is a run of whole components of address. A use case
// may be named by its label alone (max_throughput/chat), and a component may have the
// wildcards of path.Match (*/concurrency=6*).
func Match(pattern, address string) bool {
	want := strings.Split(strings.Trim(pattern, "/"), "/")
	have := strings.Split(address, "/")
	for at := 0; at+len(want) <= len(have); at++ {
		if slices.EqualFunc(want, have[at:at+len(want)], matchComponent) {
			return true
		}
	}
	return false
}

func matchComponent(pattern, component string) bool {
	for _, name := range []string{component, strings.TrimPrefix(component, "use_case=")} {
		if ok, _ := path.Match(pattern, name); ok || pattern == name {
			return true
		}
	}
	return false
}

func matchAny(patterns []string, address string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return Match(p, address) })
}

// check returns an error for the first pattern that matches none of addresses.
func (s Selection) check(addresses []string) error {
	known := setOf(addresses)
	for _, flag := range []struct {
		name     string
		patterns []string
	}{{"-target", s.Addresses}, {"-replace", s.Replaces}} {
		for _, p := range flag.patterns {
			if !known[p] && !slices.ContainsFunc(addresses, func(a string) bool { return Match(p, a) }) {
				hint := ""
				if near := nearestPart(p, addresses); near != "" {
					hint = fmt.Sprintf(" Did you mean %s=%s?", flag.name, near)
				}
				return fmt.Errorf("%s=%s matches no run.%s The addresses are\n%s", flag.name, p, hint, listSome(addresses))
			}
		}
	}
	return nil
}

// nearestPart is the part of an address that was probably meant by a pattern, "" for
// none: a benchmark, a component, or what stands behind its equals sign.
func nearestPart(pattern string, addresses []string) string {
	var parts []string
	for _, a := range addresses {
		for _, c := range strings.Split(a, "/") {
			parts = append(parts, c)
			if _, value, ok := strings.Cut(c, "="); ok {
				parts = append(parts, value)
			}
		}
	}
	return schema.Nearest(pattern, parts)
}

// CutAxis cuts the component AXIS=VALUE out of an address; where it has none ok is false,
// and rest is the address.
func CutAxis(address, axis string) (rest, value string, ok bool) {
	parts := strings.Split(address, "/")
	for i, p := range parts {
		if v, found := strings.CutPrefix(p, axis+"="); found {
			return strings.Join(slices.Delete(parts, i, i+1), "/"), v, true
		}
	}
	return address, "", false
}

func setOf(list []string) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, s := range list {
		set[s] = true
	}
	return set
}

func listSome(addresses []string) string {
	const most = 10
	var b strings.Builder
	for i, a := range addresses {
		if i == most {
			fmt.Fprintf(&b, "  … and %d more", len(addresses)-most)
			break
		}
		fmt.Fprintf(&b, "  %s\n", a)
	}
	return strings.TrimRight(b.String(), "\n")
}
