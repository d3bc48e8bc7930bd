package trtllm

import (
	"bytes"
	"hash/fnv"
	"regexp"
)

// cutPrefix splits off what launchers and container runtimes put before every line,
// and returns the stream that it names: a rank, or a source by its name; noStream
// without one. They may stand one behind the other.
func cutPrefix(line []byte) (stream int, rest []byte) {
	stream = noStream
	if at := criEnd(line); at > 0 {
		line = line[at:]
	}
	head := line[:min(len(line), mostPrefix)]
	if bytes.Contains(head, []byte(" | ")) {
		if name := composeName.Find(head); name != nil {
			h := fnv.New32a()
			_, _ = h.Write(bytes.TrimRight(name, " |"))
			stream, line = 1<<32+int(h.Sum32()), line[len(name):]
		}
	}
	if tagged := mpiRank(line); tagged != nil {
		rank, _, _ := scanInt(append(tagged[1], tagged[2]...), 0)
		return rank, line[len(tagged[0]):]
	}
	if rank, rest := cutRank(line); rank >= 0 {
		return rank, rest
	}
	return stream, line
}

const mostPrefix = 200

var (
	// composeName is "bench-1  | " of docker compose.
	composeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*[-_]\d+ +\| ?`)
	// mpiTag is "[1,5]<stdout>:" of mpirun --tag-output, "[prterun-host-77@1,5]<stderr>: "
	// of its later versions.
	mpiTag = regexp.MustCompile(`^\[(?:\d+,(\d+)\]<std\w+>:|[^\]\s]*@\d+,(\d+)\]<std\w+>: ?)`)
	// criLine is "2026-03-02T08:10:02.123456789Z stdout F " of Kubernetes' CRI.
	criLine = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S* (?:stdout|stderr) [FP] `)
)

// mpiRank is the prefix of mpirun and the rank in it, nil without one.
func mpiRank(line []byte) [][]byte {
	head := line[:min(len(line), mostPrefix)]
	if len(head) == 0 || head[0] != '[' || !bytes.Contains(head, []byte("]<std")) {
		return nil
	}
	return mpiTag.FindSubmatch(head)
}

// criEnd is where the prefix of a container runtime ends, 0 without one.
func criEnd(line []byte) int {
	if len(line) < 20 || line[4] != '-' || line[10] != 'T' {
		return 0
	}
	return len(criLine.Find(line[:min(len(line), mostPrefix)]))
}

// cutRank splits off "N: ", which srun -l puts before every line. rank is -1
// without one.
func cutRank(line []byte) (rank int, rest []byte) {
	const mostDigits = 6
	start := skipSpaces(line, 0)
	rank, end, ok := scanInt(line, start)
	switch {
	case !ok || end-start > mostDigits || end >= len(line) || line[end] != ':':
		return -1, line
	case end+1 == len(line):
		return rank, nil
	case line[end+1] != ' ':
		return -1, line
	}
	return rank, line[end+2:]
}
