package failure

// A Strength says how much a line tells.
type Strength int

const (
	// Root names a cause, Plain a failure that may be one.
	Root Strength = iota
	Plain
	// Vague says that something failed and not what.
	Vague
	// Weak is a consequence.
	Weak
	// Hint may be harmless: it is shown where a run failed and nothing better is
	// there, and never says that a process ended.
	Hint
)

// A Signature is text that shows a failure. Marks are in lower case and stand in
// the line in this order.
type Signature struct {
	Code  Code
	Grade Strength
	Marks []string
	// Early limits it to lines before the first of trtllm-bench.
	Early bool
}

// Advice is what to do about a failure with a mark, in lower case, in the line that
// shows it or in what is said with it.
type Advice struct {
	Code         Code
	Mark, Remedy string
	// Everywhere says that every node would fail so: no node is to blame.
	Everywhere bool
}

// A HostPattern is where a line names the host that a failure of one of Codes is of:
// behind After, the last word up to Before or, where that is "", the first word.
type HostPattern struct {
	Codes         []Code
	After, Before string
	// Unless are words of lines that name a host for another reason.
	Unless []string
}

// Patterns are the words by which logs tell failures. Signatures and advice stand in
// the order in which they are tried.
type Patterns struct {
	Signatures []Signature
	Advice     []Advice
	Hosts      []HostPattern
	Blocks     []Block
	// Noise are lines, in lower case, that follow from a failure and never tell it, or
	// that healthy runs have too.
	Noise []string
}

// With is l followed by more: what is in l is tried first.
func (l Patterns) With(more Patterns) Patterns {
	return Patterns{
		Signatures: append(l.Signatures[:len(l.Signatures):len(l.Signatures)], more.Signatures...),
		Advice:     append(l.Advice[:len(l.Advice):len(l.Advice)], more.Advice...),
		Hosts:      append(l.Hosts[:len(l.Hosts):len(l.Hosts)], more.Hosts...),
		Blocks:     append(l.Blocks[:len(l.Blocks):len(l.Blocks)], more.Blocks...),
		Noise:      append(l.Noise[:len(l.Noise):len(l.Noise)], more.Noise...),
	}
}

// A Block is what another program wrote about a failure, repeated line by line: each
// line behind Each, after one that has Begin. The first with one of Causes tells the
// cause, else the last that is no Chatter. Begin, Causes and Chatter are in lower case.
type Block struct {
	Code            Code
	Begin, Each     string
	Causes, Chatter []string
}
