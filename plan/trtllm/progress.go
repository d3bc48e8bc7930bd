package trtllm

import "bytes"

// benchmarkingLabel is of the progress bar that counts requests.
const benchmarkingLabel = "Benchmarking"

// Progress reads the bar that counts requests from a line:
// `Benchmarking:  25%|██▌  | 1/4 [00:51<02:35, 51.86s/it]`. What is glued to the
// bar is ignored, and so are other bars.
func Progress(line []byte) (done, total int, ok bool) {
	for {
		bar, found := cutBar(line)
		if !found {
			return done, total, ok
		}
		if bar.label == benchmarkingLabel {
			done, total, ok = bar.done, bar.total, true
		}
		line = bar.after
	}
}

// A bar is one state of a tqdm progress bar, with what stands around it in its
// line.
type bar struct {
	label         string
	done, total   int
	before, after []byte
}

// cutBar finds the first bar in a line. A terminal's codes must be gone.
func cutBar(line []byte) (bar, bool) {
	for from := 0; ; {
		i := bytes.Index(line[from:], []byte("%|"))
		if i < 0 {
			return bar{}, false
		}
		i += from
		if b, end, ok := parseBar(line, i+2); ok {
			b.before, b.label = cutLabel(line[:i])
			b.after = line[end:]
			return b, true
		}
		from = i + 2
	}
}

// parseBar reads "██▌   | 1/4 [00:51<02:35, 51.86s/it]" from i on.
func parseBar(line []byte, i int) (b bar, end int, ok bool) {
	n := bytes.IndexByte(line[i:], '|')
	if n < 0 {
		return
	}
	i = skipSpaces(line, i+n+1)
	if b.done, i, ok = scanInt(line, i); !ok || i >= len(line) || line[i] != '/' {
		return b, 0, false
	}
	if b.total, i, ok = scanInt(line, i+1); !ok || b.done > b.total {
		return b, 0, false
	}
	i = skipSpaces(line, i)
	if i >= len(line) || line[i] != '[' {
		return b, 0, false
	}
	n = bytes.IndexByte(line[i:], ']')
	return b, i + n + 1, n >= 0
}

// cutLabel splits "textBenchmarking:  25" into what comes before the label, and
// the label. Only the label Benchmarking is told from what is glued to it.
func cutLabel(b []byte) (before []byte, label string) {
	b = bytes.TrimRight(b, " 0123456789")
	b = bytes.TrimSuffix(b, []byte(":"))
	if before, ok := bytes.CutSuffix(b, []byte(benchmarkingLabel)); ok {
		return before, benchmarkingLabel
	}
	return nil, string(bytes.TrimSpace(b))
}
