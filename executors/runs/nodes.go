package runs

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// nodeList is a list of node names, or one string in Slurm's short form.
type nodeList []string

func (n *nodeList) UnmarshalJSON(b []byte) error {
	var list []string
	if json.Unmarshal(b, &list) == nil {
		*n = list
		return nil
	}
	var s text
	if err := s.UnmarshalJSON(b); err != nil {
		return err
	}
	*n = expandNodes(string(s))
	return nil
}

// mostNodes bounds what a short form can stand for, so that a damaged one costs
// nothing.
const mostNodes = 1 << 16

// expandNodes writes out a short form such as gb[01-03,7],login1. What it does
// not understand stays as it is.
func expandNodes(s string) []string {
	var out []string
	for _, part := range splitOutside(s) {
		out = append(out, expandPart(part)...)
	}
	return out
}

// splitOutside splits at the commas that are not in brackets.
func splitOutside(s string) []string {
	var out []string
	depth, from := 0, 0
	for i, c := range s {
		switch {
		case c == '[':
			depth++
		case c == ']':
			depth--
		case c == ',' && depth <= 0:
			out = append(out, s[from:i])
			from = i + 1
		}
	}
	if from < len(s) {
		out = append(out, s[from:])
	}
	return out
}

func expandPart(s string) []string {
	head, rest, ok := strings.Cut(s, "[")
	inside, tail, closed := strings.Cut(rest, "]")
	if !ok || !closed || strings.Contains(tail, "[") {
		return []string{s}
	}
	var out []string
	for item := range strings.SplitSeq(inside, ",") {
		low, high, isRange := strings.Cut(item, "-")
		if !isRange {
			high = low
		}
		a, errA := strconv.Atoi(low)
		b, errB := strconv.Atoi(high)
		if errA != nil || errB != nil || a > b || b-a >= mostNodes || len(out) >= mostNodes {
			return []string{s}
		}
		for i := a; i <= b; i++ {
			out = append(out, fmt.Sprintf("%s%0*d%s", head, len(low), i, tail))
		}
	}
	return out
}
