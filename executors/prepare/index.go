package prepare

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	indexName  = "model.safetensors.index.json"
	singleName = "model" + safetensorsName
)

// An index says which shard holds which tensor.
type index struct {
	Metadata struct {
		TotalSize int64 `json:"total_size"`
	} `json:"metadata"`
	WeightMap map[string]string `json:"weight_map"`
}

// readIndex reads the index of a checkpoint; nil where it is a single file that
// needs none.
func readIndex(dir string) (*index, error) {
	b, err := os.ReadFile(filepath.Join(dir, indexName))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, singleName)); err == nil {
			return nil, nil
		}
		return nil, fmt.Errorf("%s is missing", indexName)
	}
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(string(b), lfsMark) {
		return nil, fmt.Errorf("%s %w", indexName, errPointer)
	}
	ix := &index{}
	if err := json.Unmarshal(b, ix); err != nil {
		return nil, fmt.Errorf("%s is not whole: %v", indexName, err)
	}
	if len(ix.WeightMap) == 0 {
		return nil, fmt.Errorf("%s names no tensors", indexName)
	}
	for _, shard := range ix.WeightMap {
		if !filepath.IsLocal(shard) {
			return nil, fmt.Errorf("%s names a file outside the folder: %q", indexName, shard)
		}
	}
	return ix, nil
}

// shards are the names of all shards, sorted; nil, no index, is a single one.
func (ix *index) shards() []string {
	if ix == nil {
		return []string{singleName}
	}
	return slices.Sorted(maps.Keys(ix.byShard()))
}

// byShard are the tensors of each shard.
func (ix *index) byShard() map[string][]string {
	m := map[string][]string{}
	for name, shard := range ix.WeightMap {
		m[shard] = append(m[shard], name)
	}
	return m
}
