package trtllm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// requestJSON writes records with the keys of get_request_info
// (bench/dataclasses/reporting.py of 1.0.0 to 1.3.0rc), as json.dumps writes them with
// and without indent. Python writes Infinity for the throughput of no time.
func requestJSON(list []Request, output func(int) string, indent string) []byte {
	rows := []map[string]any{}
	for i, r := range list {
		rows = append(rows, map[string]any{
			"id": i, "num_input_tokens": r.InputTokens, "error_tokens": r.ErrorTokens,
			"start_timestamp": r.Start, "first_token_timestamp": r.FirstToken, "end_timestamp": r.End,
			"decode_iteration": r.OutputTokens - 1, "num_total_output_tokens": r.OutputTokens,
			"num_generated_tokens": r.OutputTokens - 1, "time_to_first_token": r.TTFT(),
			"intertoken_latency": float64(r.TPOT()), "end_to_end_latency": r.Latency(), "output_token_throughput": "@",
			"output": output(i), "output_tokens": r.OutputTokens,
		})
	}
	b, err := json.MarshalIndent(rows, "", indent)
	if err != nil {
		panic(err)
	}
	if indent == "" {
		b, _ = json.Marshal(rows)
	}
	return bytes.ReplaceAll(b, []byte(`"@"`), []byte("Infinity"))
}

func drawRequests(t *rapid.T) []Request {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Request {
		r := Request{
			Start: time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "start")), FirstToken: -1,
			InputTokens: rapid.IntRange(1, 1e6).Draw(t, "isl"), OutputTokens: rapid.IntRange(1, 1e6).Draw(t, "osl"), ErrorTokens: rapid.IntRange(0, 1).Draw(t, "errors"),
		}
		r.End = r.Start + time.Duration(rapid.Int64Range(1, 1e12).Draw(t, "latency"))
		if rapid.Bool().Draw(t, "streaming") {
			r.FirstToken = r.Start + rapid.Custom(func(t *rapid.T) time.Duration {
				return time.Duration(rapid.Int64Range(1, int64(r.Latency())).Draw(t, "ttft"))
			}).Draw(t, "first")
		}
		return r
	}), 1, 20).Draw(t, "requests")
}

// Whatever the model wrote, and wherever reads end, the six numbers come through, and
// again through the file that is kept.
func TestReadRequests(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := drawRequests(t)
		words := rapid.SliceOfN(rapid.StringOf(rapid.RuneFrom([]rune("a\\\"}]{[,: \n\u00e9"))), len(list), len(list)).Draw(t, "output")
		b := requestJSON(list, func(i int) string { return words[i] }, rapid.SampledFrom([]string{"", "    "}).Draw(t, "indent"))
		for _, in := range []io.Reader{bytes.NewReader(b), iotest.OneByteReader(bytes.NewReader(b))} {
			got, err := ReadRequests(in)
			if err != nil {
				t.Fatalf("%v\n%s", err, b)
			}
			if diff := cmp.Diff(list, got); diff != "" {
				t.Fatal(diff)
			}
		}
		if n := rapid.IntRange(0, len(b)-2).Draw(t, "cut"); n < len(b)-1 {
			if _, err := ReadRequests(bytes.NewReader(b[:n])); err == nil {
				t.Fatalf("half a file is read: %s", b[:n])
			}
		}
		var kept bytes.Buffer
		if err := WriteRequests(&kept, list); err != nil {
			t.Fatal(err)
		}
		again, err := ReadRequestsCSV(&kept)
		if err != nil {
			t.Fatal(err)
		}
		first := list[0].Start
		for _, r := range list {
			first = min(first, r.Start)
		}
		for i := range list {
			list[i].Start, list[i].End = list[i].Start-first, list[i].End-first
			if list[i].FirstToken > 0 {
				list[i].FirstToken -= first
			}
		}
		if diff := cmp.Diff(list, again); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestWrongRequests(t *testing.T) {
	whole := string(requestJSON([]Request{{10, 20, 30, 5, 2, 0}}, func(int) string { return "x" }, ""))
	for name, c := range map[string]struct{ from, to, want string }{
		"no array":            {"[", "{", `request 1: '{' where '[' is due`},
		"a number that is no": {`"start_timestamp":10`, `"start_timestamp":1.5`, `start_timestamp is "1.5", not an integer`},
		"an end before":       {`"end_timestamp":30`, `"end_timestamp":3`, "start_timestamp and end_timestamp"},
		"no tokens":           {`"output_tokens":2`, `"tokens":2`, "output_tokens is not there"},
		"a token afterwards":  {`"first_token_timestamp":20`, `"first_token_timestamp":31`, "first_token_timestamp lies outside"},
		"no object":           {"[{", "[7,{", "where an object begins"},
	} {
		broken := strings.Replace(whole, c.from, c.to, 1)
		if _, err := ReadRequests(strings.NewReader(broken)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	for _, text := range []string{"", "a,b\n", requestsHeader + "\n1,2,3\n", requestsHeader + "\n1,2,3,4,5,6,7\n", requestsHeader + "\n5,6,1,1,1,0\n"} {
		if got, err := ReadRequestsCSV(strings.NewReader(text)); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

// The figures of a report are those of its requests, by the percentiles of
// PercentileStats.
func TestContradicts(t *testing.T) {
	var list []Request
	for i := range 400 {
		start := time.Duration(i) * time.Millisecond
		list = append(list, Request{start, start + time.Duration(50+i%7)*time.Millisecond, start + time.Duration(500+i)*time.Millisecond, 128, 101, 0})
	}
	report := func() *Report {
		r := &Report{Request: RequestInfo{NumRequests: len(list)}}
		for name, of := range map[string]func(Request) time.Duration{"avg_request_latency_ms": Request.Latency, AvgTTFT: Request.TTFT, AvgTPOT: Request.TPOT} {
			var values []float64
			sum := 0.0
			for _, q := range list {
				values = append(values, float64(of(q))/1e6)
				sum += values[len(values)-1]
			}
			slices.Sort(values)
			mean := sum / float64(len(values))
			r.Metrics.Set(name, &mean)
			r.Percentiles.Set(name, &Percentiles{P50: values[200], P90: values[360], P95: values[380], P99: values[396], Minimum: values[0], Maximum: values[399], Average: mean})
		}
		return r
	}
	if why := Contradicts(list, report()); why != "" {
		t.Error(why)
	}
	for want, change := range map[string]func(*Report){
		"400 requests are recorded, and the report counts 399": func(r *Report) { r.Request.NumRequests-- },
		"avg_tpot_ms is":     func(r *Report) { *r.Metrics.At(AvgTPOT) *= 1.001 },
		"avg_ttft_ms p99 is": func(r *Report) { r.Percentiles.At(AvgTTFT).P99++ },
	} {
		r := report()
		change(r)
		if why := Contradicts(list, r); !strings.HasPrefix(why, want) {
			t.Errorf("%q, want %q", why, want)
		}
	}
}

func FuzzReadRequests(f *testing.F) {
	f.Add(requestJSON([]Request{{10, 20, 30, 5, 2, 0}}, func(int) string { return `\"` }, ""))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := ReadRequests(bytes.NewReader(b))
		for _, r := range list {
			if err == nil && (r.Start < 0 || r.End < r.Start || r.InputTokens < 0 || r.OutputTokens < 0) {
				t.Errorf("%+v", r)
			}
		}
	})
}

// Memory is that of the requests, whatever the model wrote.
func TestReadRequestsMemory(t *testing.T) {
	one := string(requestJSON([]Request{{1e9, 2e9, 9e9, 1000, 8000, 0}}, func(int) string { return strings.Repeat(`he said \"42\", `, 1<<12) }, ""))
	one = strings.Trim(one, "[]\n")
	alive := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, peak := alive(), int64(0)
	const n = 2000
	list, err := ReadRequests(io.MultiReader(strings.NewReader("["+one), &repeat{text: "," + one, n: n, every: 400, look: func() { peak = max(peak, alive()) }}, strings.NewReader("]")))
	if err != nil || len(list) != n+1 {
		t.Fatal(len(list), err)
	}
	if got := peak - before; got > 3<<20 || peak == 0 {
		t.Errorf("%d bytes were alive, of a file of %d MiB", got, n*len(one)>>20)
	}
}

// The reach is 0.4 GB/s, for files of 1 GB.
func BenchmarkReadRequests(b *testing.B) {
	words := strings.Repeat(`The answer, he said, is \"42\" of them. `, 800)
	list := slices.Repeat([]Request{{1e9, 2e9, 9e9, 1000, 8000, 0}}, 1000)
	text := requestJSON(list, func(i int) string { return fmt.Sprint(i, words) }, "")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		got, err := ReadRequests(bytes.NewReader(text))
		if err != nil || len(got) != len(list) || math.Abs(float64(got[0].TTFT())-1e9) > 0 {
			b.Fatal(err, len(got))
		}
	}
}
