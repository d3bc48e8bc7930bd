package executors

import "github.com/llmbench/llmbench/plan"

// Hand is a plan.Target whose jobs people can submit themselves.
type Hand interface {
	// HandScript is the whole job of a run in one script, with the options of
	// its submission inside. It reserves an attempt in the store when it starts
	// and then is like any other job.
	HandScript(run *plan.Run, at HandPlace) (string, error)
}

// HandPlace is where a script that is submitted by hand finds and leaves
// things. All paths are absolute.
type HandPlace struct {
	// Folder holds the samples of the run in the store, Files what an attempt
	// starts with, Dataset is the file of the requests.
	Folder, Files, Store, Dataset string
	Cluster                       string
}
