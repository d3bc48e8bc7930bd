package executors

import (
	"context"
	"os/exec"
	"strings"
	"time"
)

// GitState returns the commit that dir is checked out at and whether files
// below dir differ from it; ok is false outside a git work tree, or without
// git.
func GitState(ctx context.Context, dir string) (commit string, dirty, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	head, err := exec.CommandContext(ctx, "git", "-C", dir, "rev-parse", "--verify", "HEAD").Output()
	if err != nil {
		return "", false, false
	}
	status, err := exec.CommandContext(ctx, "git", "-C", dir, "status", "--porcelain", "--", ".").Output()
	if err != nil {
		return "", false, false
	}
	return strings.TrimSpace(string(head)), len(strings.TrimSpace(string(status))) > 0, true
}
