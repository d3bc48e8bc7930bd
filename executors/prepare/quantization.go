package prepare

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/schema/regular"
)

const (
	configName      = "config.json"
	quantConfigName = "hf_quant_config.json"
)

// A modelConfig is what config.json says, as far as it is looked at. Models with
// vision keep the text part's in text_config.
type modelConfig struct {
	Layers       int                 `json:"num_hidden_layers"`
	Hidden       int                 `json:"hidden_size"`
	TorchDtype   string              `json:"torch_dtype"`
	Dtype        string              `json:"dtype"`
	Quantization *quantizationConfig `json:"quantization_config"`
	Text         *modelConfig        `json:"text_config"`
}

// A quantizationConfig is what quantizers leave in config.json.
type quantizationConfig struct {
	Method string  `json:"quant_method"`
	Algo   *string `json:"quant_algo"`
	Groups map[string]struct {
		Weights struct {
			Type string `json:"type"`
			Bits int    `json:"num_bits"`
		} `json:"weights"`
	} `json:"config_groups"`
}

// quantConfig is hf_quant_config.json, which TensorRT-LLM reads first.
type quantConfig struct {
	Quantization struct {
		Algo *string `json:"quant_algo"`
	} `json:"quantization"`
}

// readJSON decodes a file of dir; false where there is none.
func readJSON(dir, name string, into any) (bool, error) {
	b, err := regular.Read(filepath.Join(dir, name), regular.MaxText)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return false, fmt.Errorf("%s is not whole: %v", name, err)
	}
	return true, nil
}

// text is the part that describes the text model.
func (c *modelConfig) text() *modelConfig {
	if c.Text != nil && c.Layers == 0 {
		return c.Text
	}
	return c
}

// quantized is what config.json says of quantization, nil where it says nothing.
func (c *modelConfig) quantized() *quantizationConfig {
	if c.Quantization == nil && c.Text != nil {
		return c.Text.Quantization
	}
	return c.Quantization
}

// says is the quantization that config.json tells of, "" where it tells of none
// that is known here.
func (c *modelConfig) says() string {
	q := c.quantized()
	if q == nil {
		if strings.Contains(c.TorchDtype+c.Dtype+c.text().TorchDtype+c.text().Dtype, "float16") { // and bfloat16
			return "BF16"
		}
		return ""
	}
	if q.Algo != nil {
		return algorithm(*q.Algo)
	}
	for _, g := range q.Groups {
		switch {
		case g.Weights.Type == "float" && g.Weights.Bits == 8:
			return "FP8"
		case g.Weights.Type == "float" && g.Weights.Bits == 4:
			return "NVFP4"
		}
	}
	return algorithm(q.Method)
}

// algorithm is a quantizer's word in the spelling of definitions, "" for one
// that is not known.
func algorithm(word string) string {
	word = strings.ToUpper(word)
	for _, known := range []string{"NVFP4", "MXFP4", "FP8"} {
		if strings.Contains(word, known) {
			return known
		}
	}
	return ""
}

// says is the quantization that hf_quant_config.json tells of.
func (q *quantConfig) says() string {
	if q.Quantization.Algo == nil {
		return "BF16"
	}
	return algorithm(*q.Quantization.Algo)
}

// Contradicted looks whether the folder of w, where there is one, holds another
// quantization than is declared, and returns that with the file that says so; "" where
// none does, where a fetch has not finished, or where the shards hold what is declared.
// It reads few files and never fails: what cannot be read is left to Verify.
func (w Weights) Contradicted() (file, says string) {
	var c modelConfig
	_, _ = readJSON(w.Path, configName, &c)
	file, says, certain, err := w.saysQuantization(&c)
	if err != nil || says == w.Quantization || !certain && w.unsettled() {
		return "", ""
	}
	return file, says
}

// saysQuantization is what hf_quant_config.json, or c where there is none, says of the
// quantization. It is not certain where c gives but a type of tensors.
func (w Weights) saysQuantization(c *modelConfig) (file, says string, certain bool, err error) {
	var q quantConfig
	if ok, err := readJSON(w.Path, quantConfigName, &q); ok || err != nil {
		return quantConfigName, q.says(), true, err
	}
	return configName, c.says(), c.quantized() != nil, nil
}

// unsettled reports whether a config.json that gives but a type of tensors is not the
// last word: a fetch has not finished, or a quantizer's file is all that is
// missing, since some shard holds what is declared.
func (w Weights) unsettled() bool {
	ix, err := readIndex(w.Path)
	if err != nil {
		return fetching(w.Path)
	}
	return slices.ContainsFunc(ix.shards(), func(name string) bool {
		f, err := readShard(filepath.Join(w.Path, name))
		if errors.Is(err, fs.ErrNotExist) {
			return fetching(w.Path)
		}
		return err == nil && w.Quantization != "BF16" && holds(map[string]*shardFile{name: f}, w.Quantization)
	})
}

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
