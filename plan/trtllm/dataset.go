package trtllm

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
)

// A Dataset sums up rows that were written or read.
type Dataset struct {
	Rows int
	// SHA256 is that of the rows with their line ends, in lower-case hexadecimal;
	// Bytes is their size.
	SHA256 string
	Bytes  int64
	// Lengths is one for each row that was read; it is nil for rows that were
	// written, which Shape.Lengths knows.
	Lengths []Length
	// Traits is what else rows that were read hold.
	Traits Traits
}

// Traits is what rows ask of the run that sends them. Lines count from 1; 0 is
// none.
type Traits struct {
	// LongestText is the most tokens, ISL+OSL, that a request whose prompt is text
	// can have, and LongestPrompt is that of its prompt.
	LongestText, LongestPrompt int
	// MediaLine and LoRALine are the first with media_paths and lora_request.
	MediaLine, LoRALine int
	// LargestID is the largest token id, IDLine where it stands first.
	LargestID, IDLine int
}

func (c *Traits) add(line int, r rowRead) {
	if r.ISL < -1 {
		c.LongestText, c.LongestPrompt = max(c.LongestText, r.OSL-r.ISL), max(c.LongestPrompt, -r.ISL)
	}
	if r.media && c.MediaLine == 0 {
		c.MediaLine = line
	}
	if r.lora && c.LoRALine == 0 {
		c.LoRALine = line
	}
	if r.ISL > 0 && (r.largestID > c.LargestID || c.IDLine == 0) {
		c.LargestID, c.IDLine = r.largestID, line
	}
}

// Write writes the data set as JSON lines that trtllm-bench reads. Rows are made
// on several processors, in memory of a few megabytes whatever their number; the
// bytes depend on the shape alone. progress, which may be nil, is told the rows
// written so far, from this goroutine. An error of w ends the work and is
// returned as it is.
func (s Shape) Write(w io.Writer, progress func(rows int)) (Dataset, error) {
	if err := s.check(); err != nil {
		return Dataset{}, err
	}
	out := &sink{w: w, sum: sha256.New()}
	err := s.makePieces(func(p piece) error {
		if err := out.write(p.text); err != nil {
			return err
		}
		if progress != nil {
			progress(p.to)
		}
		return nil
	})
	if err != nil {
		return Dataset{}, err
	}
	return Dataset{Rows: s.Rows, SHA256: hex.EncodeToString(out.sum.Sum(nil)), Bytes: out.n}, nil
}

// A sink hashes and counts what it writes.
type sink struct {
	w   io.Writer
	sum hash.Hash
	n   int64
}

func (s *sink) write(b []byte) error {
	s.sum.Write(b)
	n, err := s.w.Write(b)
	s.n += int64(n)
	return err
}
