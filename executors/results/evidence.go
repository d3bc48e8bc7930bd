package results

import (
	"io"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// Evidence is all that is known of an attempt that has ended.
type Evidence struct {
	Run *plan.Run
	// Argv is its command as it was stored.
	Argv            []string
	Sample, Attempt int
	Cluster         string
	// Simulated says that the attempt was planned to measure nothing real.
	Simulated bool

	// Damaged says which record of the attempt cannot be read and why, "" for none.
	// Run then holds what is known otherwise.
	Damaged string

	// Report is the content of report.json, nil when there is none.
	Report []byte
	// Stdout, Stderr and JobOut open the logs; nil for one that is not there.
	// They are called only where the report does not settle the matter, and may
	// be called more than once.
	Stdout, Stderr, JobOut func() (io.ReadCloser, error)
	// Ranks are the logs of the ranks other than the first, ascending; none where
	// Stdout and Stderr are of all ranks.
	Ranks []RankLogs

	// Classifier finds failures in the logs; nil knows the words of trtllm-bench alone.
	Classifier *trtllm.Classifier
	// Exit is the job's exit record, Ended the end that the backend reports; at least one is set.
	Exit  *jobdir.ExitRecord
	Ended *End
	// ChecksSkipped says that the site, the weights and the image were not looked at
	// before the submission, Cancelled that the attempt was asked to stop, and OneBlock
	// that the job asked for nodes of one block of the topology.
	ChecksSkipped, Cancelled, OneBlock bool

	// MeasuredUntil is when the last token came, as the log says, zero if it
	// does not say. Telemetry sums up what was sampled on the GPUs between two times.
	// Requests reads the records of requests. Each is nil where there is nothing to read.
	MeasuredUntil func() time.Time
	Telemetry     func(from, to time.Time) *Telemetry
	Requests      func() ([]trtllm.Request, error)

	// Engine is what a shared engine said of the attempt; nil where there was none.
	Engine     *SharedEngine
	Job        Job
	Provenance Provenance
	Files      Files
}

// RankLogs open what one rank wrote; nil for what is not there.
type RankLogs struct {
	Rank           int
	Stdout, Stderr func() (io.ReadCloser, error)
}

// End is how a job ended by its backend's account. Code is a code of a failed
// result, "" when the backend knows of no failure.
type End struct {
	Code   failure.Code
	Detail string
	// Suspended says that the job was stopped and resumed.
	Suspended bool
}

// A provenanceKey is a key of the provenance with its value, nil where there is none.
type provenanceKey struct {
	name  string
	value *string
	moves bool // can move under a name that stays
}

func (p *Provenance) keys() []provenanceKey {
	var power, argv *string
	if p.PowerCapW != nil {
		power = new(plain(p.PowerCapW))
	}
	if len(p.Argv) > 0 {
		argv = &p.Argv[0]
	}
	return []provenanceKey{
		{"image_path", p.ImagePath, false}, {"image_digest", p.ImageDigest, true}, {"image_sha256", p.ImageSHA256, true},
		{"image_file", p.ImageFile, true}, {"checkpoint_sha256", p.CheckpointSHA256, true}, {"trtllm_version", p.TRTLLMVersion, false},
		{"gpu_name", p.GPUName, false}, {"driver", p.Driver, true}, {"cuda", p.CUDA, true}, {"nccl", p.NCCL, true}, {"clocks", p.Clocks, true},
		{"power_cap_w", power, true}, {"kernel", p.Kernel, false}, {"slurm_version", p.SlurmVersion, false},
		{"definitions_git", p.DefinitionsGit, false}, {"llmbench_version", p.LLMBenchVersion, false},
		{"script_sha256", p.ScriptSHA256, false}, {"argv", argv, false},
	}
}

// Observation is what can move under a name that stays, for a plan to compare.
func (p *Provenance) Observation() plan.Observation {
	out := plan.Observation{}
	for _, k := range p.keys() {
		if k.moves && k.value != nil {
			out[k.name] = *k.value
		}
	}
	return out
}

// telemetryKey is the key of what was sampled, which can be missing too.
const telemetryKey = "telemetry"

// sayWhatIsMissing gives every key of the provenance that has no value a reason:
// the job's own word where it left one.
func (r *Result) sayWhatIsMissing() {
	told := r.Provenance.Missing
	r.Provenance.Missing = map[string]string{}
	for _, k := range r.Provenance.keys() {
		if k.value == nil {
			r.Provenance.Missing[k.name] = r.whyMissing(k.name, told)
		}
	}
	if r.Telemetry == nil {
		r.Provenance.Missing[telemetryKey] = r.whyMissing(telemetryKey, told)
	}
}

func (r *Result) whyMissing(name string, told map[string]string) string {
	switch why := told[name]; {
	case why != "":
		return why
	case r.Executor.Type == ImportedType:
		return "imported: only the log is known"
	case name == "definitions_git":
		return "the definitions are in no git repository"
	case name == telemetryKey && !r.Counts():
		return "there is no number to join it to"
	case name == "trtllm_version":
		return "there is no report that says it"
	case r.Executor.Type == "simulate":
		return "simulated: nothing ran on a GPU"
	case r.Job.Started == nil:
		return "the job did not start"
	}
	return "the job left no record of it"
}
