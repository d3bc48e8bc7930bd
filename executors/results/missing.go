package results

import (
	"strconv"

	"github.com/llmbench/llmbench/plan"
)

// missing lists the keys that have no value.
func (p *Provenance) missing() []string {
	var out []string
	for _, k := range []struct {
		name  string
		there bool
	}{
		{"image_path", p.ImagePath != nil}, {"image_digest", p.ImageDigest != nil}, {"image_sha256", p.ImageSHA256 != nil}, {"image_file", p.ImageFile != nil}, {"checkpoint_sha256", p.CheckpointSHA256 != nil},
		{"trtllm_version", p.TRTLLMVersion != nil}, {"gpu_name", p.GPUName != nil}, {"driver", p.Driver != nil}, {"cuda", p.CUDA != nil},
		{"nccl", p.NCCL != nil}, {"clocks", p.Clocks != nil}, {"power_cap_w", p.PowerCapW != nil}, {"kernel", p.Kernel != nil},
		{"slurm_version", p.SlurmVersion != nil}, {"definitions_git", p.DefinitionsGit != nil}, {"llmbench_version", p.LLMBenchVersion != nil},
		{"script_sha256", p.ScriptSHA256 != nil}, {"argv", len(p.Argv) > 0},
	} {
		if !k.there {
			out = append(out, k.name)
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
	for _, name := range r.Provenance.missing() {
		r.Provenance.Missing[name] = r.whyMissing(name, told)
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

// Observation is what can move under a name that stays, for a plan to compare.
func (p *Provenance) Observation() plan.Observation {
	out := plan.Observation{}
	for _, k := range []struct {
		name  string
		value *string
	}{
		{"image_digest", p.ImageDigest}, {"image_file", p.ImageFile}, {"image_sha256", p.ImageSHA256}, {"checkpoint_sha256", p.CheckpointSHA256}, {"driver", p.Driver}, {"cuda", p.CUDA}, {"nccl", p.NCCL}, {"clocks", p.Clocks},
	} {
		if k.value != nil {
			out[k.name] = *k.value
		}
	}
	if p.PowerCapW != nil {
		out["power_cap_w"] = strconv.FormatFloat(*p.PowerCapW, 'f', -1, 64)
	}
	return out
}
