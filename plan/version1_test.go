package plan

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stored010 reads a run that 0.1.0 wrote.
func stored010(t *testing.T, dir string) *Run {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", "store-0.1.0", "store", dir, "attempt-1", "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r Run
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

// The two spellings of no limit on the concurrency, and a switch that is off or
// not declared, are one run; what is only written beside the number is none of it.
func TestIdentityIsOfWhatIsEmitted(t *testing.T) {
	r := stored010(t, "runs/ebf0559f09c0/throwaway/sample-1")
	want := NewIdentity(r, r.Settings).Fingerprint()
	for name, v := range map[string]any{
		"concurrency": 0, "enable_chunked_context": nil, "report_json": "report.json", "iteration_log": "it.log", "request_json": "r.json", "workspace": "/tmp/w",
	} {
		was := r.Arguments[name]
		r.Arguments[name] = v
		if got := NewIdentity(r, r.Settings).Fingerprint(); got != want {
			t.Errorf("%s = %v makes another run", name, v)
		}
		r.Arguments[name] = was
	}
	for _, other := range []ExecutorIdentity{{Prolog: []string{"x"}}, {Exclusive: true}, {CPUsPerTask: 1}, {ExtraArgs: []string{"--hint=x"}}, {MPI: "pmi2"}, {Simulated: true}} {
		if NewIdentity(r, other).Fingerprint() == NewIdentity(r, ExecutorIdentity{}).Fingerprint() {
			t.Errorf("%+v makes no other run", other)
		}
	}
}

func TestMovingOptions(t *testing.T) {
	in := []string{
		"-A", "perf", "--account=perf", "--mail-type", "END", "--mail-user=a@b", "--wckey=w", "--hint=nomultithread", "-pbatch",
		"--gres", "shm:1", "-Q", "--qos=high", "--constraint=fast", "-w", "gb01", "--gpu-freq=high",
	}
	want := []string{"--hint=nomultithread", "--gres", "shm:1", "--constraint=fast", "--gpu-freq=high"}
	if d := cmp.Diff(want, MovingOptions(in)); d != "" {
		t.Error(d)
	}
}
