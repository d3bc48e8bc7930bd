package simulate

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/executortest"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/trtllm"
)

func TestContract(t *testing.T) {
	n := 0
	job := func(fault string) func(t *testing.T) *executors.Job {
		return func(t *testing.T) *executors.Job {
			n++
			dir := t.TempDir()
			data := `{"task_id":0,"input_ids":[1,2,3],"output_tokens":4}` + "\n"
			if err := os.WriteFile(filepath.Join(dir, "dataset.jsonl"), []byte(data), 0o600); err != nil {
				t.Fatal(err)
			}
			return &executors.Job{
				Name: fmt.Sprintf("simulate-%d", n), Dir: dir,
				Members: []executors.Member{{Dir: dir, Run: &plan.Run{
					Hardware: plan.Hardware{GPU: "GB200"}, Image: plan.Image{TRTLLMVersion: "1.0"},
					Env:   map[string]*string{envFault: &fault},
					Model: plan.Model{Checkpoint: "nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8"}, Settings: plan.ExecutorIdentity{Launcher: []string{"trtllm-bench"}},
					Arguments: trtllm.Arguments{"tp": 8, "ep": 8, "num_requests": 1},
				}}},
			}
		}
	}
	executortest.Run(t, executortest.Harness{Executor: newExecutor(hclog.NewNullLogger()), Job: job(""), Long: job("hang")})
}
