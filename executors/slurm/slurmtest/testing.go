package slurmtest

import (
	"context"
	"os"
	"testing"
	"time"
)

// ForTest starts a cluster that ends with the test and sets SLURM_CONF. Where
// none can be started the test is skipped with the reason, unless
// LLMBENCH_REQUIRE_SLURM=1, where it fails.
func ForTest(t testing.TB, opts Options) *Cluster {
	t.Helper()
	if err := Available(opts); err != nil {
		if os.Getenv("LLMBENCH_REQUIRE_SLURM") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	// Sockets have short names only.
	dir, err := os.MkdirTemp("", "slurm")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	c, err := Start(ctx, dir, opts)
	t.Cleanup(func() {
		c.Stop()
		if t.Failed() {
			t.Log(c.logs())
		}
		os.RemoveAll(dir)
	})
	if err != nil {
		t.Fatal(err)
	}
	if tt, ok := t.(*testing.T); ok {
		tt.Setenv("SLURM_CONF", c.path("slurm.conf"))
	}
	return c
}
