package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v3"
)

// An actionFile is what of action.yml a runner executes. The form is that of "Metadata
// syntax for GitHub Actions" for composite actions.
type actionFile struct {
	Inputs map[string]struct{ Default string }
	Runs   struct {
		Using string
		Steps []struct {
			Name, ID, If, Uses, Shell, Run string
			With, Env                      map[string]string
		}
	}
}

var (
	actionExpr  = regexp.MustCompile(`\$\{\{ *([a-z_.]+) *\}\}`)
	actionTerm  = regexp.MustCompile(`^([a-z_.]+) (==|!=) '([^']*)'$`)
	actionEvent = map[string]string{"github.event_name": "pull_request", "github.repository": "team/benchmarks", "github.event.pull_request.number": "7", "github.token": "token", "github.base_ref": ""}
)

// action runs the steps of action.yml as a runner does: action NAME=VALUE… sets inputs,
// or "github." names. A line per step says ok, skipped or failed; a failed one ends it
// and fails the command.
func action(ts *testscript.TestScript, neg bool, args []string) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	ts.Check(err)
	text, err := os.ReadFile(filepath.Join(root, "action.yml"))
	ts.Check(err)
	var a actionFile
	ts.Check(yaml.Unmarshal(text, &a))
	if a.Runs.Using != "composite" {
		ts.Fatalf("action.yml is no composite action")
	}
	values := map[string]string{"github.action_path": root}
	expand := func(s string) string {
		return actionExpr.ReplaceAllStringFunc(s, func(e string) string {
			name := actionExpr.FindStringSubmatch(e)[1]
			v, ok := values[name]
			if !ok {
				ts.Fatalf("action.yml: %s is not known", name)
			}
			return v
		})
	}
	for name, v := range actionEvent {
		values[name] = v
	}
	for _, arg := range args {
		if name, v, _ := strings.Cut(arg, "="); strings.HasPrefix(name, "github.") {
			values[name] = v
		}
	}
	for name, in := range a.Inputs {
		values["inputs."+name] = expand(in.Default)
	}
	values["inputs.llmbench"], err = exec.LookPath("llmbench")
	ts.Check(err)
	for _, arg := range args {
		name, v, _ := strings.Cut(arg, "=")
		if _, ok := a.Inputs[name]; ok {
			values["inputs."+name] = v
		} else if !strings.HasPrefix(name, "github.") {
			ts.Fatalf("action.yml has no input %q", name)
		}
	}
	temp := ts.MkAbs(".runner")
	ts.Check(os.MkdirAll(temp, 0o755))
	file := func(name string) string { return filepath.Join(temp, name) }
	for _, name := range []string{"path", "output"} {
		ts.Check(os.WriteFile(file(name), nil, 0o666))
	}
	lines := func(name string) []string {
		b, err := os.ReadFile(file(name))
		ts.Check(err)
		return strings.Fields(string(b))
	}
	var log bytes.Buffer
	failed := false
	for _, s := range a.Runs.Steps {
		wanted := true
		for term := range strings.SplitSeq(s.If, " && ") {
			if m := actionTerm.FindStringSubmatch(term); m != nil {
				v, ok := values[m[1]]
				if !ok {
					ts.Fatalf("action.yml: %s is not known", m[1])
				}
				wanted = wanted && (v == m[3]) == (m[2] == "==")
			} else if term != "" {
				ts.Fatalf("action.yml: condition %q", term)
			}
		}
		switch {
		case !wanted:
			fmt.Fprintf(&log, "skipped %s\n", s.Name)
			continue
		case s.Uses == "actions/setup-go@v5":
		case s.Uses == "actions/upload-artifact@v4":
			_, err := os.Stat(expand(s.With["path"]))
			ts.Check(err)
		case s.Uses != "" || s.Shell != "bash":
			ts.Fatalf("action.yml: step %q", s.Name)
		default:
			env := []string{
				"RUNNER_TEMP=" + temp, "GITHUB_PATH=" + file("path"), "GITHUB_OUTPUT=" + file("output"),
				"GITHUB_STEP_SUMMARY=" + ts.MkAbs("summary.md"), "PATH=" + strings.Join(append(lines("path"), ts.Getenv("PATH")), ":"),
			}
			for name, v := range s.Env {
				env = append(env, name+"="+expand(v))
			}
			script := file("step.sh")
			ts.Check(os.WriteFile(script, []byte(s.Run), 0o666))
			err := ts.Exec("env", append(env, "bash", "--noprofile", "--norc", "-eo", "pipefail", script)...)
			log.WriteString(ts.ReadFile("stdout") + ts.ReadFile("stderr"))
			if err != nil {
				fmt.Fprintf(&log, "failed %s: %v\n", s.Name, err)
				failed = true
			}
			for _, line := range lines("output") {
				name, v, _ := strings.Cut(line, "=")
				values["steps."+s.ID+".outputs."+name] = v
			}
		}
		if failed {
			break
		}
		fmt.Fprintf(&log, "ok %s\n", s.Name)
	}
	ts.Check(os.WriteFile(ts.MkAbs("action.log"), log.Bytes(), 0o666))
	if failed != neg {
		ts.Fatalf("failed: %v\n%s", failed, log.String())
	}
}
