package executors

// A Check is one thing that was looked at before money is spent. Node is "" for
// what concerns no single node, Remedy where there is nothing to do.
type Check struct {
	Name, Node, Result, Detail, Remedy string
}

// The results of checks.
const (
	CheckOK      = "ok"
	CheckWarn    = "warn"
	CheckFail    = "fail"
	CheckSkipped = "skipped"
)
