package slurm

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/time/rate"

	"github.com/llmbench/llmbench/schema"
)

// Type is the type of executor blocks for this package.
const Type = "slurm"

// Config is a slurm executor block with its defaults filled in, and what is known of its
// cluster. A string that was not given is "". It implements plan.JobRenderer and
// executors.Scheduler.
type Config struct {
	Account, Partition, QOS, Reservation, Cluster, NodeList, Exclude string
	PollInterval, MaxPending, MaxStarting, MaxQuiet                  time.Duration
	// Startup is how long a job runs before it measures, 0 where it is left to
	// what was measured or to a guess.
	Startup                          time.Duration
	MaxInQueue, Retries, CPUsPerTask int
	// CommandsPerMinute bounds how many of Slurm's commands are run on average,
	// after a burst of ten or more; paced says that the block sets it.
	CommandsPerMinute                                                    int
	paced                                                                bool
	Canary, Exclusive, Segment, GPUsPerNodeFlag, InAllocation, Telemetry bool
	MPI                                                                  string
	Launcher, Prolog, ExtraArgs                                          []string
	ExperimentsDir                                                       string
	Container                                                            *Container
	// Pack is nil where every sample gets a job of its own.
	Pack *Pack
	// partitionTime is the partition's longest time limit, 0 where it is not known.
	partitionTime time.Duration
	// Prepare is nil where the login host brings what runs read.
	Prepare *Prepare
	// segment is the argument, nil where it is not written: Segment then follows
	// from the cluster.
	segment         *bool
	segmentLocation hcl.Range
	// runner runs Slurm's commands; nil runs those of this host.
	runner runner
	// profile is what is known of the cluster.
	profile *Profile
}

// client talks to the cluster of the executor's block.
func (c *Config) client(bucket *rate.Limiter) *client {
	run := c.runner
	if run == nil {
		run = call
	}
	return &client{c.Cluster, run, bucket}
}

// A Pack bounds the jobs that run several samples. MaxTime bounds their time limit, as the
// partition does.
type Pack struct {
	MaxRuns int
	MaxTime time.Duration
}

var defaultPack = Pack{MaxRuns: 8, MaxTime: 4 * time.Hour}

// inAllocation is why there are no jobs of several runs.
const inAllocation = "in_allocation = true runs one after another in the allocation of the shell already"

// Prepare is where jobs bring what runs read; such a job asks for no GPU.
type Prepare struct {
	Partition string
	TimeLimit time.Duration
}

// A Container is how the benchmark's step is started in the image. Mounts are FROM:TO.
type Container struct {
	Runtime, ImageDir   string
	Mounts              []string
	Writable, MountHome bool
}

// Spec is what a slurm executor block may hold.
func Spec() hcldec.Spec {
	list := cty.List(cty.String)
	spec := attributes(map[string]cty.Type{
		"account": cty.String, "partition": cty.String, "qos": cty.String, "reservation": cty.String, "cluster": cty.String,
		"nodelist": cty.String, "exclude": cty.String, "poll_interval": cty.String, "max_pending": cty.String, "max_starting": cty.String, "max_quiet": cty.String, "startup": cty.String,
		"max_in_queue": cty.Number, "commands_per_minute": cty.Number, "retries": cty.Number, "cpus_per_task": cty.Number,
		"canary": cty.Bool, "in_allocation": cty.Bool, "telemetry": cty.Bool, "exclusive": cty.Bool, "segment": cty.Bool, "gpus_per_node_flag": cty.Bool,
		"mpi": cty.String, "launcher": list, "prolog": list, "extra_args": list, "experiments_dir": cty.String,
	})
	for name, nested := range map[string]map[string]cty.Type{
		"container": {"runtime": cty.String, "image_dir": cty.String, "mounts": list, "writable": cty.Bool, "mount_home": cty.Bool},
		"pack":      {"max_runs": cty.Number, "max_time": cty.String, "side_by_side": cty.DynamicPseudoType},
		"prepare":   {"partition": cty.String, "time_limit": cty.String},
	} {
		spec[name] = &hcldec.BlockSpec{TypeName: name, Nested: attributes(nested)}
	}
	return spec
}

func attributes(types map[string]cty.Type) hcldec.ObjectSpec {
	spec := hcldec.ObjectSpec{}
	for name, ty := range types {
		spec[name] = &hcldec.AttrSpec{Name: name, Type: ty}
	}
	return spec
}

// Configure takes what Spec decoded, fills defaults in and checks the values. place
// says where an argument of the block stands, by its name after those of the blocks
// around it.
func Configure(v cty.Value, location func(path ...string) hcl.Range) (*Config, hcl.Diagnostics) {
	r := &reader{v: v, location: location, diags: &hcl.Diagnostics{}}
	c := &Config{
		profile: &Profile{},
		Account: r.word("account"), Partition: r.word("partition"), QOS: r.word("qos"), Reservation: r.word("reservation"),
		Cluster: r.word("cluster"), NodeList: r.word("nodelist"), Exclude: r.word("exclude"),
		PollInterval: r.duration("poll_interval", time.Minute), MaxPending: r.duration("max_pending", 0),
		MaxStarting: r.duration("max_starting", 30*time.Minute), MaxQuiet: r.duration("max_quiet", 0),
		Startup:    r.duration("startup", 0),
		MaxInQueue: r.whole("max_in_queue", 8), Retries: r.whole("retries", 2), CPUsPerTask: r.whole("cpus_per_task", 0),
		Canary: r.flag("canary", true), Exclusive: r.flag("exclusive", true),
		GPUsPerNodeFlag: r.flag("gpus_per_node_flag", true), InAllocation: r.flag("in_allocation", false),
		Telemetry: r.flag("telemetry", true),
		MPI:       cmp.Or(r.word("mpi"), "pmix"),
		Launcher:  r.list("launcher"), Prolog: r.list("prolog"), ExtraArgs: r.list("extra_args"),
		ExperimentsDir: r.text("experiments_dir"),
	}
	if v, ok := r.get("segment"); ok {
		on := v.True()
		c.segment, c.Segment, c.segmentLocation = &on, on, r.location("segment")
	}
	if strings.Contains(c.Cluster, ",") || c.Cluster == "all" {
		r.wrong("cluster", "Several clusters", fmt.Sprintf("cluster = %q: a job runs on one cluster, and results of several do not compare. Name one, and declare an executor for each.", c.Cluster))
	}
	if len(c.Launcher) == 0 {
		c.Launcher = []string{"trtllm-llmapi-launch", "trtllm-bench"}
	}
	if c.PollInterval < time.Second {
		r.wrong("poll_interval", "Poll interval is too short", "poll_interval must be at least \"1s\": every poll is a request to Slurm's controller.")
	}
	_, c.paced = r.get("commands_per_minute")
	if c.CommandsPerMinute = r.whole("commands_per_minute", int(max(12, 3*time.Minute/max(time.Second, c.PollInterval)))); c.CommandsPerMinute < 1 {
		r.wrong("commands_per_minute", "No command is allowed", "commands_per_minute must be at least 1.")
	}
	if c.MaxInQueue < 1 {
		r.wrong("max_in_queue", "Queue window is empty", "max_in_queue must be at least 1.")
	}
	c.Container = r.container()
	if c.Pack = r.pack(); c.Pack != nil && c.InAllocation {
		r.wrong("pack", "Packing inside an allocation", inAllocation+": leave the pack block out.")
	}
	c.Prepare = r.prepare()
	r.extraArgs(c.ExtraArgs)
	return c, *r.diags
}

// A reader takes the arguments of a decoded block.
type reader struct {
	v        cty.Value
	location func(path ...string) hcl.Range
	diags    *hcl.Diagnostics
}

func (r *reader) wrong(name, summary, detail string) {
	location := r.location(name)
	*r.diags = append(*r.diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &location})
}

// block is a reader of a block in this one, nil where there is none.
func (r *reader) block(name string) *reader {
	v, ok := r.get(name)
	if !ok {
		return nil
	}
	return &reader{v, func(path ...string) hcl.Range { return r.location(append([]string{name}, path...)...) }, r.diags}
}

func (r *reader) get(name string) (cty.Value, bool) {
	if r.v.IsNull() || !r.v.Type().HasAttribute(name) {
		return cty.NilVal, false
	}
	v := r.v.GetAttr(name)
	return v, !v.IsNull()
}

func (r *reader) text(name string) string {
	v, ok := r.get(name)
	if !ok {
		return ""
	}
	s := v.AsString()
	if strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		r.wrong(name, "Control character in an argument", fmt.Sprintf("%s holds a control character, which no Slurm option can.", name))
		return ""
	}
	return s
}

// word is a string without white space.
func (r *reader) word(name string) string {
	s := r.text(name)
	if strings.ContainsAny(s, " \t") {
		r.wrong(name, "Space in an argument", fmt.Sprintf("%s = %q holds a space; Slurm's names have none.", name, s))
		return ""
	}
	return s
}

func (r *reader) whole(name string, otherwise int) int {
	v, ok := r.get(name)
	if !ok {
		return otherwise
	}
	f, _ := v.AsBigFloat().Float64()
	if f != float64(int(f)) || f < 0 {
		r.wrong(name, "Not a whole number", fmt.Sprintf("%s must be a whole number from 0.", name))
		return otherwise
	}
	return int(f)
}

func (r *reader) flag(name string, otherwise bool) bool {
	if v, ok := r.get(name); ok {
		return v.True()
	}
	return otherwise
}

func (r *reader) list(name string) []string {
	v, ok := r.get(name)
	if !ok {
		return nil
	}
	var out []string
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		if e.IsNull() || strings.ContainsFunc(e.AsString(), func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
			r.wrong(name, "Control character in an argument", fmt.Sprintf("An element of %s is null or holds a control character.", name))
			return nil
		}
		out = append(out, e.AsString())
	}
	return out
}

func (r *reader) duration(name string, otherwise time.Duration) time.Duration {
	v, ok := r.get(name)
	if !ok {
		return otherwise
	}
	d, wrong := schema.ParseDuration(v)
	if wrong != "" {
		r.wrong(name, "Not a duration", fmt.Sprintf("%s: %s", name, wrong))
		return otherwise
	}
	return d
}

// prepareLimit is the time limit of a job that brings something, where none is
// given: 376 GiB come in less at 30 MB/s.
const prepareLimit = 4 * time.Hour

func (r *reader) prepare() *Prepare {
	if r = r.block("prepare"); r == nil {
		return nil
	}
	p := &Prepare{Partition: r.word("partition"), TimeLimit: r.duration("time_limit", prepareLimit)}
	if p.TimeLimit < time.Minute {
		r.wrong("time_limit", "Time limit is too short", "time_limit in prepare must be at least \"1m\".")
	}
	return p
}

func (r *reader) pack() *Pack {
	if r = r.block("pack"); r == nil {
		return nil
	}
	p := &Pack{MaxRuns: r.whole("max_runs", defaultPack.MaxRuns), MaxTime: r.duration("max_time", defaultPack.MaxTime)}
	if p.MaxRuns < 1 {
		r.wrong("max_runs", "Pack holds no run", "max_runs must be at least 1.")
	}
	if _, ok := r.get("side_by_side"); ok {
		r.wrong("side_by_side", "side_by_side was removed", "A job measures one run at a time. Delete side_by_side: the runs of a pack follow each other, and several jobs run at the same time, up to max_in_queue.")
	}
	return p
}

func (r *reader) container() *Container {
	if r = r.block("container"); r == nil {
		return nil
	}
	c := &Container{
		Runtime: cmp.Or(r.word("runtime"), "pyxis"), ImageDir: r.text("image_dir"), Mounts: r.list("mounts"),
		Writable: r.flag("writable", true), MountHome: r.flag("mount_home", false),
	}
	if c.Runtime != "pyxis" {
		r.wrong("runtime", "Unknown container runtime", fmt.Sprintf("runtime = %q: the container runtime is \"pyxis\". Leave the container block out to run on the node itself.", c.Runtime))
	}
	if !strings.HasPrefix(c.ImageDir, "/") {
		r.wrong("image_dir", "Image directory is not absolute", fmt.Sprintf("image_dir = %q: the directory of the image files must be an absolute path that all nodes see.", c.ImageDir))
	}
	r.mountable("image_dir", c.ImageDir)
	r.mountable("mounts", c.Mounts...)
	for i, m := range c.Mounts {
		if !strings.Contains(m, ":") {
			c.Mounts[i] = m + ":" + m
		}
	}
	return c
}

func (r *reader) mountable(name string, paths ...string) {
	for _, p := range paths {
		if strings.Contains(p, ",") || strings.Count(p, ":") > 2 {
			r.wrong(name, "Path cannot be mounted", fmt.Sprintf("%q: a comma or a colon in a path cannot be told from a separator.", p))
		}
	}
}

// Unmountable says why a container cannot have a path mounted where it is, "" where it
// can.
func (c *Config) Unmountable(path string) string {
	if c.Container == nil || !strings.ContainsAny(path, ",:") {
		return ""
	}
	return fmt.Sprintf("%q is mounted into the container, and pyxis cannot tell a comma or a colon in a path from a separator", path)
}

// UnusableStore says why jobs cannot have their folders in a store, "" where they can.
// Slurm opens the output of a job by a path in which it expands %, or drops every \
// (fname.c of slurmstepd and srun, 22.05 to 25.11).
//
// sbatch resolves links: where the folder really is, counts too.
func (c *Config) UnusableStore(dir string) string {
	if why := c.unusable(dir); why != "" {
		return why
	}
	for at := dir; at != filepath.Dir(at); at = filepath.Dir(at) {
		if real, err := filepath.EvalSymlinks(at); err == nil {
			return c.unusable(real)
		}
	}
	return ""
}

func (c *Config) unusable(dir string) string {
	if why := c.Unmountable(dir); why != "" {
		return why
	}
	if strings.ContainsFunc(dir, unicode.IsControl) {
		return fmt.Sprintf("%q has a line break or another control character, which ends the lines that tell a job of it", dir)
	}
	if i := strings.IndexAny(dir, `%\`); i >= 0 {
		return fmt.Sprintf("%q has a %c, and Slurm takes that for the start of a pattern in the paths of a job's output: every job would fail", dir, dir[i])
	}
	return ""
}

// owned are the sbatch options that llmbench sets itself.
var owned = []string{
	"job-name", "output", "error", "parsable", "requeue", "no-requeue", "array", "wrap", "export", "chdir", "dependency",
	"nodes", "ntasks", "ntasks-per-node", "time", "comment", "open-mode", "wait", "hold",
}

var ownedShort = map[string]string{
	"J": "job-name", "o": "output", "e": "error", "a": "array", "D": "chdir", "d": "dependency", "N": "nodes", "n": "ntasks", "t": "time", "W": "wait", "H": "hold",
}

func (r *reader) extraArgs(args []string) {
	for _, a := range args {
		name, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if !strings.HasPrefix(a, "--") && strings.HasPrefix(a, "-") && len(name) > 0 {
			name = cmp.Or(ownedShort[name[:1]], name)
		}
		for _, o := range owned {
			if strings.HasPrefix(a, "-") && name == o {
				r.wrong("extra_args", "Option belongs to llmbench", fmt.Sprintf("extra_args holds %s, which llmbench sets itself. Time limits and names come from the definitions.", a))
			}
		}
	}
}

// burst is how many commands may run at once before the bucket is empty.
const burst = 10

// bucket holds the tokens for Slurm's commands, most of them to begin with;
// without a bound it is never empty.
func (c *Config) bucket(most int) *rate.Limiter {
	if c.CommandsPerMinute < 1 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	return rate.NewLimiter(rate.Every(time.Minute/time.Duration(c.CommandsPerMinute)), most)
}
