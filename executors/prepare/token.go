package prepare

import (
	"os"
	"path/filepath"
	"strings"
)

// A Token is a user's right on Hugging Face. It prints as its source, whatever
// the verb: its value leaves only in a header, or in a child's environment.
type Token struct {
	value string
	// Source says where the token was found: HF_TOKEN or a file.
	Source string
}

// String implements fmt.Stringer.
func (t Token) String() string { return "the token of " + t.Source }

// GoString implements fmt.GoStringer.
func (t Token) GoString() string { return t.String() }

// None reports whether there is no token.
func (t Token) None() bool { return t.value == "" }

// hide takes the token out of what another program wrote.
func (t Token) hide(text string) string {
	if t.None() {
		return text
	}
	return strings.ReplaceAll(text, t.value, "[token]")
}

// FindToken looks where the hf command does: HF_TOKEN, the file that
// HF_TOKEN_PATH names, and the file that `hf auth login` writes.
func FindToken(environ []string) Token {
	env := lookup(environ)
	for _, name := range []string{"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"} {
		if v := strings.TrimSpace(env(name)); v != "" {
			return Token{v, name}
		}
	}
	for _, path := range tokenFiles(env) {
		b, err := os.ReadFile(path)
		if v := strings.TrimSpace(string(b)); err == nil && v != "" {
			return Token{v, path}
		}
	}
	return Token{}
}

// tokenFiles are where a token may lie; HF_TOKEN_PATH alone counts where it is
// set.
func tokenFiles(env func(string) string) []string {
	if path := env("HF_TOKEN_PATH"); path != "" {
		return []string{path}
	}
	if home := env("HF_HOME"); home != "" {
		return []string{filepath.Join(home, "token")}
	}
	cache := env("XDG_CACHE_HOME")
	if cache == "" {
		cache = filepath.Join(env("HOME"), ".cache")
	}
	return []string{filepath.Join(cache, "huggingface", "token")}
}

// lookup reads variables of an environment; the last of a name counts.
func lookup(environ []string) func(string) string {
	m := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		m[name] = value
	}
	return func(name string) string { return m[name] }
}
