package schema

import (
	"fmt"
	"strings"

	"github.com/agext/levenshtein"
)

// nearest is the name that was probably meant by given, "" if none is near.
// Earlier names win over later ones that are as near.
func nearest(given string, names []string) string {
	best, distance := "", 1+min(2, max(1, len(given)/2))
	if len(given) > 12 {
		distance++
	}
	for _, name := range names {
		if d := levenshtein.Distance(given, name, nil); d < distance && name != given {
			best, distance = name, d
		}
	}
	return best
}

// didYouMean is a sentence with a leading space, "" if no name is near.
func didYouMean(given string, names []string) string {
	if near := nearest(given, names); near != "" {
		return fmt.Sprintf(" Did you mean %q?", near)
	}
	return ""
}

// suggestOrList is a sentence with a leading space: the nearest name or, where
// none is near, all of them.
func suggestOrList(given string, names []string, noun string) string {
	if s := didYouMean(given, names); s != "" {
		return s
	}
	if len(names) == 0 {
		return fmt.Sprintf(" No %s is declared.", noun)
	}
	return fmt.Sprintf(" Declared: %s.", strings.Join(names, ", "))
}

// series writes names as "a, b and c", each quoted.
func series(names []string, last string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	end := len(quoted) - 1
	return strings.Join(quoted[:end], ", ") + " " + last + " " + quoted[end]
}
