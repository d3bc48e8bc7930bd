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
	// TRTLLMVersion is the name of a catalogued version.
	TRTLLMVersion string
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
	tag := tagOf(img.Name)
	fromTag, tagged := cat.Version(tag)
	tagged = tagged && tag != ""
	if version == "" {
		if !tagged {
			return hcl.Diagnostics{unknownVersion(img.Ranges["name"], tag, cat)}
		}
		img.version, img.TRTLLMVersion = fromTag, fromTag.Name
		return diags
	}
	given, ok := cat.Version(version)
	switch {
	case !ok:
		return hcl.Diagnostics{refuse(img.Ranges["trtllm_version"], "Unknown TensorRT-LLM version", "Version %q of TensorRT-LLM is not in the catalogue, so its flags and option keys are not known.%s Catalogued: %s.",
			version, didYouMean(version, versionNames(cat)), strings.Join(versionNames(cat), ", "))}
	case tagged && fromTag != given:
		return hcl.Diagnostics{refuse(img.Ranges["trtllm_version"], "Conflicting versions", "The tag of the image says version %s, and trtllm_version says %s. trtllm_version is for images whose tag does not say it: remove it, or correct the tag.", fromTag.Name, given.Name)}
	}
	img.version, img.TRTLLMVersion = given, given.Name
	return diags
}

func unknownVersion(rng hcl.Range, tag string, cat *catalog.Catalog) *hcl.Diagnostic {
	names := versionNames(cat)
	known := strings.Join(names, ", ")
	if tag == "" {
		return refuse(rng, "Unknown TensorRT-LLM version", "The image has no tag that says its version of TensorRT-LLM, so its flags and option keys are not known. Say it with trtllm_version, which is one of: %s.", known)
	}
	return refuse(rng, "Unknown TensorRT-LLM version", "The tag %q names no catalogued version of TensorRT-LLM, so its flags and option keys are not known.%s Catalogued: %s. If the image holds one of these, say so with trtllm_version.",
		tag, didYouMean(tag, names), known)
}

func versionNames(cat *catalog.Catalog) []string {
	var names []string
	for _, v := range cat.Versions {
		names = append(names, v.Name)
	}
	return names
}

// tagOf is the tag of an image reference without a digest, "" if it has none.
// A colon before the last slash belongs to the registry's port.
func tagOf(ref string) string {
	name := ref[strings.LastIndex(ref, "/")+1:]
	_, tag, _ := strings.Cut(name, ":")
	return tag
}

var digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

func wrongDigest(v cty.Value) string {
	if !digestPattern.MatchString(v.AsString()) {
		return `must be a digest of the form "sha256:" and 64 hexadecimal digits`
	}
	return ""
}
