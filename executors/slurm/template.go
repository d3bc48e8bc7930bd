package slurm

import (
	"regexp"
	"strings"
)

// A template is a script with places @NAME@, taken apart once: text, a name, text,
// a name, and so on to a last text.
type template []string

func newTemplate(text string) template {
	var t template
	from := 0
	for _, at := range regexp.MustCompile(`@[A-Z_]+@`).FindAllStringIndex(text, -1) {
		t = append(t, text[from:at[0]], text[at[0]+1:at[1]-1])
		from = at[1]
	}
	return append(t, text[from:])
}

// render is a template that is filled once.
func render(text string, values map[string]string) string { return newTemplate(text).fill(values) }

// fill puts values into their places. A place without a value is a mistake in the
// program.
func (t template) fill(values map[string]string) string {
	size := 0
	for i, part := range t {
		if i%2 == 1 {
			value, ok := values[part]
			if !ok {
				panic("slurm: a script has the place @" + part + "@, and nothing is to be there")
			}
			part = value
		}
		size += len(part)
	}
	var b strings.Builder
	b.Grow(size)
	for i, part := range t {
		if i%2 == 1 {
			part = values[part]
		}
		b.WriteString(part)
	}
	return b.String()
}
