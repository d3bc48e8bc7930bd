package runs

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/results"
)

// observedFile is what the job ran on, as NAME=VALUE lines; telemetryPrefix
// begins the names of what was sampled on its nodes.
const (
	observedFile    = "observed"
	telemetryPrefix = "telemetry."
)

// addObserved takes in what the job says of the machine that it ran on. What it
// does not say stays nil.
func (s *snapshot) addObserved(in *results.Evidence) {
	text, err := s.files.read(observedFile)
	if err == nil && text != nil {
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			observed(&in.Provenance, name, value)
		}
	}
	var paths []string
	for _, name := range s.files.names {
		if strings.HasPrefix(name, telemetryPrefix) {
			paths = append(paths, filepath.Join(s.files.dir, name))
		}
	}
	if len(paths) == 0 {
		return
	}
	in.Telemetry = func(from, to time.Time) *results.Telemetry {
		var readers []io.Reader
		for _, path := range paths {
			if f, err := os.Open(path); err == nil {
				defer f.Close()
				readers = append(readers, f)
			}
		}
		return results.ReadTelemetry(from.Local(), to.Local(), readers...)
	}
}

func observed(p *results.Provenance, name, value string) {
	if value == "" {
		return
	}
	switch name {
	case "slurm":
		p.SlurmVersion = &value
	case "cuda":
		p.CUDA = &value
	case "image_sha256":
		p.ImageSHA256 = &value
	case "gpu": // name, driver, highest SM clock, power limit
		f := strings.Split(value, ",")
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		if len(f) < 4 {
			return
		}
		p.GPUName, p.Driver = &f[0], &f[1]
		if watts, err := strconv.ParseFloat(f[3], 64); err == nil {
			p.PowerCapW = &watts
		}
	}
}
