package trtllm

import "bytes"

// cutLogger splits off what a logger puts before its text, and returns the level
// as one capital: "[09/17/2025-21:24:19] [TRT-LLM] [RANK 2] [E] …", where the
// parts in brackets vary by version, or "[TensorRT-LLM][INFO] …" of the C++
// side. level is 0 for a line of no logger.
func cutLogger(line []byte) (level byte, text []byte) {
	if rest, ok := bytes.CutPrefix(line, []byte("[TensorRT-LLM][")); ok {
		name, text, ok := bytes.Cut(rest, []byte("]"))
		if !ok || len(name) == 0 {
			return 0, line
		}
		return name[0], bytes.TrimLeft(text, " ")
	}
	at := bytes.Index(line, []byte("[TRT-LLM]"))
	if at < 0 || !isTimestamp(line[:at]) {
		return 0, line
	}
	rest := line[at+len("[TRT-LLM]"):]
	for {
		rest = bytes.TrimLeft(rest, " ")
		name, after, ok := cutBrackets(rest)
		if !ok {
			if level == 0 {
				level = 'I'
			}
			return level, rest
		}
		if len(name) == 1 {
			level = name[0]
		}
		rest = after
	}
}

// isTimestamp reports whether only "[MM/DD/YYYY-HH:MM:SS] " stands before a
// logger's name.
func isTimestamp(b []byte) bool {
	b = bytes.TrimSpace(b)
	return len(b) == 0 || len(b) == len("[09/17/2025-21:24:19]") && b[0] == '[' && b[len(b)-1] == ']'
}

// cutBrackets splits off a level, a rank or a module in brackets. Others belong
// to the text.
func cutBrackets(b []byte) (name, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '[' {
		return nil, nil, false
	}
	name, rest, ok = bytes.Cut(b[1:], []byte("]"))
	switch {
	case !ok || len(name) == 0:
		return nil, nil, false
	case len(name) == 1 && 'A' <= name[0] && name[0] <= 'Z':
	case name[0] == '_' || bytes.HasPrefix(name, []byte("RANK ")):
	default:
		return nil, nil, false
	}
	return name, rest, true
}
