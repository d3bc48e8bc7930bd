package prepare

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/llmbench/llmbench/executors"
)

// checkConfig holds config.json and hf_quant_config.json against the declared
// model and quantization.
func (v *verification) checkConfig() {
	var c modelConfig
	ok, err := readJSON(v.w.Path, configName, &c)
	switch {
	case err != nil:
		v.fail("%v", err)
		return
	case !ok:
		v.fail("%s is missing", configName)
		return
	}
	if t := c.text(); v.w.Layers > 0 && t.Layers > 0 && (t.Layers != v.w.Layers || t.Hidden != v.w.Hidden) {
		v.alien("correct model.path, or model.checkpoint", "%s describes %d layers of width %d, and %s has %d of %d",
			configName, t.Layers, t.Hidden, v.w.Name, v.w.Layers, v.w.Hidden)
	}
	var q quantConfig
	has, err := readJSON(v.w.Path, quantConfigName, &q)
	if err != nil {
		v.fail("%v", err)
		return
	}
	if has {
		v.checkQuantization(quantConfigName, q.says())
		if c.Quantization == nil {
			return // its types alone say nothing beside hf_quant_config.json
		}
	}
	if !has && c.quantized() == nil {
		v.plain = c.says()
		return
	}
	v.checkQuantization(configName, c.says())
}

// checkPlain judges a config.json that gives but a type of tensors and has no
// hf_quant_config.json beside it: a fetch may have ended between the two, so that
// only what the shards hold says that the folder is another's.
func (v *verification) checkPlain() {
	if v.plain == "" || v.plain == v.w.Quantization {
		return
	}
	if v.failed() && !v.foreign {
		v.checkTypes() // of what is there
	}
	switch {
	case v.foreign:
	case fetching(v.w.Path):
		v.fail("%s is missing, and %s alone says %s", quantConfigName, configName, v.plain)
	default:
		v.checkQuantization(configName, v.plain)
	}
}

const declare = "declare the checkpoint that is there, or correct model.path"

// alien is a defect that fetching must not mend, since the folder is another's.
func (v *verification) alien(remedy, format string, args ...any) {
	v.foreign = true
	v.add(executors.CheckFail, remedy, format, args...)
}

func (v *verification) checkQuantization(file, says string) {
	if says == "" || says == v.w.Quantization {
		return
	}
	v.alien(declare, "%s says %s, and the definition %s", file, says, v.w.Quantization)
}

// tokenizers are the files that hold a tokenizer; one is enough.
var tokenizers = []string{"tokenizer.json", "tokenizer.model", "tiktoken.model"}

func (v *verification) checkTokenizer() {
	for _, name := range tokenizers {
		f, err := os.Open(filepath.Join(v.w.Path, name))
		if err != nil {
			continue
		}
		defer f.Close()
		if isPointer(f) {
			v.fail("%s %v", name, errPointer)
		}
		return
	}
	v.fail("there is no tokenizer (%s)", strings.Join(tokenizers, ", "))
}

// checkTypes looks at what the shards really hold: quantized weights are most of
// their bytes.
func (v *verification) checkTypes() {
	share := map[string]int64{}
	most, sum := "", int64(0)
	for _, f := range v.files {
		for _, t := range f.tensors {
			share[t.Dtype] += t.bytes()
			sum += t.bytes()
			if share[t.Dtype] > share[most] {
				most = t.Dtype
			}
		}
	}
	var wanted int64
	switch v.w.Quantization {
	case "FP8":
		wanted = share["F8_E4M3"] + share["F8_E5M2"]
	case "NVFP4", "MXFP4":
		wanted = share["U8"] + share["F4"]
	case "BF16":
		wanted = share["BF16"] + share["F16"]
	default:
		return
	}
	if sum > 0 && wanted*4 < sum {
		v.alien(declare,
			"the shards hold %d %% %s, which is not a checkpoint of %s", 100*share[most]/sum, most, v.w.Quantization)
	}
}

// checkOrigin holds the revision against the pinned one, and warns of a token
// that a clone keeps.
func (v *verification) checkOrigin() {
	if have := origin(v.w.Path); commitLike(v.w.Revision) && have != "" && have != v.w.Revision {
		v.fail("is of revision %.12s, and the definition pins %.12s", have, v.w.Revision)
	}
	if leftToken(v.w.Path) {
		v.add(executors.CheckWarn, "revoke that token, and take it out of .git/config",
			".git/config keeps a token or password for all who read the folder")
	}
}

// commitLike reports whether a revision is the full name of a commit, which
// never moves.
func commitLike(revision string) bool {
	return len(revision) == 40 && strings.Trim(revision, "0123456789abcdef") == ""
}

// origin is the commit that the folder was fetched or cloned from, "" if not
// known.
func origin(dir string) string {
	if m := readFetched(dir, configName); m != nil {
		return m.commit
	}
	return cloned(dir)
}
