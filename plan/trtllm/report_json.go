package trtllm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// errIncomplete says that a report ends early or lacks something that every
// report has: it is no result.
var errIncomplete = errors.New("the report is not whole")

// maxReport bounds what ReadReport reads; real reports have a few kilobytes.
const maxReport = 4 << 20

// WriteJSON writes the report as trtllm-bench's --report_json has it.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	return enc.Encode(r)
}

// ReadReport reads a --report_json. Keys that it does not know are ignored. An error
// says that it could not be read, is no report, ends early, is followed by something
// else, or lacks a number that every report has.
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
		return nil, fmt.Errorf("%w: it lacks %s", errIncomplete, strings.Join(missing, ", "))
	}
	report := &Report{}
	if err := json.Unmarshal(b, report); err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	if name, ok := report.hollow(); ok {
		return nil, fmt.Errorf("%w: it has %s twice, once without a number", errIncomplete, name)
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

// A plainReport is a Report without its methods.
type plainReport Report

// MarshalJSON implements json.Marshaler. The figures stand in two sections.
func (r *Report) MarshalJSON() ([]byte, error) {
	var w struct {
		*plainReport
		Performance map[string]any `json:"performance"`
		Streaming   map[string]any `json:"streaming_metrics,omitempty"`
	}
	w.plainReport, w.Performance = (*plainReport)(r), map[string]any{}
	if r.Streaming {
		w.Streaming = map[string]any{}
	}
	for _, m := range Metrics {
		in := w.Performance
		if m.Streaming {
			in = w.Streaming
		}
		if in == nil {
			continue
		}
		in[m.Name] = r.Metrics.At(m.Name)
		if m.Spread.Name != "" {
			in[m.Spread.Name] = r.Percentiles.At(m.Name)
		}
	}
	return json.Marshal(w)
}

// UnmarshalJSON implements json.Unmarshaler. Of a key that is there twice the
// last one counts, as in Python.
func (r *Report) UnmarshalJSON(b []byte) error {
	var w struct {
		*plainReport
		Performance map[string]json.RawMessage `json:"performance"`
		Streaming   map[string]json.RawMessage `json:"streaming_metrics"`
	}
	w.plainReport = (*plainReport)(r)
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	r.Streaming = w.Streaming != nil
	for _, m := range Metrics {
		section := w.Performance
		if m.Streaming {
			section = w.Streaming
		}
		var v *float64
		if err := decodeKey(section, m.Name, &v); err != nil {
			return err
		}
		if v != nil {
			r.Metrics.Set(m.Name, v)
		}
		var p *Percentiles
		if err := decodeKey(section, m.Spread.Name, &p); err != nil {
			return err
		}
		if p != nil && m.Spread.Name != "" {
			r.Percentiles.Set(m.Name, p)
		}
	}
	return nil
}

func decodeKey(section map[string]json.RawMessage, key string, to any) error {
	raw, ok := section[key]
	if !ok {
		return nil
	}
	return json.Unmarshal(raw, to)
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
		return fmt.Errorf("%w: it is empty", errIncomplete)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: it ends after %d bytes", errIncomplete, len(b))
	case err != nil:
		return fmt.Errorf("the report is not JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows it", errIncomplete)
	}
	return nil
}

// missingKeys names what every report has and tree lacks: numbers, those of a streaming
// run where there is a section streaming_metrics, and percentiles.
func missingKeys(tree map[string]any) (missing []string) {
	need := func(section, key string, suits func(any) bool) {
		in, ok := tree[section].(map[string]any)
		switch {
		case section == "streaming_metrics" && tree[section] == nil:
		case !ok && !slices.Contains(missing, section):
			missing = append(missing, section)
		case ok && !suits(in[key]):
			missing = append(missing, section+"."+key)
		}
	}
	need("engine", "", func(any) bool { return true })
	for _, key := range []string{"tp_size", "pp_size", "max_batch_size", "max_num_tokens"} {
		need("world_info", key, isNumber)
	}
	for _, key := range []string{"num_requests", "avg_input_length", "avg_output_length"} {
		need("request_info", key, isNumber)
	}
	for _, m := range Metrics {
		section := "performance"
		if m.Streaming {
			section = "streaming_metrics"
		}
		if !m.Optional {
			need(section, m.Name, isNumber)
		}
		if m.Spread.Name != "" && !m.Spread.Optional {
			need(section, m.Spread.Name, isSpread)
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
	return ok && !slices.ContainsFunc(PercentileNames[:], func(key string) bool { return !isNumber(m[key]) })
}

// pythonNumber matches strings, and outside of these NaN, Infinity and -Infinity, be
// they cut off by the end.
var pythonNumber = regexp.MustCompile(`(?s)"(?:[^"\\]|\\.)*"?|-?(?:NaN|Infinity)|-?[NI][A-Za-z]*\z`)

// nullNonNumbers replaces what Python's encoder writes for numbers and JSON does not
// have by null, and drops one that the end cuts off.
func nullNonNumbers(b []byte) []byte {
	return pythonNumber.ReplaceAllFunc(b, func(found []byte) []byte {
		switch {
		case found[0] == '"':
			return found
		case bytes.HasSuffix(found, []byte("NaN")), bytes.HasSuffix(found, []byte("Infinity")):
			return []byte("null")
		}
		return nil
	})
}
