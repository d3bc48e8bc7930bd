package trtllm

// scanRow reads the rows that generators write: task_id, input_ids and
// output_tokens, each once, in any order, with any white space. It is several
// times as fast as encoding/json, which sees the rows for which ok is false,
// right or wrong.
func scanRow(line []byte) (read rowRead, ok bool) {
	s := scanner{rest: line}
	if !s.take('{') {
		return rowRead{}, false
	}
	var task, ids, output bool
	for {
		key := s.key()
		switch {
		case key == "task_id" && !task:
			_, task = s.number()
			ok = task
		case key == "input_ids" && !ids:
			read.ISL, read.largestID, ids = s.list()
			ok = ids
		case key == "output_tokens" && !output:
			read.OSL, output = s.number()
			ok = output
		default:
			return rowRead{}, false
		}
		if !ok {
			return rowRead{}, false
		}
		if !s.take(',') {
			break
		}
	}
	end := s.take('}')
	s.space()
	ok = end && len(s.rest) == 0 && task && ids && output && read.ISL > 0 && read.OSL > 0 && read.OSL <= maxLength
	return read, ok
}

// A scanner reads the few forms of JSON that scanRow takes.
type scanner struct{ rest []byte }

func (s *scanner) space() {
	for len(s.rest) > 0 && (s.rest[0] == ' ' || s.rest[0] == '\t' || s.rest[0] == '\r' || s.rest[0] == '\n') {
		s.rest = s.rest[1:]
	}
}

// take skips white space and the character c, if that is next.
func (s *scanner) take(c byte) bool {
	s.space()
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// key reads a key with its colon; "" if there is none without escapes.
func (s *scanner) key() string {
	if !s.take('"') {
		return ""
	}
	for i, c := range s.rest {
		switch {
		case c == '\\':
			return ""
		case c == '"':
			key := string(s.rest[:i])
			s.rest = s.rest[i+1:]
			if !s.take(':') {
				return ""
			}
			return key
		}
	}
	return ""
}

// number reads a whole number from 0 of up to 18 digits.
func (s *scanner) number() (int, bool) {
	s.space()
	n, i := 0, 0
	for i < len(s.rest) && s.rest[i] >= '0' && s.rest[i] <= '9' {
		n = n*10 + int(s.rest[i]-'0')
		if i++; i > 18 {
			return 0, false
		}
	}
	if i == 0 || i > 1 && s.rest[0] == '0' {
		return 0, false
	}
	s.rest = s.rest[i:]
	return n, true
}

// list counts the numbers of a list and finds the largest.
func (s *scanner) list() (n, largest int, ok bool) {
	if !s.take('[') {
		return 0, 0, false
	}
	for {
		id, ok := s.number()
		if !ok {
			return 0, 0, false
		}
		n, largest = n+1, max(largest, id)
		if !s.take(',') {
			return n, largest, s.take(']')
		}
	}
}
