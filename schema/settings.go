package schema

import (
	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

var settingsFields = []field{
	{name: "required_version", ty: cty.String, wrong: notEmpty},
	{name: "store", ty: cty.String, wrong: notEmpty},
	{name: "group", ty: cty.String, wrong: notEmpty},
}

// settingsExecutor is evaluated apart: a variable that is missing there matters only
// where nothing else chooses.
var settingsExecutor = []field{{name: "executor", ty: cty.String, wrong: notEmpty}}

var settingsShape = shapeOf("llmbench", settingsFields, "executor", "include")

// checkRequiredVersion compares the required_version of llmbench blocks with
// the running version, before anything else is read: a newer language would
// only look wrong.
func checkRequiredVersion(blocks []*hclsyntax.Block, running string) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, b := range blocks {
		a := b.Body.Attributes["required_version"]
		if a == nil {
			continue
		}
		v, more := literal(a.Expr, "required_version")
		diags = append(diags, more...)
		if more.HasErrors() {
			continue
		}
		want, wrong := settingsFields[0].convert(v)
		if wrong != "" || want.IsNull() {
			diags = append(diags, refuse(a.Expr.Range(), "Unsuitable value", `required_version must be a string such as ">= 0.1".`))
			continue
		}
		constraint, err := version.NewConstraint(want.AsString())
		if err != nil {
			diags = append(diags, refuse(a.Expr.Range(), "Invalid version constraint", `%q is not a constraint on versions. Write for example ">= 0.1" or "~> 1.2, != 1.2.3".`, want.AsString()))
			continue
		}
		if have, err := version.NewVersion(running); err == nil && !constraint.Check(have.Core()) {
			diags = append(diags, refuse(a.Expr.Range(), "Unsupported llmbench version", "These definitions require llmbench %s, and this is llmbench %s. Install a matching version, or change required_version if they are meant for this one.", want.AsString(), running))
		}
	}
	return diags
}

// readSettings reads the llmbench block.
func (n *names) readSettings(b *hclsyntax.Block) (Settings, hcl.Diagnostics) {
	s := Settings{Range: b.DefRange()}
	c, v, diags := n.read(b, settingsShape, settingsFields)
	var chosen use
	executor, more := n.fields(c, settingsExecutor, &chosen)
	diags = append(diags, more...)
	if s.executorProblems = chosen.problems; len(chosen.problems) == 0 {
		s.Executor = text(executor["executor"])
	}
	if a := c.byName["executor"]; a != nil {
		s.executorRange = a.SrcRange
	}
	s.RequiredVersion, s.Store, s.Group = text(v["required_version"]), text(v["store"]), text(v["group"])
	return s, diags
}

var policyFields = []field{
	{name: "max_gpu_hours", ty: cty.Number, wrong: notNegative},
	{name: "max_run_gpu_hours", ty: cty.Number, wrong: notNegative},
	{name: "gpu_hour_price", ty: cty.Number, wrong: notNegative},
	{name: "currency", ty: cty.String, wrong: notEmpty},
	{name: "require_headroom", ty: cty.DynamicPseudoType, wrong: anyShare},
	{name: "allow_declared_cells", ty: cty.Bool},
}

// readPolicy reads the policy block.
func (n *names) readPolicy(b *hclsyntax.Block) (*Policy, hcl.Diagnostics) {
	c, v, diags := n.read(b, shapeOf("policy", policyFields), policyFields)
	return &Policy{
		MaxGPUHours: numberPtr(v["max_gpu_hours"]), MaxRunGPUHours: numberPtr(v["max_run_gpu_hours"]),
		GPUHourPrice: numberPtr(v["gpu_hour_price"]), Currency: text(v["currency"]),
		RequireHeadroom: share(v["require_headroom"]), ForbidDeclaredCells: isFalse(v["allow_declared_cells"]), Range: b.DefRange(), Ranges: c.ranges(),
	}, diags
}

func numberPtr(v cty.Value) *float64 {
	if j := judge(v); j.ok && !j.value.IsNull() {
		f := asFloat(j.value)
		return &f
	}
	return nil
}

func isFalse(v cty.Value) bool {
	j := judge(v)
	return j.ok && !j.value.IsNull() && j.value.False()
}
