package trtllm

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/llmbench/llmbench/schema/regular"
)

// maxLineBytes is the length of the longest line that is read: about 35 million
// ids. A file without line ends is refused there, and not read into memory.
const maxLineBytes = 256 << 20

// readDataset checks the first limit lines of a data set, all of them when limit
// is 0 or less, as trtllm-bench reads them (bench/utils/data.py). It refuses what
// would end trtllm-bench or make it measure nothing, and names the line. What
// follows the last line that counts is not read. Memory is that of one line and
// the lengths.
//
// An error of r is returned wrapped; any other error is a mistake in the lines.
func readDataset(r io.Reader, limit int) (Dataset, error) {
	in := newDatasetReader(r, maxLineBytes)
	sum := sha256.New()
	var ds Dataset
	for limit <= 0 || ds.Lines < limit {
		line, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		var read parsedLine
		if err == nil {
			read, err = readLine(line)
		}
		if err != nil {
			if known := foreign(in.head(line)); ds.Lines == 0 && known != nil {
				err = known
			}
			return Dataset{}, fmt.Errorf("line %d: %w", ds.Lines+1, err)
		}
		sum.Write(line)
		ds.Bytes += int64(len(line))
		ds.Lines++
		ds.Lengths = append(ds.Lengths, read.Length)
		ds.Traits.add(ds.Lines, read)
	}
	if ds.Lines == 0 {
		return Dataset{}, errors.New("there are no lines")
	}
	ds.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return ds, nil
}

// ReadDatasetFile is readDataset for a file. One that cannot be opened is an
// *fs.PathError.
func ReadDatasetFile(path string, limit int) (Dataset, error) {
	f, err := regular.Open(path)
	if err != nil {
		return Dataset{}, err
	}
	defer f.Close()
	return readDataset(f, limit)
}

// A datasetReader cuts a stream into lines of bounded length.
type datasetReader struct {
	in   *bufio.Reader
	long []byte // a line that is longer than the buffer of in
	max  int
}

func newDatasetReader(r io.Reader, maxBytes int) *datasetReader {
	return &datasetReader{in: bufio.NewReaderSize(r, 256<<10), max: maxBytes}
}

// head is the line with what is buffered behind it, or the beginning of a line
// that is too long.
func (r *datasetReader) head(line []byte) []byte {
	const enough = 64 << 10
	if line == nil {
		line = r.long
	}
	rest, _ := r.in.Peek(min(r.in.Buffered(), enough))
	return slices.Concat(line[:min(len(line), enough)], rest)
}

// next returns a line with its end, which only the last line may lack. It is
// valid until the next call. After the last line the error is io.EOF.
func (r *datasetReader) next() ([]byte, error) {
	line, err := r.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		r.long = r.long[:0]
		for errors.Is(err, bufio.ErrBufferFull) && len(r.long) <= r.max {
			r.long = append(r.long, line...)
			line, err = r.in.ReadSlice('\n')
		}
		r.long = append(r.long, line...)
		line = r.long
	}
	switch {
	case len(line) > r.max:
		return nil, fmt.Errorf("the line is longer than %d bytes", r.max)
	case len(line) > 0 && errors.Is(err, io.EOF):
		return line, nil
	case err != nil:
		return nil, err
	}
	return line, nil
}
