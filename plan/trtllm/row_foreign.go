package trtllm

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
)

// banner is the beginning of a line that TensorRT-LLM logs.
var banner = regexp.MustCompile(`^\[(TensorRT-LLM|TRT-LLM|TensorRT|[0-9]{2}/[0-9]{2}/[0-9]{4}-)`)

// foreign says what a file is whose first row cannot be read, and how to make
// rows of it; nil where that is not known. head is the beginning of the file.
func foreign(head []byte) error {
	const choose = " (256 is an example: choose the OSL)"
	text := bytes.TrimSpace(head)
	has := func(key string) bool { return bytes.Contains(head, []byte(`"`+key+`"`)) }
	list := regexp.MustCompile(`^\[\s*([{\[]|$)`).Match(text)
	first, rest, _ := bytes.Cut(head, []byte("\n"))
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		return errors.New("the file begins with a byte order mark, which trtllm-bench cannot read. Remove it: `sed '1s/^\\xef\\xbb\\xbf//' FILE > rows.jsonl`")
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return errors.New("the file is UTF-16 and trtllm-bench reads UTF-8. Convert it: `iconv -f UTF-16 -t UTF-8 FILE > rows.jsonl`")
	case list && has("conversations"):
		return errors.New("the file is ShareGPT's, a JSON array of conversations. Convert it: `jq -c 'to_entries[] | {task_id: .key, prompt: .value.conversations[0].value, output_tokens: 256}' FILE > rows.jsonl`" + choose)
	case list:
		return errors.New("the file is a JSON array and trtllm-bench reads one JSON object per line. Convert it: `jq -c '.[]' FILE > rows.jsonl`")
	case bytes.HasPrefix(text, []byte("{")) && !has("output_tokens") && has("metadata") && has("samples"):
		return errors.New("the file is what prepare_dataset.py writes without --stdout. Write it again with --stdout, or convert it: `jq -c '.samples[] | {task_id, input_ids, output_tokens: .output_len}' FILE > rows.jsonl`")
	case isObject(first, "conversations"):
		return errors.New("the rows are ShareGPT's conversations. Convert them: `jq -c -s 'to_entries[] | {task_id: .key, prompt: .value.conversations[0].value, output_tokens: 256}' FILE > rows.jsonl`" + choose)
	case isObject(first, "turns"):
		return errors.New("the rows are MT-bench's questions. Convert them: `jq -c '{task_id: .question_id, prompt: .turns[0], output_tokens: 256}' FILE > rows.jsonl`" + choose)
	case banner.Match(first), !bytes.HasPrefix(text, []byte("{")) && rowFollows(rest):
		return errors.New("the line is not a row but a line of a log, as prepare_dataset.py prints before its rows. Keep the rows alone: `grep '^{' FILE > rows.jsonl`")
	}
	return nil
}

// isObject reports whether a line is a JSON object with a key and no output_tokens.
func isObject(line []byte, key string) bool {
	var r row
	return json.Unmarshal(line, &r) == nil && r.has(key) && !r.has("output_tokens")
}

func rowFollows(rest []byte) bool {
	return bytes.HasPrefix(rest, []byte("{")) || bytes.Contains(rest, []byte("\n{"))
}
