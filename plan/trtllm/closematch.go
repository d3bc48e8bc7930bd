package trtllm

import (
	"cmp"
	"slices"
	"strings"
)

// closeMatches returns up to three of the candidates that are like word, best
// first, as Python's difflib.get_close_matches judges it, which click asks.
func closeMatches(word string, candidates []string) []string {
	var near []string
	for _, c := range candidates {
		if likeness(c, word) >= 0.6 {
			near = append(near, c)
		}
	}
	slices.SortFunc(near, func(a, b string) int {
		return cmp.Or(cmp.Compare(likeness(b, word), likeness(a, word)), strings.Compare(b, a))
	})
	return near[:min(3, len(near))]
}

// likeness is Ratcliff and Obershelp's: twice the characters in common over all
// of them.
func likeness(a, b string) float64 {
	return 2 * float64(common(a, b)) / float64(max(1, len(a)+len(b)))
}

// common counts the characters of the longest part in common and of what is in
// common on both sides of it.
func common(a, b string) int {
	i, j, n := longestPart(a, b)
	if n == 0 {
		return 0
	}
	return n + common(a[:i], b[:j]) + common(a[i+n:], b[j+n:])
}

// longestPart finds the longest substring that a and b share, the first one in a,
// then in b.
func longestPart(a, b string) (i, j, n int) {
	ends := make([]int, len(b)+1) // by end in b: the length of the part that ends here
	for x := range len(a) {
		for y := len(b) - 1; y >= 0; y-- {
			if a[x] != b[y] {
				ends[y+1] = 0
				continue
			}
			ends[y+1] = ends[y] + 1
			if m := ends[y+1]; m > n || m == n && x-m+1 == i && y-m+1 < j {
				i, j, n = x-m+1, y-m+1, m
			}
		}
	}
	return i, j, n
}
