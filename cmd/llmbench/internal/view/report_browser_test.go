package view

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"image/color"
	"image/png"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
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
onload = () => {
  const found = [];
  for (const frame of document.querySelectorAll('iframe')) {
    const d = frame.contentDocument, w = frame.contentWindow, shown = e => e.checkVisibility();
    const scrolls = e => e.closest('.wide') !== null;
    const beyond = [...d.querySelectorAll('body *')].filter(e => shown(e) && !scrolls(e) && e.getBoundingClientRect().right > d.documentElement.clientWidth + 1);
    const plots = [...d.querySelectorAll('svg.plot')].filter(shown);
    const overlapping = [], outside = [];
    let smallest = 1000;
    for (const svg of plots) {
      const frame = svg.getBoundingClientRect(), texts = [...svg.querySelectorAll('text')].map(e => ({t: e.textContent.trim(), r: e.getBoundingClientRect()})).filter(x => x.t);
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
    found.push({name: w.location.pathname, width: frame.clientWidth, scroll: d.documentElement.scrollWidth, client: d.documentElement.clientWidth, height: d.documentElement.scrollHeight,
      beyond: beyond.slice(0, 5).map(e => e.outerHTML.slice(0, 160)), plots: plots.length, overlapping, outside, smallest, axes,
      ink: w.getComputedStyle(d.body).color, paper: w.getComputedStyle(d.body).backgroundColor, text: d.body.innerText});
  }
  document.getElementById('found').textContent = JSON.stringify(found);
};
</script>`

// A seen page is what measuring writes down of a frame.
type seen struct {
	Name                          string
	Width, Scroll, Client, Height int
	Beyond                        []string
	Plots                         int
	Overlapping, Outside, Axes    []string
	Smallest                      float64
	Ink, Paper, Text              string
}

// serve serves pages by name, and "frames" that measures them all.
func serve(t *testing.T, pages map[string]string) string {
	mux := http.NewServeMux()
	frames := ""
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		mux.HandleFunc("/"+name, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, pages[name]) })
		for _, width := range []int{390, 1280} {
			frames += fmt.Sprintf(`<iframe src="/%s" style="border:0;width:%dpx;height:800px"></iframe>`, name, width)
		}
	}
	mux.HandleFunc("/frames", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, measuring, frames) })
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
	if m == nil || json.Unmarshal([]byte(html.UnescapeString(string(m[1]))), &out) != nil || len(out) == 0 {
		t.Fatalf("the page was not measured: %.2000s", dom)
	}
	return out
}

// On a phone and on a desktop nothing sticks out, no text covers another or is
// too small to read, and all sections are there.
func TestReportInBrowser(t *testing.T) {
	url := serve(t, map[string]string{"report": reportPageOf(t, reportSet()), "sweep": reportPageOf(t, sweepSet())})
	found := look(t, url+"/frames")
	if len(found) != 4 {
		t.Errorf("%d frames", len(found))
	}
	for _, s := range found {
		if s.Scroll > s.Client || len(s.Beyond) > 0 {
			t.Errorf("%s at %d px: the page is %d px wide: %s", s.Name, s.Width, s.Scroll, strings.Join(s.Beyond, "\n"))
		}
		if len(s.Overlapping)+len(s.Outside)+len(s.Axes) > 0 {
			t.Errorf("%s at %d px: texts overlap %q, are cut off %q, axes %q", s.Name, s.Width, s.Overlapping, s.Outside, s.Axes)
		}
		if s.Plots != 2 || s.Smallest < 10 {
			t.Errorf("%s at %d px: %d plots, text of %.1f px", s.Name, s.Width, s.Plots, s.Smallest)
		}
		for _, want := range []string{"Summary", "Throughput by use case", "What a user gets", "Time to first token", "Runs over time", "Predicted against measured", "Cost", "Where the numbers come from"} {
			if !strings.Contains(s.Text, want) {
				t.Errorf("%s at %d px: %q is not shown", s.Name, s.Width, want)
			}
		}
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
		if *update && scheme == "light" {
			if err := os.WriteFile(filepath.Join("testdata", "report.png"), b, 0o644); err != nil {
				t.Fatal(err)
			}
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
		if n := colours[bars]; n < 1000 {
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

// In print the page is light, and a PDF comes out.
func TestReportInPrint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.pdf")
	chromium(t, "--blink-settings=preferredColorScheme=0", "--no-pdf-header-footer", "--print-to-pdf="+path, serve(t, map[string]string{"report": reportPageOf(t, reportSet())})+"/report")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if pages := bytes.Count(b, []byte("/Type /Page\n")) + bytes.Count(b, []byte("/Type/Page/")); pages < 2 || pages > 12 || !bytes.HasPrefix(b, []byte("%PDF")) {
		t.Errorf("%d bytes, %d pages", len(b), pages)
	}
}
