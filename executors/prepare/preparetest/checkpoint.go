// Package preparetest makes stand-ins for what prepare fetches and verifies, for
// tests: checkpoints of true safetensors headers whose data are holes, so that
// hundreds of gigabytes take almost no disk.
package preparetest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// A Checkpoint is a stand-in for a published set of weights.
type Checkpoint struct {
	Shards int
	// ShardBytes is the size of the tensors of each shard.
	ShardBytes int64
	// Tensors is the number of tensors of each shard.
	Tensors int
	// Dtype is the type of all tensors, one byte an element or BF16.
	Dtype string
	// Algo is what hf_quant_config.json names; "" leaves the file out.
	Algo           string
	Layers, Hidden int
}

// Maverick is the layout of Llama 4 Maverick in FP8: 52 shards, 376 GiB.
func Maverick() Checkpoint {
	return Checkpoint{Shards: 52, ShardBytes: 403726925824 / 52, Tensors: 500, Dtype: "F8_E4M3", Algo: "FP8", Layers: 48, Hidden: 5120}
}

// Small is the same layout with few bytes.
func Small() Checkpoint {
	c := Maverick()
	c.ShardBytes, c.Tensors = 64<<10, 4
	return c
}

// ShardName is the file of shard i, from 1.
func (c Checkpoint) ShardName(i int) string {
	return fmt.Sprintf("model-%05d-of-%05d.safetensors", i, c.Shards)
}

func tensorName(shard, i int) string {
	return fmt.Sprintf("language_model.model.layers.%d.feed_forward.experts.%d.weight", shard, i)
}

// Write makes the whole folder.
func (c Checkpoint) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, content := range c.texts() {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	for i := 1; i <= c.Shards; i++ {
		if err := c.writeShard(filepath.Join(dir, c.ShardName(i)), i); err != nil {
			return err
		}
	}
	return nil
}

// texts are the files beside the shards.
func (c Checkpoint) texts() map[string]string {
	weightMap := map[string]string{}
	for i := 1; i <= c.Shards; i++ {
		for t := range c.Tensors {
			weightMap[tensorName(i, t)] = c.ShardName(i)
		}
	}
	texts := map[string]string{
		"config.json": encode(map[string]any{
			"model_type":  "llama4",
			"text_config": map[string]any{"num_hidden_layers": c.Layers, "hidden_size": c.Hidden, "torch_dtype": "bfloat16"},
		}),
		"tokenizer.json": "{}\n",
		"model.safetensors.index.json": encode(map[string]any{
			"metadata": map[string]any{"total_size": c.tensorBytes() * int64(c.Tensors) * int64(c.Shards)}, "weight_map": weightMap,
		}),
	}
	if c.Algo != "" {
		texts["hf_quant_config.json"] = encode(map[string]any{"quantization": map[string]any{"quant_algo": c.Algo, "kv_cache_quant_algo": "FP8"}})
	}
	return texts
}

func (c Checkpoint) width() int64 {
	if c.Dtype == "BF16" {
		return 2
	}
	return 1
}

// tensorBytes is the size of one tensor.
func (c Checkpoint) tensorBytes() int64 {
	b := c.ShardBytes / int64(c.Tensors)
	return b - b%c.width()
}

// header is the header of shard i, its length in front.
func (c Checkpoint) header(i int) []byte {
	header := map[string]any{"__metadata__": map[string]string{"format": "pt"}}
	for t := range c.Tensors {
		b := c.tensorBytes()
		header[tensorName(i, t)] = map[string]any{"dtype": c.Dtype, "shape": []int64{b / c.width()}, "data_offsets": []int64{int64(t) * b, int64(t+1) * b}}
	}
	text := encode(header)
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
}

// writeShard makes shard i at path; its data are a hole.
func (c Checkpoint) writeShard(path string, i int) error {
	header := c.header(i)
	if err := os.WriteFile(path, header, 0o644); err != nil {
		return err
	}
	return os.Truncate(path, int64(len(header))+c.tensorBytes()*int64(c.Tensors))
}

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("preparetest: " + err.Error())
	}
	return string(b) + "\n"
}
