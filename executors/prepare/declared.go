package prepare

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/schema/regular"
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
	file, says, certain, err := v.w.saysQuantization(&c)
	switch {
	case err != nil:
		v.fail("%v", err)
		return
	case !certain:
		v.plain = says
		return
	}
	v.checkQuantization(file, says)
	if file != configName && c.Quantization != nil {
		v.checkQuantization(configName, c.says())
	}
}

// checkCache refuses a repository's folder in the cache of Hugging Face, or its
// snapshots: the checkpoint is a revision below them. false is neither.
func (v *verification) checkCache() bool {
	root := v.w.Path
	if filepath.Base(root) == snapshots {
		root = filepath.Dir(root)
	}
	if !strings.HasPrefix(filepath.Base(root), "models--") || exists(filepath.Join(v.w.Path, configName)) {
		return false
	}
	found, _ := filepath.Glob(filepath.Join(root, snapshots, "*", configName))
	if len(found) == 0 {
		if !exists(filepath.Join(root, snapshots)) && !exists(filepath.Join(root, "blobs")) {
			return false
		}
		v.alien("set model.path to another folder, which `llmbench prepare` fills", "is a repository in the cache of Hugging Face, without a checkpoint in it")
		return true
	}
	var revisions []string
	for _, path := range found {
		revisions = append(revisions, filepath.Dir(path))
	}
	if b, err := regular.Read(filepath.Join(root, "refs", "main"), regular.MaxText); err == nil {
		if main := filepath.Join(root, snapshots, strings.TrimSpace(string(b))); slices.Contains(revisions, main) {
			revisions = []string{main}
		}
	}
	remedy := "set model.path to " + strings.Join(revisions, " or ")
	if info, err := os.Lstat(filepath.Join(revisions[0], configName)); err == nil && info.Mode()&os.ModeSymlink != 0 {
		remedy += fmt.Sprintf("; its files are links into blobs, so that a container also needs mounts = [%q]", root)
	}
	v.alien(remedy, "is a repository in the cache of Hugging Face; the checkpoint is a revision below its folder %s", snapshots)
	return true
}

// snapshots is the folder of revisions of a repository in the cache.
const snapshots = "snapshots"

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
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
	case holds(v.files, v.w.Quantization):
		v.add(executors.CheckFail, fmt.Sprintf("%s, and so does a copy of that file from %s", fetchRemedy, v.w.Checkpoint),
			"%s is missing: the shards hold %s, and %s alone says %s", quantConfigName, v.w.Quantization, configName, v.plain)
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
		f, err := regular.Open(filepath.Join(v.w.Path, name))
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

// typesOf are the types of the weights of a quantization.
var typesOf = map[string][]string{"FP8": {"F8_E4M3", "F8_E5M2"}, "NVFP4": {"U8", "F4"}, "MXFP4": {"U8", "F4"}, "BF16": {"BF16", "F16"}}

// typesIn is how many bytes of shards have each type.
func typesIn(files map[string]*shardFile) map[string]int64 {
	by := map[string]int64{}
	for _, f := range files {
		for _, t := range f.tensors {
			by[t.Dtype] += t.bytes()
		}
	}
	return by
}

// holds reports whether shards are of a quantization: its types have a quarter of the
// bytes at least.
func holds(files map[string]*shardFile, quantization string) bool {
	var sum, fit int64
	for dtype, n := range typesIn(files) {
		sum += n
		if slices.Contains(typesOf[quantization], dtype) {
			fit += n
		}
	}
	return sum > 0 && fit*4 >= sum
}

// checkTypes looks at what the shards really hold.
func (v *verification) checkTypes() {
	var sum int64
	most, by := "", typesIn(v.files)
	for dtype, n := range by {
		if sum += n; n > by[most] {
			most = dtype
		}
	}
	if typesOf[v.w.Quantization] != nil && sum > 0 && !holds(v.files, v.w.Quantization) {
		v.alien(declare, "the shards hold %d %% %s, which is not a checkpoint of %s", 100*by[most]/sum, most, v.w.Quantization)
	}
}

// checkOrigin holds the revision against the pinned one, and warns of a token
// that a clone keeps.
func (v *verification) checkOrigin() {
	if have := origin(v.w.Path); hexadecimal(v.w.Revision, 40) && have != "" && have != v.w.Revision {
		v.fail("is of revision %.12s, and the definition pins %.12s", have, v.w.Revision)
	}
	if leftToken(v.w.Path) {
		v.add(executors.CheckWarn, "revoke that token, and take it out of .git/config",
			".git/config keeps a token or password for all who read the folder")
	}
}

// origin is the commit that the folder was fetched or cloned from, "" if not
// known.
func origin(dir string) string {
	if commit, _ := readNote(dir, configName); commit != "" {
		return commit
	}
	return cloned(dir)
}
