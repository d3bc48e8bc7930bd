package view

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/search"
)

// searches prints what the searches of a benchmark measure next, why, and what they may cost.
func (v PlanView) searches(p *printer, g *group) {
	title, item, inner := "  ", "    ", "      "
	if p.md {
		title, item, inner = "", "- ", "  - "
	}
	of := slices.DeleteFunc(slices.Clone(v.Plan.Searches), func(s *plan.Search) bool { return s.Benchmark != g.name })
	for _, s := range of {
		searchTitle(p, title, fmt.Sprintf("search %s: %s", s.Label, searchGoal(s)))
		if s.State != search.Open {
			searchEnding(p, s, item)
			continue
		}
		what := Plural(s.Candidates, "candidate") + ", all valid"
		if s.Measured > 0 {
			what += fmt.Sprintf(", %d measured", s.Measured)
		}
		what += "."
		if len(s.Next) == 0 {
			p.wrapped(item, 4, what+" The next round waits for the results of another search.")
			continue
		}
		p.wrapped(item, 4, fmt.Sprintf("%s Round %d, next %d:", what, s.Round, len(s.Next)))
		for _, n := range s.Next {
			p.wrapped(inner, 8, short(n.Address)+": "+n.Reason)
		}
		if shares := v.searchShares(s); shares != "" {
			p.wrapped(item, 4, shares)
		}
		p.wrapped(item, 4, searchBudget(s))
	}
	p.paragraphs(title, 4, searchNotes(of))
}

func searchTitle(p *printer, indent, title string) {
	p.line("")
	if p.md {
		p.line("**%s**\n", markdownText(title))
		return
	}
	p.wrapped(indent, len(indent)+2, title)
}

// searchNotes are what is to be known of candidates together, each once.
func searchNotes(searches []*plan.Search) []string {
	var by tally[plan.Note]
	for _, s := range searches {
		for _, n := range s.Notes {
			by.add(n, s.Name())
		}
	}
	var out []string
	for _, n := range by.keys {
		out = append(out, fmt.Sprintf("%s (%s): %s", n.Code, Some(by.of[n], 4), n.Detail))
	}
	return out
}

// searchShares says whether the next runs share jobs, or engines; "" where they do not.
func (v PlanView) searchShares(s *plan.Search) string {
	jobs, what := 0, "job"
	for _, job := range v.Plan.Jobs {
		if len(job.Runs) > 1 && slices.ContainsFunc(s.Next, func(n search.Choice) bool { return n.Address == job.Runs[0] }) {
			jobs++
		}
	}
	if len(v.Plan.Engines) > 0 {
		what = "engine"
	}
	if jobs == 0 {
		return ""
	}
	return fmt.Sprintf("They share %s.", Plural(jobs, what))
}

// searchGoal is a search in a line: maximize A, B at most 30.
func searchGoal(s *plan.Search) string {
	parts := []string{"maximize " + s.Metric()}
	if s.Minimize != "" {
		parts[0] = "minimize " + s.Metric()
	}
	for _, b := range s.Bounds {
		if b.Max != nil {
			parts = append(parts, fmt.Sprintf("%s at most %g", b.Metric, *b.Max))
		}
		if b.Min != nil {
			parts = append(parts, fmt.Sprintf("%s at least %g", b.Metric, *b.Min))
		}
	}
	return strings.Join(parts, ", ")
}

func searchBudget(s *plan.Search) string {
	text, fresh := "", 0 // a further sample is no further run
	for _, n := range s.Next {
		if !s.Begun && n.Samples == 1 {
			fresh++
		}
	}
	if more := min(s.LeftRuns-fresh, s.Candidates-s.Measured-len(s.Next)); more > 0 {
		text = fmt.Sprintf("Then at most %d more, chosen by results. ", more)
	}
	text += fmt.Sprintf("At most %s, %.1f GPU-hours (all %d: %.1f)", Plural(s.MaxRuns, "run"), s.MaxGPUHours, s.Candidates, s.AllGPUHours)
	if used := s.MaxRuns - s.LeftRuns; used > 0 {
		text += fmt.Sprintf("; %d and %.1f are used", used, s.SpentGPUHours)
	}
	return text + "."
}

// searchEnding says what a search that has ended, or is under way, has found.
func searchEnding(p *printer, s *plan.Search, indent string) {
	hang, inner := len(indent)+2, "  "+indent // within an item of a list
	for _, b := range s.Best {
		best := fmt.Sprintf("%s: best %s: %s (%s … %s)", b.UseCase, short(b.Address), figureOf(b.Value), figureOf(b.Low), figureOf(b.High))
		if n := len(b.Tied); n > 0 {
			best += ", tied with " + Plural(n, "other")
		}
		p.wrapped(indent, hang, best)
		reasons, tied := groupBy(b.Tied, func(t search.Reasoned) string { return t.Reason })
		for _, why := range reasons {
			p.wrapped(inner, hang+2, fmt.Sprintf("tied with %s: %s", someOf(tied[why], 4, func(t search.Reasoned) string { return short(t.Address) }), why))
		}
		if b.Better != "" {
			p.wrapped(inner, hang+2, fmt.Sprintf("next better: %s is outside the bounds, %s", short(string(b.Better)), b.Stops))
		}
		if len(b.Frontier) > 1 {
			p.wrapped(inner, hang+2, "frontier: "+someOf(b.Frontier, 4, short))
		}
	}
	for _, u := range s.Unmet() {
		p.wrapped(indent, hang, fmt.Sprintf("%s: no candidate that was measured meets the bounds", u))
	}
	text := fmt.Sprintf("%d of %s measured; the search used %d of %s and %.1f of %.1f GPU-hours.",
		s.Measured, Plural(s.Candidates, "candidate"), s.MaxRuns-s.LeftRuns, Plural(s.MaxRuns, "run"), s.SpentGPUHours, s.MaxGPUHours)
	if s.State == search.Open {
		text += " The search is not finished."
	} else if s.Measured < s.Candidates && len(s.Best) > 0 {
		text += " Best of those measured; not proven optimal."
	}
	p.wrapped(indent, hang, text)
	reasons, of := groupBy(s.NotMeasured, func(n search.Reasoned) string { return predictedFigures.ReplaceAllString(n.Reason, "predicted ") })
	for _, why := range reasons {
		p.wrapped(indent, hang, fmt.Sprintf("%d not measured: %s", len(of[why]), why))
	}
}

var predictedFigures = regexp.MustCompile(`predicted \S+ … \S+, `)

// figureOf writes a value of any metric with four digits.
func figureOf(f float64) string {
	if f >= 1000 {
		return count(int64(f + 0.5))
	}
	return fmt.Sprintf("%.4g", f)
}

// SearchResults prints what the searches of a plan have found.
func SearchResults(w io.Writer, plan *plan.Plan, markdown bool) error {
	p, item, notes := &printer{w: w, md: markdown}, "  ", searchNotes(plan.Searches)
	if markdown {
		item = "- "
		for i := range notes {
			notes[i] = markdownText(notes[i])
		}
	}
	for _, s := range plan.Searches {
		searchTitle(p, "", fmt.Sprintf("search %s: %s", s.Name(), searchGoal(s)))
		searchEnding(p, s, item)
	}
	p.paragraphs("", 2, notes)
	return p.err
}

func searchStatus(p *printer, of *plan.Plan) {
	for _, s := range of.Searches {
		state := strings.ReplaceAll(string(s.State), "_", " ")
		if s.State == search.Open && len(s.Next) > 0 {
			state = fmt.Sprintf("open, round %d", s.Round)
			if !s.Begun {
				state += " not begun"
			}
		}
		p.line("")
		p.wrapped("", 2, fmt.Sprintf("search %s: %s; %d of %s measured, %d of %s and %.1f of %.1f GPU-hours used",
			s.Name(), state, s.Measured, Plural(s.Candidates, "candidate"), s.MaxRuns-s.LeftRuns, Plural(s.MaxRuns, "run"), s.SpentGPUHours, s.MaxGPUHours))
	}
}

func searchesOf(p *plan.Plan, r *plan.Run) []string {
	var out []string
	for _, s := range p.Searches {
		say := func(address, text string) {
			if address == r.Address {
				out = append(out, "search "+s.Label+text)
			}
		}
		for _, n := range s.Next {
			say(n.Address, fmt.Sprintf(", round %d: %s", s.Round, n.Reason))
		}
		for _, n := range s.NotMeasured {
			say(n.Address, ": "+n.Reason)
		}
		for _, b := range s.Best {
			say(b.Address, ": the best of those measured")
			for _, t := range b.Tied {
				say(t.Address, ": tied with the best: "+t.Reason)
			}
		}
	}
	return out
}
