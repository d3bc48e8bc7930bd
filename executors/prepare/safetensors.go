package prepare

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/schema/regular"
)

// The safetensors format: eight bytes with the length of the header, little
// endian; the header, a JSON object of tensors; their data without holes.
// https://huggingface.co/docs/safetensors
const (
	lengthBytes     = 8
	longestHeader   = 100_000_000 // the format's own bound
	metadataKey     = "__metadata__"
	safetensorsName = ".safetensors"
)

// dtypeBits is the width of the format's types.
var dtypeBits = map[string]int64{
	"F64": 64, "I64": 64, "U64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16, "I16": 16, "U16": 16,
	"F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I8": 8, "U8": 8, "BOOL": 8, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
}

// A tensor is an entry of a header; Offsets count from the end of the header.
type tensor struct {
	Dtype   string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

func (t tensor) bytes() int64 { return t.Offsets[1] - t.Offsets[0] }

// check refuses a tensor whose place does not fit its type and shape.
func (t tensor) check(name string) error {
	bits, ok := dtypeBits[t.Dtype]
	if !ok {
		return nil // a type that is newer than this list
	}
	for _, n := range t.Shape {
		bits *= n
	}
	if (bits+7)/8 != t.bytes() {
		return fmt.Errorf("has a header that gives %s %v of %s %d bytes", name, t.Shape, t.Dtype, t.bytes())
	}
	return nil
}

// A shardFile is one safetensors file as its header describes it.
type shardFile struct {
	tensors map[string]tensor
	// data is the size of all tensors together, in bytes.
	data int64
}

// errPointer says that a file only points to its content in Git LFS.
var errPointer = errors.New("is a Git LFS pointer and holds no weights")

// readShard reads the header of a safetensors file and holds its size against
// it. The data is not read.
func readShard(path string) (*shardFile, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if isPointer(f) {
		return nil, errPointer
	}
	head, err := readHeader(f, info.Size())
	if err != nil {
		return nil, err
	}
	s, err := parseHeader(head)
	if err != nil {
		return nil, err
	}
	switch have, want := info.Size(), lengthBytes+int64(len(head))+s.data; {
	case have < want:
		return nil, fmt.Errorf("is truncated: its header describes %d bytes, and it has %d", want, have)
	case have > want:
		return nil, fmt.Errorf("is longer than its header describes: %d bytes, and it has %d", want, have)
	}
	return s, nil
}

func readHeader(f *os.File, size int64) ([]byte, error) {
	var length [lengthBytes]byte
	if _, err := f.ReadAt(length[:], 0); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("is truncated: %d bytes hold no header", size)
		}
		return nil, err
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n < 2 || n > longestHeader {
		return nil, fmt.Errorf("is not a safetensors file: its header would have %d bytes", n)
	}
	if int64(n) > size-lengthBytes {
		return nil, fmt.Errorf("is truncated: its header alone has %d bytes, and the file %d", n, size)
	}
	head := make([]byte, n)
	_, err := f.ReadAt(head, lengthBytes)
	return head, err
}

func parseHeader(head []byte) (*shardFile, error) {
	s := &shardFile{}
	if err := json.Unmarshal(head, &s.tensors); err != nil {
		return nil, fmt.Errorf("has a header that is not JSON: %v", err)
	}
	delete(s.tensors, metadataKey)
	places := make([][2]int64, 0, len(s.tensors))
	for name, t := range s.tensors {
		if err := t.check(name); err != nil {
			return nil, err
		}
		places = append(places, t.Offsets)
	}
	slices.SortFunc(places, func(a, b [2]int64) int { return slices.Compare(a[:], b[:]) })
	for _, p := range places {
		if p[0] != s.data || p[1] < p[0] {
			return nil, fmt.Errorf("has a header whose tensors overlap or leave a hole at byte %d", s.data)
		}
		s.data = p[1]
	}
	return s, nil
}

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
	b, err := regular.Read(filepath.Join(dir, indexName), regular.MaxDocument)
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
