package view

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"image/color"
	"image/png"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/llmbench/llmbench/executors/results"
)

// chromium runs a headless Chromium. Without one the test is skipped, or fails
// where LLMBENCH_REQUIRE_CHROMIUM=1.
func chromium(t *testing.T, args ...string) []byte {
	t.Helper()
	name, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("LLMBENCH_REQUIRE_CHROMIUM") == "1" {
			t.Fatalf("LLMBENCH_REQUIRE_CHROMIUM=1, and there is no chromium: %v", err)
		}
		t.Skip("SKIPPED: chromium is not installed; the report is not looked at in a browser")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--user-data-dir=" + t.TempDir(),
	}, args...)...)
	cmd.WaitDelay = 5 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("chromium: %v\n%s", err, stderr.String())
	}
	return out
}

// measuring is a page that shows the report in frames of several widths, and
// writes down what a reader would see in each.
const measuring = `<!DOCTYPE html><meta name="color-scheme" content="light dark"><body style="margin:0">
%s<pre id="found"></pre><script>
// What a reader does: points at things, filters, sorts, unfolds.
const acts = (d, w) => {
  const tip = d.getElementById('tip'), at = q => d.querySelector(q), shown = q => [...d.querySelectorAll(q)].filter(e => e.checkVisibility());
  const fire = (e, type, more) => e.dispatchEvent(new w.Event(type, Object.assign({bubbles: true}, more)));
  const press = text => [...d.querySelectorAll('button')].find(b => b.textContent === text).click();
  const lines = () => shown('.pareto .front').map(e => e.getAttribute('d').split('L').length - 1).reduce((a, b) => a + b, 0);
  const rows = () => shown('.runs tbody tr').map(e => e.cells[0].textContent + ' ' + e.cells[1].textContent);
  const a = {lines: lines()};
  if (w.location.pathname === '/unranked') {
    press('CUTLASS'); a.filteredLines = lines(); a.hover = shown('.why').map(e => e.textContent).join();
    press('Show all'); a.clearedLines = lines(); a.left = shown('.why').length > 0;
    return a;
  }
  const points = [...d.querySelectorAll('.pareto')][0].querySelectorAll('.pt');
  a.stops = [...d.querySelectorAll('.pareto')].map(f => f.querySelectorAll('.pt[tabindex="0"]').length).join();
  fire(points[0], 'mouseover'); a.hover = tip.hidden ? '' : tip.innerText; a.hoverAt = tip.getBoundingClientRect().toJSON();
  fire(d.body, 'mouseover'); a.left = tip.hidden;
  const first = at('.pareto .pt[tabindex="0"]');
  first.focus(); a.focus = tip.innerText; a.label = first.getAttribute('aria-label');
  const key = new w.KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}); first.dispatchEvent(key); a.next = tip.innerText;
  a.all = rows();
  press('512'); a.filtered = rows(); a.filteredPoints = shown('.pareto .pt').length; a.filteredLines = lines(); a.head = at('.filter summary').textContent;
  a.filteredLabels = shown('.names text').map(e => e.textContent);
  press('Show all'); a.cleared = rows().length; a.clearedLines = lines();
  const search = at('.filter input'); search.value = 'summ 64'; fire(search, 'input'); a.searched = rows(); search.value = ''; fire(search, 'input');
  const head = d.querySelectorAll('.runs thead th')[1].querySelector('button');
  head.click(); a.down = rows(); head.click(); a.up = rows(); a.sort = head.parentElement.getAttribute('aria-sort');
  press('concurrency'); a.byAxis = rows();
  a.hints = shown('.hint').length === [...d.querySelectorAll('.wide')].filter(e => e.scrollWidth > e.clientWidth + 1).length;
  at('.runs tbody tr th a').click(); fire(w, 'hashchange'); a.open = shown('details[open] dl').length > 0;
  const run = at('[data-courses]'); fire(run, 'toggle'); a.courses = [...run.querySelectorAll('figcaption')].map(e => e.textContent + ': ' + e.parentElement.querySelector('p').textContent);
  a.moments = [...d.querySelectorAll('.history')].slice(1, 2).flatMap(f => [...f.querySelectorAll('.pt')]).map(e => { fire(e, 'mouseover'); return tip.innerText; });
  return a;
};
onerror = (what, _, line) => { document.getElementById('found').textContent = what + ' in line ' + line; };
const look = () => {
  const found = [];
  for (const frame of document.querySelectorAll('iframe')) {
    const d = frame.contentDocument, w = frame.contentWindow, shown = e => e.checkVisibility();
    const scrolls = e => e.closest('.wide, .grid') !== null;
    const beyond = [...d.querySelectorAll('body *')].filter(e => shown(e) && !scrolls(e) && e.getBoundingClientRect().right > d.documentElement.clientWidth + 1);
    const plots = [...d.querySelectorAll('.pareto, .history')].filter(shown);
    const overlapping = [], outside = [];
    let smallest = 1000;
    for (const svg of plots) {
      const frame = svg.getBoundingClientRect(), texts = [...svg.querySelectorAll('text:not(.pt)')].map(e => ({t: e.textContent.trim(), r: e.getBoundingClientRect()})).filter(x => x.t && x.r.width);
      for (const {t, r} of texts) {
        smallest = Math.min(smallest, r.height);
        if (r.left < frame.left - 1 || r.right > frame.right + 1 || r.top < frame.top - 1 || r.bottom > frame.bottom + 1) outside.push(t);
      }
      texts.forEach((a, i) => texts.slice(i + 1).forEach(b => {
        const x = Math.min(a.r.right, b.r.right) - Math.max(a.r.left, b.r.left), y = Math.min(a.r.bottom, b.r.bottom) - Math.max(a.r.top, b.r.top);
        if (x > 1 && y > 3) overlapping.push(a.t + ' / ' + b.t);
      }));
    }
    const axes = [...d.querySelectorAll('.axis')].flatMap(a => { const s = [...a.children].filter(shown).map(e => ({t: e.textContent, r: e.getBoundingClientRect()}));
      return s.slice(1).filter((e, i) => e.r.left < s[i].r.right + 1).map((e) => e.t); });
    const middle = e => { const r = e.getBoundingClientRect(); return (r.left + r.right) / 2; };
    const goods = [...d.querySelectorAll('.good rect')].filter(e => e.getBoundingClientRect().height === 3 && Math.abs(middle(e) - middle(d.querySelector('.pt[data-r="' + e.dataset.r + '"]'))) < 1).length;
    const shapes = [...d.querySelectorAll('.spread svg')].filter(e => e.getBoundingClientRect().width === e.parentElement.getBoundingClientRect().width && e.getBoundingClientRect().height > 10).length;
    found.push({goods, shapes, acts: w.location.search ? acts(d, w) : null, name: w.location.pathname, width: frame.clientWidth, scroll: d.documentElement.scrollWidth, client: d.documentElement.clientWidth, height: d.documentElement.scrollHeight,
      opened: w.performance.getEntriesByType('navigation')[0].loadEventEnd,
      first: [...d.querySelectorAll('.runs tbody tr:first-child > *')].filter(e => e.getBoundingClientRect().right <= d.documentElement.clientWidth).map(e => e.textContent).join(' | '),
      beyond: beyond.slice(0, 5).map(e => e.outerHTML.slice(0, 160)), plots: plots.length, overlapping, outside, smallest, axes,
      ink: w.getComputedStyle(d.body).color, paper: w.getComputedStyle(d.body).backgroundColor, text: d.body.innerText});
  }
  document.getElementById('found').textContent = JSON.stringify(found);
};
onload = () => {
  if (location.pathname === '/alone') return look();
  for (const frame of document.querySelectorAll('iframe')) { // what is far down is laid out too
    const style = document.createElement('style');
    style.textContent = 'section { content-visibility: visible !important }';
    frame.contentDocument.head.append(style);
  }
  setTimeout(look, 300);
};
</script>`

// A seen page is what measuring writes down of a frame.
type seen struct {
	Name                          string
	Width, Scroll, Client, Height int
	Beyond                        []string
	Plots, Goods, Shapes          int // goodput below its point, and distributions as wide as their row
	Overlapping, Outside, Axes    []string
	Smallest                      float64
	First                         string  // what the row of the first run shows
	Opened                        float64 // milliseconds from the request to the end of loading
	Acts                          *acts
	Ink, Paper, Text              string
}

// acts are what the page said to a reader who did something.
type acts struct {
	Stops, Hover, Focus, Label, Next, Head, Sort                string
	HoverAt                                                     struct{ Left, Top, Right, Bottom, Width, Height float64 }
	Left, Hints, Open                                           bool
	All, Filtered, FilteredLabels, Searched, Down, Up, ByAxis   []string
	Moments, Courses                                            []string
	Lines, FilteredPoints, FilteredLines, Cleared, ClearedLines int
}

// serve serves pages by name, and "frames" that measures them all.
func serve(t *testing.T, pages map[string]string) string {
	mux := http.NewServeMux()
	frames, acting := "", ""
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		mux.HandleFunc("/"+name, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, pages[name]) })
		for _, width := range []int{390, 1280} {
			frames += fmt.Sprintf(`<iframe src="/%s" style="border:0;width:%dpx;height:800px"></iframe>`, name, width)
			acting += fmt.Sprintf(`<iframe src="/%s?acts" style="border:0;width:%dpx;height:800px"></iframe>`, name, width)
		}
	}
	mux.HandleFunc("/frames", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, measuring, frames) })
	mux.HandleFunc("/acts", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, measuring, acting) })
	mux.HandleFunc("/alone", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, measuring, frames[strings.LastIndex(frames, "<iframe"):])
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

var foundPattern = regexp.MustCompile(`(?s)<pre id="found">(.*?)</pre>`)

func look(t *testing.T, url string, args ...string) []seen {
	t.Helper()
	dom := chromium(t, append(args, "--window-size=1800,900", "--dump-dom", url)...)
	m := foundPattern.FindSubmatch(dom)
	var out []seen
	if m == nil {
		t.Fatalf("chromium shows %.2000s", dom)
	}
	if json.Unmarshal([]byte(html.UnescapeString(string(m[1]))), &out) != nil || len(out) == 0 {
		t.Fatalf("the page was not measured: %.200s", m)
	}
	return out
}

// On a phone and on a desktop nothing sticks out, no text covers another or is
// too small to read, the throughput of a run is seen, and all sections are there.
func TestReportInBrowser(t *testing.T) {
	set := reportSet()
	url := serve(t, map[string]string{"report": reportPageOf(t, set), "history": reportPageWith(t, []*results.History{overTime(set, 14)}, set), "sweep": reportPageOf(t, sweepSet()), "grid": reportPageOf(t, gridSet(400)), "slo": reportPageOf(t, recordedSet(64, 512, 4096))})
	found := look(t, url+"/frames", "--virtual-time-budget=5000")
	if len(found) != 10 {
		t.Errorf("%d frames", len(found))
	}
	for _, s := range found {
		if s.Scroll > s.Client || len(s.Beyond) > 0 {
			t.Errorf("%s at %d px: the page is %d px wide: %s", s.Name, s.Width, s.Scroll, strings.Join(s.Beyond, "\n"))
		}
		if len(s.Overlapping)+len(s.Outside)+len(s.Axes) > 0 {
			t.Errorf("%s at %d px: texts overlap %q, are cut off %q, axes %q", s.Name, s.Width, s.Overlapping, s.Outside, s.Axes)
		}
		if s.Plots != map[string]int{"/report": 2, "/history": 2 + 5, "/sweep": 4, "/grid": 1, "/slo": 1}[s.Name] || s.Smallest < 10 {
			t.Errorf("%s at %d px: %d plots, text of %.1f px", s.Name, s.Width, s.Plots, s.Smallest)
		}
		if s.Name == "/slo" && (s.Goods != 3 || s.Shapes != 9) {
			t.Errorf("at %d px: %d marks of goodput, %d distributions", s.Width, s.Goods, s.Shapes)
		}
		for _, want := range []string{"All runs", "Pareto", "Answers", "Time to first token", "Run by run", "Where the numbers come from"} {
			if !strings.Contains(s.Text, want) {
				t.Errorf("%s at %d px: %q is not shown", s.Name, s.Width, want)
			}
		}
		if first := strings.Split(s.First, " | "); len(first) < 2 || !regexp.MustCompile(`^[0-9,]+$`).MatchString(first[1]) {
			t.Errorf("%s at %d px: of a run %q is seen, not its throughput", s.Name, s.Width, s.First)
		}
	}
}

// What a reader points at is told, by mouse and by keyboard; filters and heads of
// columns do what they say, and the frontier is that of the runs that are shown.
func TestReportIsUsed(t *testing.T) {
	set := reportSet()
	first := set.Results[0]
	first.Requests = recorded(measuredResult("reasoning", 1000, 1000, 64, 1, 1)).Requests
	first.Requests.SLO, first.Requests.GoodputTok, first.Requests.GoodputReq, first.Requests.WithinSLO = nil, nil, nil, nil
	for _, s := range look(t, serve(t, map[string]string{"report": reportPageWith(t, []*results.History{overTime(set, 14)}, set)})+"/acts", "--virtual-time-budget=5000") {
		a := s.Acts
		if a == nil {
			t.Fatalf("at %d px nothing was done", s.Width)
		}
		check := func(what string, got, want any) {
			t.Helper()
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("at %d px, %s: %s", s.Width, what, diff)
			}
		}
		check("hover", a.Hover, "reasoning concurrency=64\n1,062 output tok/s/GPU\n101 tok/s/user\nvalid, job 4701")
		if at := a.HoverAt; at.Left < 0 || at.Top < 0 || at.Right > float64(s.Width) {
			t.Errorf("at %d px what is told sticks out: %+v", s.Width, at)
		}
		check("nothing is pointed at", a.Left, true)
		check("focus", a.Focus, a.Hover)
		check("label", a.Label, strings.ReplaceAll(a.Focus, "\n", ", "))
		check("next", a.Next, "reasoning concurrency=512\n5,802 ± 1.5 % output tok/s/GPU\n63.5 tok/s/user\nvalid, job 4707")
		check("stops of the tab key", a.Stops, "1,1")
		check("filtered", a.Filtered, []string{"reasoning concurrency=512 5,802 ± 1.5 %", "summarization concurrency=512 725 ± 1.5 %"})
		check("points and lines", []int{a.FilteredPoints, a.FilteredLines, a.Lines, a.Cleared, a.ClearedLines}, []int{2, 0, 3, 6, 3})
		check("head", a.Head, "Filter: 2 of 6 runs")
		check("searched", a.Searched, []string{"summarization concurrency=64 133"})
		check("down", a.Down[:2], []string{"reasoning concurrency=4096 13,118", "reasoning concurrency=512 5,802 ± 1.5 %"})
		check("up", a.Up[:2], []string{"summarization concurrency=64 133", "summarization concurrency=512 725 ± 1.5 %"})
		check("what has no number comes last", []string{a.Down[5], a.Up[5]}, []string{"summarization concurrency=4096 -", "summarization concurrency=4096 -"})
		check("sort", a.Sort, "ascending")
		check("by concurrency", a.ByAxis[4:], []string{"reasoning concurrency=4096 13,118", "summarization concurrency=4096 -"})
		check("hints stand where tables go on", a.Hints, true)
		check("a run is unfolded", a.Open, true)
		for i, want := range []string{"Requests in flight: 0 to 50, over 201", "Requests in the batch: 0 to 64, over 240", "Context tokens per step: 0 to 1,100, over 240", "Generation tokens per step: 0 to 60, over 240", "Step time in ms: 0 to 25, over 240", "KV cache used in %: 0 to 80, over 240"} {
			check("courses", a.Courses[i], want+" s; the steady window is shaded")
		}
		check("history", a.Moments[10:12], []string{"2026-05-01, 0000000\n5,222 ± 0.7 % output tok/s/GPU, samples: 7\n▼ -10.0 %\nmax_batch_size 896 → 256", "2026-05-02, 0000000\n5,222 ± 0.7 % output tok/s/GPU, samples: 7"})
	}
}

// Simulations that their numbers do not rank have a frontier among those that are alike.
func TestReportUnrankedIsFiltered(t *testing.T) {
	for _, s := range look(t, serve(t, map[string]string{"unranked": reportPageOf(t, unrankedSet())})+"/acts", "--virtual-time-budget=5000") {
		if a := s.Acts; a == nil || a.Lines != 0 || a.FilteredLines != 4*5 || a.Hover != "" || a.ClearedLines != 0 || !a.Left {
			t.Errorf("at %d px: %+v", s.Width, a)
		}
	}
}

// A page of 1,000 runs opens within a second on a quiet machine: the best of three may
// take five times as long on a busy one.
func TestReportOpens(t *testing.T) {
	url := serve(t, map[string]string{"report": reportPageOf(t, gridSet(1000))}) + "/alone"
	best := 1e9
	for range 3 {
		for _, s := range look(t, url) {
			best = min(best, s.Opened)
		}
	}
	t.Logf("open after %.0f ms", best)
	if best > 5000 {
		t.Errorf("open after %.0f ms", best)
	}
}

// The pictures are not blank, and dark in the dark.
func TestReportPictures(t *testing.T) {
	url := serve(t, map[string]string{"report": reportPageOf(t, reportSet())}) + "/report"
	for scheme, setting := range map[string]string{"light": "1", "dark": "0"} {
		path := filepath.Join(t.TempDir(), scheme+".png")
		chromium(t, "--blink-settings=preferredColorScheme="+setting, "--window-size=1280,2000", "--screenshot="+path, url)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		picture, err := png.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		colours := map[color.Color]int{}
		size := picture.Bounds()
		for y := size.Min.Y; y < size.Max.Y; y += 2 {
			for x := size.Min.X; x < size.Max.X; x += 2 {
				colours[color.RGBAModel.Convert(picture.At(x, y))]++
			}
		}
		bars := map[string]color.Color{"light": color.RGBA{0x0b, 0x62, 0xa4, 0xff}, "dark": color.RGBA{0x6c, 0xb6, 0xf5, 0xff}}[scheme]
		if n := colours[bars]; n < 150 {
			t.Errorf("%s: bars and curves have %d points", scheme, n)
		}
		paper := colours[color.RGBAModel.Convert(picture.At(1, 1))]
		if all := size.Dx() * size.Dy() / 4; len(colours) < 100 || paper < all/2 || paper > all*95/100 {
			t.Errorf("%s: %d colours, paper is %d of %d", scheme, len(colours), paper, all)
		}
		r, g, bl, _ := picture.At(1, 1).RGBA()
		if bright := (r + g + bl) / 3 >> 8; bright > 100 == (scheme == "dark") {
			t.Errorf("%s: paper has brightness %d", scheme, bright)
		}
	}
}

// In print all is there, with the head of a table on each of its pages; no heading ends
// a page and no page but the last is half empty.
func TestReportInPrint(t *testing.T) {
	for name, set := range map[string]*results.Set{"report": reportSet(), "sweep": sweepSet(), "grid": gridSet(100)} {
		path := filepath.Join(t.TempDir(), name+".pdf")
		chromium(t, "--blink-settings=preferredColorScheme=0", "--no-pdf-header-footer", "--print-to-pdf="+path, serve(t, map[string]string{"report": reportPageOf(t, set)})+"/report")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pages := printedPages(b)
		if len(pages) < 2 || len(pages) > 12 {
			t.Errorf("%s: %d pages", name, len(pages))
		}
		const bottom = 950 // of the page inside its margins, in CSS pixels
		for i, lines := range pages[:max(0, len(pages)-1)] {
			last := slices.MaxFunc(lines, func(a, b printedLine) int { return cmp.Compare(a.y, b.y) })
			if last.size >= 16 {
				t.Errorf("%s: page %d ends with a heading", name, i+1)
			}
			if last.y < bottom*6/10 {
				t.Errorf("%s: page %d ends at %.0f of %d", name, i+1, last.y, bottom)
			}
		}
	}
}

// A printedLine is where text stands on a page, in CSS pixels, and its size.
type printedLine struct{ y, size float64 }

var printedText = regexp.MustCompile(`(?s)/F\d+ ([\d.]+) Tf\s+1 0 0 -1 [\d.]+ ([\d.]+) Tm`)

// printedPages are the texts of a PDF as Skia writes it (SkPDFDevice.cpp): a stream for
// each page, deflated, with each run of text set by Tf and Tm.
func printedPages(pdf []byte) [][]printedLine {
	var pages [][]printedLine
	for _, part := range bytes.Split(pdf, []byte("stream\n"))[1:] {
		r, err := zlib.NewReader(bytes.NewReader(part))
		if err != nil {
			continue // no stream, or none of text
		}
		text, err := io.ReadAll(r)
		if err != nil {
			continue
		}
		var lines []printedLine
		for _, m := range printedText.FindAllSubmatch(text, -1) {
			size, _ := strconv.ParseFloat(string(m[1]), 64)
			y, _ := strconv.ParseFloat(string(m[2]), 64)
			lines = append(lines, printedLine{y, size})
		}
		if len(lines) > 0 {
			pages = append(pages, lines)
		}
	}
	return pages
}
