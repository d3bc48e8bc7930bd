package main

// startRows are the commands that everyone waits for.
func startRows() []*row {
	const example = "examples/llama4-maverick"
	start := func(name, work string, most float64, args ...string) *row {
		return &row{
			name: name, work: work, unit: "commands", sizes: []int{1}, counts: 1, fixed: true,
			do:        func(l *lab, _ int) (sample, error) { return l.llmbench(args...) },
			floorName: "/bin/true",
			floor:     func(l *lab, _ int) (sample, error) { return l.process(nil, "/bin/true") },
			targets:   []target{seconds(most), memory(64)},
		}
	}
	return []*row{
		start("Version", "llmbench version", 0.030, "version"),
		start("Validate", "llmbench validate of the example", 0.060, "validate", example),
	}
}
