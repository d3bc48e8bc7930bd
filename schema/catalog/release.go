package catalog

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A release is a version of TensorRT-LLM taken apart: 1.2.0rc6.post2. One that is
// no candidate is later than all candidates of its number.
type release struct {
	core  [3]int
	parts int // how many of core are written
	rc    int // math.MaxInt for none
	post  int
}

var releasePattern = regexp.MustCompile(`^v?(\d+)\.(\d+)(?:\.(\d+))?(?:rc(\d+))?(?:\.post(\d+))?(?:\+.*)?$`)

func parseRelease(s string) (r release, ok bool) {
	m := releasePattern.FindStringSubmatch(s)
	if m == nil {
		return r, false
	}
	number := func(i, otherwise int) int {
		if m[i] == "" {
			return otherwise
		}
		n, err := strconv.Atoi(m[i])
		ok = ok && err == nil
		return n
	}
	ok = true
	r = release{core: [3]int{number(1, 0), number(2, 0), number(3, 0)}, parts: 2, rc: number(4, math.MaxInt), post: number(5, 0)}
	if m[3] != "" {
		r.parts = 3
	}
	return r, ok
}

func (r release) compare(o release) int {
	return cmp.Or(slices.Compare(r.core[:], o.core[:]), cmp.Compare(r.rc, o.rc), cmp.Compare(r.post, o.post))
}

func (r release) sameMinor(o release) bool { return r.core[0] == o.core[0] && r.core[1] == o.core[1] }

// distance weighs how far two releases of one minor are apart: patches before
// candidates.
func (r release) distance(o release) []int {
	abs := func(n int) int { return max(n, -n) }
	rc := 0
	if r.rc != o.rc {
		rc = math.MaxInt // a candidate and a release
		if r.rc != math.MaxInt && o.rc != math.MaxInt {
			rc = abs(r.rc - o.rc)
		}
	}
	return []int{abs(r.core[2] - o.core[2]), rc}
}

// IsVersion reports whether a name is a version of TensorRT-LLM, catalogued or not.
func IsVersion(name string) bool {
	_, ok := parseRelease(name)
	return ok
}

// FullVersion writes a version with all three numbers: 1.1 is 1.1.0. What is no
// version stays as it is.
func FullVersion(name string) string {
	r, ok := parseRelease(name)
	if !ok || r.parts == 3 {
		return name
	}
	short := strconv.Itoa(r.core[0]) + "." + strconv.Itoa(r.core[1])
	return strings.Replace(name, short, short+".0", 1)
}

// SameVersion reports whether a version that a report or an image shows is what an
// image was planned to hold: what its tag says or, where the tag is no version, what
// is declared. As many numbers count as are written: 1.2 is also 1.2.1.
func SameVersion(shown, image, declared string) bool {
	want, ok := parseRelease(Tag(image))
	if !ok {
		want, ok = parseRelease(declared)
	}
	have, known := parseRelease(shown)
	if !ok || !known {
		return true
	}
	return slices.Equal(want.core[:want.parts], have.core[:want.parts]) && want.rc == have.rc && want.post == have.post
}

// Tag is the tag of an image reference, "" if it has none. A colon before the last
// slash belongs to the registry's port.
func Tag(ref string) string {
	ref, _, _ = strings.Cut(ref, "@")
	name := ref[strings.LastIndex(ref, "/")+1:]
	_, tag, _ := strings.Cut(name, ":")
	return tag
}

// A Match is the catalogued version whose facts are taken for one that is named.
type Match struct {
	*Version
	// Exact: the version that is named is the catalogued one.
	Exact bool
	// Beyond is the catalogued version on the other side of the one that is named,
	// nil if there is none or the match is exact.
	Beyond *Version
}

// Match finds the version whose facts hold for the one that is named: itself, else
// the nearest of its minor, earlier or later, else the newest of the nearest earlier
// minor. ok is false where the name is no version, or all that is catalogued is newer.
func (c *Catalog) Match(name string) (m Match, ok bool) {
	if v, exact := c.Version(name); exact {
		return Match{Version: v, Exact: true}, true
	}
	want, ok := parseRelease(name)
	if !ok {
		return Match{}, false
	}
	var earlier, later *Version
	for _, v := range c.Versions {
		switch {
		case v.known.compare(want) <= 0 && want.compare(v.release) <= 0:
			return Match{Version: v, Beyond: earlier}, true
		case v.release.compare(want) < 0:
			earlier = v
		case later == nil:
			later = v
		}
	}
	m = Match{Version: earlier, Beyond: later}
	if later != nil && later.release.sameMinor(want) && (earlier == nil || !earlier.release.sameMinor(want) ||
		slices.Compare(want.distance(later.known), want.distance(earlier.release)) < 0) {
		m = Match{Version: later, Beyond: earlier}
	}
	return m, m.Version != nil
}
