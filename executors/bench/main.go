// Command bench measures llmbench's own time and memory, each piece of work
// beside a floor that is measured in the same run or a figure of another tool,
// and says whether it reaches what it should. `make bench` runs it.
//
//  1. Each row of the table (row*.go) is one piece of work at growing sizes.
//     Every measurement is a process of its own, llmbench's where the work is a
//     command, so that its peak memory is known (process.go).
//  2. Work and floor take turns, several rounds of each, and medians count
//     (measure.go): other load on the machine meets both.
//  3. The samples are kept as a file in Go's benchmark format, which benchstat
//     compares, with the table in Markdown beside it (keep.go). The last kept
//     ones are compared with: a commit that made something slower is seen.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == childFlag {
		os.Exit(runChild(os.Args[2:]))
	}
	rounds := flag.Int("n", 5, "how many rounds to measure")
	only := flag.String("run", "", "measure only the rows whose names match the regular expression")
	keep := flag.String("keep", "", "keep samples and table in this folder, and compare with the last that were kept there")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *rounds, *only, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds int, only, keep string) error {
	match, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	l, err := newLab(ctx)
	if err != nil {
		return err
	}
	defer l.close()
	var done []*figures
	for _, r := range rows() {
		if !match.MatchString(r.name) || ctx.Err() != nil {
			continue
		}
		began := time.Now()
		f := l.measure(r, rounds)
		fmt.Fprintf(os.Stderr, "%-12s %s\n", r.name, time.Since(began).Round(100*time.Millisecond))
		if f.err != nil {
			fmt.Fprintln(os.Stderr, f.err)
		}
		done = append(done, f)
	}
	t := newTable(done)
	fmt.Println(t.text())
	if keep == "" {
		return ctx.Err()
	}
	if err := compare(os.Stdout, keep, done); err != nil {
		return err
	}
	return store(keep, time.Now(), done, t)
}
