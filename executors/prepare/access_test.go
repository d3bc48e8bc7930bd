package prepare_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmbench/llmbench/executors/prepare"
)

const secret = "hf_thisIsNobodysToken"

// An answer is what a hub says about a repository.
type answer struct {
	status        int
	code, message string
}

// hub serves answers by repository, as Hugging Face words them.
func hub(t *testing.T, answers map[string]answer) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/models/") {
			fmt.Fprintf(w, `{"sha":%q,"siblings":[{"rfilename":"model.safetensors","size":4000000}]}`, strings.Repeat("a", 40))
			return
		}
		repo, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/resolve/")
		a, ok := answers[repo]
		if !ok {
			a = answer{401, "RepoNotFound", "Repository not found"}
		}
		if a.code != "" {
			w.Header().Set("X-Error-Code", a.code)
			w.Header().Set("X-Error-Message", a.message)
		}
		w.WriteHeader(a.status)
		fmt.Fprint(w, a.message)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestAccess(t *testing.T) {
	w := maverick("/nowhere")
	open := answer{200, "", "{}"}
	gated := func(status int, message string) answer { return answer{status, "GatedRepo", message} }
	for name, test := range map[string]struct {
		checkpoint, base answer
		token            string
		want             string // %s is the hub
	}{
		"open": {open, open, "", `ok nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8 may be read without a token
ok meta-llama/Llama-4-Maverick-17B-128E-Instruct may be read without a token
`},
		"no token": {gated(401, "Access to model X is restricted. You must have access to it and be authenticated to access it. Please log in."), open, "",
			`fail nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8 is gated, and there is no token → ask for access at %s/nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8, which can take a day; then ` + "`hf auth login`" + `, or set HF_TOKEN
ok meta-llama/Llama-4-Maverick-17B-128E-Instruct may be read without a token
`},
		"not granted": {open, gated(403, "Access to model X is restricted and you are not in the authorized list. Visit https://huggingface.co/X to ask for access."), secret,
			`ok nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8 may be read with the token of HF_TOKEN
warn meta-llama/Llama-4-Maverick-17B-128E-Instruct is gated, and the account of the token of HF_TOKEN was not granted access → ask for access at %s/meta-llama/Llama-4-Maverick-17B-128E-Instruct, which can take a day; a fine-grained token must allow gated repositories
`},
		"pending": {gated(403, "Your request to access model X is awaiting a review from the repo authors."), open, secret,
			`fail nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8 is gated, and the request for access is pending → wait, which can take a day; %s/nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8 shows the state
ok meta-llama/Llama-4-Maverick-17B-128E-Instruct may be read with the token of HF_TOKEN
`},
		"rejected": {open, gated(403, "Your request to access model X has been rejected by the repo's authors."), secret,
			`ok nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8 may be read with the token of HF_TOKEN
warn meta-llama/Llama-4-Maverick-17B-128E-Instruct is gated, and the request for access was rejected → %s/meta-llama/Llama-4-Maverick-17B-128E-Instruct says whom to ask
`},
		"bad token": {answer{401, "", "Invalid credentials in Authorization header"}, open, secret,
			`fail nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8 refuses the token of HF_TOKEN: it is not valid → make a token at %s/settings/tokens; then ` + "`hf auth login`" + `, or set HF_TOKEN
ok meta-llama/Llama-4-Maverick-17B-128E-Instruct may be read with the token of HF_TOKEN
`},
		"moved": {answer{404, "RevisionNotFound", "Invalid rev id"}, open, "",
			`fail nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8 has no revision "" → correct model.revision
ok meta-llama/Llama-4-Maverick-17B-128E-Instruct may be read without a token
`},
		"down, with the token in its words": {answer{503, "", secret}, open, secret,
			`warn nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8 cannot be asked about: 503 Service Unavailable → a mirror is named by HF_ENDPOINT
ok meta-llama/Llama-4-Maverick-17B-128E-Instruct may be read with the token of HF_TOKEN
`},
	} {
		t.Run(name, func(t *testing.T) {
			url := hub(t, map[string]answer{w.Checkpoint: test.checkpoint, w.Base: test.base})
			h := prepare.NewHub([]string{"HF_ENDPOINT=" + url + "/", "HF_TOKEN=" + test.token, "HOME=" + t.TempDir()}, t.Logf)
			var got strings.Builder
			for _, c := range h.Access(t.Context(), w) {
				got.WriteString(c.Result + " " + c.Detail)
				if c.Remedy != "" {
					got.WriteString(" → " + c.Remedy)
				}
				got.WriteString("\n")
			}
			want := strings.ReplaceAll(test.want, "%s", url)
			if got.String() != want {
				t.Errorf("got:\n%swant:\n%s", got.String(), want)
			}
			if strings.Contains(got.String(), secret) {
				t.Error("the token is shown")
			}
		})
	}
}

func TestUnreachableHub(t *testing.T) {
	h := prepare.NewHub([]string{"HF_ENDPOINT=http://127.0.0.1:1", "HF_TOKEN=" + secret}, t.Logf)
	for _, c := range h.Access(t.Context(), maverick("/nowhere")) {
		if c.Result != "warn" || !strings.Contains(c.Detail, "cannot be asked about") || strings.Contains(c.Detail, secret) {
			t.Errorf("%+v", c)
		}
	}
}

func TestDatasetSpace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store", "datasets") // not made yet
	if c := prepare.CheckSpace("dataset", dir, 0); c != nil {
		t.Errorf("nothing does not fit: %+v", c)
	}
	if c := prepare.CheckSpace("dataset", dir, prepare.DatasetBytes(1<<40, 8000)); c == nil || c.Result != "fail" || !strings.Contains(c.Detail, "are to come") {
		t.Errorf("%+v", c)
	}
	if n := prepare.DatasetBytes(16384, 8000); n < 800e6 || n > 1000e6 {
		t.Errorf("16384 prompts of 8000 tokens: %d bytes", n)
	}
}
