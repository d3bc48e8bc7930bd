package prepare_test

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/prepare"
	"github.com/llmbench/llmbench/executors/prepare/preparetest"
)

// maverick are the weights of the recipe, in dir.
func maverick(dir string) prepare.Weights {
	return prepare.Weights{
		Checkpoint: "nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8", Path: dir, Quantization: "FP8",
		Base: "meta-llama/Llama-4-Maverick-17B-128E-Instruct", Name: "Llama 4 Maverick", Layers: 48, Hidden: 5120,
		Bytes: 403726925824, Shards: 52,
	}
}

// lines are checks as "RESULT DETAIL", the folder left out.
func lines(dir string, checks []executors.Check) string {
	var b strings.Builder
	for _, c := range checks {
		b.WriteString(c.Result + " " + strings.ReplaceAll(c.Detail, dir+": ", "") + "\n")
	}
	return b.String()
}

// The whole layout of 376 GiB is verified by its headers.
func TestWholeCheckpoint(t *testing.T) {
	dir := t.TempDir()
	if err := preparetest.Maverick().Write(dir); err != nil {
		t.Fatal(err)
	}
	got := lines(dir, maverick(dir).Verify(t.Context()))
	if want := "ok 52 shards, 376.0 GiB, FP8\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func BenchmarkVerify(b *testing.B) {
	dir := b.TempDir()
	if err := preparetest.Maverick().Write(dir); err != nil {
		b.Fatal(err)
	}
	w := maverick(dir)
	b.SetBytes(w.Bytes)
	for b.Loop() {
		w.Verify(b.Context())
	}
}

func rewrite(t *testing.T, path string, change func(string) string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(change(string(b))), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Every defect is found with its own words.
func TestDefects(t *testing.T) {
	c := preparetest.Small()
	shard := c.ShardName(7)
	replace := func(file, old, new string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			rewrite(t, filepath.Join(dir, file), func(s string) string {
				if !strings.Contains(s, old) {
					t.Fatalf("%s has no %s", file, old)
				}
				return strings.Replace(s, old, new, 1)
			})
		}
	}
	remove := func(names ...string) func(*testing.T, string) {
		return func(_ *testing.T, dir string) {
			for _, name := range names {
				os.Remove(filepath.Join(dir, name))
			}
		}
	}
	put := func(name, content string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n"
	const commit = "0123456789abcdef0123456789abcdef01234567"
	for name, test := range map[string]struct {
		plant func(*testing.T, string)
		want  string // a prefix of one line
	}{
		"no folder":     {func(_ *testing.T, dir string) { os.RemoveAll(dir) }, "fail nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8 is not there"},
		"missing shard": {remove(shard), "fail 1 of 52 shards are missing: " + shard},
		"missing shards": {remove(c.ShardName(1), c.ShardName(2), c.ShardName(3), c.ShardName(4), c.ShardName(5)),
			"fail 5 of 52 shards are missing: " + c.ShardName(1) + ", " + c.ShardName(2) + ", " + c.ShardName(3) + " and 2 more"},
		"truncated shard": {func(_ *testing.T, dir string) { os.Truncate(filepath.Join(dir, shard), 5000) },
			"fail " + shard + " is truncated: its header describes "},
		"cut inside the header": {func(_ *testing.T, dir string) { os.Truncate(filepath.Join(dir, shard), 100) },
			"fail " + shard + " is truncated: its header alone has "},
		"empty shard": {func(_ *testing.T, dir string) { os.Truncate(filepath.Join(dir, shard), 0) },
			"fail " + shard + " is truncated: 0 bytes hold no header"},
		"longer shard": {func(_ *testing.T, dir string) { os.Truncate(filepath.Join(dir, shard), 1<<20) },
			"fail " + shard + " is longer than its header describes: "},
		"wrong header length": {func(t *testing.T, dir string) {
			rewrite(t, filepath.Join(dir, shard), func(s string) string {
				return string(binary.LittleEndian.AppendUint64(nil, 1<<40)) + s[8:]
			})
		}, "fail " + shard + " is not a safetensors file: its header would have 1099511627776 bytes"},
		"header length off": {func(t *testing.T, dir string) {
			rewrite(t, filepath.Join(dir, shard), func(s string) string {
				return string(binary.LittleEndian.AppendUint64(nil, binary.LittleEndian.Uint64([]byte(s))+8)) + s[8:]
			})
		}, "fail " + shard + " has a header that is not JSON"},
		"shape and size differ": {replace(shard, `"shape":[16384]`, `"shape":[16385]`), "fail " + shard + " has a header that gives language_model.model.layers.7."},
		"hole":                  {replace(shard, `"data_offsets":[0,16384]`, `"data_offsets":[1,16385]`), "fail " + shard + " has a header whose tensors overlap or leave a hole at byte 0"},
		"absent tensor": {replace("model.safetensors.index.json", `"weight_map":{`, `"weight_map":{"lm_head.weight":"`+shard+`",`),
			"fail model.safetensors.index.json says that " + shard + " holds lm_head.weight, and its header has no such tensor"},
		"tensor of another shard": {replace("model.safetensors.index.json", `layers.7.feed_forward.experts.0.weight":"`+shard, `layers.7.feed_forward.experts.0.weight":"`+c.ShardName(8)),
			"fail " + shard + " holds language_model.model.layers.7.feed_forward.experts.0.weight, which model.safetensors.index.json does not place there"},
		"index cut":            {func(_ *testing.T, dir string) { os.Truncate(filepath.Join(dir, "model.safetensors.index.json"), 50) }, "fail model.safetensors.index.json is not whole: "},
		"no index":             {remove("model.safetensors.index.json"), "fail model.safetensors.index.json is missing"},
		"index points outside": {replace("model.safetensors.index.json", shard, "../x.safetensors"), `fail model.safetensors.index.json names a file outside the folder: "../x.safetensors"`},
		"total size":           {replace("model.safetensors.index.json", `"total_size":3407872`, `"total_size":3407871`), "warn model.safetensors.index.json gives the tensors 3407871 bytes in total, and the shards hold 3407872"},
		"wrong quantization":   {replace("hf_quant_config.json", `"quant_algo":"FP8"`, `"quant_algo":"NVFP4"`), "fail hf_quant_config.json says NVFP4, and the definition FP8"},
		"not quantized":        {replace("hf_quant_config.json", `"quant_algo":"FP8"`, `"quant_algo":null`), "fail hf_quant_config.json says BF16, and the definition FP8"},
		"FP8 by shards alone":  {remove("hf_quant_config.json"), "fail hf_quant_config.json is missing: the shards hold FP8, and config.json alone says BF16"},
		"another model":        {replace("config.json", `"num_hidden_layers":48`, `"num_hidden_layers":80`), "fail config.json describes 80 layers of width 5120, and Llama 4 Maverick has 48 of 5120"},
		"no config":            {remove("config.json"), "fail config.json is missing"},
		"no tokenizer":         {remove("tokenizer.json"), "fail there is no tokenizer"},
		"LFS pointers":         {put(shard, pointer), "fail 1 of 52 shards are Git LFS pointers and hold no weights: " + shard},
		"LFS tokenizer":        {put("tokenizer.json", pointer), "fail tokenizer.json is a Git LFS pointer"},
		"stray shards":         {put("model-00001-of-00002.safetensors", "x"), "warn holds weights that model.safetensors.index.json does not name: model-00001-of-00002.safetensors"},
		"token in a clone":     {put(".git/config", "[remote \"origin\"]\n\turl = https://someone:hf_secret@huggingface.co/a/b\n"), "warn .git/config keeps a token or password"},
		"clone without token":  {put(".git/config", "[remote \"origin\"]\n\turl = https://huggingface.co/a/b\n"), "ok 52 shards"},
		"another revision":     {put(".git/HEAD", commit), "fail is of revision 0123456789ab, and the definition pins ffffffffffff"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "weights")
			if err := c.Write(dir); err != nil {
				t.Fatal(err)
			}
			test.plant(t, dir)
			w := maverick(dir)
			w.Revision = strings.Repeat("f", 40)
			got := lines(dir, w.Verify(t.Context()))
			if !strings.HasPrefix(got, test.want) && !strings.Contains(got, "\n"+test.want) {
				t.Errorf("got:\n%swant: %s", got, test.want)
			}
			if strings.Contains(got, "hf_secret") {
				t.Error("the token is shown")
			}
			if strings.HasPrefix(test.want, "fail") == strings.HasPrefix(got, "ok") {
				t.Errorf("a defect and all well: %s", got)
			}
		})
	}
}

// A folder of BF16 weights is not FP8 whatever its configuration says.
func TestTypesOfTheShards(t *testing.T) {
	c := preparetest.Small()
	c.Dtype = "BF16"
	dir := t.TempDir()
	if err := c.Write(dir); err != nil {
		t.Fatal(err)
	}
	if got := lines(dir, maverick(dir).Verify(t.Context())); got != "fail the shards hold 100 % BF16, which is not a checkpoint of FP8\n" {
		t.Error(got)
	}
}

// While hf fetches a folder, config.json is not its last word; once all shards are
// there it is.
func TestContradictedWhileFetched(t *testing.T) {
	dir := t.TempDir()
	c := preparetest.Small()
	c.Algo, c.Dtype = "", "BF16"
	if err := errors.Join(c.Write(dir), os.MkdirAll(filepath.Join(dir, ".cache", "huggingface", "download"), 0o755)); err != nil {
		t.Fatal(err)
	}
	if _, got := maverick(dir).Contradicted(); got != "BF16" {
		t.Errorf("a whole folder says %v", got)
	}
	os.Remove(filepath.Join(dir, c.ShardName(7)))
	if _, got := maverick(dir).Contradicted(); got != "" {
		t.Errorf("without a shard it says %v", got)
	}
}

// A folder of FP8 shards that lacks hf_quant_config.json lacks one small file: plan
// does not ask for another quantization, and the remedy is to fetch that file.
func TestQuantizerFileIsMissing(t *testing.T) {
	dir := t.TempDir()
	c := preparetest.Small()
	c.Algo = ""
	if err := c.Write(dir); err != nil {
		t.Fatal(err)
	}
	if _, got := maverick(dir).Contradicted(); got != "" {
		t.Errorf("FP8 shards say %v", got)
	}
	got := maverick(dir).Verify(t.Context())
	want := "`llmbench prepare` downloads it, and so does a copy of that file from nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8"
	if len(got) != 1 || got[0].Remedy != want {
		t.Errorf("got %+v, want the remedy %q", got, want)
	}
	w := maverick(dir)
	w.Quantization = "NVFP4"
	if _, got := w.Contradicted(); got != "BF16" {
		t.Errorf("FP8 shards declared as NVFP4 say %v", got)
	}
}

// The folders are those of huggingface_hub's cache: models--ORG--NAME with blobs, refs
// and snapshots/COMMIT, whose files are links into blobs.
func TestPathIntoTheCache(t *testing.T) {
	const commit, older = "0123456789abcdef0123456789abcdef01234567", "89abcdef0123456789abcdef0123456789abcdef"
	repository := filepath.Join(t.TempDir(), "models--nvidia--Llama-4-Maverick-17B-128E-Instruct-FP8")
	revision := filepath.Join(repository, "snapshots", commit)
	other := filepath.Join(repository, "snapshots", older)
	check := func(path, detail, remedy string) {
		t.Helper()
		got := maverick(path).Verify(t.Context())
		if len(got) != 1 || got[0].Detail != path+": "+detail || got[0].Remedy != remedy {
			t.Errorf("%s: got %+v, want %q, %q", path, got, detail, remedy)
		}
	}
	if err := os.MkdirAll(filepath.Join(repository, "blobs"), 0o755); err != nil {
		t.Fatal(err)
	}
	check(repository, "is a repository in the cache of Hugging Face, without a checkpoint in it", "set model.path to another folder, which `llmbench prepare` fills")
	for _, dir := range []string{revision, other} {
		if err := errors.Join(os.MkdirAll(dir, 0o755), preparetest.Small().Write(dir)); err != nil {
			t.Fatal(err)
		}
	}
	detail := "is a repository in the cache of Hugging Face; the checkpoint is a revision below its folder snapshots"
	check(repository, detail, "set model.path to "+revision+" or "+other)
	if err := errors.Join(os.Mkdir(filepath.Join(repository, "refs"), 0o755), os.WriteFile(filepath.Join(repository, "refs", "main"), []byte(commit), 0o644)); err != nil {
		t.Fatal(err)
	}
	check(repository, detail, "set model.path to "+revision)
	check(filepath.Dir(revision), detail, "set model.path to "+revision)
	check(revision, "52 shards, 3.2 MiB, FP8", "")
	config := filepath.Join(revision, "config.json")
	blob := filepath.Join(repository, "blobs", "5d1f")
	if err := errors.Join(os.Rename(config, blob), os.Symlink("../../blobs/5d1f", config)); err != nil {
		t.Fatal(err)
	}
	remedy := "set model.path to " + revision + `; its files are links into blobs, so that a container also needs mounts = ["` + repository + `"]`
	check(repository, detail, remedy)
	// prepare leaves the cache alone.
	f := prepare.Fetcher{Environ: []string{"PATH="}}
	if got := f.Weights(t.Context(), maverick(repository)); len(got) != 1 || got[0].Remedy != remedy {
		t.Errorf("prepare: %+v", got)
	}
}

func TestContradicted(t *testing.T) {
	dir := t.TempDir()
	w := maverick(dir)
	if _, says := w.Contradicted(); says != "" {
		t.Errorf("an empty folder says %v", says)
	}
	for _, test := range []struct{ file, content, says string }{
		{"config.json", `{"torch_dtype":"bfloat16"}`, "BF16"},
		{"config.json", `{"quantization_config":{"quant_method":"fp8"}}`, ""},
		{"config.json", `{"quantization_config":{"quant_method":"compressed-tensors","config_groups":{"group_0":{"weights":{"type":"float","num_bits":8}}}}}`, ""},
		{"config.json", `{"quantization_config":{"quant_method":"modelopt","quant_algo":"NVFP4"}}`, "NVFP4"},
		{"config.json", `{"quantization_config":{"quant_method":"mxfp4"}}`, "MXFP4"},
		{"config.json", `{"torch_`, ""},
		{"hf_quant_config.json", `{"quantization":{"quant_algo":"NVFP4"}}`, "NVFP4"},
		{"hf_quant_config.json", `{"quantization":{"quant_algo":"FP8_PB_WO"}}`, ""},
		{"hf_quant_config.json", `{"quantization":{"quant_algo":"MIXED_PRECISION"}}`, ""},
	} {
		if err := os.WriteFile(filepath.Join(dir, test.file), []byte(test.content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, says := w.Contradicted(); says != test.says {
			t.Errorf("%s %s: says %q, want %q", test.file, test.content, says, test.says)
		}
	}
}
