package trtllm

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestReadDataset(t *testing.T) {
	const rows = `{"task_id":0,"input_ids":[1,2,3],"output_tokens":5}
{ "output_tokens" : 6, "input_ids" : [ 10 , 20 ] , "task_id" : 1 }` + "\r\n" +
		`{"task_id": 2, "logits": [4], "output_tokens": 7}
{"task_id": 3, "prompt": "Tell me \"more\"", "output_tokens": 8}
{"task_id": 4, "prompt": "text", "input_ids": [5, 6, 7, 8], "output_tokens": 9, "lora_request": {"lora_name": "a"}}
{"task_id": 5, "prompt": "text", "input_ids": null, "logits": [1], "output_tokens": 9}
{"task_id": 6, "prompt": "What is this?", "media_paths": ["a.png"], "output_tokens": 9}
{"task_id": 7, "input_ids": [1], "input_ids": [1, 2], "output_tokens": 9}`
	want := []Length{{3, 5}, {2, 6}, {1, 7}, {-15, 8}, {4, 9}, {-5, 9}, {-1, 9}, {2, 9}}
	lines := strings.SplitAfter(rows, "\n")
	for limit := range len(want) + 2 {
		n := limit
		if limit == 0 || limit > len(want) {
			n = len(want)
		}
		text := strings.Join(lines[:n], "")
		sum := sha256.Sum256([]byte(text))
		got, err := readDataset(iotest.OneByteReader(strings.NewReader(rows)), limit, maxLineBytes)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Dataset{Lines: n, Bytes: int64(len(text)), SHA256: hex.EncodeToString(sum[:]), Lengths: want[:n]}, got, cmpopts.IgnoreFields(Dataset{}, "Traits")); diff != "" {
			t.Errorf("limit %d:\n%s", limit, diff)
		}
	}
}

func TestReadDatasetRefuses(t *testing.T) {
	for _, c := range []struct{ row, want string }{
		{``, "there are no lines"},
		{"\n", "line 1: the line is empty"},
		{`{"task_id":0,"input_ids":[1],"output_tokens":1}` + "\n\n", "line 2: the line is empty"},
		{`[1]`, "line 1: the line is not one JSON object"},
		{`null`, "line 1: the line is not one JSON object"},
		{`{"task_id":0,"input_ids":[1],"output_tokens":1`, "line 1: the line is not one JSON object: unexpected end"},
		{`{"task_id":0,"input_ids":[1],"output_tokens":1}{}`, "line 1: the line is not one JSON object"},
		{`{"input_ids":[1],"output_tokens":1}`, "line 1: task_id is missing"},
		{`{"task_ID":0,"input_ids":[1],"output_tokens":1}`, "line 1: task_id is missing"},
		{`{"task_id":"0","input_ids":[1],"output_tokens":1}`, "line 1: task_id is not a whole number"},
		{`{"task_id":0,"input_ids":[1]}`, "line 1: output_tokens is missing"},
		{`{"task_id":0,"input_ids":[1],"output_tokens":null}`, "line 1: output_tokens is missing"},
		{`{"task_id":0,"input_ids":[1],"output_tokens":1.5}`, "line 1: output_tokens is not a whole number"},
		{`{"task_id":0,"input_ids":[1],"output_tokens":0}`, "line 1: output_tokens is 0, which asks for nothing"},
		{`{"task_id":0,"input_ids":[1],"output_tokens":4000000000}`, "line 1: output_tokens is 4000000000; the limit is"},
		{`{"task_id":0,"output_tokens":1}`, "line 1: there are neither input_ids nor a prompt"},
		{`{"task_id":0,"input_ids":null,"logits":[1],"output_tokens":1}`, "line 1: there are neither input_ids nor a prompt"},
		{`{"task_id":0,"input_ids":[],"prompt":"text","output_tokens":1}`, "line 1: input_ids is empty"},
		{`{"task_id":0,"input_ids":[1,"2"],"output_tokens":1}`, "line 1: input_ids is not a list of whole numbers"},
		{`{"task_id":0,"logits":[1,-2],"output_tokens":1}`, "line 1: logits[1] is -2; ids begin at 0"},
		{`{"task_id":0,"input_ids":[01],"output_tokens":1}`, "line 1: the line is not one JSON object"},
		{`{"task_id":0,"prompt":7,"output_tokens":1}`, "line 1: prompt is not a string"},
		{`{"task_id":0,"prompt":"","output_tokens":1}`, "line 1: prompt is empty"},
	} {
		_, err := readDataset(strings.NewReader(c.row), 0, maxLineBytes)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s\n\tgives %v\n\twant %s", c.row, err, c.want)
		}
	}
}

// A prompt of text is taken for a token every four bytes, however many ids others have.
func TestAssumedLength(t *testing.T) {
	for _, c := range []struct{ isl, want int }{{7, 7}, {-2, 1}, {-5, 1}, {-6, 2}, {-401, 100}, {-1, 30}} {
		if got := (Length{ISL: c.isl}).Assumed(30); got != c.want {
			t.Errorf("%d is taken for %d tokens, want %d", c.isl, got, c.want)
		}
	}
}

func TestReadDatasetTraits(t *testing.T) {
	const rows = `{"task_id":0,"input_ids":[1,900,3],"output_tokens":5}
{"task_id":1,"prompt":"Grüße","output_tokens":8}
{"task_id":2,"prompt":"a","media_paths":["a.png"],"output_tokens":2}
{"task_id":3,"input_ids":[900],"lora_request":{"lora_name":"a"},"output_tokens":2}`
	ds, err := readDataset(strings.NewReader(rows), 0, maxLineBytes)
	want := Traits{LongestText: 7 + 1 + 8, LongestPrompt: 7 + 1, MediaLine: 3, LoRALine: 4, LargestID: 900, IDLine: 1}
	if err != nil || ds.Traits != want {
		t.Errorf("%+v (%v), want %+v", ds.Traits, err, want)
	}
}

// Each form is that of the file's publisher: ShareGPT_V3_unfiltered_cleaned_split.json,
// FastChat's mt_bench/question.jsonl, TensorRT-LLM's benchmarks/cpp/utils/utils.py
// (dataset_dump), and the version line of its logger.
func TestReadDatasetNamesTheFile(t *testing.T) {
	const row = `{"task_id":0,"input_ids":[1],"output_tokens":1}`
	for _, c := range []struct{ file, want string }{
		{"[" + row + "]", "jq -c '.[]'"},
		{"[\n  " + row + "\n]\n", "jq -c '.[]'"},
		{`[{"id":"x_0","conversations":[{"from":"human","value":"Hi"}]}]`, "ShareGPT"},
		{"[\n {\n  \"id\": \"x_0\",\n  \"conversations\": []}]", "ShareGPT"},
		{`{"id":"x_0","conversations":[{"from":"human","value":"Hi"}]}` + "\n", "ShareGPT"},
		{`{"question_id":81,"category":"writing","turns":["Write.","Again."]}` + "\n", "MT-bench"},
		{"\xef\xbb\xbf" + row, "byte order mark"},
		{"\xff\xfe{\x00", "UTF-16"},
		{`{"metadata":{"workload_type":"token-norm-dist"},"samples":[{"input_len":1,"input_ids":[1],"output_len":1,"task_id":-1}]}`, "--stdout"},
		{"[TensorRT-LLM] TensorRT-LLM version: 1.0.0rc4\n" + row + "\n", "line of a log"},
		{"[11/27/2026-10:00:00] [TRT-LLM] [I] Starting\n" + row + "\n", "line of a log"},
		{"Loading tokenizer\n" + row + "\n", "line of a log"},
		{`{"task_id":0,"prompt":"Gr` + "\xfc" + `n","output_tokens":1}`, "not UTF-8"},
	} {
		_, err := readDataset(strings.NewReader(c.file), 0, maxLineBytes)
		if err == nil || !strings.HasPrefix(err.Error(), "line 1: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q\n\tgives %v\n\twant %s", c.file, err, c.want)
		}
	}
}

func TestReadDatasetPassesErrorsOn(t *testing.T) {
	gone := errors.New("stale file handle")
	row := `{"task_id":0,"input_ids":[1],"output_tokens":1}` + "\n"
	_, err := readDataset(io.MultiReader(strings.NewReader(row+row+row[:9]), iotest.ErrReader(gone)), 0, maxLineBytes)
	if !errors.Is(err, gone) || !strings.HasPrefix(err.Error(), "line 3: ") {
		t.Errorf("error %v, want %v on line 3", err, gone)
	}
	if _, err := readDataset(io.MultiReader(strings.NewReader(row+row), iotest.ErrReader(gone)), 2, maxLineBytes); err != nil {
		t.Errorf("what follows the rows is read: %v", err)
	}
}

func TestReadDatasetHoldsOneLine(t *testing.T) {
	row := func(n int) string {
		return `{"task_id":0,"prompt":"` + strings.Repeat("p", n) + `","output_tokens":1}` + "\n"
	}
	const long = 600 << 10
	ds, err := readDataset(strings.NewReader(row(9)+row(long)+row(9)+row(long)), 0, 700<<10)
	if want := []Length{{-10, 1}, {-long - 1, 1}, {-10, 1}, {-long - 1, 1}}; err != nil || !cmp.Equal(ds.Lengths, want) {
		t.Errorf("%v, %v", ds.Lengths, err)
	}
	if _, err := readDataset(strings.NewReader(row(9)+row(long)), 0, long); err == nil || err.Error() != "line 2: the line is longer than 614400 bytes" {
		t.Errorf("a long line: %v", err)
	}
	if _, err := readDataset(zeros{}, 0, 1<<20); err == nil {
		t.Error("an endless line was read")
	}
}

// The fast way and encoding/json must agree wherever the fast way answers.
func FuzzReadDataset(f *testing.F) {
	f.Add([]byte(`{"task_id":0,"input_ids":[1,2,3],"output_tokens":5}`))
	f.Add([]byte(`{ "output_tokens" : 6, "input_ids" : [ 10 , 20 ] , "task_id" : 1 }`))
	f.Add([]byte(`{"task_id":0,"prompt":"a","output_tokens":5}` + "\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, ids, _ := cutIDs(b); ids > 0 {
			// A key in an object sends the whole line to encoding/json.
			i := bytes.IndexByte(b, '{') + 1
			fast, fastErr := readLine(b)
			slow, err := readLine([]byte(string(b[:i]) + `"x":{},` + string(b[i:])))
			if slow != fast || (err == nil) != (fastErr == nil) {
				t.Fatalf("%q is %v (%v), by encoding/json %v (%v)", b, fast, fastErr, slow, err)
			}
		}
		ds, err := readDataset(bytes.NewReader(b), 0, maxLineBytes)
		if err != nil {
			return
		}
		if len(ds.Lengths) != ds.Lines || ds.Lines < 1 || ds.Bytes != int64(len(b)) {
			t.Fatalf("%q gives %+v", b, ds)
		}
		for _, l := range ds.Lengths {
			if l.OSL < 1 || l.ISL == 0 || l.ISL < -1 {
				t.Fatalf("%q has a row of %+v", b, l)
			}
		}
	})
}

func BenchmarkReadDataset(b *testing.B) {
	var text bytes.Buffer
	if _, err := (Shape{ISL: 8000, OSL: 512, Seed: 420, Lines: 400, Vocab: 202048, EOS: 200001}).Write(&text, nil); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readDataset(bytes.NewReader(text.Bytes()), 0, maxLineBytes); err != nil {
			b.Fatal(err)
		}
	}
}
