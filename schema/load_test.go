package schema_test

import (
	"bytes"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

// specs are executor bodies that are as much like real ones as tests need.
var specs = map[string]hcldec.Spec{
	"slurm": hcldec.ObjectSpec{
		"account":   &hcldec.AttrSpec{Name: "account", Type: cty.String},
		"partition": &hcldec.AttrSpec{Name: "partition", Type: cty.String, Required: true},
		"retries":   &hcldec.AttrSpec{Name: "retries", Type: cty.Number},
		"container": &hcldec.BlockSpec{TypeName: "container", Nested: hcldec.ObjectSpec{
			"image_dir": &hcldec.AttrSpec{Name: "image_dir", Type: cty.String},
		}},
	},
	"simulate": hcldec.ObjectSpec{
		"speed": &hcldec.AttrSpec{Name: "speed", Type: cty.Number},
	},
}

func options() schema.Options {
	return schema.Options{Executors: specs, Version: "0.1.0", Catalog: catalog.Load()}
}

// render writes diags as people see them.
func render(defs *schema.Definitions, diags hcl.Diagnostics) string {
	var b bytes.Buffer
	if err := hcl.NewDiagnosticTextWriter(&b, defs.Files, 0, false).WriteDiagnostics(diags); err != nil {
		panic(err)
	}
	return b.String()
}

func TestRecipe(t *testing.T) {
	defs, diags := schema.Load("testdata/recipe", options())
	if len(diags) > 0 {
		t.Fatal(render(defs, diags))
	}
	for _, c := range defs.Cells {
		t.Logf("%s %v %v %v", c.Address, c.Args, c.Options.GoString(), c.TimeLimit)
	}
	t.Log(defs.Cells[0].Origins)
}
