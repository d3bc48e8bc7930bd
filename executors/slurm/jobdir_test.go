package slurm

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/llmbench/llmbench/executors/jobdir"
)

// jobScripts are the templates of what runs in a job's folder.
var jobScripts = map[string]*string{"common.sh": &commonPart, "job.sh": &jobTemplate, "manual.sh": &manualTemplate}

// known matches the names of a job's folder.
var known = regexp.MustCompile(`^(` + strings.Join([]string{
	jobdir.IntentFile, jobdir.RunFile, jobdir.IdentityFile, jobdir.PlannedJobFile, jobdir.MembersFile, jobdir.ScriptFile, jobdir.VarsFile, jobdir.SecretsFile,
	jobdir.JobFile, jobdir.EndedFile, jobdir.CancelledFile, jobdir.ClaimFile, "claim.d", jobdir.StartFile, jobdir.ObservedFile, jobdir.StdoutFile,
	jobdir.StderrFile, jobdir.JobOutFile, jobdir.BenchFile, jobdir.BenchExitFile, jobdir.ReportFile, jobdir.RequestsFile, jobdir.RequestsCSV,
	jobdir.ExitFile, jobdir.MemberFile, jobdir.EngineFile, jobdir.DatasetFile,
}, "|") + `|(` + strings.Join([]string{jobdir.ClaimPrefix, jobdir.RefusedPrefix, jobdir.JudgedPrefix, jobdir.StdoutFile + ".", jobdir.StderrFile + "."}, "|") + `).*)$`)

// Every file that a script names in its folder is one that jobdir knows, or one in
// the making.
func TestScriptsNameWhatJobdirKnows(t *testing.T) {
	named := regexp.MustCompile(`(?:\bput|\[ -[ersf]|\bassign|\bbash|>>? ?|3<|\bln "claim\.\$job"|-ef) ?"?([a-zA-Z_][\w.$%]*)`)
	for script, text := range jobScripts {
		seen := 0
		for line := range strings.Lines(*text) {
			if strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
			for _, m := range named.FindAllStringSubmatch(line, -1) {
				seen++
				if name := strings.TrimRight(m[1], "."); !known.MatchString(name) {
					t.Errorf("%s: %q is no file of a job's folder: %s", script, name, strings.TrimSpace(line))
				}
			}
		}
		if seen < 2 {
			t.Errorf("%s names %d files: the test does not see them", script, seen)
		}
	}
}

// records are the records of a job's folder by the name of their file.
var records = map[string]any{
	jobdir.ClaimFile: jobdir.Claim{}, jobdir.StartFile: jobdir.Start{}, jobdir.ExitFile: jobdir.ExitRecord{},
	"refused": jobdir.Refusal{}, jobdir.JobFile: jobdir.JobRecord{}, jobdir.IntentFile: jobdir.Intent{},
}

// Every record that a script writes has the keys of jobdir's record, and is read.
func TestScriptsWriteJobdirsRecords(t *testing.T) {
	format := regexp.MustCompile(`printf '(\{"[^']*\})\\n'(?s:.*?)(?:\| put|>)"? ?"?([a-z]+(?:\.json)?)`)
	times := regexp.MustCompile(`"(time|submitted|created|started|ended)":"%s"`)
	written := map[string]bool{}
	for script, text := range jobScripts {
		for _, m := range format.FindAllStringSubmatch(*text, -1) {
			line, name := m[1], m[2]
			record, ok := records[name]
			if !ok {
				continue // a part of a record
			}
			written[name] = true
			line = times.ReplaceAllString(line, `"$1":"2026-03-04T06:00:00Z"`)
			line = strings.NewReplacer(`"report":%s`, `"report":{"bytes":1,"sha256":"1"}`, `"stdout":%s`, `"stdout":null`, "%s", "1").Replace(line)
			if into := reflect.New(reflect.TypeOf(record)); !jobdir.Decode([]byte(line+"\n"), into.Interface()) {
				t.Errorf("%s: %s is not read: %s", script, name, line)
			}
			var keys map[string]any
			if err := json.Unmarshal([]byte(line), &keys); err != nil {
				t.Fatalf("%s: %s: %v", script, line, err)
			}
			for key := range keys {
				if key != "end" && !hasKey(reflect.TypeOf(record), key) {
					t.Errorf("%s: %s has the key %q, which jobdir does not know", script, name, key)
				}
			}
		}
	}
	for name := range records {
		if !written[name] {
			t.Errorf("no script writes %s: the test does not see it", name)
		}
	}
}

// hasKey reports whether a record has a field with that JSON name.
func hasKey(record reflect.Type, key string) bool {
	for i := range record.NumField() {
		name, _, _ := strings.Cut(record.Field(i).Tag.Get("json"), ",")
		if name == key {
			return true
		}
	}
	return false
}
