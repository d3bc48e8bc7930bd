package jobdir

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

// Encode is v as one line of JSON with "end":true as its last key.
func Encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("jobdir: record is not JSON: " + err.Error())
	}
	if !bytes.HasSuffix(b, []byte("}")) || len(b) < 3 {
		panic("jobdir: record is not an object")
	}
	return append(b[:len(b)-1], `,"end":true}`+"\n"...)
}

// Decode reads a record that another process wrote. It reports false for
// one that is not whole: no newline at its end, not JSON, or without "end".
func Decode(data []byte, into any) bool {
	if !bytes.HasSuffix(data, []byte("\n")) {
		return false
	}
	var mark struct {
		End bool `json:"end"`
	}
	return json.Unmarshal(data, &mark) == nil && mark.End && json.Unmarshal(data, into) == nil
}

// decodeDocument is Decode for files that are only ever renamed into
// place and that people may read: no mark is asked for.
func decodeDocument(data []byte, into any) bool {
	return bytes.HasSuffix(data, []byte("\n")) && json.Unmarshal(data, into) == nil
}

// text is a string that a shell may have written as a number.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*t = text(s)
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return err
	}
	*t = text(n)
	return nil
}

// number is a whole number that a shell may have quoted.
type number int64

func (n *number) UnmarshalJSON(b []byte) error {
	var t text
	if err := t.UnmarshalJSON(b); err != nil {
		return err
	}
	if t == "" {
		return nil
	}
	v, err := strconv.ParseInt(string(t), 10, 64)
	*n = number(v)
	return err
}

// moment is a time that a shell may have left empty.
type moment struct{ time.Time }

func (m *moment) UnmarshalJSON(b []byte) error {
	var t text
	if err := t.UnmarshalJSON(b); err != nil {
		return err
	}
	m.Time, _ = time.Parse(time.RFC3339, string(t))
	return nil
}
