package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema/regular"
)

// missingPrefix begins the names of what the job could not find out; the value
// says why.
const missingPrefix = "missing."

// addObserved takes in what the job says of the machine that it ran on. What it
// does not say stays nil.
func (s *snapshot) addObserved(in *results.Evidence) {
	text, err := s.files.Read(jobdir.ObservedFile)
	zone := time.Local
	in.Provenance.Missing = map[string]string{}
	if err == nil && text != nil {
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			value = strings.TrimSpace(value)
			if missing, ok := strings.CutPrefix(name, missingPrefix); ok {
				in.Provenance.Missing[missing] = value
			} else if name == "zone" {
				zone = zoneOf(value)
			} else if name == "segment" {
				in.OneBlock = value != ""
			} else {
				observed(&in.Provenance, name, value)
			}
		}
	}
	s.addTelemetry(in, zone)
	in.MeasuredUntil = func() time.Time { return s.measuredUntil(in, zone) }
}

// completeMark is what trtllm-bench logs once the last request is done; its
// backend may take long to stop after that.
const completeMark = "Benchmark complete."

// measuredUntil looks for the time of completeMark at the ends of the logs. A
// container often has another zone than its node: the one is taken in which the
// time lies within the job.
func (s *snapshot) measuredUntil(in *results.Evidence, zone *time.Location) time.Time {
	for _, name := range []string{jobdir.StdoutFile, jobdir.StderrFile} {
		if !s.files.Has(name) {
			continue
		}
		end, err := tail(filepath.Join(s.files.Dir, name), tailBytes)
		i := strings.LastIndex(end, completeMark)
		if err != nil || i < 0 {
			continue
		}
		line := end[strings.LastIndexByte(end[:i], '\n')+1 : i]
		_, stamp, _ := strings.Cut(line, "[")
		stamp, _, _ = strings.Cut(stamp, "]")
		for _, z := range []*time.Location{zone, time.UTC} {
			t, err := time.ParseInLocation("01/02/2006-15:04:05", stamp, z)
			if err == nil && in.Job.Started != nil && in.Job.Ended != nil && !t.Before(in.Job.Started.Add(-time.Second)) && !t.After(in.Job.Ended.Add(time.Second)) {
				return t
			}
		}
	}
	return time.Time{}
}

// zoneOf reads +0200; it is the local zone for anything else.
func zoneOf(offset string) *time.Location {
	t, err := time.Parse("-0700", offset)
	if err != nil {
		return time.Local
	}
	_, seconds := t.Zone()
	return time.FixedZone(offset, seconds)
}

// addTelemetry finds what was sampled on the nodes, whose clocks are in zone.
func (s *snapshot) addTelemetry(in *results.Evidence, zone *time.Location) {
	var paths []string
	for _, name := range s.files.Names {
		if strings.HasPrefix(name, jobdir.TelemetryPrefix) {
			paths = append(paths, filepath.Join(s.files.Dir, name))
		}
	}
	if len(paths) == 0 {
		return
	}
	in.Telemetry = func(from, to time.Time) *results.Telemetry {
		var readers []io.Reader
		for _, path := range paths {
			if f, err := regular.Open(path); err == nil {
				defer f.Close()
				readers = append(readers, f)
			}
		}
		return results.ReadTelemetry(from.In(zone), to.In(zone), readers...)
	}
}

func observed(p *results.Provenance, name, value string) {
	switch text := map[string]**string{
		"kernel": &p.Kernel, "slurm": &p.SlurmVersion, "placement": &p.Placement, "cuda": &p.CUDA, "nccl": &p.NCCL,
		"image_path": &p.ImagePath, "image_digest": &p.ImageDigest, "image_sha256": &p.ImageSHA256, "image_file": &p.ImageFile,
		"checkpoint_sha256": &p.CheckpointSHA256,
	}[name]; {
	case value == "":
	case text != nil:
		*text = &value
	case name == "gpu":
		observedGPU(p, results.SMIFields(value))
	case name == "side_by_side": // of version 0.1.0
		if n, err := strconv.Atoi(value); err == nil {
			p.SideBySide = &n
		}
	}
}

// observedGPU takes name, driver, highest SM clock, power limit and highest memory
// clock, as far as they are told.
func observedGPU(p *results.Provenance, f []string) {
	if len(f) < 4 {
		return
	}
	p.GPUName, p.Driver = optional(f[0]), optional(f[1])
	if f[2] != "" {
		clocks := "SM at most " + f[2] + " MHz"
		if len(f) > 4 && f[4] != "" {
			clocks += ", memory at most " + f[4] + " MHz"
		}
		p.Clocks = &clocks
	}
	if watts, err := strconv.ParseFloat(f[3], 64); err == nil {
		p.PowerCapW = &watts
	}
}

// AddIterations reads the iteration log of a result, if it has one, and gives it
// to the result as a time series. It reads the whole log: one that is not what the
// job left gives a note instead.
func AddIterations(r *results.Result) error {
	if r.Files.Stdout == nil {
		return nil
	}
	f, err := regular.Open(*r.Files.Stdout)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	in := io.TeeReader(f, sum)
	s, err := trtllm.ReadSeries(in)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	exit, err := jobdir.Folder{Dir: filepath.Dir(*r.Files.Stdout)}.ExitRecord()
	if err == nil && exit != nil && exit.Stdout != nil && exit.Stdout.SHA256 != hex.EncodeToString(sum.Sum(nil)) {
		r.Reasons = append(r.Reasons, results.Reason{
			Code: failure.ReportDamaged, Level: failure.Note, Remedy: failure.ReportDamaged.Entry().Remedy,
			Detail: "stdout is not what the job wrote; the number is that of report.json, and nothing else is taken from stdout",
		})
		return nil
	}
	r.Watch(s)
	return nil
}
