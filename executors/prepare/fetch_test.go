package prepare_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/prepare/preparetest"
)

// A fakeRegistry has one image for two architectures. It gives everyone a token
// or, where login is set, those who know it.
type fakeRegistry struct {
	host, login, redirect string
	moved                 atomic.Bool // the tag is another index now
}

// index is what the tag names, and movedIndex what it names once it has moved.
const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	indexType    = "application/vnd.oci.image.index.v1+json"
	arm          = `{"schemaVersion":2,"mediaType":"` + manifestType + `","config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":"` + digest + `"},"layers":[{"size":1000,"digest":"` + digest + `"},{"size":2000,"digest":"` + other + `"}]}`
)

var (
	armDigest  = sum(arm)
	huge       = strings.Replace(arm, "1000", "1152921504606846976", 1)
	index      = fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[{"mediaType":%q,"size":1,"digest":%q,"platform":{"os":"linux","architecture":"amd64"}},{"mediaType":%q,"size":%d,"digest":%q,"platform":{"os":"linux","architecture":"arm64"}}]}`, indexType, manifestType, other, manifestType, len(arm), armDigest)
	movedIndex = index + "\n"
)

func sum(content string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(content))) }

func newRegistry(t *testing.T) *fakeRegistry {
	r := &fakeRegistry{}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	r.host = strings.TrimPrefix(s.URL, "http://")
	return r
}

func (r *fakeRegistry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.URL.Path == "/token" {
		if user, password, _ := req.BasicAuth(); r.login != "" && user+":"+password != r.login {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"token":"granted"}`)
		return
	}
	if req.Header.Get("Authorization") != "Bearer granted" {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="registry",scope="repository:nvidia/tensorrt-llm/release:pull"`, r.host))
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if r.redirect != "" {
		http.Redirect(w, req, r.redirect+req.URL.Path, http.StatusTemporaryRedirect)
		return
	}
	now := index
	if r.moved.Load() {
		now = movedIndex
	}
	answers := map[string][2]string{"1.0.0rc1": {indexType, now}, sum(now): {indexType, now}, armDigest: {manifestType, arm}, "huge": {manifestType, huge}}
	answer, ok := answers[strings.TrimPrefix(req.URL.Path, "/v2/nvidia/tensorrt-llm/release/manifests/")]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", answer[0])
	w.Header().Set("Docker-Content-Digest", sum(answer[1]))
	fmt.Fprint(w, answer[1])
}

func TestFetchWeights(t *testing.T) {
	s := newSite(t, "")
	w := maverick(s.weightsDir)
	w.Revision = strings.Repeat("a", 40)
	got := lines(s.weightsDir, fetcher(s.environ).Weights(t.Context(), w))
	if want := "ok 52 shards, 3.2 MiB, FP8, revision aaaaaaaaaaaa\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	want := "hf download nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8 --local-dir DIR/weights --revision " + w.Revision + " (a token)\n"
	if s.started() != want {
		t.Errorf("started %q, want %q", s.started(), want)
	}
	if got := lines(s.weightsDir, fetcher(s.environ).Weights(t.Context(), w)); !strings.HasPrefix(got, "ok ") || s.started() != want {
		t.Errorf("what is there was fetched again: %s%s", got, s.started())
	}
	if left := s.leftovers(); left != nil {
		t.Errorf("left: %v", left)
	}
}

// A damaged shard is fetched anew, although hf noted that it is whole.
func TestFetchMends(t *testing.T) {
	s := newSite(t, "")
	w := maverick(s.weightsDir)
	f := fetcher(s.environ)
	f.Weights(t.Context(), w)
	shard := filepath.Join(s.weightsDir, preparetest.Small().ShardName(9))
	if err := os.Truncate(shard, 2000); err != nil {
		t.Fatal(err)
	}
	if got := lines(s.weightsDir, f.Weights(t.Context(), w)); !strings.HasPrefix(got, "ok 52 shards") {
		t.Error(got)
	}
}

// A folder with another checkpoint is somebody's, and left alone.
func TestFetchLeavesOthersAlone(t *testing.T) {
	s := newSite(t, "")
	c := preparetest.Small()
	c.Algo = "NVFP4"
	if err := c.Write(s.weightsDir); err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(s.weightsDir, c.ShardName(1)))
	got := lines(s.weightsDir, fetcher(s.environ).Weights(t.Context(), maverick(s.weightsDir)))
	if !strings.HasPrefix(got, "fail hf_quant_config.json says NVFP4, and the definition FP8\n") || s.started() != "" {
		t.Errorf("%s%s", got, s.started())
	}
}

// config.json may come before the file that says how the weights are quantized: a
// fetch that ended between the two is taken up. Shards of other types are somebody's,
// and so is what no fetch has finished.
func TestFetchEndedBeforeQuantization(t *testing.T) {
	for name, test := range map[string]struct {
		dtype  string
		shards int
		fetch  bool // a fetch was at work here
		want   string
	}{
		"config alone":                 {"F8_E4M3", 0, true, "ok 52 shards"},
		"some shards":                  {"F8_E4M3", 3, true, "ok 52 shards"},
		"all shards":                   {"F8_E4M3", 52, true, "ok 52 shards"},
		"another's shards":             {"BF16", 3, true, "fail the shards hold 100 % BF16, which is not a checkpoint of FP8\n"},
		"all of another's shards":      {"BF16", 52, true, "fail the shards hold 100 % BF16, which is not a checkpoint of FP8\n"},
		"config alone, copied by hand": {"BF16", 0, false, "fail config.json says BF16, and the definition FP8\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, "")
			c := preparetest.Small()
			c.Algo, c.Dtype = "", test.dtype
			if err := c.Write(s.weightsDir); err != nil {
				t.Fatal(err)
			}
			for i := test.shards + 1; i <= c.Shards; i++ {
				os.Remove(filepath.Join(s.weightsDir, c.ShardName(i)))
			}
			if test.fetch {
				if err := os.MkdirAll(filepath.Join(s.weightsDir, ".cache", "huggingface", "download"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			got := lines(s.weightsDir, fetcher(s.environ).Weights(t.Context(), maverick(s.weightsDir)))
			if !strings.Contains(got, test.want) || strings.HasPrefix(test.want, "fail") != (s.started() == "") {
				t.Errorf("%s%s", got, s.started())
			}
		})
	}
}

// What does not fit is not begun.
func TestFetchWithoutSpace(t *testing.T) {
	s := newSite(t, "")
	t.Setenv("HF_ENDPOINT", "http://127.0.0.1:1")
	w := maverick(s.weightsDir)
	w.Bytes = 1 << 60
	got := lines(s.weightsDir, fetcher(os.Environ()).Weights(t.Context(), w))
	if !strings.Contains(got, "fail 1073741824.0 GiB are to come, and "+s.dir+" has ") || s.started() != "" {
		t.Errorf("%s%s", got, s.started())
	}
	i := s.imageToFetch
	i.Name = strings.Replace(i.Name, ":1.0.0rc1", ":huge", 1)
	checks := fetcher(os.Environ()).Image(t.Context(), i)
	if got := lines(i.File, checks); !strings.HasPrefix(got, "fail 1073741824.0 GiB are to come, and "+s.dir+" has ") || !strings.HasPrefix(checks[0].Remedy, "make room") || s.started() != "" {
		t.Errorf("%s%+v%s", got, checks, s.started())
	}
}

// What is refused for good is tried once.
func TestFetchIsDenied(t *testing.T) {
	for name, denial := range map[string]error{
		"by the file system": errors.New("enroot: exit status 1: mkdir: cannot create directory '/run/enroot': Permission denied"),
		"by Slurm":           fmt.Errorf("sbatch: error: Batch job submission failed: Invalid qos specification (%w)", executors.ErrRejected),
	} {
		t.Run(name, func(t *testing.T) {
			s, tries := newSite(t, ""), 0
			f := fetcher(s.environ)
			f.Elsewhere = func(context.Context, executors.Command) error { tries++; return denial }
			got := lines(s.imageToFetch.File, f.Image(t.Context(), s.imageToFetch))
			if tries != 1 || !strings.Contains(got, "fail "+denial.Error()) {
				t.Errorf("tried %d times: %s", tries, got)
			}
		})
	}
}

// What a command says when it fails is passed on, without the token.
func TestFetchFails(t *testing.T) {
	s := newSite(t, preparetest.Fails)
	got := lines(s.weightsDir, fetcher(s.environ).Weights(t.Context(), maverick(s.weightsDir)))
	if !strings.Contains(got, "fail hf: exit status 1: httpx.ReadTimeout: The read operation timed out for [token]\n") || strings.Contains(got, secret) {
		t.Error(got)
	}
	if n := strings.Count(s.started(), "hf download"); n != 3 {
		t.Errorf("tried %d times, want 3", n)
	}
	got = lines(s.imageToFetch.File, fetcher(s.environ).Image(t.Context(), s.imageToFetch))
	if got != "fail enroot: exit status 1: [ERROR] Could not process JSON input\n" {
		t.Error(got)
	}
	if left := s.leftovers(); left != nil {
		t.Errorf("left: %v", left)
	}
}

// A command that stalls, or is killed, is started again and goes on.
func TestFetchGoesOn(t *testing.T) {
	for _, mode := range []string{preparetest.StallOnce, preparetest.DieOnce} {
		t.Run(mode, func(t *testing.T) {
			s := newSite(t, mode)
			f := fetcher(s.environ)
			if mode == preparetest.StallOnce {
				f.Stall, f.Tries = time.Second, 30 // a starved machine may take life for a stall
			}
			var said []string
			f.Say = func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
			checks := append(f.Weights(t.Context(), maverick(s.weightsDir)), f.Image(t.Context(), s.imageToFetch)...)
			for _, c := range checks {
				if c.Result != "ok" {
					t.Errorf("%+v", c)
				}
			}
			if len(said) < 2 || !strings.Contains(said[0], "hf: ") || !strings.Contains(said[0], "trying again (2 of ") {
				t.Errorf("said %q", said)
			}
			if strings.Contains(s.started(), "OVERLAP") {
				t.Error(s.started())
			}
		})
	}
}

// Refused access is told, and nothing is started.
func TestFetchWithoutAccess(t *testing.T) {
	s := newSite(t, "")
	w := maverick(s.weightsDir)
	t.Setenv("HF_ENDPOINT", hub(t, map[string]answer{w.Checkpoint: {403, "GatedRepo", "Your request to access model X is awaiting a review from the repo authors."}}))
	got := lines(s.weightsDir, fetcher(os.Environ()).Weights(t.Context(), w))
	if !strings.HasPrefix(got, "fail nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8 is gated, and the request for access is pending\n") || s.started() != "" {
		t.Errorf("%s%s", got, s.started())
	}
}

func TestFetchImage(t *testing.T) {
	for name, test := range map[string]struct {
		pin     string
		prepare func(*site)
		want    string
		started string
	}{
		"by tag":       {"", nil, "ok 1.0 MiB, digest " + sum(index)[:19] + "\n", "docker://HOST#nvidia/tensorrt-llm/release:1.0.0rc1"},
		"pinned index": {sum(index), nil, "ok 1.0 MiB, digest " + sum(index)[:19] + "\n", "docker://HOST#nvidia/tensorrt-llm/release:1.0.0rc1"},
		"pinned image": {armDigest, nil, "ok 1.0 MiB, digest " + sum(index)[:19] + "\n", "docker://HOST#nvidia/tensorrt-llm/release:1.0.0rc1"},
		"tag moved, digest gone": {sum(index), func(s *site) { s.registry.moved.Store(true) },
			"fail the tag has moved: it is " + sum(movedIndex)[:19] + "… now, and the definition pins " + sum(index)[:19] + "…\n", ""},
		"tag moved, image still there": {armDigest, func(s *site) { s.registry.moved.Store(true) },
			"ok 1.0 MiB, digest " + sum(movedIndex)[:19] + "\n", "docker://HOST#nvidia/tensorrt-llm/release:1.0.0rc1"},
		"registry silent": {"", func(s *site) { s.imageToFetch.Name = "127.0.0.1:1/nvidia/tensorrt-llm/release:1.0.0rc1" },
			"ok 1.0 MiB\n", "docker://127.0.0.1:1#nvidia/tensorrt-llm/release:1.0.0rc1"},
		"registry silent, pinned": {digest, func(s *site) { s.imageToFetch.Name = "127.0.0.1:1/nvidia/tensorrt-llm/release:1.0.0rc1" },
			"ok 1.0 MiB, digest sha256:111111111111\n", "docker://127.0.0.1:1#nvidia/tensorrt-llm/release:" + digest},
		"half-written": {"", func(s *site) { os.WriteFile(s.imageToFetch.File, make([]byte, 999), 0o644) },
			"ok 1.0 MiB, digest " + sum(index)[:19] + "\n", "docker://HOST#nvidia/tensorrt-llm/release:1.0.0rc1"},
		"private, enroot's credentials": {"", private(".config/enroot/.credentials", "machine elsewhere login a password b\nmachine 127.0.0.1 login $oauthtoken password letmein\n"),
			"ok 1.0 MiB, digest " + sum(index)[:19] + "\n", "docker://$oauthtoken@HOST#nvidia/tensorrt-llm/release:1.0.0rc1"},
		"private, a command in enroot's credentials": {"", private(".config/enroot/.credentials", "machine 127.0.0.1 login $oauthtoken password $(echo LETMEIN | tr A-Z a-z)\n"),
			"ok 1.0 MiB, digest " + sum(index)[:19] + "\n", "docker://$oauthtoken@HOST#nvidia/tensorrt-llm/release:1.0.0rc1"},
		"private, netrc": {"", private(".netrc", "machine 127.0.0.1\n  login $oauthtoken\n  password letmein\n"),
			"ok 1.0 MiB, digest " + sum(index)[:19] + "\n", "docker://HOST#nvidia/tensorrt-llm/release:1.0.0rc1"},
		"private, no credentials": {"", private(".netrc", "machine elsewhere login a password b\n"),
			"ok 1.0 MiB\n", "docker://HOST#nvidia/tensorrt-llm/release:1.0.0rc1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, "")
			s.imageToFetch.Digest = test.pin
			if test.prepare != nil {
				test.prepare(s)
			}
			i := s.imageToFetch
			if got := lines(i.File, fetcher(s.environ).Image(t.Context(), i)); got != test.want {
				t.Errorf("got  %swant %s", got, test.want)
			}
			want := ""
			if test.started != "" {
				want = "enroot import -a aarch64 -o DIR/tensorrt-llm+release+1.0.0rc1.sqsh.importing " + test.started + " (no token)\n"
			}
			if s.started() != want {
				t.Errorf("started %q, want %q", s.started(), want)
			}
			if left := s.leftovers(); left != nil {
				t.Errorf("left: %v", left)
			}
			if b, err := os.ReadFile(i.File + ".sha256"); want != "" && (err != nil || len(b) < 64 || !strings.HasSuffix(string(b), "  tensorrt-llm+release+1.0.0rc1.sqsh\n")) {
				t.Errorf("recorded %q, %v", b, err)
			}
		})
	}
}

// Of an image that is there the registry is asked what its tag is now. What it says is
// never taken for the digest of the file.
func TestImageThatIsThere(t *testing.T) {
	for name, test := range map[string]struct{ recorded, pin, registry, want string }{
		"as it was":         {recorded: sum(index) + "\n" + armDigest + "\n"},
		"for other nodes":   {recorded: other + "\n" + armDigest + "\n"},
		"moved":             {recorded: digest + "\n", want: "warn the tag has moved: it is " + sum(index)[:19] + " now, and this file is of " + digest[:19] + "\n"},
		"not recorded":      {want: "warn the tag is " + sum(index)[:19] + " now, and which image this file is of was not recorded: results cannot be compared by content with those of other sites\n"},
		"pinned":            {recorded: digest + "\n", pin: digest},
		"registry silent":   {registry: "127.0.0.1:1"},
		"pinned, no record": {pin: digest, want: "fail"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, "")
			i := s.imageToFetch
			if i.Digest = test.pin; test.registry != "" {
				i.Name = test.registry + "/nvidia/tensorrt-llm/release:1.0.0rc1"
			}
			if err := preparetest.WriteImage(i.File, 1<<20); err != nil {
				t.Fatal(err)
			}
			if test.recorded != "" {
				if err := os.WriteFile(i.File+".digest", []byte(test.recorded), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			_, got, _ := strings.Cut(lines(i.File, fetcher(s.environ).Image(t.Context(), i)), "\n")
			if test.want != "fail" && got != test.want || s.started() != "" {
				t.Errorf("got %s\nwant %s, started %q", got, test.want, s.started())
			}
			if b, _ := os.ReadFile(i.File + ".digest"); string(b) != test.recorded {
				t.Errorf("recorded %q", b)
			}
		})
	}
}

// private makes the registry ask for a login, and writes a file in the home
// folder.
func private(path, content string) func(*site) {
	return func(s *site) {
		s.registry.login = "$oauthtoken:letmein"
		path := filepath.Join(s.dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// A registry that redirects to another host does not get its token there.
func TestTokenStaysWithItsRegistry(t *testing.T) {
	s := newSite(t, "")
	var sent []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		sent = append(sent, req.Header.Get("Authorization"))
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(elsewhere.Close)
	s.registry.redirect = strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1)
	if got := lines(s.imageToFetch.File, fetcher(s.environ).Image(t.Context(), s.imageToFetch)); got != "ok 1.0 MiB\n" {
		t.Error(got)
	}
	if len(sent) == 0 || strings.Join(sent, "") != "" {
		t.Errorf("the other host got %q, want requests without a token", sent)
	}
}

// preparer starts a process that prepares.
func (s *site) preparer() *exec.Cmd {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), preparerVar+"="+s.dir, imageVar+"="+s.imageToFetch.Name)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.t.Log(stderr.String())
		}
	})
	return cmd
}

// Several who prepare the same thing fetch it once, and all see it whole.
func TestManyPrepareAtOnce(t *testing.T) {
	s := newSite(t, "")
	t.Setenv("STANDIN_PACE", "2ms")
	var g sync.WaitGroup
	for range 4 {
		cmd := s.preparer()
		g.Go(func() {
			if out, err := cmd.Output(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	g.Wait()
	if got := s.started(); strings.Count(got, "hf download") != 1 || strings.Count(got, "enroot import") != 1 || strings.Contains(got, "OVERLAP") {
		t.Error(got)
	}
	if left := s.leftovers(); left != nil {
		t.Errorf("left: %v", left)
	}
}

// A prepare that is killed twenty times at any moment ends complete.
func TestPrepareKilled(t *testing.T) {
	s := newSite(t, "")
	t.Setenv("STANDIN_PACE", "2ms")
	for range 20 {
		cmd := s.preparer()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.IntN(120)) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	if out, err := s.preparer().Output(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := lines(s.weightsDir, maverick(s.weightsDir).Verify(t.Context())); !strings.HasPrefix(got, "ok 52 shards") {
		t.Error(got)
	}
	if got := lines(image(s.dir).File, image(s.dir).Verify(t.Context())); !strings.HasPrefix(got, "ok ") {
		t.Error(got)
	}
	if strings.Contains(s.started(), "OVERLAP") {
		t.Error("two commands were at work on one thing")
	}
	if left := s.leftovers(); left != nil {
		t.Errorf("left: %v", left)
	}
}
