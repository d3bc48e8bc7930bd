package schema

import (
	"regexp"
	"strings"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/schema/catalog"
)

// A Block is what all blocks have that runs refer to.
type Block struct {
	Label  string
	Range  hcl.Range
	Ranges map[string]hcl.Range // by argument
	use
}

func (b *Block) block() *Block { return b }

// blockTypes are the types of the values of block arguments.
var blockTypes = func() map[string]cty.Type {
	types := map[string]cty.Type{}
	for _, s := range []shape{modelShape, hardwareShape, imageShape, useCaseShape} {
		attrs := map[string]cty.Type{"label": cty.String}
		for _, f := range s.fields {
			attrs[f.name] = f.ty
		}
		types[s.noun] = cty.Object(attrs)
	}
	return types
}()

// Image is an image block: the container of a run, and the version of TensorRT-LLM in it.
type Image struct {
	Block
	// Name is the reference with its tag, without a digest.
	Name   string
	Digest string // "sha256:…", "" if the image is not pinned
	// TRTLLMVersion is the version in the image: a catalogued one by its name,
	// another as it is written.
	TRTLLMVersion string
	// Match is where its flags and options come from, and zero where the version
	// itself is catalogued.
	Match catalog.Match
	// LLMAPIOptions is the expression of llm_api_options, nil without one. It is
	// evaluated for each run.
	LLMAPIOptions hcl.Expression

	version *catalog.Version // nil if unknown
}

var imageShape = shapeOf("image", []field{
	{name: "name", ty: cty.String, required: true, wrong: notEmpty},
	{name: "trtllm_version", ty: cty.String, wrong: notEmpty},
	{name: "digest", ty: cty.String, wrong: wrongDigest},
}, "llm_api_options")

func (img *Image) set(c contents, v map[string]cty.Value, cat *catalog.Catalog) hcl.Diagnostics {
	if a := c.byName["llm_api_options"]; a != nil {
		img.LLMAPIOptions = a.Expr
	}
	if img.broken || len(img.problems) > 0 {
		if len(img.problems) > 0 && !v["name"].IsKnown() {
			v["trtllm_version"] = cty.UnknownVal(cty.String).WithSameMarks(v["name"])
		}
		return nil
	}
	diags := img.identify(text(v["name"]), text(v["digest"]), text(v["trtllm_version"]), cat)
	img.broken = diags.HasErrors()
	v["name"], v["digest"], v["trtllm_version"] = cty.StringVal(img.Name), orNull(img.Digest), orNull(img.TRTLLMVersion)
	return diags
}

func orNull(s string) cty.Value {
	if s == "" {
		return cty.NullVal(cty.String)
	}
	return cty.StringVal(s)
}

// identify reads the digest and the version out of an image reference.
func (img *Image) identify(name, digest, version string, cat *catalog.Catalog) hcl.Diagnostics {
	var diags hcl.Diagnostics
	img.Name, img.Digest = name, digest
	if ref, pinned, ok := strings.Cut(name, "@"); ok {
		img.Name = ref
		switch {
		case wrongDigest(cty.StringVal(pinned)) != "":
			return hcl.Diagnostics{refuse(img.Ranges["name"], "Invalid image digest", "The part behind @ %s.", wrongDigest(cty.StringVal(pinned)))}
		case digest != "" && digest != pinned:
			return hcl.Diagnostics{refuse(img.Ranges["digest"], "Conflicting digests", "The name of the image already pins %s, a different digest. Remove one of the two.", pinned)}
		}
		img.Digest = pinned
	}
	tag := catalog.Tag(img.Name)
	fromTag, tagged := cat.Match(tag)
	if version == "" {
		if !tagged {
			return hcl.Diagnostics{unknownVersion(img.Ranges["name"], "The tag of the image", tag, cat)}
		}
		img.hold(fromTag, tag)
		return diags
	}
	given, ok := cat.Match(version)
	switch {
	case !ok:
		return hcl.Diagnostics{unknownVersion(img.Ranges["trtllm_version"], "trtllm_version", version, cat)}
	case tagged && !catalog.SameVersion(tag, "", version):
		return hcl.Diagnostics{refuse(img.Ranges["trtllm_version"], "Conflicting versions", "The tag of the image says version %s, and trtllm_version says %s. trtllm_version is for images whose tag does not say it: remove it, or correct the tag.", tag, version)}
	}
	img.hold(given, version)
	return diags
}

// hold notes the version that is in the image and the one whose facts it has.
func (img *Image) hold(m catalog.Match, version string) {
	img.version, img.TRTLLMVersion = m.Version, strings.TrimPrefix(version, "v")
	if m.Exact {
		img.TRTLLMVersion = m.Name
	} else {
		img.Match = m
	}
}

// versionText names the version for a message, with the one that it is checked
// against.
func (img *Image) versionText() string {
	if img.Match.Version == nil {
		return img.TRTLLMVersion
	}
	return img.TRTLLMVersion + " (checked against " + catalog.FullVersion(img.Match.Name) + ")"
}

// unknownVersion refuses a version that what says is in the image.
func unknownVersion(rng hcl.Range, what, version string, cat *catalog.Catalog) *hcl.Diagnostic {
	known := list(cat.Versions, func(v *catalog.Version) string { return catalog.FullVersion(v.Name) })
	const probe = "`llmbench catalog probe IMAGE` asks the image itself and writes what it finds as a *.catalog.hcl beside the definitions."
	switch {
	case version == "":
		return refuse(rng, "Unknown TensorRT-LLM version", "The image has no tag with a version of TensorRT-LLM, so its flags and option keys are not known. Set trtllm_version, such as \"1.1.0\". Catalogued: %s.", strings.Join(known, ", "))
	case catalog.IsVersion(version):
		return refuse(rng, "Unknown TensorRT-LLM version", "%s says %s, older than the oldest catalogued version, %s, so its flags and option keys are not known. %s", what, version, known[0], probe)
	}
	return refuse(rng, "Unknown TensorRT-LLM version", "%s says %q, which is not a version of TensorRT-LLM, so its flags and option keys are not known. Set trtllm_version to the version in the image, such as \"1.1.0\" or \"1.2.0rc6\". Catalogued: %s.", what, version, strings.Join(known, ", "))
}

var digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

func wrongDigest(v cty.Value) string {
	if !digestPattern.MatchString(v.AsString()) {
		return `must be a digest of the form "sha256:" and 64 hexadecimal digits`
	}
	return ""
}

// Model is a model block; arguments that are not given are "".
type Model struct {
	Block
	Checkpoint   string // Hugging Face id
	Revision     string
	Path         string
	Quantization string
}

var modelShape = shapeOf("model", []field{
	{name: "checkpoint", ty: cty.String, required: true, wrong: notEmpty},
	{name: "revision", ty: cty.String},
	{name: "path", ty: cty.String, wrong: absolute},
	{name: "quantization", ty: cty.String, required: true, wrong: notEmpty},
})

func (m *Model) set(_ contents, v map[string]cty.Value, _ *catalog.Catalog) hcl.Diagnostics {
	m.Checkpoint, m.Revision = text(v["checkpoint"]), text(v["revision"])
	m.Path, m.Quantization = text(v["path"]), text(v["quantization"])
	return nil
}

// Hardware is a hardware block: how many GPUs of which type a run gets.
type Hardware struct {
	Block
	GPU         string
	GPUs        int
	GPUsPerNode int
}

var hardwareShape = shapeOf("hardware", []field{
	{name: "gpu", ty: cty.String, required: true, wrong: notEmpty},
	{name: "gpus", ty: cty.Number, required: true, wrong: wholeWithin(1, 0)},
	{name: "gpus_per_node", ty: cty.Number, required: true, wrong: wholeWithin(1, 0)},
})

func (h *Hardware) set(_ contents, v map[string]cty.Value, _ *catalog.Catalog) hcl.Diagnostics {
	h.GPU, h.GPUs, h.GPUsPerNode = text(v["gpu"]), whole(v["gpus"]), whole(v["gpus_per_node"])
	return nil
}

// defaultSeed is the seed of generated requests where a use case names none.
const defaultSeed = 420

// UseCase is a use_case block: a traffic shape in tokens, or a data set of the
// user's own, which leaves the shape at 0.
type UseCase struct {
	Block
	ISL, OSL           int
	ISLStdev, OSLStdev float64
	Seed               int64
	Dataset            string // path as written, relative to the definitions; "" for a shape
}

var useCaseShape = shapeOf("use_case", []field{
	{name: "isl", ty: cty.Number, required: true, wrong: wholeWithin(1, maxInt32)},
	{name: "osl", ty: cty.Number, required: true, wrong: wholeWithin(1, maxInt32)},
	{name: "isl_stdev", ty: cty.Number, wrong: notNegative, fallback: cty.Zero},
	{name: "osl_stdev", ty: cty.Number, wrong: notNegative, fallback: cty.Zero},
	{name: "seed", ty: cty.Number, wrong: wholeWithin(0, 0), fallback: cty.NumberIntVal(defaultSeed)},
	{name: "dataset", ty: cty.String, required: true, wrong: notEmpty},
})

func (u *UseCase) set(c contents, v map[string]cty.Value, _ *catalog.Catalog) hcl.Diagnostics {
	if c.byName["dataset"] != nil {
		for _, f := range useCaseShape.fields[:5] {
			v[f.name] = cty.NullVal(f.ty)
		}
	}
	u.ISL, u.OSL, u.Seed = whole(v["isl"]), whole(v["osl"]), int64(whole(v["seed"]))
	u.ISLStdev, u.OSLStdev, u.Dataset = decimal(v["isl_stdev"]), decimal(v["osl_stdev"]), text(v["dataset"])
	return nil
}

// checkTraffic wants either isl and osl or a data set.
func checkTraffic(c contents, header hcl.Range) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if own := c.byName["dataset"]; own != nil {
		for _, f := range useCaseShape.fields[:5] {
			if a := c.byName[f.name]; a != nil {
				diags = append(diags, refuse(a.SrcRange, "Conflicting arguments", "A use case is a traffic shape or a data set of your own: the lengths of %s come from the file, so %q has no effect. Remove one of the two.", "`dataset`", f.name))
			}
		}
		return diags
	}
	for _, name := range []string{"isl", "osl"} {
		if c.byName[name] == nil {
			diags = append(diags, refuse(header, "Missing required argument", "The argument %q is required in a use_case block, unless dataset names a file of your own.", name))
		}
	}
	return diags
}

var settingsShape = shapeOf("llmbench", []field{
	{name: "required_version", ty: cty.String, wrong: notEmpty},
	{name: "store", ty: cty.String, wrong: notEmpty},
	{name: "group", ty: cty.String, wrong: notEmpty},
}, "executor", "include")

// settingsExecutor is evaluated apart: a variable that is missing there matters only
// where nothing else chooses.
var settingsExecutor = []field{{name: "executor", ty: cty.String, wrong: notEmpty}}

// checkRequiredVersion compares the required_version of llmbench blocks with
// the running version, before anything else is read: a newer language would
// only look wrong.
func checkRequiredVersion(blocks []*hclsyntax.Block, running string) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, b := range blocks {
		a := b.Body.Attributes["required_version"]
		want, more := literalField(settingsShape.fields[0], a)
		diags = append(diags, more...)
		if want.IsNull() {
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
	c, v, diags := n.read(b, settingsShape)
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

var policyShape = shapeOf("policy", []field{
	{name: "max_gpu_hours", ty: cty.Number, wrong: notNegative},
	{name: "max_run_gpu_hours", ty: cty.Number, wrong: notNegative},
	{name: "gpu_hour_price", ty: cty.Number, wrong: notNegative},
	{name: "currency", ty: cty.String, wrong: notEmpty},
	{name: "require_headroom", ty: cty.DynamicPseudoType, wrong: anyShare},
	{name: "allow_declared_cells", ty: cty.Bool},
})

// readPolicy reads the policy block.
func (n *names) readPolicy(b *hclsyntax.Block) (*Policy, hcl.Diagnostics) {
	c, v, diags := n.read(b, policyShape)
	return &Policy{
		MaxGPUHours: number(v["max_gpu_hours"]), MaxRunGPUHours: number(v["max_run_gpu_hours"]),
		GPUHourPrice: number(v["gpu_hour_price"]), Currency: text(v["currency"]),
		RequireHeadroom: share(v["require_headroom"]), ForbidDeclaredCells: v["allow_declared_cells"].RawEquals(cty.False), Range: b.DefRange(), Ranges: c.ranges(),
	}, diags
}
