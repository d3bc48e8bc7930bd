package trtllm

import (
	"fmt"
	"slices"
	"strings"
)

// A UsageError is a command line that trtllm-bench refuses.
type UsageError struct {
	Text     string // what trtllm-bench prints, without the last line end
	ExitCode int    // its exit status
}

func (e *UsageError) Error() string { return e.Text }

// A command is one level of a command line as click reads it.
type command struct {
	name     string // with those of the levels above
	synopsis string
	flags    []flag
	required string // a flag that must be there
	// interspersed commands take flags behind other arguments too.
	interspersed bool
}

// A given is a flag as it was passed.
type given struct {
	flag
	off    bool
	values []string
}

// parse reads the flags of a command and returns the other arguments. As with
// click, the form of all flags is judged before the value of any.
func (c command) parse(argv []string) (Arguments, []string, error) {
	list, rest, err := c.split(argv)
	if err != nil {
		return nil, nil, err
	}
	args := Arguments{}
	for _, g := range list {
		if g.name == "help" {
			return nil, nil, &UsageError{Text: c.help()}
		}
	}
	for _, g := range list {
		if err := c.take(args, g); err != nil {
			return nil, nil, err
		}
	}
	if c.required != "" && args[c.required] == nil {
		f, _, _ := findFlag(c.flags, c.required)
		return nil, nil, c.refuse("Missing option %s.", f.hint())
	}
	return args, rest, nil
}

// split separates flags from other arguments. A flag that is passed twice is
// there once, where it first was.
func (c command) split(argv []string) (list []given, rest []string, err error) {
	for len(argv) > 0 {
		word := argv[0]
		switch {
		case word == "--":
			return list, append(rest, argv[1:]...), nil
		case len(word) > 1 && word[0] == '-':
			var g given
			if g, argv, err = c.flag(word, argv[1:]); err != nil {
				return nil, nil, err
			}
			i := slices.IndexFunc(list, func(o given) bool { return o.name == g.name })
			if i < 0 {
				list = append(list, g)
			} else {
				list[i].off, list[i].values = g.off, append(list[i].values, g.values...)
			}
		case !c.interspersed:
			return list, append(rest, argv...), nil
		default:
			rest, argv = append(rest, word), argv[1:]
		}
	}
	return list, rest, nil
}

// flag reads the flag word and its value, which may be the next argument.
func (c command) flag(word string, argv []string) (g given, rest []string, err error) {
	name, value, hasValue := strings.Cut(word, "=")
	if strings.HasPrefix(word, "--") {
		var ok bool
		if g.flag, g.off, ok = findFlag(append(slices.Clip(c.flags), helpFlag), name[2:]); !ok {
			return g, nil, c.noSuchOption(name)
		}
	} else {
		i := slices.IndexFunc(c.flags, func(f flag) bool { return f.short != "" && strings.HasPrefix(word[1:], f.short) })
		if i < 0 {
			return g, nil, c.refuse("No such option: -%c", []rune(word)[1])
		}
		g.flag, name, value, hasValue = c.flags[i], word[:2], word[2:], len(word) > 2
	}
	if g.aliasOf != "" {
		g.name = g.aliasOf
	}
	switch {
	case g.kind == toggle && hasValue:
		return g, nil, badOption("Option '%s' does not take a value.", name)
	case g.kind == toggle:
		return g, argv, nil
	case !hasValue && len(argv) == 0:
		return g, nil, badOption("Option '%s' requires an argument.", name)
	case !hasValue:
		value, argv = argv[0], argv[1:]
	}
	g.values = []string{value}
	return g, argv, nil
}

// helpFlag is a flag of every command.
var helpFlag = flag{name: "help", kind: toggle}

// take converts a flag that was passed; of several values the last one counts.
func (c command) take(args Arguments, g given) error {
	if g.kind == repeated {
		args[g.name] = g.values
		return nil
	}
	if g.kind == toggle {
		args[g.name] = !g.off
		if g.off {
			args[g.flag.off] = true
		}
		return nil
	}
	value, problem := convert(g.flag, g.values[len(g.values)-1])
	if problem != "" {
		return c.refuse("Invalid value for %s: %s", g.hint(), problem)
	}
	args[g.name] = value
	return nil
}

// refuse is how click ends a program for what the user typed.
func (c command) refuse(format string, args ...any) *UsageError {
	return &UsageError{
		Text: fmt.Sprintf("Usage: %s %s\nTry '%s --help' for help.\n\nError: %s",
			c.name, c.synopsis, c.name, fmt.Sprintf(format, args...)),
		ExitCode: 2,
	}
}

// badOption refuses the form of a flag; click shows no usage there.
func badOption(format, name string) *UsageError {
	return &UsageError{Text: "Error: " + fmt.Sprintf(format, name), ExitCode: 2}
}

// noSuchOption refuses a long flag and names those that look like it, in the
// words of click 8.1 and 8.2.
func (c command) noSuchOption(name string) *UsageError {
	long := []string{"--help"}
	for _, f := range c.flags {
		long = append(long, "--"+f.name)
		if f.off != "" {
			long = append(long, "--"+f.off)
		}
	}
	near := closeMatches(name, long)
	slices.Sort(near)
	switch len(near) {
	case 0:
		return c.refuse("No such option: %s", name)
	case 1:
		return c.refuse("No such option: %s Did you mean %s?", name, near[0])
	}
	return c.refuse("No such option: %s (Possible options: %s)", name, strings.Join(near, ", "))
}

// help lists the flags of a command.
func (c command) help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage: %s %s\n\nOptions:\n", c.name, c.synopsis)
	for _, f := range append(slices.Clip(c.flags), helpFlag) {
		fmt.Fprintf(&b, "  %s\n", f.usage())
	}
	return strings.TrimSuffix(b.String(), "\n")
}
