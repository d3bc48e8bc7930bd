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
		return nil, fmt.Errorf("the report is not a JSON object: %w", err)
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
	for _, m := range Metrics {
		if r.Metrics.At(m.Name) == nil && !m.Optional && (r.Streaming || !m.Streaming) {
			return m.Name, true
		}
	}
	return "", false
}

// A jsonReport is a report as JSON: its figures stand in two sections.
type jsonReport struct {
	*plainReport
	Performance map[string]any `json:"performance"`
	Streaming   map[string]any `json:"streaming_metrics,omitempty"`
}

type plainReport Report

// MarshalJSON implements json.Marshaler.
func (r *Report) MarshalJSON() ([]byte, error) {
	w := jsonReport{plainReport: (*plainReport)(r), Performance: r.section(false)}
	if r.Streaming {
		w.Streaming = r.section(true)
	}
	return json.Marshal(w)
}

// section holds the figures that need streaming, or those that do not.
func (r *Report) section(streaming bool) map[string]any {
	out := map[string]any{}
	for _, m := range Metrics {
		if m.Streaming != streaming {
			continue
		}
		out[m.Name] = r.Metrics.At(m.Name)
		if m.Spread.Name != "" {
			out[m.Spread.Name] = r.Percentiles.At(m.Name)
		}
	}
	return out
}

// UnmarshalJSON implements json.Unmarshaler. Of a key that is there twice the
// last one counts, as in Python.
func (r *Report) UnmarshalJSON(b []byte) error {
	var w struct {
		*plainReport
		Performance json.RawMessage `json:"performance"`
		Streaming   json.RawMessage `json:"streaming_metrics"`
	}
	w.plainReport = (*plainReport)(r)
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	r.Streaming = len(w.Streaming) > 0 && string(w.Streaming) != "null"
	for streaming, section := range map[bool]json.RawMessage{false: w.Performance, true: w.Streaming} {
		if err := r.readSection(streaming, section); err != nil {
			return err
		}
	}
	return nil
}

func (r *Report) readSection(streaming bool, section json.RawMessage) error {
	if len(section) == 0 {
		return nil
	}
	of := func(key func(Metric) string) func(Metric) string {
		return func(m Metric) string {
			if m.Streaming != streaming {
				return ""
			}
			return key(m)
		}
	}
	err := decodeKeys(section, of(func(m Metric) string { return m.Name }), func(m Metric, v *float64) { r.Metrics.Set(m.Name, v) })
	return errors.Join(err, decodeKeys(section, of(func(m Metric) string { return m.Spread.Name }), func(m Metric, v *Percentiles) { r.Percentiles.Set(m.Name, v) }))
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
		return fmt.Errorf("the report is not JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows it", ErrIncomplete)
	}
	return nil
}

// A needed section has a number in every report under each of its keys, those of
// a streaming run where there is a section streaming_metrics, and percentiles
// under each of its spreads.
type needed struct {
	section       string
	keys, spreads []string
}

func requiredKeys() []needed {
	performance, streaming := needed{section: "performance"}, needed{section: "streaming_metrics"}
	for _, m := range Metrics {
		in := &performance
		if m.Streaming {
			in = &streaming
		}
		if !m.Optional {
			in.keys = append(in.keys, m.Name)
		}
		if m.Spread.Name != "" && !m.Spread.Optional {
			in.spreads = append(in.spreads, m.Spread.Name)
		}
	}
	return []needed{
		{section: "world_info", keys: []string{"tp_size", "pp_size", "max_batch_size", "max_num_tokens"}},
		{section: "request_info", keys: []string{"num_requests", "avg_input_length", "avg_output_length"}},
		performance, streaming,
	}
}

func missingKeys(tree map[string]any) []string {
	var missing []string
	if _, ok := tree["engine"].(map[string]any); !ok {
		missing = append(missing, "engine")
	}
	for _, r := range requiredKeys() {
		section, ok := tree[r.section].(map[string]any)
		if !ok {
			if r.section != "streaming_metrics" || tree[r.section] != nil {
				missing = append(missing, r.section)
			}
			continue
		}
		for _, name := range r.keys {
			if !isNumber(section[name]) {
				missing = append(missing, r.section+"."+name)
			}
		}
		for _, name := range r.spreads {
			if !isSpread(section[name]) {
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
	for _, key := range PercentileNames {
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
