package trtllm

// What the tests that need the words of Slurm use of this package's.
var (
	Files, Content, Golden, SamplesDir = files, content, golden, samplesDir
)

// SampleReport reports whether a real excerpt is read as a report.
func SampleReport(name string) bool { _, ok := sampleReports[name]; return ok }
