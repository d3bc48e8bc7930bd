package prepare

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/schema/regular"
)

// publicHub is where checkpoints are published.
const publicHub = "https://huggingface.co"

// hubTimeout is how long one question to a hub may take.
const hubTimeout = 20 * time.Second

// A Hub is Hugging Face or a mirror of it.
type Hub struct {
	endpoint string
	token    token
	client   *http.Client
}

// NewHub is the hub that an environment names with HF_ENDPOINT, asked with the
// token that findToken finds. say is told once if the token would be sent without TLS.
func NewHub(environ []string, say func(format string, args ...any)) *Hub {
	endpoint := cmp.Or(strings.TrimRight(lookup(environ)("HF_ENDPOINT"), "/"), publicHub)
	return &Hub{endpoint: endpoint, token: findToken(environ), client: &http.Client{
		Timeout: hubTimeout, CheckRedirect: sameOrigin, Transport: &plainWarning{say: say},
	}}
}

// sameOrigin takes the token away from a request that a hub sends to another host,
// port or scheme: net/http keeps it for another port and for subdomains.
func sameOrigin(req *http.Request, via []*http.Request) error {
	const mostRedirects = 10
	if len(via) >= mostRedirects {
		return fmt.Errorf("stopped after %d redirects", mostRedirects)
	}
	if first := via[0].URL; first.Scheme != req.URL.Scheme || first.Host != req.URL.Host {
		req.Header.Del("Authorization")
	}
	return nil
}

// A remoteFile is a file of a repository. Its SHA-256 is "" for what is not in LFS.
type remoteFile struct {
	Name  string `json:"rfilename"`
	Bytes int64  `json:"size"`
	LFS   struct {
		SHA256 string `json:"sha256"`
	} `json:"lfs"`
}

// files lists what a repository holds at a revision, and the commit that the
// revision names now.
func (h *Hub) files(ctx context.Context, repo, revision string) (commit string, files []remoteFile, err error) {
	res, err := h.get(ctx, "api/models/"+repo+"/revision/"+branch(revision)+"?blobs=true")
	if err != nil {
		return "", nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", nil, fmt.Errorf("%s answers %s", h.endpoint, res.Status)
	}
	var doc struct {
		SHA      string       `json:"sha"`
		Siblings []remoteFile `json:"siblings"`
	}
	const most = 64 << 20
	if err := json.NewDecoder(io.LimitReader(res.Body, most)).Decode(&doc); err != nil {
		return "", nil, fmt.Errorf("%s: %w", h.endpoint, err)
	}
	return doc.SHA, doc.Siblings, nil
}

// branch is the revision that counts where none is pinned, as a part of a URL.
func branch(revision string) string { return url.PathEscape(cmp.Or(revision, "main")) }

func (h *Hub) get(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.endpoint+"/"+path, nil)
	if err != nil {
		return nil, err
	}
	if !h.token.none() {
		req.Header.Set("Authorization", "Bearer "+h.token.value)
	}
	return h.client.Do(req)
}

// lfsMark begins a file that stands for its content in Git LFS.
const lfsMark = "version https://git-lfs.github.com/spec/"

func isPointer(f io.ReaderAt) bool {
	head := make([]byte, len(lfsMark))
	n, _ := f.ReadAt(head, 0)
	return bytes.Equal(head[:n], []byte(lfsMark))
}

// credential matches user and password in the URL of a remote.
var credential = regexp.MustCompile(`(?m)^\s*(?:push)?url\s*=\s*https?://[^/@\s]+@`)

// leftToken reports whether the clone in dir keeps a token or password in its
// configuration, where everyone who reads the folder finds it.
func leftToken(dir string) bool {
	b, err := regular.Read(filepath.Join(dir, ".git", "config"), regular.MaxText)
	return err == nil && credential.Match(b)
}

// cloned is the commit that the clone in dir is of, "" where it is none.
func cloned(dir string) string {
	git := filepath.Join(dir, ".git")
	head, err := regular.Read(filepath.Join(git, "HEAD"), regular.MaxText)
	if err != nil {
		return ""
	}
	name, ok := strings.CutPrefix(strings.TrimSpace(string(head)), "ref: ")
	if !ok {
		return name
	}
	if b, err := regular.Read(filepath.Join(git, name), regular.MaxText); err == nil {
		return strings.TrimSpace(string(b))
	}
	packed, _ := regular.Read(filepath.Join(git, "packed-refs"), regular.MaxText)
	for line := range strings.Lines(string(packed)) {
		if commit, ref, ok := strings.Cut(strings.TrimSpace(line), " "); ok && ref == name {
			return commit
		}
	}
	return ""
}

// Access asks the hub whether the checkpoint, and the repository that its
// licence comes from, may be read. A base that may not is a warning: its files
// are not read.
func (h *Hub) Access(ctx context.Context, w Weights) []executors.Check {
	out := []executors.Check{h.check(ctx, w.Checkpoint, w.Revision, executors.CheckFail)}
	if w.Base != "" {
		out = append(out, h.check(ctx, w.Base, "", executors.CheckWarn))
	}
	return out
}

// check asks whether a repository's files may be read; denied is the result where they
// may not. The hub tells why not in headers, with one code for all that is gated and a
// sentence that tells the cases apart.
func (h *Hub) check(ctx context.Context, repo, revision, denied string) executors.Check {
	page := h.endpoint + "/" + repo
	check := func(result, detail, remedy string) executors.Check {
		return executors.Check{Name: "access", Result: result, Detail: repo + " " + detail, Remedy: remedy}
	}
	const mirror = "a mirror is named by HF_ENDPOINT"
	res, err := h.get(ctx, repo+"/resolve/"+branch(revision)+"/"+configName)
	if err != nil {
		return check(executors.CheckWarn, "cannot be asked about: "+h.token.hide(err.Error()), mirror)
	}
	defer res.Body.Close()
	code, message := res.Header.Get("X-Error-Code"), res.Header.Get("X-Error-Message")
	if message == "" && res.StatusCode >= 400 {
		b, _ := io.ReadAll(io.LimitReader(res.Body, 500))
		message = strings.TrimSpace(string(b))
	}
	message = h.token.hide(message)
	says := func(word string) bool { return strings.Contains(strings.ToLower(message), word) }
	gated := res.StatusCode == http.StatusForbidden || code == "GatedRepo"
	switch {
	case res.StatusCode < 400, code == "EntryNotFound":
		with := "without a token"
		if !h.token.none() {
			with = "with " + h.token.String()
		}
		return check(executors.CheckOK, "may be read "+with, "")
	case code == "RevisionNotFound":
		return check(denied, fmt.Sprintf("has no revision %q", revision), "correct model.revision")
	case res.StatusCode >= 500, res.StatusCode == http.StatusTooManyRequests:
		return check(executors.CheckWarn, "cannot be asked about: "+res.Status, mirror)
	case gated && h.token.none():
		return check(denied, "is gated, and there is no token", fmt.Sprintf("ask for access at %s, which can take a day; then `hf auth login`, or set HF_TOKEN", page))
	case gated && (says("awaiting") || says("pending")):
		return check(denied, "is gated, and the request for access is pending", fmt.Sprintf("wait, which can take a day; %s shows the state", page))
	case gated && says("rejected"):
		return check(denied, "is gated, and the request for access was rejected", fmt.Sprintf("%s says whom to ask", page))
	case res.StatusCode == http.StatusUnauthorized && !h.token.none() && (gated || says("invalid")):
		return check(denied, fmt.Sprintf("refuses %s: it is not valid", h.token), "make a token at "+h.endpoint+"/settings/tokens; then `hf auth login`, or set HF_TOKEN")
	case gated:
		return check(denied, fmt.Sprintf("is gated, and the account of %s was not granted access", h.token),
			fmt.Sprintf("ask for access at %s, which can take a day; a fine-grained token must allow gated repositories", page))
	}
	return check(denied, "is not there, or private: "+message, "correct model.checkpoint; a private repository needs a token that may read it")
}
