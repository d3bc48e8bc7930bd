package document

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

	"github.com/llmbench/llmbench/plan"
)

// SavedVersion is the format version of a saved plan. The runs of a plan are much alike,
// so that it holds each piece of their text once: JSON values, a line each, first the head
// under "saved_plan", then one for each run. Each has the pieces and values that are new.
// A value is a list of pairs: the number of a piece, and how many in all follow each other
// from there. A run is the numbers of its values, one for each key of the head; value 0 is
// the plan's document without its runs.
const SavedVersion = "2"

type savedPart struct {
	New    []string  `json:"new,omitempty"`
	Values [][]int32 `json:"values,omitempty"`
}

type savedHead struct {
	savedPart
	Keys  []string `json:"keys"`
	Count int      `json:"count"` // of runs
}

type savedRun struct {
	savedPart
	Run []int32 `json:"run"`
}

// fields are those of a run's document, and keys their names there.
var fields, keys = func() (fields []reflect.StructField, keys []string) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Run]()) {
		if key := f.Tag.Get("json"); key != "" && key != "-" {
			fields, keys = append(fields, f), append(keys, key)
		}
	}
	return fields, keys
}()

// writeValues writes the values of a run's keys, a line each.
func writeValues(p *plan.Run, w io.Writer) error {
	r := reflect.ValueOf(NewRun(p, p.Jobs()...)).Elem()
	for _, f := range fields {
		if err := encode(w, r.FieldByIndex(f.Index).Addr().Interface()); err != nil {
			return err
		}
	}
	return nil
}

// Save writes a plan in few bytes, as Read reads it.
func Save(w io.Writer, p *plan.Plan) error {
	out := bufio.NewWriterSize(w, 256<<10)
	var pieces []string
	numbers, values, written := map[string]int32{}, map[string]int32{}, 0
	fresh := func() []string {
		from := written
		written = len(pieces)
		return pieces[from:]
	}
	value := func(text []byte) (v []int32) {
		for last := int32(-2); len(text) > 0; { // cut behind commas and ends of lines
			end := bytes.IndexByte(text, ',') + 1
			if end == 0 {
				end = len(text)
			}
			if i := bytes.Index(text[:end], []byte(`\n`)); i >= 0 {
				end = i + len(`\n`)
			}
			next, all := last+1, int32(len(pieces))
			if next < 0 || next == all || pieces[next] != string(text[:end]) {
				n, known := numbers[string(text[:end])]
				if !known || next == all && end < 20 { // a copy is shorter than a pair
					n, pieces = all, append(pieces, string(text[:end]))
					numbers[pieces[n]] = n
				}
				next = n
			}
			if next == last+1 && last >= 0 {
				v[len(v)-1]++
			} else {
				v = append(v, next, 1)
			}
			last, text = next, text[end:]
		}
		return v
	}
	text, err := json.Marshal(frameOf(p))
	if err != nil {
		return err
	}
	head := savedHead{savedPart{Values: [][]int32{value(text)}}, keys, len(p.Runs)}
	head.New = fresh()
	if err := encode(out, map[string]any{"format_version": SavedVersion, "saved_plan": head}); err != nil {
		return err
	}
	err = inTurn(p.Runs, writeValues, func(texts []byte) error {
		var run savedRun
		for text := range bytes.Lines(texts) {
			v := value(bytes.TrimSuffix(text, []byte("\n")))
			name := fmt.Sprint(v)
			n, known := values[name]
			if !known {
				n, run.Values = int32(len(values)+1), append(run.Values, v)
				values[name] = n
			}
			run.Run = append(run.Run, n)
		}
		run.New = fresh()
		return encode(out, run)
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

// A Plan is a plan that was read. Its runs have no jobs: those of Run have.
type Plan struct {
	*plan.Plan
	// text writes the JSON text of Runs[i] over out, without spaces.
	text func(out []byte, i int) []byte
}

// Run is the document of Runs[i].
func (p *Plan) Run(i int) (*Run, error) {
	r := &Run{}
	err := json.Unmarshal(p.text(nil, i), r)
	return r, err
}

// A Sum is the SHA-256 of a run's document.
type Sum = [sha256.Size]byte

// Sums are those of Runs. The plan lets go of their text, half of the memory that it takes:
// Run and Write are of no use afterwards.
func (p *Plan) Sums() []Sum {
	var text []byte
	sums := make([]Sum, len(p.Runs))
	for i := range sums {
		text = p.text(text, i)
		sums[i] = sha256.Sum256(text)
	}
	p.text = nil
	return sums
}

// Sums are those of runs that were planned. A run has the sum of one that was read where
// their documents are the same.
func Sums(runs []*plan.Run) ([]Sum, error) {
	var text []byte
	var sums []Sum
	err := inTurn(runs, writeValues, func(values []byte) error {
		text = text[:0]
		for i, value := range bytes.Split(values, []byte("\n"))[:len(keys)] {
			text = append(appendKey(text, keys[i]), value...)
		}
		sums = append(sums, sha256.Sum256(append(text, '}')))
		return nil
	})
	return sums, err
}

// appendKey appends a key of an object, and what stands before it.
func appendKey(out []byte, key string) []byte {
	before := ','
	if len(out) == 0 {
		before = '{'
	}
	return fmt.Appendf(out, "%c%q:", before, key)
}

// Write writes the document of the plan as Write does of a plan that was made.
func (p *Plan) Write(w io.Writer) error {
	numbers := make([]int, len(p.Runs))
	for i := range numbers {
		numbers[i] = i
	}
	return write(w, p.Plan, numbers, func(i int) any { return json.RawMessage(p.text(nil, i)) })
}

// Read reads what Save or Write wrote. Another format version is an error that says so.
func Read(r io.Reader) (*Plan, error) {
	dec := json.NewDecoder(r)
	var doc struct {
		plan.Plan
		Runs []json.RawMessage `json:"runs"`
		Head savedHead         `json:"saved_plan"`
	}
	if err := dec.Decode(&doc); err != nil {
		return nil, fmt.Errorf("not a plan: %w", err)
	}
	var err error
	p := &Plan{Plan: &doc.Plan}
	switch p.FormatVersion {
	case plan.FormatVersion:
		err = p.readDocument(doc.Runs)
	case SavedVersion:
		err = p.readSaved(doc.Head, dec)
	default:
		return nil, fmt.Errorf("the plan has format version %q, this llmbench reads %q and %q: plan again", p.FormatVersion, plan.FormatVersion, SavedVersion)
	}
	if err == nil && (slices.Contains(p.Jobs, nil) || slices.Contains(p.Searches, nil)) {
		err = errors.New("a pack or a search is null")
	}
	for _, r := range p.Runs {
		if err == nil && r.Action.Symbol() == "" {
			err = fmt.Errorf("%q is no action of a run", r.Action)
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it breaks off")
	}
	if err != nil {
		return nil, fmt.Errorf("the plan is malformed: %w; plan again", err)
	}
	return p, nil
}

func (p *Plan) readDocument(runs []json.RawMessage) error {
	p.text = func(out []byte, i int) []byte {
		b := bytes.NewBuffer(out[:0])
		if err := json.Compact(b, runs[i]); err != nil {
			panic("document: " + err.Error()) // it was read
		}
		return b.Bytes()
	}
	p.Runs = []*plan.Run{}
	for _, text := range runs {
		var r Run
		if err := json.Unmarshal(text, &r); err != nil {
			return err
		}
		p.Runs = append(p.Runs, r.Planned())
	}
	return nil
}

func (p *Plan) readSaved(head savedHead, dec *json.Decoder) error {
	var pieces []byte
	ends := []int{0} // of each piece, behind the beginning of the first
	var values, runs [][]int32
	add := func(part savedPart) error {
		for _, piece := range part.New {
			pieces = append(pieces, piece...)
			ends = append(ends, len(pieces))
		}
		for _, v := range part.Values {
			for pair := range slices.Chunk(v, 2) {
				if len(pair) < 2 || pair[0] < 0 || pair[1] < 0 || int(pair[0])+int(pair[1]) >= len(ends) {
					return errors.New("pieces of its text are missing")
				}
			}
		}
		values = append(values, part.Values...)
		return nil
	}
	appendText := func(out []byte, value int32) []byte {
		for pair := range slices.Chunk(values[value], 2) {
			out = append(out, pieces[ends[pair[0]]:ends[pair[0]+pair[1]]]...)
		}
		return out
	}
	if err := add(head.savedPart); err != nil {
		return err
	}
	if len(values) != 1 {
		return errors.New("the document of the plan is missing")
	}
	text := appendText(nil, 0)
	p.Plan = &plan.Plan{}
	if err := json.Unmarshal(text, p.Plan); err != nil {
		return err
	}
	if p.FormatVersion != plan.FormatVersion {
		return fmt.Errorf("its document has format version %q", p.FormatVersion)
	}
	type typed struct {
		field int
		value int32
	}
	made := map[typed]reflect.Value{}
	for range head.Count {
		var next savedRun
		if err := dec.Decode(&next); err != nil {
			return err
		}
		if err := add(next.savedPart); err != nil {
			return err
		}
		runs = append(runs, next.Run)
		if len(next.Run) != len(head.Keys) {
			return errors.New("a run has values that no key names")
		}
		r := &Run{}
		for k, n := range next.Run {
			if n < 0 || int(n) >= len(values) {
				return errors.New("values of a run are missing")
			}
			i := slices.Index(keys, head.Keys[k])
			if i < 0 || fields[i].Name == "Job" || fields[i].Name == "Steps" && len(r.Declared) == 0 {
				continue // what nobody needs who has the run
			}
			v, done := made[typed{i, n}]
			if !done {
				v = reflect.New(fields[i].Type)
				text = appendText(text[:0], n)
				if err := json.Unmarshal(text, v.Interface()); err != nil {
					return err
				}
				made[typed{i, n}] = v
			}
			reflect.ValueOf(r).Elem().FieldByIndex(fields[i].Index).Set(v.Elem())
		}
		p.Runs = append(p.Runs, r.Planned())
	}
	p.text = func(out []byte, i int) []byte {
		out = out[:0]
		for k, n := range runs[i] {
			out = appendText(appendKey(out, head.Keys[k]), n)
		}
		return append(out, '}')
	}
	return nil
}
