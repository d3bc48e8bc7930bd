package prepare

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/jdx/go-netrc"

	"github.com/llmbench/llmbench/schema/regular"
)

// registryKeychain finds the credentials of a registry in enroot's .credentials,
// then in ~/.netrc, then where docker keeps them.
func registryKeychain(environ []string) authn.Keychain {
	return authn.NewMultiKeychain(enrootKeychain{environ}, netrcKeychain{environ}, authn.DefaultKeychain)
}

// enrootKeychain reads the file that `enroot import` reads.
type enrootKeychain struct{ environ []string }

// Resolve implements authn.Keychain.
func (k enrootKeychain) Resolve(r authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), r)
}

// ResolveContext implements authn.ContextKeychain.
func (k enrootKeychain) ResolveContext(ctx context.Context, r authn.Resource) (authn.Authenticator, error) {
	user, password, ok := enrootCredentials(k.environ, r.RegistryStr())
	if !ok {
		return authn.Anonymous, nil
	}
	if !strings.HasPrefix(password, "$") {
		return &authn.Basic{Username: user, Password: password}, nil
	}
	// enroot has the shell expand such a password.
	cmd := exec.CommandContext(ctx, "sh", "-c", "echo "+password)
	cmd.Env = k.environ
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("the password of %s in %s: %w", r.RegistryStr(), enrootCredentialsFile(lookup(k.environ)), err)
	}
	return &authn.Basic{Username: user, Password: strings.TrimSpace(string(out))}, nil
}

// enrootCredentials returns the first entry of a registry in enroot's
// credentials file: one line, "machine HOST login USER password PASSWORD". The
// host has no port.
func enrootCredentials(environ []string, registry string) (user, password string, ok bool) {
	b, err := regular.Read(enrootCredentialsFile(lookup(environ)), regular.MaxText)
	if err != nil {
		return "", "", false
	}
	host, _, _ := strings.Cut(enrootRegistry(registry), ":")
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) >= 6 && f[0] == "machine" && f[1] == host && f[2] == "login" && f[4] == "password" {
			return f[3], strings.Join(f[5:], " "), true
		}
	}
	return "", "", false
}

func enrootCredentialsFile(env func(string) string) string {
	dir := env("ENROOT_CONFIG_PATH")
	if dir == "" {
		config := env("XDG_CONFIG_HOME")
		if config == "" {
			config = filepath.Join(env("HOME"), ".config")
		}
		dir = filepath.Join(config, "enroot")
	}
	return filepath.Join(dir, ".credentials")
}

// netrcKeychain reads $NETRC or ~/.netrc, as curl does.
type netrcKeychain struct{ environ []string }

// Resolve implements authn.Keychain.
func (k netrcKeychain) Resolve(r authn.Resource) (authn.Authenticator, error) {
	env := lookup(k.environ)
	path := env("NETRC")
	if path == "" {
		path = filepath.Join(env("HOME"), ".netrc")
	}
	if _, err := os.Stat(path); err != nil {
		return authn.Anonymous, nil
	}
	file, err := netrc.Parse(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	host, _, _ := strings.Cut(r.RegistryStr(), ":")
	machine := file.Machine(host)
	if machine == nil || machine.Get("password") == "" {
		return authn.Anonymous, nil
	}
	return &authn.Basic{Username: machine.Get("login"), Password: machine.Get("password")}, nil
}

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
		b, err := regular.Read(path, regular.MaxText)
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
