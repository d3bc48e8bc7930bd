package prepare_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmbench/llmbench/executors/prepare"
	"github.com/llmbench/llmbench/executors/prepare/preparetest"
)

const commit = "0123456789abcdef0123456789abcdef01234567"

// sums are the hexadecimal SHA-256 of the shards in dir by name.
func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, path := range found {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		out[filepath.Base(path)] = hex.EncodeToString(sum[:])
	}
	return out
}

// note writes what the hf command notes of a file.
func note(t *testing.T, dir, name, sum string) {
	t.Helper()
	path := filepath.Join(dir, ".cache", "huggingface", "download", name+".metadata")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(commit+"\n"+sum+"\n1700000000.0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// flip changes one byte in the middle of a file.
func flip(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyDeep(t *testing.T) {
	c := preparetest.Small()
	none := func(int64, int64) {}
	for name, test := range map[string]struct {
		known  func(t *testing.T, dir string) *prepare.Hub
		source string
	}{
		"noted by hf": {func(t *testing.T, dir string) *prepare.Hub {
			for name, sum := range sums(t, dir) {
				note(t, dir, name, sum)
			}
			return nil
		}, "what hf fetched"},
		"told by the hub": {func(t *testing.T, dir string) *prepare.Hub {
			note(t, dir, "config.json", "0")
			var siblings []map[string]any
			for name, sum := range sums(t, dir) {
				siblings = append(siblings, map[string]any{"rfilename": name, "lfs": map[string]any{"sha256": sum}})
			}
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if want := "/api/models/nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8/revision/" + commit; r.URL.Path != want {
					t.Errorf("asked for %s, want %s", r.URL.Path, want)
				}
				_ = json.NewEncoder(w).Encode(map[string]any{"sha": commit, "siblings": siblings})
			}))
			t.Cleanup(s.Close)
			return prepare.NewHub([]string{"HF_ENDPOINT=" + s.URL}, t.Logf)
		}, "the hub's 0123456789ab"},
		"read before": {func(t *testing.T, dir string) *prepare.Hub {
			if got := lines(dir, maverick(dir).VerifyDeep(t.Context(), nil, none)); got != "warn the published SHA-256 is not known here for 52 of 52 shards\n" {
				t.Error(got)
			}
			return nil
		}, "when they were first read"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := c.Write(dir); err != nil {
				t.Fatal(err)
			}
			h := test.known(t, dir)
			if got := lines(dir, maverick(dir).VerifyDeep(t.Context(), h, none)); got != "ok SHA-256 of 52 shards is that of "+test.source+"\n" {
				t.Error(got)
			}
			flip(t, filepath.Join(dir, c.ShardName(3)))
			got := lines(dir, maverick(dir).VerifyDeep(t.Context(), h, none))
			if !strings.HasPrefix(got, "fail "+c.ShardName(3)+" has other content than "+test.source) || strings.Count(got, "\n") != 1 {
				t.Error(got)
			}
		})
	}
}
