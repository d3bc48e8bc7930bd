package executors

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// GitState returns the commit that the first of dirs is checked out at, and whether
// definitions in any of them differ from it; ok is false outside a git work tree, or
// without git. What else lies there does not count: plans, reports and stores.
func GitState(ctx context.Context, dirs ...string) (commit string, dirty, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	git := func(args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", dirs[0]}, args...)...).Output()
		return strings.TrimSpace(string(out)), err
	}
	commit, err := git("rev-parse", "--verify", "HEAD")
	if err != nil {
		return "", false, false
	}
	status := []string{"status", "--porcelain", "--"}
	for _, dir := range dirs {
		rel, err := filepath.Rel(dirs[0], dir)
		if err != nil {
			rel = dir
		}
		status = append(status, ":(glob)"+filepath.Join(rel, "*.hcl"), ":(glob)"+filepath.Join(rel, "*.auto.vars"))
	}
	changed, err := git(status...)
	if err != nil {
		return "", false, false
	}
	return commit, changed != "", true
}
