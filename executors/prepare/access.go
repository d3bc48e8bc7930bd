package prepare

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/llmbench/llmbench/executors"
)

// A grant is whether a repository may be read with the token at hand.
type grant int

const (
	granted grant = iota
	needsToken
	badToken
	notAsked // logged in, and nobody asked for access
	pending
	rejected
	noRepository
	noRevision
	unreachable
)

// access asks a hub whether a repository's files may be read. The hub tells why
// not in headers, with one code for all that is gated and a sentence that tells
// the cases apart.
func (h *Hub) access(ctx context.Context, repo, revision string) (grant, string) {
	res, err := h.get(ctx, repo+"/resolve/"+url.PathEscape(branch(revision))+"/"+configName)
	if err != nil {
		return unreachable, h.token.hide(err.Error())
	}
	defer res.Body.Close()
	message := res.Header.Get("X-Error-Message")
	if message == "" && res.StatusCode >= 400 {
		b, _ := io.ReadAll(io.LimitReader(res.Body, 500))
		message = strings.TrimSpace(string(b))
	}
	message = h.token.hide(message)
	code := res.Header.Get("X-Error-Code")
	switch {
	case res.StatusCode < 400, code == "EntryNotFound":
		return granted, ""
	case code == "RevisionNotFound":
		return noRevision, message
	case res.StatusCode >= 500, res.StatusCode == http.StatusTooManyRequests:
		return unreachable, res.Status
	case res.StatusCode == http.StatusForbidden, code == "GatedRepo":
		return h.gated(res.StatusCode, strings.ToLower(message)), message
	case res.StatusCode == http.StatusUnauthorized && !h.token.None() && strings.Contains(strings.ToLower(message), "invalid"):
		return badToken, message
	}
	return noRepository, message
}

// gated tells apart why a gated repository cannot be read.
func (h *Hub) gated(status int, message string) grant {
	switch {
	case h.token.None():
		return needsToken
	case strings.Contains(message, "awaiting"), strings.Contains(message, "pending"):
		return pending
	case strings.Contains(message, "rejected"):
		return rejected
	case status == http.StatusUnauthorized:
		return badToken
	}
	return notAsked
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

func (h *Hub) check(ctx context.Context, repo, revision, denied string) executors.Check {
	page := h.endpoint + "/" + repo
	with := "without a token"
	if !h.token.None() {
		with = "with " + h.token.String()
	}
	c := executors.Check{Name: "access", Result: denied}
	say := func(detail, remedy string) { c.Detail, c.Remedy = repo+" "+detail, remedy }
	switch g, message := h.access(ctx, repo, revision); g {
	case granted:
		c.Result = executors.CheckOK
		say("may be read "+with, "")
	case needsToken:
		say("is gated, and there is no token", fmt.Sprintf("ask for access at %s, which can take a day; then `hf auth login`, or set HF_TOKEN", page))
	case badToken:
		say(fmt.Sprintf("refuses %s: it is not valid", h.token), "make a token at "+h.endpoint+"/settings/tokens; then `hf auth login`, or set HF_TOKEN")
	case notAsked:
		say(fmt.Sprintf("is gated, and the account of %s was not granted access", h.token), fmt.Sprintf("ask for access at %s, which can take a day; a fine-grained token must allow gated repositories", page))
	case pending:
		say("is gated, and the request for access is pending", fmt.Sprintf("wait, which can take a day; %s shows the state", page))
	case rejected:
		say("is gated, and the request for access was rejected", fmt.Sprintf("%s says whom to ask", page))
	case noRepository:
		say("is not there, or private: "+message, "correct model.checkpoint; a private repository needs a token that may read it")
	case noRevision:
		say(fmt.Sprintf("has no revision %q", revision), "correct model.revision")
	case unreachable:
		c.Result = executors.CheckWarn
		say("cannot be asked about: "+message, "a mirror is named by HF_ENDPOINT")
	}
	return c
}
