package plan

import (
	"strings"
	"time"
)

// A JobRenderer is an executor as a plan sees it: what of it can move a number, and
// what it would submit for a run. It is pure: equal runs give equal jobs.
type JobRenderer interface {
	// Identity is what enters the fingerprint.
	Identity() ExecutorIdentity
	// Packing bounds jobs of several runs; nil gives every sample a job of its own.
	Packing() *Packing
	// Job renders the job that measures runs in this order, one or more that share
	// their nodes, image and executor. Paths are relative to the job's folder.
	Job(runs ...*Run) *Job
	// Describe says in one line where and how jobs will run.
	Describe() string
}

// ExecutorIdentity is the part of an executor that can move a number. Settings
// that an executor does not have are zero.
type ExecutorIdentity struct {
	// Launcher is the command in front of trtllm-bench's own arguments, its
	// last element included.
	Launcher []string `json:"launcher"`
	// MPI is the MPI plugin that starts the ranks, "" where there is none.
	MPI string `json:"mpi"`
	// Prolog are the commands that run in front of the launcher.
	Prolog []string `json:"prolog"`
	// Exclusive says that no other job shares the nodes.
	Exclusive bool `json:"exclusive"`
	// CPUsPerTask is how many processors a rank asks for, 0 for the default.
	CPUsPerTask int `json:"cpus_per_task"`
	// ExtraArgs are further options of the submission that are neither about
	// accounting nor about mail.
	ExtraArgs []string `json:"extra_args"`
	// Simulated says that nothing real is measured.
	Simulated bool `json:"-"`
}

// normal gives lists that hold nothing one form.
func (e ExecutorIdentity) normal() ExecutorIdentity {
	for _, list := range []*[]string{&e.Launcher, &e.Prolog, &e.ExtraArgs} {
		if *list == nil {
			*list = []string{}
		}
	}
	return e
}

// Facts are the settings by their names in the executor's block, none where they
// are not known.
func (e ExecutorIdentity) Facts() map[string]any {
	if e.Launcher == nil {
		return nil
	}
	return map[string]any{
		"launcher": strings.Join(e.Launcher, " "), "mpi": e.MPI, "prolog": strings.Join(e.Prolog, " && "), "exclusive": e.Exclusive,
		"cpus_per_task": e.CPUsPerTask, "extra_args": strings.Join(e.ExtraArgs, " "),
	}
}

// A Placement is where one run goes. Cluster is "" when it is not known here,
// in which case nothing stored can satisfy the run. Startup is how long jobs
// there run before they measure, 0 where the definitions do not say.
type Placement struct {
	Ref      ExecutorRef
	Renderer JobRenderer
	Cluster  string
	Startup  time.Duration
	// Transient says that jobs end with the process that submitted them.
	Transient bool
	// Retries is how many new attempts a failure of the infrastructure gets.
	Retries int
}

// A Ledger tells what is stored and in flight. Package store keeps one on disk.
type Ledger interface {
	// Look counts the samples for a fingerprint on a cluster.
	Look(fingerprint, cluster string, simulated bool, wanted int) (Samples, error)
	// LastAt returns what was measured last at address, nil if nothing was.
	LastAt(address string, simulated bool) (*Last, error)
	// Addresses lists the addresses with stored or running attempts, sorted.
	Addresses(simulated bool) ([]string, error)
	// Precision returns how many samples count, and the half-width of the 95 %
	// interval of their output throughput per GPU, relative to the median;
	// infinite where they are too few for an interval.
	Precision(fingerprint, cluster string, simulated bool) (samples int, halfWidth float64, err error)
	// Lessons returns what the real samples that count teach about subjects that
	// are wanted: the newest LessonsOfSubject of each, in a fixed order.
	Lessons(wanted func(Subject) bool) ([]Lesson, error)
	// Search returns the account of a search.
	Search(benchmark, label string, simulated bool) (SearchAccount, error)
	// Noise returns the relative standard deviation between independent samples of one
	// run, from all samples of an image on a cluster.
	Noise(image, cluster string, simulated bool) (float64, error)
	// Figures returns what each independent sample has of trtllm.Figures, the mean for
	// those of one shared engine, and how many samples count.
	Figures(fingerprint, cluster string, simulated bool) (values []map[string]float64, samples int, err error)
}

// A Last is what was measured last at an address.
type Last struct {
	// Fingerprint is "" where it cannot be told: the record is damaged.
	Fingerprint string
	// Attempt names the attempt's folder.
	Attempt string
	// Run reads the run as it was planned; it returns nil if it is gone.
	Run func() (*Run, error)
}
