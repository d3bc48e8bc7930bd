package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/llmbench/llmbench/"

// mayImport lists, for each package, the packages of this module that it may
// import. What is not listed may import nothing of ours.
var mayImport = map[string][]string{
	"schema/regular":            {},
	"schema/catalog":            {},
	"schema":                    {"schema/catalog", "schema/regular"},
	"plan/failure":              {},
	"plan/trtllm":               {"schema/catalog", "plan/failure", "schema/regular"},
	"plan/estimate":             {},
	"plan/noise":                {},
	"plan/search":               {"plan/noise"},
	"plan/estimate/calibrate":   {"plan", "plan/estimate", "schema/catalog"},
	"executors/jobdir":          {"schema/regular"},
	"plan":                      {"executors/jobdir", "plan/noise", "plan/search", "schema", "schema/catalog", "plan/trtllm", "plan/estimate", "plan/failure"},
	"plan/document":             {"plan", "plan/failure", "plan/trtllm"},
	"executors/results":         {"executors/jobdir", "plan", "plan/document", "plan/noise", "plan/trtllm", "schema/catalog", "plan/failure"},
	"executors/store":           {"executors/jobdir", "executors/results", "plan", "plan/document", "plan/noise", "plan/trtllm", "plan/failure", "schema/regular"},
	"executors":                 {"executors/jobdir", "executors/store", "executors/results", "plan", "plan/trtllm", "plan/failure"},
	"executors/prepare":         {"executors", "executors/store", "schema/catalog", "schema/regular"},
	"executors/simulate":        {"executors/jobdir", "executors", "plan", "plan/trtllm", "plan/estimate", "plan/failure", "schema", "schema/catalog", "schema/regular"},
	"executors/slurm":           {"executors/jobdir", "executors", "executors/store", "executors/results", "plan", "plan/trtllm", "schema", "plan/failure", "schema/regular"},
	"executors/executortest":    {"executors/jobdir", "executors", "executors/store", "plan"},
	"executors/slurm/slurmtest": {},
	"examples":                  {},
}

// onlyIn says where packages of others may be imported.
var onlyIn = map[string][]string{
	"os/exec":                           {"executors"},
	"github.com/olekukonko/tablewriter": {"cmd/llmbench/internal/view"},
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func TestImportsGoOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(p.ImportPath, module)
		for _, imp := range p.Imports {
			checkOurs(t, name, imp)
			checkOthers(t, name, imp)
		}
	}
}

func checkOurs(t *testing.T, name, imp string) {
	ours, ok := strings.CutPrefix(imp, module)
	if !ok || strings.HasPrefix(name, "cmd/") || strings.HasPrefix(name, "executors/slurm/slurmtest/") {
		return
	}
	for _, allowed := range mayImport[name] {
		if ours == allowed {
			return
		}
	}
	t.Errorf("%s must not import %s", name, ours)
}

func checkOthers(t *testing.T, name, imp string) {
	for other, folders := range onlyIn {
		if imp != other && !strings.HasPrefix(imp, other+"/") {
			continue
		}
		allowed := false
		for _, folder := range folders {
			allowed = allowed || name == folder || strings.HasPrefix(name, folder+"/")
		}
		if !allowed {
			t.Errorf("%s must not import %s", name, imp)
		}
	}
}
