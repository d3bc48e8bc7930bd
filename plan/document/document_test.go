package document

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmbench/llmbench/plan"
)

// What 0.1.0 did not put into its fingerprint is read from what it submitted.
func TestSettingsOfVersion1(t *testing.T) {
	gb200 := plan.ExecutorIdentity{
		Launcher: []string{"trtllm-llmapi-launch", "trtllm-bench"}, MPI: "pmix", Exclusive: true, CPUsPerTask: 2,
		Prolog:    []string{"ulimit -l unlimited || true", "export TLLM_PROLOG='it ran'"},
		ExtraArgs: []string{"--hint=nomultithread"},
	}
	rehearsal := plan.ExecutorIdentity{Launcher: []string{"llmbench", "trtllm-bench"}, MPI: "pmix", Prolog: []string{}, ExtraArgs: []string{}, Simulated: true}
	simulated := plan.ExecutorIdentity{Launcher: []string{"trtllm-bench"}, Prolog: []string{}, ExtraArgs: []string{}, Simulated: true}
	for dir, want := range map[string]plan.ExecutorIdentity{
		"runs/ebf0559f09c0/throwaway/sample-1":           gb200,
		"simulated/runs/3a44c66e1f99/throwaway/sample-1": rehearsal,
		"simulated/runs/169f16b8c0ab/simulate/sample-1":  simulated,
	} {
		text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "store-0.1.0", "store", dir, "attempt-1", "run.json"))
		if err != nil {
			t.Fatal(err)
		}
		var r Run
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatal(err)
		}
		r.Upgrade(want.Simulated, r.Job.Argv)
		if d := cmp.Diff(want, r.Settings); d != "" {
			t.Errorf("%s: %s", dir, d)
		}
		if r.FingerprintVersion != plan.FingerprintVersion {
			t.Errorf("%s: version %d", dir, r.FingerprintVersion)
		}
	}
}

// A malformed plan is an error, and so is a saved one that lacks its end.
func TestReadRefusesMalformedPlans(t *testing.T) {
	var saved bytes.Buffer
	p := plan.Empty("1")
	p.Runs = []*plan.Run{{Action: plan.Measure}, {Action: plan.Keep}}
	if err := Save(&saved, p); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(bytes.NewReader(saved.Bytes())); err != nil {
		t.Fatal(err)
	}
	_, runs, _ := strings.Cut(saved.String(), "\n")
	for _, text := range []string{
		"", "[]", `{"format_version":"1","runs":[null]}`, `{"format_version":"1","packs":[null]}`, `{"format_version":"1","runs":{}}`, `{"format_version":"0"}`,
		`{"format_version":"2"}`, `{"format_version":"2","saved_plan":{"values":[[0,1]]}}`, runs,
		saved.String()[:saved.Len()-2], saved.String()[:strings.LastIndex(strings.TrimSpace(saved.String()), "\n")],
		strings.Replace(saved.String(), `"run":[1,`, `"run":[-1,`, 1), strings.Replace(saved.String(), `"run":[1,`, `"run":[100,`, 1),
	} {
		if _, err := Read(strings.NewReader(text)); err == nil {
			t.Errorf("%q is read as a plan", text)
		}
	}
}
