package prepare

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
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
	// index is the digest of the index of all architectures, "" where there is only
	// one image; own is the digest of the image for the architecture of the nodes.
	index, own string
	// bytes is the compressed size of all layers.
	bytes int64
}

// is reports whether a digest names the image.
func (p *published) is(digest string) bool { return digest == p.index || digest == p.own }

// name is the digest that people pin: that of the index where there is one.
func (p *published) name() string {
	if p.index != "" {
		return p.index
	}
	return p.own
}

// record is how the digest is kept beside the file.
func (p *published) record() string {
	if p.index == "" || p.index == p.own {
		return p.own + "\n"
	}
	return p.index + "\n" + p.own + "\n"
}

// A registry answers questions about one image.
type registry struct {
	tag     name.Tag
	environ []string
	say     func(format string, args ...any)
}

// newRegistry returns the registry of an image, which is named with its tag and
// without a digest.
func newRegistry(image string, environ []string, say func(format string, args ...any)) (*registry, error) {
	tag, err := name.NewTag(image)
	if err != nil {
		return nil, err
	}
	return &registry{tag, environ, say}, nil
}

// published asks what a tag or digest is now, for nodes of arch.
func (r *registry) published(ctx context.Context, by, arch string) (*published, error) {
	ctx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	options := []remote.Option{
		remote.WithContext(ctx),
		remote.WithPlatform(v1.Platform{OS: "linux", Architecture: platform(arch)}),
		remote.WithAuthFromKeychain(registryKeychain(r.environ)),
		remote.WithTransport(&plainWarning{say: r.say}),
	}
	d, err := remote.Get(r.reference(by), options...)
	var refused *transport.Error
	if errors.As(err, &refused) && (refused.StatusCode == http.StatusUnauthorized || refused.StatusCode == http.StatusForbidden) {
		return nil, fmt.Errorf("%w (credentials are read from %s, ~/.netrc and docker's configuration)", err, enrootCredentialsFile(lookup(r.environ)))
	}
	if err != nil {
		return nil, err
	}
	p := &published{}
	if d.MediaType.IsIndex() {
		p.index = d.Digest.String()
	}
	image, err := d.Image()
	if err != nil {
		return nil, err
	}
	own, err := image.Digest()
	if err != nil {
		return nil, err
	}
	p.own = own.String()
	m, err := image.Manifest()
	if err != nil {
		return nil, err
	}
	for _, l := range m.Layers {
		p.bytes += l.Size
	}
	return p, nil
}

func (r *registry) reference(by string) name.Reference {
	if strings.HasPrefix(by, "sha256:") {
		return r.tag.Digest(by)
	}
	return r.tag.Context().Tag(by)
}

// uri names the image to enroot, by its tag or, where by is a digest, by that.
// It names the user too: without one, enroot asks as an anonymous user whatever
// its credentials file says.
func (r *registry) uri(by string) string {
	if by == "" {
		by = r.tag.TagStr()
	}
	user, _, _ := enrootCredentials(r.environ, r.tag.RegistryStr())
	if user != "" {
		user += "@"
	}
	return "docker://" + user + enrootRegistry(r.tag.RegistryStr()) + "#" + r.tag.RepositoryStr() + ":" + by
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
