package schema

import (
	"fmt"
	"strings"
)

// nearest is the name that was probably meant by given, "" if none is near.
// Earlier names win over later ones that are as near.
func nearest(given string, names []string) string {
	best, least := "", reach(given)+1
	for _, name := range names {
		if d := distance(given, name); d < least && name != given {
			best, least = name, d
		}
	}
	if best == "" && len(given) >= 4 {
		for _, name := range names { // max_batch, batch_size
			if strings.HasPrefix(name, given+"_") || strings.HasSuffix(name, "_"+given) {
				return name
			}
		}
	}
	return best
}

// reach is how many slips may lie between a name of this length and what was
// meant by it.
func reach(given string) int {
	switch n := len(given); {
	case n <= 4:
		return 1
	case n <= 12:
		return 2
	}
	return 3
}

// distance counts the letters to insert, remove, replace or swap with their
// neighbour to make b of a.
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, above, twice := rows[i%3], rows[(i+2)%3], rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := above[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(replace, above[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], twice[j-2]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}

// DidYouMean returns a sentence with a leading space that names the nearest of
// names to given, "" if none is near.
func DidYouMean(given string, names []string) string {
	if near := nearest(given, names); near != "" {
		return fmt.Sprintf(" Did you mean %q?", near)
	}
	return ""
}

// orList is a sentence with a leading space: the nearest of names, else all of
// them behind lead.
func orList(given string, names []string, lead string) string {
	if s := DidYouMean(given, names); s != "" {
		return s
	}
	return fmt.Sprintf(" %s %s.", lead, strings.Join(names, ", "))
}

// suggestOrList is a sentence with a leading space: the nearest of the declared
// names or, where none is near, all of them.
func suggestOrList(given string, names []string, noun string) string {
	if len(names) == 0 {
		return fmt.Sprintf(" No %s is declared.", noun)
	}
	return orList(given, names, "Declared:")
}
