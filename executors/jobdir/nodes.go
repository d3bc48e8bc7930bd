package jobdir

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
		*n = ExpandNodes(list...)
		return nil
	}
	var short string
	err := json.Unmarshal(b, &short)
	*n = ExpandNodes(short)
	return err
}

// mostNodes bounds what a short form can stand for, as Slurm does, so that a
// damaged one costs nothing.
const mostNodes = 1 << 16

// ExpandNodes returns the names that Slurm's short forms stand for, in the order
// of `scontrol show hostnames`: gb[01-03,7],login1 and nvl72d[01-02]-T[1-2] too.
// What is no short form stays as it is.
func ExpandNodes(lists ...string) []string {
	var out []string
	for _, list := range lists {
		for _, part := range splitNodes(list) {
			out = append(out, expandPart(part)...)
		}
	}
	return out
}

// splitNodes splits at the commas that are not in brackets.
func splitNodes(s string) []string {
	depth := 0
	return strings.FieldsFunc(s, func(c rune) bool {
		switch c {
		case '[':
			depth++
		case ']':
			depth--
		}
		return c == ',' && depth <= 0
	})
}

// expandPart varies the last bracket fastest, then the first, as Slurm does.
func expandPart(s string) []string {
	head, last, tail := cutBracket(s)
	heads := expandHeads(head)
	if len(heads)*len(last) == 0 || len(heads)*len(last) > mostNodes {
		return []string{s}
	}
	var out []string
	for _, h := range heads {
		for _, n := range last {
			out = append(out, h+n+tail)
		}
	}
	return out
}

// expandHeads expands what stands before the last bracket; nil is for what is no
// short form.
func expandHeads(s string) []string {
	if !strings.Contains(s, "[") {
		return []string{s}
	}
	head, numbers, tail := cutBracket(s)
	var out []string
	for _, n := range numbers {
		more := expandHeads(head + n + tail)
		if more == nil || len(out)+len(more) > mostNodes {
			return nil
		}
		out = append(out, more...)
	}
	return out
}

// cutBracket cuts s around its last bracket and writes out the numbers in it, none where
// there is no bracket, or one that holds something else.
func cutBracket(s string) (head string, numbers []string, tail string) {
	open := strings.LastIndex(s, "[")
	inside, tail, closed := strings.Cut(s[open+1:], "]")
	if open < 0 || !closed {
		return "", nil, ""
	}
	for item := range strings.SplitSeq(inside, ",") {
		low, high, isRange := strings.Cut(item, "-")
		if !isRange {
			high = low
		}
		a, errA := strconv.ParseUint(low, 10, 31)
		b, errB := strconv.ParseUint(high, 10, 31)
		if errA != nil || errB != nil || a > b || b-a >= mostNodes || len(numbers) >= mostNodes {
			return "", nil, ""
		}
		for i := a; i <= b; i++ {
			numbers = append(numbers, fmt.Sprintf("%0*d", len(low), i))
		}
	}
	return s[:open], numbers, tail
}
