package prepare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/jdx/go-netrc"

	"github.com/llmbench/llmbench/schema/regular"
)

// registryTimeout bounds the questions about one tag or digest.
const registryTimeout = 30 * time.Second

// A published image is what a registry has under a tag or digest.
type published struct {
	// digests are that of the index of all architectures, which people pin, and that of
	// the image for the nodes; one where there is no index.
	digests []string
	// bytes is the compressed size of all layers.
	bytes int64
}

func (p *published) is(digest string) bool { return slices.Contains(p.digests, digest) }

// ask asks what a tag or digest is now, for nodes of arch.
func (f *Fetcher) ask(ctx context.Context, ref name.Reference, arch string) (*published, error) {
	ctx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	d, err := remote.Get(ref,
		remote.WithContext(ctx),
		remote.WithPlatform(v1.Platform{OS: "linux", Architecture: platform(arch)}),
		remote.WithAuthFromKeychain(registryKeychain(ctx, f.Environ)),
		remote.WithTransport(&plainWarning{say: f.Say}))
	var refused *transport.Error
	if errors.As(err, &refused) && (refused.StatusCode == http.StatusUnauthorized || refused.StatusCode == http.StatusForbidden) {
		return nil, fmt.Errorf("%w (credentials are read from %s, ~/.netrc and docker's configuration)", err, enrootCredentialsFile(lookup(f.Environ)))
	}
	if err != nil {
		return nil, err
	}
	p := &published{}
	if d.MediaType.IsIndex() {
		p.digests = append(p.digests, d.Digest.String())
	}
	image, err := d.Image()
	if err != nil {
		return nil, err
	}
	own, err := image.Digest()
	if err != nil {
		return nil, err
	}
	p.digests = append(p.digests, own.String())
	m, err := image.Manifest()
	if err != nil {
		return nil, err
	}
	for _, l := range m.Layers {
		p.bytes += l.Size
	}
	return p, nil
}

// enrootURI names an image to enroot. It names the user too: without one, enroot asks as
// an anonymous user whatever its credentials file says.
func (f *Fetcher) enrootURI(ref name.Reference) string {
	at := ref.Context()
	user, _ := enrootCredentials(lookup(f.Environ), at.RegistryStr())
	if user != "" {
		user += "@"
	}
	return "docker://" + user + enrootRegistry(at.RegistryStr()) + "#" + at.RepositoryStr() + ":" + ref.Identifier()
}

// enrootRegistry names a registry as enroot does, which knows Docker Hub by the
// host that serves its images.
func enrootRegistry(registry string) string {
	if registry == name.DefaultRegistry {
		return "registry-1.docker.io"
	}
	return registry
}

// platform names an architecture as registries do; "" is this host's.
func platform(arch string) string {
	switch arch {
	case "":
		return runtime.GOARCH
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	}
	return arch
}

// plainWarning says when credentials leave this host without TLS.
type plainWarning struct {
	say    func(format string, args ...any)
	warned bool
}

// RoundTrip implements http.RoundTripper.
func (t *plainWarning) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme == "http" && req.Header.Get("Authorization") != "" && !loopback(req.URL.Hostname()) && !t.warned {
		t.warned = true
		t.say("warning: %s has no TLS: credentials are sent to it in plain text", req.URL.Host)
	}
	return remote.DefaultTransport.RoundTrip(req)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

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
