package trtllm

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Request is what trtllm-bench writes of one answered request with --request_json
// (get_request_info of bench/dataclasses/reporting.py). Times are of one monotonic
// clock.
type Request struct {
	Start, FirstToken, End    time.Duration // FirstToken is -1 without --streaming
	InputTokens, OutputTokens int
	ErrorTokens               int
}

// TTFT, TPOT and Latency are those of the report (RequestRecord of
// bench/dataclasses/statistics.py); TTFT and TPOT are 0 without --streaming.
func (r Request) TTFT() time.Duration {
	if r.FirstToken <= 0 {
		return 0
	}
	return r.FirstToken - r.Start
}

// TPOT is the mean time between the tokens after the first.
func (r Request) TPOT() time.Duration {
	if r.FirstToken <= 0 || r.OutputTokens < 2 {
		return 0
	}
	return (r.End - r.FirstToken) / time.Duration(r.OutputTokens-1)
}

// Latency is the time from the sending of a request to its last token.
func (r Request) Latency() time.Duration { return r.End - r.Start }

// PerRequest holds something of each metric that every request has.
type PerRequest[T any] struct{ TTFT, TPOT, Latency T }

// At is what belongs to a metric of the report, zero for one that requests do not have.
func (p PerRequest[T]) At(metric string) (of T) {
	switch metric {
	case AvgTTFT:
		return p.TTFT
	case AvgTPOT:
		return p.TPOT
	case AvgRequestLatency:
		return p.Latency
	}
	return of
}

// SteadyRequests is how many requests for each of the opening burst, which concurrency
// bounds, a run needs to have a steady window.
const SteadyRequests = 4

// maxRequestKey is longer than any key of a record.
const maxRequestKey = 256

// requestKeys are the keys of what Request holds, in the order of its fields.
var requestKeys = [...]string{
	"start_timestamp", "first_token_timestamp", "end_timestamp", "num_input_tokens", "output_tokens", "error_tokens",
}

// newRequest makes a request of the numbers of requestKeys, and refuses one that lacks
// what every version writes: then the number is -1.
func newRequest(n [len(requestKeys)]int64) (Request, error) {
	r := Request{time.Duration(n[0]), time.Duration(n[1]), time.Duration(n[2]), int(n[3]), int(n[4]), int(n[5])}
	switch {
	case r.Start < 0 || r.End < r.Start:
		return r, errors.New("start_timestamp and end_timestamp are not those of an answered request")
	case r.InputTokens < 0 || r.OutputTokens < 0:
		return r, errors.New("num_input_tokens or output_tokens is not there")
	case r.FirstToken > 0 && (r.FirstToken < r.Start || r.FirstToken > r.End):
		return r, errors.New("first_token_timestamp lies outside of the request")
	}
	return r, nil
}

// ReadRequests reads what --request_json wrote, in the order of the file. The text
// that the model wrote is passed over: memory is that of the requests. An error of in
// is returned wrapped; any other says where the file is not what trtllm-bench writes.
func ReadRequests(in io.Reader) ([]Request, error) {
	s := requestScanner{in: bufio.NewReaderSize(in, 1<<20)}
	list, err := s.list()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("request %d: %w", len(list)+1, err)
	}
	return list, nil
}

type requestScanner struct{ in *bufio.Reader }

func (s requestScanner) list() (list []Request, err error) {
	if err := s.expect('['); err != nil {
		return nil, err
	}
	c, err := s.next()
	for ; err == nil && c != ']'; c, err = s.next() {
		if c == ',' && len(list) > 0 {
			if c, err = s.next(); err != nil {
				break
			}
		}
		if c != '{' {
			return list, fmt.Errorf("%q where an object begins", c)
		}
		var r Request
		if r, err = s.object(); err != nil {
			break
		}
		list = append(list, r)
	}
	return list, err
}

// object reads a record after its brace.
func (s requestScanner) object() (Request, error) {
	n := [len(requestKeys)]int64{-1, -1, -1, -1, -1, 0}
	for {
		c, err := s.next()
		if err != nil {
			return Request{}, err
		}
		if c == '}' {
			return newRequest(n)
		}
		if c == ',' {
			continue
		}
		if c != '"' {
			return Request{}, fmt.Errorf("%q where a key begins", c)
		}
		key, err := s.quoted(maxRequestKey)
		if err == nil {
			err = s.expect(':')
		}
		if err != nil {
			return Request{}, err
		}
		word, err := s.value()
		if err != nil {
			return Request{}, err
		}
		if i := slices.Index(requestKeys[:], string(key)); i >= 0 && word != nil {
			if n[i], err = strconv.ParseInt(string(word), 10, 64); err != nil {
				return Request{}, fmt.Errorf("%s is %q, not an integer", key, word)
			}
		}
	}
}

// value reads a number or a literal, and passes over any other value.
func (s requestScanner) value() (word []byte, err error) {
	c, err := s.next()
	switch {
	case err != nil:
		return nil, err
	case c == '"':
		_, err = s.quoted(0)
		return nil, err
	case c == '{' || c == '[':
		return nil, s.skip()
	}
	_ = s.in.UnreadByte()
	return s.word()
}

// next is the next byte that is no white space.
func (s requestScanner) next() (byte, error) {
	for {
		c, err := s.in.ReadByte()
		if err != nil || c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c, err
		}
	}
}

func (s requestScanner) expect(want byte) error {
	c, err := s.next()
	if err == nil && c != want {
		err = fmt.Errorf("%q where %q is due", c, want)
	}
	return err
}

// quoted reads a string after its quote, as it stands between the quotes; with most 0 it
// is passed over.
func (s requestScanner) quoted(most int) ([]byte, error) {
	var kept []byte
	escapes := 0 // how many backslashes the part before ended with
	for {
		part, err := s.in.ReadSlice('"')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		if most > 0 {
			if kept = append(kept, part...); len(kept) > most {
				return nil, errors.New("a key is longer than any that trtllm-bench writes")
			}
		}
		body := part
		if err == nil {
			body = part[:len(part)-1]
		}
		if n := len(body) - len(bytes.TrimRight(body, `\`)); n == len(body) {
			escapes += n
		} else {
			escapes = n
		}
		if err != nil {
			continue
		}
		if escapes%2 == 0 {
			return kept[:max(len(kept)-1, 0)], nil
		}
		escapes = 0
	}
}

// word reads a number or a literal; Python also writes NaN and Infinity.
func (s requestScanner) word() ([]byte, error) {
	var word []byte
	for {
		c, err := s.in.ReadByte()
		if err != nil {
			return nil, err
		}
		if strings.IndexByte(",]} \n\r\t", c) >= 0 {
			return word, s.in.UnreadByte()
		}
		if word = append(word, c); len(word) > maxRequestKey {
			return nil, errors.New("a number is longer than any that trtllm-bench writes")
		}
	}
}

// skip passes over an object or an array after its bracket.
func (s requestScanner) skip() error {
	for depth := 1; depth > 0; {
		c, err := s.in.ReadByte()
		if err != nil {
			return err
		}
		switch c {
		case '"':
			if _, err := s.quoted(0); err != nil {
				return err
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
	}
	return nil
}

// WriteRequestJSON writes requests as --request_json has them, each with this output.
func WriteRequestJSON(out io.Writer, list []Request, output string) error {
	w := bufio.NewWriter(out)
	w.WriteString("[")
	for i, r := range list {
		b, err := json.Marshal(map[string]any{
			"id": i, "num_input_tokens": r.InputTokens, "error_tokens": r.ErrorTokens,
			"start_timestamp": r.Start, "first_token_timestamp": r.FirstToken, "end_timestamp": r.End,
			"decode_iteration": r.OutputTokens - 1, "num_total_output_tokens": r.OutputTokens, "num_generated_tokens": r.OutputTokens - 1,
			"time_to_first_token": r.TTFT(), "intertoken_latency": float64(r.TPOT()), "end_to_end_latency": r.Latency(),
			"output_token_throughput": float64(r.OutputTokens) / max(1, float64(r.Latency())), "output": output, "output_tokens": r.OutputTokens,
		})
		if err != nil {
			return err
		}
		if i > 0 {
			w.WriteString(",\n")
		}
		w.Write(b)
	}
	w.WriteString("]\n")
	return w.Flush()
}

// requestsHeader is the first line of the file that WriteRequests writes.
const requestsHeader = "start_ns,first_token_ns,end_ns,input_tokens,output_tokens,error_tokens"

// WriteRequests writes requests as CSV with six whole numbers a line, times in
// nanoseconds after the first start; first_token_ns is -1 without --streaming.
func WriteRequests(out io.Writer, list []Request) error {
	w := bufio.NewWriter(out)
	fmt.Fprintln(w, requestsHeader)
	first := time.Duration(math.MaxInt64)
	for _, r := range list {
		first = min(first, r.Start)
	}
	var line []byte
	for _, r := range list {
		line = strconv.AppendInt(line[:0], int64(r.Start-first), 10)
		token := int64(-1)
		if r.FirstToken > 0 {
			token = int64(r.FirstToken - first)
		}
		for _, n := range []int64{token, int64(r.End - first), int64(r.InputTokens), int64(r.OutputTokens), int64(r.ErrorTokens)} {
			line = strconv.AppendInt(append(line, ','), n, 10)
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return w.Flush()
}

// ReadRequestsCSV reads what WriteRequests wrote. An error names the line.
func ReadRequestsCSV(in io.Reader) ([]Request, error) {
	lines := bufio.NewScanner(in)
	if !lines.Scan() || lines.Text() != requestsHeader {
		return nil, errors.Join(errors.New("the first line does not name the columns of requests"), lines.Err())
	}
	var list []Request
	for lines.Scan() {
		var n [len(requestKeys)]int64
		rest, more := lines.Text(), true
		for i := range n {
			var word string
			word, rest, more = strings.Cut(rest, ",")
			v, err := strconv.ParseInt(word, 10, 64)
			if err != nil || more != (i < len(n)-1) {
				return nil, fmt.Errorf("line %d has not six whole numbers", len(list)+2)
			}
			n[i] = v
		}
		r, err := newRequest(n)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", len(list)+2, err)
		}
		list = append(list, r)
	}
	return list, lines.Err()
}

// tolerance is how far figures that are computed from the same numbers may lie apart:
// averages are sums of thousands of floats, and TPOT is kept in whole nanoseconds.
const tolerance = 1e-4

// Contradicts says in what the requests differ from the report of the same run, "" for
// nothing. Averages and percentiles are computed as PercentileStats does, by nearest
// rank below.
func Contradicts(list []Request, report *Report) string {
	if n := report.Request.NumRequests; len(list) != n {
		return fmt.Sprintf("%d requests are recorded, and the report counts %d", len(list), n)
	}
	if len(list) == 0 {
		return ""
	}
	for _, metric := range []string{AvgRequestLatency, AvgTTFT, AvgTPOT} {
		of := PerRequest[func(Request) time.Duration]{Request.TTFT, Request.TPOT, Request.Latency}.At(metric)
		values := make([]float64, len(list))
		mean := 0.0
		for i, r := range list {
			values[i] = float64(of(r)) / 1e6
			mean += values[i] / float64(len(list))
		}
		slices.Sort(values)
		differ := func(name string, own float64, reported *float64) string {
			if reported == nil || math.Abs(own-*reported) <= tolerance*max(math.Abs(own), 1) {
				return ""
			}
			return fmt.Sprintf("%s is %.6g ms over the recorded requests, and %.6g ms in the report", name, own, *reported)
		}
		if why := differ(metric, mean, report.Metrics.At(metric)); why != "" {
			return why
		}
		spread := report.Percentiles.At(metric)
		if spread == nil {
			continue
		}
		for i, share := range []float64{.5, .9, .95, .99} {
			name := PercentileNames[i]
			own := values[int(float64(len(values))*share)]
			if why := differ(metric+" "+name, own, spread.At(name)); why != "" {
				return why
			}
		}
	}
	return ""
}
