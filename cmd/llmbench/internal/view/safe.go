package view

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// safe returns a writer to w that a terminal can show whatever is written to it.
// Control characters but tab and newline, the C1 controls, and characters that
// change the direction of text are written as \u001b; a byte that is not UTF-8 is
// written as \x9b. What JSON allows in strings keeps its meaning there.
func safe(w io.Writer) io.Writer { return &safeWriter{w: w} }

// A colour is a noncharacter of Unicode, which no text holds, that a writer to a terminal
// turns into an SGR sequence (ECMA-48) and any other leaves out: text may be coloured
// before it is known where it is written, and no escape sequence passes safe.
type colour rune

const (
	plain  colour = 0xFDD0 + iota
	red           // failed, invalid, blocked
	green         // valid, to be measured
	yellow        // suspect, to be measured again
	blue          // in flight
)

var sequences = map[colour]string{plain: "\x1b[0m", red: "\x1b[31m", green: "\x1b[32m", yellow: "\x1b[33m", blue: "\x1b[34m"}

// colours are those of verdicts, actions and states that need attention.
var colours = map[string]colour{
	"valid": green, "+": green, "suspect": yellow, "~": yellow,
	"failed": red, "invalid": red, "!": red, "lost": red, "blocked": red,
	">": blue, "running": blue, "submitted": blue, "pending": blue, "waiting": blue,
}

// painted is a string in the colour of the state that it begins with.
func painted(state string) string {
	word, _, _ := strings.Cut(state, " ")
	if c := colours[word]; c != 0 {
		return string(rune(c)) + state + string(rune(plain))
	}
	return state
}

type safeWriter struct {
	w    io.Writer
	wide int    // columns of the terminal, 0 for no limit
	sgr  bool   // colours are shown
	rest []byte // the start of a character that the next Write ends
	out  []byte
}

// Write implements io.Writer.
func (s *safeWriter) Write(b []byte) (int, error) {
	if len(s.rest) == 0 && !slices.ContainsFunc(b, special) {
		return s.w.Write(b)
	}
	in := b
	if len(s.rest) > 0 {
		in = append(s.rest, b...)
	}
	s.out, s.rest = s.out[:0], nil
	for len(in) > 0 {
		if !special(in[0]) {
			s.out, in = append(s.out, in[0]), in[1:]
			continue
		}
		if !utf8.FullRune(in) {
			s.rest = slices.Clone(in)
			break
		}
		r, n := utf8.DecodeRune(in)
		switch {
		case r == utf8.RuneError && n == 1:
			s.out = fmt.Appendf(s.out, `\x%02x`, in[0])
		case sequences[colour(r)] != "":
			if s.sgr {
				s.out = append(s.out, sequences[colour(r)]...)
			}
		case control(r):
			s.out = fmt.Appendf(s.out, `\u%04x`, r)
		default:
			s.out = append(s.out, in[:n]...)
		}
		in = in[n:]
	}
	if _, err := s.w.Write(s.out); err != nil {
		return 0, err
	}
	return len(b), nil
}

// safeString is a string as safe writes it.
func safeString(s string) string {
	var b strings.Builder
	_, _ = safe(&b).Write([]byte(s)) // a Builder takes everything
	return b.String()
}

// Log returns a writer of whole lines to w without colours and carriage returns.
func Log(w io.Writer) io.Writer { return logWriter{w} }

type logWriter struct{ w io.Writer }

// Write implements io.Writer.
func (l logWriter) Write(b []byte) (int, error) {
	plain := sgr.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), nil)
	if _, err := l.w.Write(bytes.ReplaceAll(plain, []byte("\r"), []byte("\n"))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// sgr matches the sequences that set colours (ECMA-48, 8.3.117).
var sgr = regexp.MustCompile("\x1b\\[[0-9;:]*m")

// special reports whether a byte is, or begins, something to look at.
func special(c byte) bool { return c < ' ' && c != '\n' && c != '\t' || c >= 0x7f }

// control reports whether a character controls a terminal or the direction of text.
func control(r rune) bool {
	switch {
	case r < ' ', 0x7f <= r && r <= 0x9f:
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f:
		return true
	}
	return 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069
}
