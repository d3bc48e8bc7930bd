package executors

// A Check is one thing that was looked at before money is spent. Node is "" for
// what concerns no single node.
type Check struct {
	Name   string `json:"name"`
	Node   string `json:"node"`
	Result string `json:"result"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy"`
}

// The results of checks.
const (
	CheckOK      = "ok"
	CheckWarn    = "warn"
	CheckFail    = "fail"
	CheckSkipped = "skipped"
)
