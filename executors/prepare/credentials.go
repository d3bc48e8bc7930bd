package prepare

import (
	"cmp"
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
func registryKeychain(ctx context.Context, environ []string) authn.Keychain {
	return authn.NewMultiKeychain(
		keychain(func(registry string) (user, password string, err error) { return enrootLogin(ctx, environ, registry) }),
		keychain(func(registry string) (user, password string, err error) { return netrcLogin(lookup(environ), registry) }),
		authn.DefaultKeychain)
}

// A keychain finds the user and the password of a registry, "" for none.
type keychain func(registry string) (user, password string, err error)

// Resolve implements authn.Keychain.
func (k keychain) Resolve(r authn.Resource) (authn.Authenticator, error) {
	user, password, err := k(r.RegistryStr())
	if err != nil || password == "" {
		return authn.Anonymous, err
	}
	return &authn.Basic{Username: user, Password: password}, nil
}

// enrootLogin is what `enroot import` would log in with: it has the shell expand a
// password that begins with a $.
func enrootLogin(ctx context.Context, environ []string, registry string) (user, password string, err error) {
	user, password = enrootCredentials(lookup(environ), registry)
	if !strings.HasPrefix(password, "$") {
		return user, password, nil
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", "echo "+password)
	cmd.Env = environ
	out, err := cmd.Output()
	if err != nil {
		return "", "", fmt.Errorf("the password of %s in %s: %w", registry, enrootCredentialsFile(lookup(environ)), err)
	}
	return user, strings.TrimSpace(string(out)), nil
}

// enrootCredentials returns the first entry of a registry in enroot's
// credentials file, "" for none: one line, "machine HOST login USER password PASSWORD".
// The host has no port.
func enrootCredentials(env func(string) string, registry string) (user, password string) {
	b, _ := regular.Read(enrootCredentialsFile(env), regular.MaxText)
	host, _, _ := strings.Cut(enrootRegistry(registry), ":")
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) >= 6 && f[0] == "machine" && f[1] == host && f[2] == "login" && f[4] == "password" {
			return f[3], strings.Join(f[5:], " ")
		}
	}
	return "", ""
}

func enrootCredentialsFile(env func(string) string) string {
	config := cmp.Or(env("XDG_CONFIG_HOME"), filepath.Join(env("HOME"), ".config"))
	return filepath.Join(cmp.Or(env("ENROOT_CONFIG_PATH"), filepath.Join(config, "enroot")), ".credentials")
}

// cacheHome is where programs keep what they can fetch again.
func cacheHome(env func(string) string) string {
	return cmp.Or(env("XDG_CACHE_HOME"), filepath.Join(env("HOME"), ".cache"))
}

// netrcLogin reads $NETRC or ~/.netrc, as curl does.
func netrcLogin(env func(string) string, registry string) (user, password string, err error) {
	path := cmp.Or(env("NETRC"), filepath.Join(env("HOME"), ".netrc"))
	if _, err := os.Stat(path); err != nil {
		return "", "", nil
	}
	file, err := netrc.Parse(path)
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", path, err)
	}
	host, _, _ := strings.Cut(registry, ":")
	if machine := file.Machine(host); machine != nil {
		return machine.Get("login"), machine.Get("password"), nil
	}
	return "", "", nil
}

// A token is a user's right on Hugging Face. It prints as its source, whatever
// the verb: its value leaves only in a header, or in a child's environment.
type token struct {
	value  string
	source string // HF_TOKEN or a file
}

// String implements fmt.Stringer.
func (t token) String() string { return "the token of " + t.source }

// GoString implements fmt.GoStringer.
func (t token) GoString() string { return t.String() }

func (t token) none() bool { return t.value == "" }

// hide takes the token out of what another program wrote.
func (t token) hide(text string) string {
	if t.none() {
		return text
	}
	return strings.ReplaceAll(text, t.value, "[token]")
}

// findToken looks where the hf command does: HF_TOKEN, the file that
// HF_TOKEN_PATH names, and the file that `hf auth login` writes.
func findToken(environ []string) token {
	env := lookup(environ)
	for _, name := range []string{"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"} {
		if v := strings.TrimSpace(env(name)); v != "" {
			return token{v, name}
		}
	}
	home := cmp.Or(env("HF_HOME"), filepath.Join(cacheHome(env), "huggingface"))
	path := cmp.Or(env("HF_TOKEN_PATH"), filepath.Join(home, "token"))
	b, err := regular.Read(path, regular.MaxText)
	if v := strings.TrimSpace(string(b)); err == nil && v != "" {
		return token{v, path}
	}
	return token{}
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
