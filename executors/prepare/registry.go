package prepare

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
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
