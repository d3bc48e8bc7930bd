package prepare

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A token goes to the hub that it is for, and never to where that redirects: another
// host, another port.
func TestTokenStaysWithItsHub(t *testing.T) {
	var there []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		there = append(there, r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	var here []string
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		here = append(here, r.Header.Get("Authorization"))
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		case "/within":
			http.Redirect(w, r, "/end", http.StatusFound)
		}
	}))
	defer hub.Close()
	h := NewHub([]string{"HF_ENDPOINT=" + hub.URL, "HF_TOKEN=" + nobodys}, t.Errorf) // loopback: nothing is said
	for _, path := range []string{"away", "within"} {
		resp, err := h.get(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if len(there) != 1 || there[0] != "" {
		t.Errorf("the other port was sent %q", there)
	}
	if len(here) != 3 || here[2] != "Bearer "+nobodys {
		t.Errorf("the hub was sent %q", here)
	}
}

// Without TLS a token is sent with a warning.
func TestTokenInPlainText(t *testing.T) {
	said := 0
	h := NewHub([]string{"HF_ENDPOINT=http://hub.invalid", "HF_TOKEN=" + nobodys}, func(string, ...any) { said++ })
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nothing leaves this host
	for range 2 {
		if resp, err := h.get(ctx, "x"); err == nil {
			resp.Body.Close()
		}
	}
	if said != 1 {
		t.Errorf("%d warnings", said)
	}
}

// Whatever a file holds, reading its header ends with tensors or an error.
func FuzzReadShard(f *testing.F) {
	f.Add([]byte("\x08\x00\x00\x00\x00\x00\x00\x00{\"a\":{}}"))
	f.Add([]byte("\x3c\x00\x00\x00\x00\x00\x00\x00{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}        xx"))
	f.Add([]byte("\x44\x00\x00\x00\x00\x00\x00\x00{\"a\":{\"dtype\":\"F64\",\"shape\":[-1,9223372036854775807],\"data_offsets\":[0,-2]}}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "a.safetensors")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := readShard(path)
		if err != nil {
			return
		}
		if s.data < 0 || s.data > int64(len(b)) {
			t.Errorf("%d bytes of data in a file of %d", s.data, len(b))
		}
	})
}

// Credentials that leave this host without TLS are warned of once, and only they.
func TestPlainCredentials(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop() // nothing is sent
	for _, c := range []struct {
		url, token string
		told       int
	}{
		{"http://hub.example/x", "Bearer t", 1},
		{"http://hub.example/x", "", 0},
		{"https://hub.example/x", "Bearer t", 0},
		{"http://localhost:1/x", "Bearer t", 0},
		{"http://127.0.0.2:1/x", "Bearer t", 0},
		{"http://[::1]:1/x", "Bearer t", 0},
		{"http://localhost.example/x", "Bearer t", 1},
	} {
		told := 0
		transport := &plainWarning{say: func(string, ...any) { told++ }}
		for range 2 {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.token != "" {
				req.Header.Set("Authorization", c.token)
			}
			if res, err := transport.RoundTrip(req); err == nil {
				res.Body.Close()
				t.Errorf("%s was asked", c.url)
			}
		}
		if told != c.told {
			t.Errorf("%s with %q: told %d times, want %d", c.url, c.token, told, c.told)
		}
	}
}

const nobodys = "hf_nobodysTokenAtAll"

// The token is looked for where the hf command does, and prints as its source.
func TestFindToken(t *testing.T) {
	home := t.TempDir()
	at := func(elem ...string) string {
		path := filepath.Join(append([]string{home}, elem...)...)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(nobodys+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	login, cache, own, named := at(".cache", "huggingface", "token"), at("xdg", "huggingface", "token"), at("hf", "token"), at("named")
	for _, test := range []struct {
		env  []string
		want string
	}{
		{nil, ""},
		{[]string{"HOME=" + home}, login},
		{[]string{"HOME=" + home, "XDG_CACHE_HOME=" + filepath.Join(home, "xdg")}, cache},
		{[]string{"HOME=" + home, "HF_HOME=" + filepath.Join(home, "hf")}, own},
		{[]string{"HOME=" + home, "HF_TOKEN_PATH=" + named}, named},
		{[]string{"HOME=" + home, "HF_TOKEN_PATH=" + named + "x"}, ""},
		{[]string{"HOME=" + home, "HF_TOKEN=" + nobodys}, "HF_TOKEN"},
	} {
		token := findToken(test.env)
		if token.source != test.want || token.none() != (test.want == "") {
			t.Errorf("%v: %s", test.env, token.source)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if strings.Contains(fmt.Sprintf(verb, token), nobodys) || strings.Contains(fmt.Sprintf(verb, &token), nobodys) {
				t.Errorf("%s shows the token", verb)
			}
		}
	}
}
