package view

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/llmbench/llmbench/plan"
)

// places writes ranges short: relative to the definitions.
type places struct{ dir string }

// newPlaces takes the definitions' folder from the plan's inputs.
func newPlaces(p *plan.Plan) places {
	if len(p.Inputs) == 0 {
		return places{}
	}
	return places{dir: filepath.Dir(p.Inputs[0].Path)}
}

func (p places) of(r *plan.Range) string {
	if r == nil {
		return ""
	}
	name := r.Filename
	if rest, ok := strings.CutPrefix(name, p.dir+string(filepath.Separator)); ok {
		name = rest
	}
	if r.Start.Line == 0 {
		return name // the whole file
	}
	return fmt.Sprintf("%s:%d", name, r.Start.Line)
}

// origin is the place of a value, or whose decision it was.
func (p places) origin(o plan.Origin) string {
	if o.Range != nil {
		return p.of(o.Range)
	}
	return o.From
}
