package command

import (
	"math/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// samples writes a results document with n samples around tps with 1 % of noise.
func samples(t *testing.T, seed int64, n int, tps float64) string {
	t.Helper()
	rng := rand.New(rand.NewSource(seed))
	var list []*results.Result
	for i := range n {
		v := tps * (1 + 0.01*rng.NormFloat64())
		list = append(list, &results.Result{
			Address: "load/use_case=chat", Fingerprint: "f", Sample: i + 1, Attempt: 1, Cluster: "gb", Verdict: results.Valid,
			Metrics: trtllm.Measured(map[string]float64{trtllm.OutputThroughputPerGPU: v}),
		})
	}
	path := filepath.Join(t.TempDir(), "results.json")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := results.NewSet(list).WriteJSON(f); err != nil {
		t.Fatal(err)
	}
	return path
}

// The gate finds a regression of 3 % with six samples a side, and says that two
// do not tell.
func TestCompareGate(t *testing.T) {
	for _, c := range []struct {
		n      int
		target float64
		want   int
	}{{6, 970, exitFailed}, {2, 970, exitUnsure}, {6, 1030, 0}} {
		code := Main([]string{"llmbench", "compare", "-gate", samples(t, 1, c.n, 1000), samples(t, 2, c.n, c.target)})
		if code != c.want {
			t.Errorf("%d samples at %v: exit %d, want %d", c.n, c.target, code, c.want)
		}
	}
}
