package prepare_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmbench/llmbench/executors/prepare"
)

func TestDatasetSpace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store", "datasets") // not made yet
	if c := prepare.CheckDatasetSpace(dir, 0); c != nil {
		t.Errorf("nothing does not fit: %+v", c)
	}
	if c := prepare.CheckDatasetSpace(dir, prepare.DatasetBytes(1<<40, 8000)); c == nil || c.Result != "fail" || !strings.Contains(c.Detail, "are to come") {
		t.Errorf("%+v", c)
	}
	if n := prepare.DatasetBytes(16384, 8000); n < 800e6 || n > 1000e6 {
		t.Errorf("16384 prompts of 8000 tokens: %d bytes", n)
	}
}
