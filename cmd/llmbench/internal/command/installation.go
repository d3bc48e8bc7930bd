package command

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/llmbench/llmbench/schema/regular"
)

// installationFile is what the recipes' own installer leaves, in its folder.
const installationFile = "cluster_config.yaml"

// An installation is what an existing llmb installation says: that of
// LLMB_INSTALL, or of the working directory. There may be none.
type installation struct {
	siteValues
	// notes say what was read, and where it stands.
	notes []string
}

func (e *env) installation() (installation, error) {
	var in installation
	for _, pair := range e.environ {
		if dir, ok := strings.CutPrefix(pair, "LLMB_INSTALL="); ok {
			in.InstallDir = dir
		}
	}
	path := filepath.Join(in.InstallDir, installationFile)
	text, err := regular.Read(path, regular.MaxText)
	if errors.Is(err, fs.ErrNotExist) {
		return in, nil
	}
	if err != nil {
		return in, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return in, fmt.Errorf("%s: %w", path, err)
	}
	in.notes = append(in.notes, fmt.Sprintf("Read %s:", path))
	if in.InstallDir != "" {
		in.note("install_dir = %q (LLMB_INSTALL)", in.InstallDir)
	} else {
		in.InstallDir = in.first(&doc, "install_dir", "llmb_install", "launcher.llmb_install")
	}
	in.siteValues = in.or(siteValues{
		Account:          in.first(&doc, "account", "slurm.gpu.account", "slurm.common.account", "slurm.account", "launcher.account"),
		Partition:        in.first(&doc, "partition", "slurm.gpu.partition", "slurm.common.partition", "slurm.gpu_partition", "launcher.gpu_partition"),
		PreparePartition: in.first(&doc, "prepare partition", "slurm.cpu.partition", "slurm.cpu_partition", "launcher.cpu_partition"),
	})
	return in, nil
}

// first is the first of several dotted names that has a value, as it is written:
// an account may look like a number. It notes the place, or that there is none.
func (in *installation) first(doc *yaml.Node, what string, names ...string) string {
	for _, name := range names {
		at := doc
		for key := range strings.SplitSeq(name, ".") {
			at = child(at, key)
		}
		switch {
		case at == nil || at.ShortTag() == "!!null" || at.Kind == yaml.ScalarNode && at.Value == "":
		case at.Kind != yaml.ScalarNode || !strings.HasPrefix(at.ShortTag(), "!!"):
			in.note("%s is not a plain value (line %d); left out", name, at.Line)
		default:
			in.note("%s = %q (%s, line %d)", what, at.Value, name, at.Line)
			return at.Value
		}
	}
	in.note("no %s there", what)
	return ""
}

func (in *installation) note(format string, args ...any) {
	in.notes = append(in.notes, "  "+fmt.Sprintf(format, args...))
}

// child is the value of a key, nil where there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	if n != nil && n.Kind == yaml.DocumentNode {
		n = n.Content[0]
	}
	if n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != key {
			continue
		}
		if v := n.Content[i+1]; v.Kind != yaml.AliasNode {
			return v
		}
		return n.Content[i+1].Alias
	}
	return nil
}
