package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// secretsStayPrivate measures runs whose jobs print a secret: one succeeds, one
// fails, one hangs, one is cancelled and the script of one is killed. Then nothing
// that llmbench prints holds it, and no file of the store.
func (d *drill) secretsStayPrivate() {
	const secret = "nobody-may-read-this"
	d.t.Setenv("DRILL_KEY", secret)
	text := strings.Replace(rehearsal, `canary        = false`, `canary        = false
  retries       = 0
  max_quiet     = "6s"
  prolog        = ["echo \"Error: torch.OutOfMemoryError: CUDA out of memory $API_KEY\"", "echo \"log_in $API_KEY\" >&2"]`, 1)
	text = strings.Replace(text, `{ LLMBENCH_SIMULATED_SPEED = "20" }`, `{
    API_KEY                  = var.key
    LLMBENCH_SIMULATED_SPEED = "1000"
    LLMBENCH_SIMULATED_FAULT = lookup({ reasoning = "crash", chat = "" }, each.use_case.label, "hang")
  }`, 1)
	d.definitions(text + `
variable "key" {
  sensitive = true
  env       = "DRILL_KEY"
}
`)
	var said strings.Builder
	note := func(args ...string) {
		out, _ := d.command("llmbench", append(args, "-store="+d.store)...).CombinedOutput()
		said.WriteString(strings.Join(args, " ") + "\n" + string(out))
	}
	a := d.start("-json", "-target=use_case=reasoning", "-target=use_case=chat", "-target=use_case=summarization")
	out, _ := a.wait()
	said.WriteString(out)

	a = d.start("-target=use_case=generation")
	d.until("a job runs", func() bool { return d.logged("generation") })
	note("logs", "use_case=generation", d.dir)
	note("cancel", "-auto-approve", "-dir="+d.dir)
	out, _ = a.wait()
	said.WriteString(out)

	a = d.start("-target=use_case=generation", "-replace=use_case=generation")
	d.until("a job runs", func() bool { return d.logged("generation") })
	for _, id := range strings.Fields(d.must("squeue", "-h", "-t", "R", "-o", "%i")) {
		d.must("scancel", "--signal=KILL", "--full", id)
	}
	out, _ = a.wait()
	said.WriteString(out)
	d.until("the queue is empty", func() bool { return strings.TrimSpace(d.must("squeue", "-h", "-o", "%i")) == "" })

	page := filepath.Join(d.t.TempDir(), "page.html")
	for _, args := range [][]string{
		{"plan"}, {"plan", "-json"}, {"plan", "-format=markdown"}, {"plan", "-explain=use_case=chat"}, {"plan", "-out=" + filepath.Join(d.store, "saved")},
		{"status"}, {"status", "-json"}, {"logs", "use_case=chat"}, {"logs", "-stderr", "use_case=reasoning"}, {"logs", "-raw", "use_case=summarization"}, {"logs", "use_case=generation"},
		{"results", "-all"}, {"results", "-all", "-format=markdown"}, {"results", "-all", "-format=csv"}, {"results", "-all", "-format=json"}, {"results", "-format=benchfmt"},
		{"results", "use_case=reasoning"}, {"results", "use_case=summarization"}, {"results", "use_case=generation"}, {"report", "-out=" + page}, {"validate", "-json"},
	} {
		note(append(args, d.dir)...)
	}
	html, err := os.ReadFile(page)
	d.ok(err)
	for line := range strings.Lines(said.String() + string(html)) {
		if strings.Contains(line, secret) {
			d.t.Errorf("printed: %s", line)
		}
	}
	if !strings.Contains(said.String(), "log_in (secret)") || !strings.Contains(said.String(), "longer than max_quiet") {
		d.t.Errorf("the runs did not do what they should:\n%s", said.String())
	}
	d.holdsNo(secret)
}

// logged reports whether all ranks of a run of a use case in flight have printed
// something.
func (d *drill) logged(useCase string) bool {
	found, _ := filepath.Glob(filepath.Join(d.store, "simulated", "runs", "*", "*", "sample-*", "attempt-*", "stderr"))
	for _, path := range found {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(path), "run.json"))
		_, ended := os.Stat(filepath.Join(filepath.Dir(path), "exit"))
		printed := 0
		ranks, _ := filepath.Glob(path + ".[1-9]")
		for _, file := range append(ranks, path) {
			log, _ := os.ReadFile(file)
			printed += strings.Count(string(log), "log_in")
		}
		if err == nil && ended != nil && strings.Contains(string(text), "use_case="+useCase) && printed == 8 {
			return true
		}
	}
	return false
}

// holdsNo checks that no file of the store holds a string, and that all can be read.
func (d *drill) holdsNo(secret string) {
	d.t.Helper()
	d.ok(filepath.WalkDir(d.store, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), secret) {
			d.t.Errorf("%s holds the secret", path)
		}
		if info, _ := e.Info(); info.Mode()&0o044 != 0o044 {
			d.t.Errorf("%s is private: %v", path, info.Mode())
		}
		return err
	}))
}
