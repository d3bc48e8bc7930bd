package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors/slurm"
	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

func catalogCommand(e *env) *cli.Command {
	list := &cli.Command{
		Name: "list", Usage: "list the known versions, models, GPUs and cells, and where each is declared", ArgsUsage: "[DIR]",
		Flags:       append(definitionFlagSet(), &cli.BoolFlag{Name: "json", Usage: "print JSON"}),
		Description: description([]string{"llmbench catalog list examples/declared-cells"}, "0  it was printed", "1  error"),
		Action: inDir(func(_ context.Context, c *cli.Command, f definitionFlags) error {
			return e.runCatalogList(f, c.Bool("json"))
		}),
	}
	probe := &cli.Command{
		Name: "probe", Usage: "ask an image for its flags and options, and write them to a *.catalog.hcl file", ArgsUsage: "IMAGE [DIR]",
		Flags: append(definitionFlagSet(), &cli.StringFlag{Name: "executor", Usage: "ask on executor `TYPE[.NAME]`"}),
		Description: description([]string{"llmbench catalog probe nvcr.io/nvidia/tensorrt-llm/release:1.2.0rc6 my-benchmark"},
			"0  the file was written, or the version is catalogued already", "1  error") +
			"\n\nA job without a GPU runs trtllm-bench --help in the image and reads the schema of its LLM arguments. The answer becomes a *.catalog.hcl file: review it like the definitions. It also says whether runs can share an engine of the image (engine = \"shared\").",
		Action: func(ctx context.Context, c *cli.Command) error {
			if c.NArg() < 1 || c.NArg() > 2 {
				return errors.New("llmbench catalog probe takes an image, and the directory of the definitions")
			}
			return e.runCatalogProbe(ctx, definitionsIn(c.Args().Get(1), c), c.Args().First())
		},
	}
	return &cli.Command{
		Name: "catalog", Usage: "list the known versions, models, GPUs and cells, or probe an image",
		ArgsUsage: "list|probe", Description: "COMMANDS\n  list   " + list.Usage + "\n  probe  " + probe.Usage + "\n\n" +
			description([]string{"llmbench catalog list examples/declared-cells"}, "0  done", "1  error"),
		Commands: []*cli.Command{list, probe},
		Action: func(_ context.Context, c *cli.Command) error {
			if name := c.Args().First(); name != "" {
				return fmt.Errorf("llmbench catalog has no command %q; it has list and probe", name)
			}
			return errors.New("llmbench catalog takes a command: list or probe")
		},
	}
}

func (e *env) runCatalogList(f definitionFlags, asJSON bool) error {
	cat := catalog.Load()
	if _, err := os.Stat(f.Dir); err != nil {
		return err
	}
	if found, _ := filepath.Glob(filepath.Join(f.Dir, "*.hcl")); len(found) > 0 {
		s := e.load(f)
		if err := s.complainOfErrors(s.diags); err != nil {
			return err
		}
		cat = s.defs.Catalog
	}
	if asJSON {
		return view.CatalogJSON(e.streams.Out, cat)
	}
	return view.Catalog(e.streams.Out, cat)
}

func (e *env) runCatalogProbe(ctx context.Context, f definitionFlags, image string) error {
	if !strings.Contains(image, "/") || catalog.Tag(image) == "" {
		return fmt.Errorf("%q is not an image with a registry and a tag, such as nvcr.io/nvidia/tensorrt-llm/release:1.2.0", image)
	}
	s := e.load(f)
	// The definitions may be wrong for want of what is to be asked for.
	exec, diags := s.defs.ChooseExecutor(&schema.Cell{}, s.executor)
	if diags.HasErrors() {
		return s.complain(append(s.diags, diags...))
	}
	st := s.configure(exec)
	if st.diags.HasErrors() {
		return s.complain(st.diags)
	}
	if st.Scheduler == nil {
		return errors.New("probing an image takes a Slurm job, and the chosen executor is not a slurm executor; choose one with -executor=slurm")
	}
	path := filepath.Join(s.store.Dir(), "probe", strings.NewReplacer("/", "+", ":", "+").Replace(image))
	out, err := st.Scheduler.Ask(ctx, image, catalog.ProbeScript+"echo '== engine'\n"+slurm.ProbeEngine(), path, func(format string, args ...any) {
		fmt.Fprintf(e.streams.Err, format+"\n", args...)
	})
	if err != nil {
		return err
	}
	p, err := catalog.ReadProbe(out)
	if err != nil {
		return err
	}
	_, shared := slurm.Shareable(p.Engine)
	shared = "\nengine: " + shared
	if v, known := s.defs.Catalog.Version(p.Version); known {
		return view.Nothing(e.streams.Out, fmt.Sprintf("TensorRT-LLM %s is catalogued already, by %s; nothing was written.", p.Version, cmp.Or(v.From, "llmbench"))+shared)
	}
	file := filepath.Join(f.Dir, "trtllm-"+p.Version+catalog.Suffix)
	if err := renameio.WriteFile(file, p.Facts(catalog.Load(), image), 0o644); err != nil {
		return err
	}
	return view.Nothing(e.streams.Out, fmt.Sprintf("%s holds what %s says of itself. Review and commit it; what uses it is %s.", file, image, catalog.Mark)+shared)
}
