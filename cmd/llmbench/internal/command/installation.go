package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	ctyyaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
)

// installationFile is what the recipes' own installer leaves, in its folder.
const installationFile = "cluster_config.yaml"

// installation is what an existing llmb installation says: that of LLMB_INSTALL,
// or of the working directory. There may be none.
func (e *env) installation() (siteValues, error) {
	var v siteValues
	for _, pair := range e.environ {
		if dir, ok := strings.CutPrefix(pair, "LLMB_INSTALL="); ok {
			v.InstallDir = dir
		}
	}
	path := filepath.Join(v.InstallDir, installationFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	doc, err := readYAML(b)
	if err != nil {
		return v, fmt.Errorf("%s: %w", path, err)
	}
	return v.or(siteValues{
		Account:          first(doc, "slurm.gpu.account", "slurm.common.account", "launcher.account"),
		Partition:        first(doc, "slurm.gpu.partition", "slurm.common.partition", "launcher.gpu_partition"),
		PreparePartition: first(doc, "slurm.cpu.partition", "launcher.cpu_partition"),
		InstallDir:       first(doc, "llmb_install", "launcher.llmb_install"),
	}), nil
}

func readYAML(b []byte) (cty.Value, error) {
	ty, err := ctyyaml.ImpliedType(b)
	if err != nil {
		return cty.NilVal, err
	}
	return ctyyaml.Unmarshal(b, ty)
}

// first is the first of several dotted names that a document has as a text.
func first(doc cty.Value, names ...string) string {
	for _, name := range names {
		at := doc
		for part := range strings.SplitSeq(name, ".") {
			if at.IsNull() || !at.Type().IsObjectType() || !at.Type().HasAttribute(part) {
				at = cty.NullVal(cty.String)
				break
			}
			at = at.GetAttr(part)
		}
		if !at.IsNull() && at.Type() == cty.String {
			return at.AsString()
		}
	}
	return ""
}
