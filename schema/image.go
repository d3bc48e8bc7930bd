package schema

import (
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/schema/catalog"
)

// Image is an image block.
type Image struct {
	Label string
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
	Range         hcl.Range
	Ranges        map[string]hcl.Range // by argument

	version *catalog.Version // nil if unknown
	use
}

var imageFields = []field{
	{name: "name", ty: cty.String, required: true, wrong: notEmpty},
	{name: "trtllm_version", ty: cty.String, wrong: notEmpty},
	{name: "digest", ty: cty.String, wrong: wrongDigest},
}

var imageType = cty.Object(map[string]cty.Type{
	"label": cty.String, "name": cty.String, "digest": cty.String, "trtllm_version": cty.String,
})

// readImage returns the block and what works its value out.
func (n *names) readImage(b *hclsyntax.Block, cat *catalog.Catalog) (*Image, func() (cty.Value, hcl.Diagnostics), hcl.Diagnostics) {
	img := &Image{Label: b.Labels[0], Range: b.DefRange()}
	args, required := fieldNames(imageFields)
	c, diags := shape{noun: "image", args: append(args, "llm_api_options"), required: required}.read(b.Body, b.DefRange())
	img.Ranges, img.broken = c.ranges(), diags.HasErrors()
	if a := c.byName["llm_api_options"]; a != nil {
		img.LLMAPIOptions = a.Expr
	}
	return img, func() (cty.Value, hcl.Diagnostics) {
		v, diags := n.fields(c, imageFields, &img.use)
		v["label"] = cty.StringVal(img.Label)
		if img.broken || len(img.problems) > 0 {
			if len(img.problems) > 0 && !v["name"].IsKnown() {
				v["trtllm_version"] = cty.UnknownVal(cty.String).WithSameMarks(v["name"])
			}
			return cty.ObjectVal(v), diags
		}
		more := img.identify(text(v["name"]), text(v["digest"]), text(v["trtllm_version"]), cat)
		diags = append(diags, more...)
		img.broken = more.HasErrors()
		v["name"], v["digest"], v["trtllm_version"] = cty.StringVal(img.Name), orNull(img.Digest), orNull(img.TRTLLMVersion)
		return cty.ObjectVal(v), diags
	}, diags
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
			return hcl.Diagnostics{refuse(img.Ranges["digest"], "Conflicting digests", "The name of the image is pinned to %s already, which is another digest. Remove one of the two.", pinned)}
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
	oldest := catalog.FullVersion(cat.Versions[0].Name)
	const probe = "`llmbench catalog probe IMAGE` asks the image itself and writes what it finds as a *.catalog.hcl beside the definitions."
	switch {
	case version == "":
		return refuse(rng, "Unknown TensorRT-LLM version", "The image has no tag that says its version of TensorRT-LLM, so its flags and option keys are not known. Say it with trtllm_version, such as \"1.1.0\". Catalogued: %s.", strings.Join(versionNames(cat), ", "))
	case catalog.IsVersion(version):
		return refuse(rng, "Unknown TensorRT-LLM version", "%s says %s, which is older than the oldest version that is catalogued, %s, so its flags and option keys are not known. %s", what, version, oldest, probe)
	}
	return refuse(rng, "Unknown TensorRT-LLM version", "%s says %q, which is not a version of TensorRT-LLM, so its flags and option keys are not known. Say with trtllm_version which version the image holds, such as \"1.1.0\" or \"1.2.0rc6\". Catalogued: %s.", what, version, strings.Join(versionNames(cat), ", "))
}

func versionNames(cat *catalog.Catalog) []string {
	var names []string
	for _, v := range cat.Versions {
		names = append(names, catalog.FullVersion(v.Name))
	}
	return names
}

var digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

func wrongDigest(v cty.Value) string {
	if !digestPattern.MatchString(v.AsString()) {
		return `must be a digest of the form "sha256:" and 64 hexadecimal digits`
	}
	return ""
}
