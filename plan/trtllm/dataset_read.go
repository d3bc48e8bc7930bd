package trtllm

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/llmbench/llmbench/schema/regular"
)

// maxLineBytes is the length of the longest line that is read: about 35 million
// ids. A file without line ends is refused there, and not read into memory.
const maxLineBytes = 256 << 20

// ReadDatasetFile checks the first limit lines of a data set, all of them when limit
// is 0 or less, as trtllm-bench reads them (bench/utils/data.py). It refuses what
// would end trtllm-bench or make it measure nothing, and names the line. What
// follows the last line that counts is not read. A file that cannot be opened is an
// *fs.PathError, an error of reading is wrapped, and any other is a mistake in a line.
func ReadDatasetFile(path string, limit int) (Dataset, error) {
	f, err := regular.Open(path)
	if err != nil {
		return Dataset{}, err
	}
	defer f.Close()
	return readDataset(f, limit, maxLineBytes)
}

// readDataset is ReadDatasetFile with lines of up to longest bytes. Memory is that of
// one line and the lengths.
func readDataset(r io.Reader, limit, longest int) (Dataset, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	peeked, _ := in.Peek(64 << 10) // its error comes again
	head, sum := slices.Clone(peeked), sha256.New()
	var ds Dataset
	var line []byte
	for limit <= 0 || ds.Lines < limit {
		var read parsedLine
		var err error
		if line, err = nextLine(in, line[:0], longest); errors.Is(err, io.EOF) {
			break
		} else if err == nil {
			read, err = readLine(line)
		}
		if err != nil {
			if known := foreign(head); ds.Lines == 0 && known != nil {
				err = known
			}
			return Dataset{}, fmt.Errorf("line %d: %w", ds.Lines+1, err)
		}
		sum.Write(line)
		ds.Bytes += int64(len(line))
		ds.Lines++
		ds.Lengths = append(ds.Lengths, read.Length)
		ds.Traits.add(ds.Lines, read)
	}
	if ds.Lines == 0 {
		return Dataset{}, errors.New("there are no lines")
	}
	ds.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return ds, nil
}

// nextLine appends a line with its end, which only the last line may lack, to b. After
// the last line the error is io.EOF.
func nextLine(in *bufio.Reader, b []byte, longest int) ([]byte, error) {
	for {
		part, err := in.ReadSlice('\n')
		b = append(b, part...)
		switch {
		case len(b) > longest:
			return nil, fmt.Errorf("the line is longer than %d bytes", longest)
		case len(b) > 0 && errors.Is(err, io.EOF):
			return b, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return b, err
		}
	}
}

// A parsedLine is what a line of a data set holds.
type parsedLine struct {
	Length
	largestID   int
	media, lora bool
}

// readLine checks one line of a data set.
func readLine(line []byte) (parsedLine, error) {
	if !utf8.Valid(line) {
		return parsedLine{}, errors.New("the line is not UTF-8, which trtllm-bench cannot read. Convert the file from what it is, for example: `iconv -f LATIN1 -t UTF-8 FILE > lines.jsonl`")
	}
	if len(bytes.TrimSpace(line)) == 0 {
		return parsedLine{}, errors.New("the line is empty, which trtllm-bench cannot read")
	}
	short, ids, largest := cutIDs(line)
	// Decoding into a struct would also take task_ID for task_id.
	var r datasetLine
	if err := json.Unmarshal(short, &r); err != nil || r == nil {
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
	read.OSL, read.ISL, read.largestID = int(osl), ids, largest
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
	switch {
	case read.ISL > 0: // counted already
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

// cutIDs counts the ids in the list of input_ids, which is most of a line, and takes
// the list out: several times as fast as encoding/json, which sees the rest and,
// where ids is 0, the whole line.
func cutIDs(line []byte) (rest []byte, ids, largest int) {
	key := []byte(`"input_ids":`)
	before, list, _ := bytes.Cut(line, key)
	at := skipSpaces(list, 0)
	if bytes.ContainsAny(before[min(1, len(before)):], `{\`) || at == len(list) || list[at] != '[' {
		return line, 0, 0
	}
	for more := true; more; {
		start := skipSpaces(list, at+1)
		id, end, ok := scanInt(list, start)
		at = skipSpaces(list, end)
		if !ok || list[start] == '0' && end > start+1 || at == len(list) || list[at] != ',' && list[at] != ']' {
			return line, 0, 0
		}
		ids, largest, more = ids+1, max(largest, id), list[at] == ','
	}
	if bytes.Contains(list[at:], key) {
		return line, 0, 0 // the last one counts
	}
	return slices.Concat(before, key, []byte("true"), list[at+1:]), ids, largest
}
