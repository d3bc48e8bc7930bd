package executors

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// GitState returns the commit that the first of dirs is checked out at, and whether
// definitions in any of them differ from it; ok is false outside a git work tree, or
// without git. What else lies there does not count: plans, reports and stores.
func GitState(ctx context.Context, dirs ...string) (commit string, dirty, ok bool) {
	head, err := git(ctx, dirs, "rev-parse", "--verify", "HEAD")
	if err != nil {
		return "", false, false
	}
	changed, err := git(ctx, dirs, append([]string{"status", "--porcelain", "--"}, definitionFiles(dirs)...)...)
	return strings.TrimSpace(string(head)), len(changed) > 0, err == nil
}

// GitDiff is how the definitions in dirs differ from the commit that the first of them
// is checked out at.
func GitDiff(ctx context.Context, dirs ...string) ([]byte, error) {
	return git(ctx, dirs, append([]string{"diff", "--no-ext-diff", "--no-textconv", "--no-color", "HEAD", "--"}, definitionFiles(dirs)...)...)
}

func git(ctx context.Context, dirs []string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "git", append([]string{"-C", dirs[0]}, args...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("git %s in %s: %w", args[0], dirs[0], err)
	}
	return out, nil
}

// definitionFiles are git's patterns of definitions in dirs, seen from the first.
func definitionFiles(dirs []string) []string {
	var out []string
	for _, dir := range dirs {
		rel, err := filepath.Rel(dirs[0], dir)
		if err != nil {
			rel = dir
		}
		out = append(out, ":(glob)"+filepath.Join(rel, "*.hcl"), ":(glob)"+filepath.Join(rel, "*.auto.vars"))
	}
	return out
}
