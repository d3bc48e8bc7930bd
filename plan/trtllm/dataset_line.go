package trtllm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"unicode/utf8"
)

// A parsedLine is what a line of a data set holds.
type parsedLine struct {
	Length
	largestID   int
	media, lora bool
}

// readLine checks one line of a data set.
func readLine(line []byte) (parsedLine, error) {
	if r, ok := scanLine(line); ok {
		return r, nil
	}
	if !utf8.Valid(line) {
		return parsedLine{}, errors.New("the line is not UTF-8, which trtllm-bench cannot read. Convert the file from what it is, for example: `iconv -f LATIN1 -t UTF-8 FILE > lines.jsonl`")
	}
	if len(bytes.TrimSpace(line)) == 0 {
		return parsedLine{}, errors.New("the line is empty, which trtllm-bench cannot read")
	}
	// Decoding into a struct would also take task_ID for task_id.
	var r datasetLine
	if err := json.Unmarshal(line, &r); err != nil || r == nil {
		if err == nil {
			err = errors.New("it is null")
		}
		return parsedLine{}, fmt.Errorf("the line is not one JSON object: %w", err)
	}
	if _, err := r.whole("task_id"); err != nil {
		return parsedLine{}, err
	}
	osl, err := r.whole("output_tokens")
	switch {
	case err != nil:
		return parsedLine{}, err
	case osl < 1:
		return parsedLine{}, fmt.Errorf("output_tokens is %d, which asks for nothing", osl)
	case osl > maxLength:
		return parsedLine{}, fmt.Errorf("output_tokens is %d; the limit is %d", osl, maxLength)
	}
	read := parsedLine{media: r.has("media_paths"), lora: r.has("lora_request")}
	read.OSL = int(osl)
	return read, r.prompt(&read)
}

// A datasetLine is one line of a data set. Of a key that is there twice the last one
// counts, as in Python.
type datasetLine map[string]json.RawMessage

// has reports whether a key is there and not null.
func (r datasetLine) has(key string) bool {
	v, ok := r[key]
	return ok && string(v) != "null"
}

func (r datasetLine) whole(key string) (int64, error) {
	if !r.has(key) {
		return 0, fmt.Errorf("%s is missing", key)
	}
	var n int64
	if err := json.Unmarshal(r[key], &n); err != nil {
		return 0, fmt.Errorf("%s is not a whole number", key)
	}
	return n, nil
}

// prompt reads the length of the prompt: that of its ids, which win over text.
func (r datasetLine) prompt(read *parsedLine) error {
	key := "input_ids"
	if _, ok := r[key]; !ok {
		key = "logits" // as it was called before
	}
	read.ISL = -1
	switch {
	case r.has(key):
		n, largest, err := r.countIDs(key)
		if err != nil {
			return err
		}
		read.ISL, read.largestID = n, largest
	case r.has("prompt"):
		var s string
		if err := json.Unmarshal(r["prompt"], &s); err != nil {
			return errors.New("prompt is not a string")
		}
		if s == "" {
			return errors.New("prompt is empty")
		}
		read.ISL = -len(s) - 1
	default:
		return errors.New("there are neither input_ids nor a prompt")
	}
	if read.media {
		read.ISL = -1
	}
	return nil
}

func (r datasetLine) countIDs(key string) (n, largest int, err error) {
	var ids []int
	if err := json.Unmarshal(r[key], &ids); err != nil {
		return 0, 0, fmt.Errorf("%s is not a list of whole numbers", key)
	}
	if len(ids) == 0 {
		return 0, 0, fmt.Errorf("%s is empty", key)
	}
	for i, id := range ids {
		if id < 0 {
			return 0, 0, fmt.Errorf("%s[%d] is %d; ids begin at 0", key, i, id)
		}
	}
	return len(ids), slices.Max(ids), nil
}

// banner is the beginning of a line that TensorRT-LLM logs.
var banner = regexp.MustCompile(`^\[(TensorRT-LLM|TRT-LLM|TensorRT|[0-9]{2}/[0-9]{2}/[0-9]{4}-)`)

// foreign says what a file is whose first line cannot be read, and how to make
// lines of it; nil where that is not known. head is the beginning of the file.
func foreign(head []byte) error {
	const choose = " (256 is an example: choose the OSL)"
	text := bytes.TrimSpace(head)
	has := func(key string) bool { return bytes.Contains(head, []byte(`"`+key+`"`)) }
	list := regexp.MustCompile(`^\[\s*([{\[]|$)`).Match(text)
	first, rest, _ := bytes.Cut(head, []byte("\n"))
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		return errors.New("the file begins with a byte order mark, which trtllm-bench cannot read. Remove it: `sed '1s/^\\xef\\xbb\\xbf//' FILE > lines.jsonl`")
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return errors.New("the file is UTF-16 and trtllm-bench reads UTF-8. Convert it: `iconv -f UTF-16 -t UTF-8 FILE > lines.jsonl`")
	case list && has("conversations"):
		return errors.New("the file is ShareGPT's, a JSON array of conversations. Convert it: `jq -c 'to_entries[] | {task_id: .key, prompt: .value.conversations[0].value, output_tokens: 256}' FILE > lines.jsonl`" + choose)
	case list:
		return errors.New("the file is a JSON array and trtllm-bench reads one JSON object per line. Convert it: `jq -c '.[]' FILE > lines.jsonl`")
	case bytes.HasPrefix(text, []byte("{")) && !has("output_tokens") && has("metadata") && has("samples"):
		return errors.New("the file is what prepare_dataset.py writes without --stdout. Write it again with --stdout, or convert it: `jq -c '.samples[] | {task_id, input_ids, output_tokens: .output_len}' FILE > lines.jsonl`")
	case isObject(first, "conversations"):
		return errors.New("the lines are ShareGPT's conversations. Convert them: `jq -c -s 'to_entries[] | {task_id: .key, prompt: .value.conversations[0].value, output_tokens: 256}' FILE > lines.jsonl`" + choose)
	case isObject(first, "turns"):
		return errors.New("the lines are MT-bench's questions. Convert them: `jq -c '{task_id: .question_id, prompt: .turns[0], output_tokens: 256}' FILE > lines.jsonl`" + choose)
	case banner.Match(first), !bytes.HasPrefix(text, []byte("{")) && lineFollows(rest):
		return errors.New("the line is not JSON but a line of a log, as prepare_dataset.py prints before the data. Keep the JSON lines alone: `grep '^{' FILE > lines.jsonl`")
	}
	return nil
}

// isObject reports whether a line is a JSON object with a key and no output_tokens.
func isObject(line []byte, key string) bool {
	var r datasetLine
	return json.Unmarshal(line, &r) == nil && r.has(key) && !r.has("output_tokens")
}

func lineFollows(rest []byte) bool {
	return bytes.HasPrefix(rest, []byte("{")) || bytes.Contains(rest, []byte("\n{"))
}

// scanLine reads the lines that generators write: task_id, input_ids and
// output_tokens, each once, in any order, with any white space. It is several
// times as fast as encoding/json, which sees the lines for which ok is false,
// right or wrong.
func scanLine(line []byte) (read parsedLine, ok bool) {
	s := scanner{rest: line}
	if !s.take('{') {
		return parsedLine{}, false
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
			return parsedLine{}, false
		}
		if !ok {
			return parsedLine{}, false
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

// A scanner reads the few forms of JSON that scanLine takes.
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
