package results

import "github.com/llmbench/llmbench/plan"

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
