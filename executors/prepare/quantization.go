package prepare

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

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
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
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
		switch dtype := c.TorchDtype + c.Dtype + c.text().TorchDtype + c.text().Dtype; {
		case strings.Contains(dtype, "bfloat16"), strings.Contains(dtype, "float16"):
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
