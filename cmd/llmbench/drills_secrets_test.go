package main

import (
	"bytes"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/klauspost/compress/zstd"
)

// secretsStayPrivate has two users with one store, each with a secret that their jobs
// print. Of one's runs one succeeds, one fails, one hangs, one is cancelled and the
// script of one is killed; the other sees them all and retries one. Nothing that
// llmbench prints for either of them holds a secret, nor what they can read of the
// store.
func (d *drill) secretsStayPrivate() {
	users, group := d.twoUsers()
	secrets := []string{"nobody-may-read-this", "nor-may-they-read-that"}
	d.t.Setenv("HOME", d.t.TempDir())
	as := func(i int) {
		d.user = users[i]
		d.t.Setenv("DRILL_KEY", secrets[i])
	}
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
llmbench { group = "` + group + `" }
`)
	for _, path := range []string{d.bin, d.dir, d.cluster.Dir, os.Getenv("HOME"), filepath.Dir(d.store)} {
		for ; path != os.TempDir(); path = filepath.Dir(path) {
			d.ok(os.Chmod(path, 0o755))
		}
	}
	d.ok(os.Chmod(filepath.Dir(d.store), 0o777))
	var said strings.Builder
	note := func(args ...string) (string, int) {
		cmd := d.command("llmbench", append(args, "-store="+d.store)...)
		out, _ := cmd.CombinedOutput()
		said.WriteString(strings.Join(args, " ") + "\n" + string(out))
		return string(out), cmd.ProcessState.ExitCode()
	}
	store := func() error {
		cmd := d.command("tar", "--exclude=./cache", "--exclude=./simulated/cache", "-C", d.store, "-cf", "-", ".")
		var warnings strings.Builder
		cmd.Stderr = &warnings
		out, err := cmd.Output()
		for _, secret := range secrets {
			if bytes.Contains(out, []byte(secret)) {
				d.t.Errorf("user %d can read %q in the store", d.user.Uid, secret)
			}
		}
		if err != nil {
			d.t.Logf("%v: %s", err, &warnings)
		}
		return err
	}
	// lookAt has the other user look at a run in flight.
	lookAt := func(run string) {
		as(1)
		for _, args := range [][]string{{"plan"}, {"status"}, {"status", "-json"}, {"results", "-all", "-format=json"}, {"results", run}} {
			if out, code := note(append(args, d.dir)...); code != 0 && code != 3 && code != 4 {
				d.t.Errorf("the other user's %v: exit %d\n%s", args, code, out)
			}
		}
		if out, _ := note("logs", run, d.dir); !strings.Contains(out, "not yet redacted") {
			d.t.Errorf("the other user's logs of a run in flight:\n%s", out)
		}
		if out, code := note("apply", "-auto-approve", "-target="+run, d.dir); code != 1 || !strings.Contains(out, "the store is in use by ") {
			d.t.Errorf("the other user's apply beside one: exit %d, want 1 and who it is\n%s", code, out)
		}
		_ = store() // some of it is private yet
		as(0)
	}
	as(0)
	a := d.start("-json", "-target=use_case=reasoning", "-target=use_case=chat", "-target=use_case=summarization")
	out, _ := a.wait()
	said.WriteString(out)

	a = d.start("-target=use_case=generation")
	d.until("a job runs", func() bool { return d.logged("generation") })
	note("logs", "use_case=generation", d.dir)
	lookAt("use_case=generation")
	note("cancel", "-auto-approve", "-dir="+d.dir)
	out, _ = a.wait()
	said.WriteString(out)

	note("apply", "-auto-approve", "-detach", "-target=use_case=generation", "-replace=use_case=generation", d.dir)
	d.until("a job runs", func() bool { return d.logged("generation") })
	as(1)
	a = d.start("-target=use_case=generation")
	a.says("running")
	as(0)
	for _, id := range strings.Fields(d.must("squeue", "-h", "-t", "R", "-o", "%i")) {
		d.must("scancel", "--signal=KILL", "--full", id)
	}
	out, code := a.wait()
	said.WriteString(out)
	if code != 3 {
		d.t.Errorf("the other user's apply of a run in flight: exit %d, want 3", code)
	}
	as(1)
	_ = store()
	as(0)
	note("status", d.dir)
	as(1)
	out, code = d.start("-retry", "-target=use_case=reasoning", "-target=use_case=chat").wait()
	said.WriteString(out)
	if code != 3 || !strings.Contains(out, "1 to run, 0 to rerun, 1 unchanged") {
		d.t.Errorf("the other user's retry: exit %d, want 3, and chat unchanged", code)
	}
	for i := range users {
		as(i)
		page := filepath.Join(os.Getenv("HOME"), strconv.Itoa(i))
		d.ok(os.Mkdir(page, 0o777))
		d.ok(os.Chmod(page, 0o777))
		page = filepath.Join(page, "page.html")
		for _, args := range [][]string{
			{"plan"}, {"plan", "-json"}, {"plan", "-format=markdown"}, {"plan", "-explain=use_case=chat"}, {"plan", "-out=" + page + ".plan"},
			{"status"}, {"status", "-json"}, {"logs", "use_case=chat"}, {"logs", "-stderr", "use_case=reasoning"}, {"logs", "-raw", "use_case=summarization"}, {"logs", "use_case=generation"},
			{"results", "-all"}, {"results", "-all", "-format=markdown"}, {"results", "-all", "-format=csv"}, {"results", "-all", "-format=json"}, {"results", "-format=benchfmt"},
			{"results", "use_case=reasoning"}, {"results", "use_case=summarization"}, {"results", "use_case=generation"}, {"report", "-out=" + page}, {"validate", "-json"},
			{"results", "-history"}, {"results", "-history", "-format=json"}, {"compare", d.dir}, {"compare", "-format=json", d.dir}, {"prune", "-json"}, {"export", page + ".tar.zst"},
		} {
			note(append(args, d.dir)...)
		}
		for _, path := range []string{page, page + ".plan", page + ".tar.zst"} {
			text, err := os.ReadFile(path)
			d.ok(err)
			if strings.HasSuffix(path, "zst") {
				zip, err := zstd.NewReader(nil)
				d.ok(err)
				text, err = zip.DecodeAll(text, nil)
				d.ok(err)
			}
			said.Write(text)
		}
		for _, args := range [][]string{{"show", page + ".plan"}, {"show", "-json", page + ".plan"}} {
			said.WriteString(d.must("llmbench", args...))
		}
		if err := store(); err != nil {
			d.t.Errorf("user %d cannot read the whole store: %v", d.user.Uid, err)
		}
	}
	for line := range strings.Lines(said.String()) {
		if strings.Contains(line, secrets[0]) || strings.Contains(line, secrets[1]) {
			d.t.Errorf("printed: %s", line)
		}
	}
	if !strings.Contains(said.String(), "log_in (secret)") || !strings.Contains(said.String(), "longer than max_quiet") {
		d.t.Errorf("the runs did not do what they should:\n%s", said.String())
	}
}

// twoUsers are two users of this host, neither of them root, and the group that both
// are in.
func (d *drill) twoUsers() (users []*syscall.Credential, group string) {
	d.t.Helper()
	passwd, err := os.ReadFile("/etc/passwd")
	d.ok(err)
	of := map[string][]*syscall.Credential{}
	for line := range strings.Lines(string(passwd)) {
		f := strings.Split(line, ":")
		if len(f) < 4 || f[2] == "0" {
			continue
		}
		uid, err := strconv.Atoi(f[2])
		gid, err2 := strconv.Atoi(f[3])
		g, err3 := user.LookupGroupId(f[3])
		if err != nil || err2 != nil || err3 != nil {
			continue
		}
		if of[g.Name] = append(of[g.Name], &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}); len(of[g.Name]) == 2 {
			return of[g.Name], g.Name
		}
	}
	if os.Getenv("LLMBENCH_REQUIRE_SLURM") == "1" {
		d.t.Fatal("no two users of this host have one group, as Debian's sync and nobody do")
	}
	d.t.Skip("no two users of this host have one group, as Debian's sync and nobody do")
	return nil, ""
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
