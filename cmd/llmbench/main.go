// Command llmbench plans and runs LLM inference benchmarks that are declared in
// HCL: plan shows what would be measured, why and at what cost, apply measures
// it. See the package documentation of plan for how definitions become runs.
package main

import (
	"os"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/command"
)

func main() {
	os.Exit(command.Main(os.Args))
}
