package trtllm

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// convert reads the value of a flag as Python and click do. problem is click's
// word on a value that it does not take, else "".
func convert(f flag, value string) (v any, problem string) {
	switch f.kind {
	case whole, positive:
		n, ok := pythonInt(value)
		switch {
		case !ok && f.kind == whole:
			return nil, pythonString(value) + " is not a valid integer."
		case !ok:
			return nil, pythonString(value) + " is not a valid integer range."
		case f.kind == positive && n < 1:
			return nil, fmt.Sprintf("%d is not in the range x>=1.", n)
		}
		return n, ""
	case number:
		x, ok := pythonFloat(value)
		if !ok {
			return nil, pythonString(value) + " is not a valid float."
		}
		return x, ""
	}
	if len(f.choices) > 0 && !slices.Contains(f.choices, value) {
		return nil, fmt.Sprintf("%s is not one of '%s'.", pythonString(value), strings.Join(f.choices, "', '"))
	}
	return value, ""
}

// pythonInt reads a decimal number: signs, white space around and single
// underscores between digits are fine. Numbers beyond 64 bits are not.
func pythonInt(s string) (int64, bool) {
	s, ok := plainDigits(s)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// pythonFloat reads a decimal number, an infinity or a NaN.
func pythonFloat(s string) (float64, bool) {
	s, ok := plainDigits(s)
	if !ok || strings.ContainsAny(s, "xXpP") {
		return 0, false
	}
	x, err := strconv.ParseFloat(s, 64)
	return x, err == nil || errors.Is(err, strconv.ErrRange)
}

// plainDigits takes off white space and underscores that stand between digits;
// any other underscore is wrong.
func plainDigits(s string) (string, bool) {
	s = strings.TrimSpace(s)
	for i, c := range s {
		if c == '_' && (i == 0 || i+1 == len(s) || !isDigit(s[i-1]) || !isDigit(s[i+1])) {
			return "", false
		}
	}
	return strings.ReplaceAll(s, "_", ""), true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// pythonString is a string as Python's repr shows it.
func pythonString(s string) string {
	quote := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, c := range s {
		switch {
		case c == quote || c == '\\':
			b.WriteRune('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(c):
			b.WriteRune(c)
		case c < 0x100:
			fmt.Fprintf(&b, `\x%02x`, c)
		case c < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			fmt.Fprintf(&b, `\U%08x`, c)
		}
	}
	b.WriteRune(quote)
	return b.String()
}
