package trtllm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrIncomplete says that a report ends early or lacks something that every
// report has: it is no result.
var ErrIncomplete = errors.New("the report is not whole")

// maxReport bounds what ReadReport reads; real reports have a few kilobytes.
const maxReport = 4 << 20

// WriteJSON writes the report as trtllm-bench's --report_json has it.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	return enc.Encode(r)
}

// ReadReport reads a --report_json. Keys that it does not know are ignored. An
// error that is ErrIncomplete says that the document ends early, is followed by
// something else, or lacks a number that every report has; another error that it
// could not be read or is no report at all.
func ReadReport(r io.Reader) (*Report, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxReport+1))
	if err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	if len(b) > maxReport {
		return nil, fmt.Errorf("the report has more than %d bytes", maxReport)
	}
	b = nullNonNumbers(b)
	if err := decodeWhole(b, new(json.RawMessage)); err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := json.Unmarshal(b, &tree); err != nil {
		return nil, fmt.Errorf("the report is no JSON object: %w", err)
	}
	if missing := missingKeys(tree); len(missing) > 0 {
		return nil, fmt.Errorf("%w: it lacks %s", ErrIncomplete, strings.Join(missing, ", "))
	}
	report := &Report{}
	if err := json.Unmarshal(b, report); err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	if name, ok := report.hollow(); ok {
		return nil, fmt.Errorf("%w: it has %s twice, once without a number", ErrIncomplete, name)
	}
	report.Engine.ModelPath = orNil(report.Engine.ModelPath)
	report.Engine.EngineDir = orNil(report.Engine.EngineDir)
	return report, nil
}

// hollow names a metric that the report should have and lacks.
func (r *Report) hollow() (string, bool) {
	optional := func(name string) bool {
		return name == "system_total_throughput_tok_s" || r.Streaming == nil && (name == "avg_ttft_ms" || name == "avg_tpot_ms" || name == "token_output_speed_tok_s")
	}
	for _, m := range r.Metrics() {
		if m.Value == nil && !optional(m.Name) {
			return m.Name, true
		}
	}
	return "", false
}

// orNil is nil for Python's None, which the report has as a string where it
// means a path.
func orNil(path *string) *string {
	if path == nil || *path == "None" {
		return nil
	}
	return path
}

// decodeWhole decodes one document that nothing follows.
func decodeWhole(b []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	switch err := dec.Decode(v); {
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: it is empty", ErrIncomplete)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: it ends after %d bytes", ErrIncomplete, len(b))
	case err != nil:
		return fmt.Errorf("the report is no JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows it", ErrIncomplete)
	}
	return nil
}

// requiredKeys have a number in every report, those of a streaming run too
// where there is a section streaming_metrics. A name with * stands for the seven
// keys of percentiles.
var requiredKeys = []struct {
	section string
	keys    []string
}{
	{"world_info", []string{"tp_size", "pp_size", "max_batch_size", "max_num_tokens"}},
	{"request_info", []string{"num_requests", "avg_input_length", "avg_output_length"}},
	{"performance", []string{
		"total_latency_ms", "avg_request_latency_ms", "request_throughput_req_s", "system_output_throughput_tok_s",
		"output_throughput_per_user_tok_s", "output_throughput_per_gpu_tok_s", "request_latency_percentiles_ms*"}},
	{"streaming_metrics", []string{
		"token_output_speed_tok_s", "avg_ttft_ms", "avg_tpot_ms", "tpot_percentiles*", "ttft_percentiles*"}},
}

func missingKeys(tree map[string]any) []string {
	var missing []string
	if _, ok := tree["engine"].(map[string]any); !ok {
		missing = append(missing, "engine")
	}
	for _, r := range requiredKeys {
		section, ok := tree[r.section].(map[string]any)
		if !ok {
			if r.section != "streaming_metrics" || tree[r.section] != nil {
				missing = append(missing, r.section)
			}
			continue
		}
		for _, key := range r.keys {
			name, spread := strings.CutSuffix(key, "*")
			if !(spread && isSpread(section[name]) || !spread && isNumber(section[name])) {
				missing = append(missing, r.section+"."+name)
			}
		}
	}
	return missing
}

func isNumber(v any) bool {
	_, ok := v.(float64)
	return ok
}

func isSpread(v any) bool {
	m, ok := v.(map[string]any)
	for _, key := range percentileKeys {
		ok = ok && isNumber(m[key])
	}
	return ok
}

// nullNonNumbers replaces NaN, Infinity and -Infinity, which Python's encoder
// writes and JSON does not have, by null, and drops one that the end cuts off.
func nullNonNumbers(b []byte) []byte {
	out := make([]byte, 0, len(b))
	inString := false
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case inString && c == '\\' && i+1 < len(b):
			out = append(out, c)
			i++
			c = b[i]
		case c == '"':
			inString = !inString
		case !inString && (c == 'N' || c == 'I' || c == '-'):
			n, whole := nonNumber(b[i:])
			if whole {
				out = append(out, "null"...)
			}
			if n > 0 {
				i += n - 1
				continue
			}
		}
		out = append(out, c)
	}
	return out
}

// nonNumber is how long the literal at the beginning of b is, 0 for none, and
// whether it is whole.
func nonNumber(b []byte) (n int, whole bool) {
	for _, s := range []string{"NaN", "Infinity", "-Infinity"} {
		if bytes.HasPrefix(b, []byte(s)) {
			return len(s), true
		}
		if strings.HasPrefix(s, string(b[:min(len(b), len(s))])) {
			return len(b), false
		}
	}
	return 0, false
}
