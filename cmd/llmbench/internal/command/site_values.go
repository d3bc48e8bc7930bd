package command

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/executors/slurm"
)

// siteValues are what differs from site to site; "" is not known.
type siteValues struct {
	Account, Partition, PreparePartition, InstallDir string
}

// or fills in what is not known.
func (v siteValues) or(otherwise siteValues) siteValues {
	fill := func(to *string, from string) {
		if *to == "" {
			*to = from
		}
	}
	fill(&v.Account, otherwise.Account)
	fill(&v.Partition, otherwise.Partition)
	fill(&v.PreparePartition, otherwise.PreparePartition)
	fill(&v.InstallDir, otherwise.InstallDir)
	return v
}

// siteValues are what the flags give, else what an llmb installation says; on a
// terminal the user is asked for the rest, with what Slurm says to choose from.
// notes say what the installation gave.
func (e *env) siteValues(ctx context.Context, given siteValues) (values siteValues, notes []string, err error) {
	in, err := e.installation()
	if err != nil {
		return siteValues{}, nil, err
	}
	if !e.streams.Interactive {
		return given.or(in.siteValues), in.notes, nil
	}
	account, partition := slurm.Offered(ctx)
	found := in.or(siteValues{Account: account, Partition: partition})
	ask := func(have *string, question, otherwise string) {
		if *have == "" {
			*have = e.streams.Ask(question, otherwise)
		}
	}
	ask(&given.Account, "Slurm account to charge", found.Account)
	ask(&given.Partition, "Slurm partition with the GPUs", found.Partition)
	ask(&given.InstallDir, "Folder with weights and images, on a file system that all nodes share", found.InstallDir)
	return given.or(siteValues{PreparePartition: found.PreparePartition}), in.notes, nil
}

// into writes the values into a recipe's files: into the file that is not shared, and
// a partition for downloads into the executor.
func (v siteValues) into(files map[string][]byte) error {
	files["site.auto.vars"] = []byte(v.vars())
	for name, src := range files {
		if filepath.Ext(name) != ".hcl" {
			continue
		}
		f, diags := hclwrite.ParseConfig(src, name, hcl.InitialPos)
		if diags.HasErrors() {
			return diags
		}
		for _, b := range f.Body().Blocks() {
			if b.Type() == "executor" && len(b.Labels()) > 0 && b.Labels()[0] == slurm.Type {
				v.intoExecutor(b.Body())
			}
		}
		files[name] = hclwrite.Format(f.Bytes())
	}
	return nil
}

func (v siteValues) intoExecutor(body *hclwrite.Body) {
	if v.PreparePartition != "" {
		body.AppendNewline()
		body.AppendNewBlock("prepare", nil).Body().SetAttributeValue("partition", cty.StringVal(v.PreparePartition))
	}
}

// vars is the file of the values that are not shared; what is not known stands
// in a comment.
func (v siteValues) vars() string {
	line := func(name, value, example, variable string) string {
		if value == "" {
			return fmt.Sprintf("# %-11s = %-18q # or %s\n", name, example, variable)
		}
		f := hclwrite.NewEmptyFile()
		f.Body().SetAttributeValue(name, cty.StringVal(value))
		return string(f.Bytes())
	}
	text := "# What differs from site to site. This file is in .gitignore: definitions are\n" +
		"# shared, accounts and paths are yours. Environment variables work as well.\n\n" +
		line("account", v.Account, "my-account", "SBATCH_ACCOUNT") +
		line("partition", v.Partition, "batch", "SBATCH_PARTITION") +
		line("executor", "", "simulate", "LLMBENCH_EXECUTOR") +
		line("install_dir", v.InstallDir, "/lustre/llmb", "LLMB_INSTALL")
	return string(hclwrite.Format([]byte(text)))
}
