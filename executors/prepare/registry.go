package prepare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// A reference is an image's name in parts: REGISTRY/REPOSITORY:TAG.
type reference struct{ registry, repository, tag string }

// The registry of names that have none.
const defaultRegistry = "registry-1.docker.io"

// parseReference reads a name without a digest.
func parseReference(name string) reference {
	r := reference{registry: defaultRegistry, repository: name, tag: "latest"}
	first, rest, ok := strings.Cut(name, "/")
	switch {
	case ok && (strings.ContainsAny(first, ".:") || first == "localhost"):
		r.registry, r.repository = first, rest
	case !ok:
		r.repository = "library/" + name
	}
	last := strings.LastIndexByte(r.repository, '/') + 1
	if stem, tag, ok := strings.Cut(r.repository[last:], ":"); ok {
		r.repository, r.tag = r.repository[:last]+stem, tag
	}
	return r
}

// uri names the image to enroot, by its tag or, where by is a digest, by that.
func (r reference) uri(by string) string {
	if by == "" {
		by = r.tag
	}
	return "docker://" + r.registry + "#" + r.repository + ":" + by
}

// base is the registry's address. As elsewhere, one on this host is spoken to
// without TLS.
func (r reference) base() string {
	host, _, _ := strings.Cut(r.registry, ":")
	if host == "localhost" || host == "127.0.0.1" {
		return "http://" + r.registry
	}
	return "https://" + r.registry
}

// A published image is what a registry tells of a tag or digest.
type published struct {
	// list is the digest of the list of all architectures, "" where there is only
	// one image; own that of the nodes' architecture.
	list, own string
	// bytes is the size of all layers, as they are compressed there.
	bytes int64
}

// is reports whether a digest names the image.
func (p *published) is(digest string) bool { return digest == p.list || digest == p.own }

// name is the digest that people pin: that of the list where there is one.
func (p *published) name() string {
	if p.list != "" {
		return p.list
	}
	return p.own
}

// record is how the digest is kept beside the file.
func (p *published) record() string {
	if p.list == "" || p.list == p.own {
		return p.own + "\n"
	}
	return p.list + "\n" + p.own + "\n"
}

// manifestTypes are the forms of an image's description.
const manifestTypes = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, " +
	"application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"

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

// A manifest is a list of images or one image.
type manifest struct {
	Manifests []struct {
		Digest   string `json:"digest"`
		Platform struct {
			Architecture string `json:"architecture"`
			OS           string `json:"os"`
		} `json:"platform"`
	} `json:"manifests"`
	Layers []struct {
		Size int64 `json:"size"`
	} `json:"layers"`
}

// A registry answers questions about one image, as an anonymous user.
type registry struct {
	ref    reference
	client *http.Client
	bearer string
}

const registryTimeout = 30 * time.Second

func newRegistry(ref reference) *registry {
	return &registry{ref: ref, client: &http.Client{Timeout: registryTimeout}}
}

// look asks what a tag or digest is now, for nodes of arch.
func (r *registry) look(ctx context.Context, by, arch string) (*published, error) {
	m, digest, err := r.manifest(ctx, by)
	if err != nil {
		return nil, err
	}
	p := &published{own: digest}
	if len(m.Manifests) > 0 {
		p.list, p.own = digest, ""
		for _, e := range m.Manifests {
			if e.Platform.Architecture == platform(arch) {
				p.own = e.Digest
				break
			}
		}
		if p.own == "" {
			return nil, fmt.Errorf("%s/%s:%s has no image for %s", r.ref.registry, r.ref.repository, by, arch)
		}
		if m, _, err = r.manifest(ctx, p.own); err != nil {
			return nil, err
		}
	}
	for _, l := range m.Layers {
		p.bytes += l.Size
	}
	return p, nil
}

func (r *registry) manifest(ctx context.Context, by string) (*manifest, string, error) {
	res, err := r.get(ctx, by)
	if err != nil {
		return nil, "", err
	}
	if res.StatusCode == http.StatusUnauthorized && r.bearer == "" {
		res.Body.Close()
		if err := r.login(ctx, res.Header.Get("WWW-Authenticate")); err != nil {
			return nil, "", err
		}
		if res, err = r.get(ctx, by); err != nil {
			return nil, "", err
		}
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, "", fmt.Errorf("%s answers %s for %s:%s", r.ref.registry, res.Status, r.ref.repository, by)
	}
	m := &manifest{}
	if err := json.NewDecoder(io.LimitReader(res.Body, 8<<20)).Decode(m); err != nil {
		return nil, "", fmt.Errorf("%s: %w", r.ref.registry, err)
	}
	digest := res.Header.Get("Docker-Content-Digest")
	if digest == "" {
		return nil, "", errors.New(r.ref.registry + " tells no digest")
	}
	return m, digest, nil
}

func (r *registry) get(ctx context.Context, by string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.ref.base()+"/v2/"+r.ref.repository+"/manifests/"+by, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", manifestTypes)
	if r.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+r.bearer)
	}
	return r.client.Do(req)
}

// challenge matches the parts of WWW-Authenticate: Bearer realm="…",service="…".
var challenge = regexp.MustCompile(`(\w+)="([^"]*)"`)

// login takes the token that a registry gives to everyone.
func (r *registry) login(ctx context.Context, header string) error {
	if !strings.HasPrefix(header, "Bearer ") {
		return fmt.Errorf("%s wants a login", r.ref.registry)
	}
	realm, query := "", url.Values{}
	for _, m := range challenge.FindAllStringSubmatch(header, -1) {
		if m[1] == "realm" {
			realm = m[2]
		} else {
			query.Set(m[1], m[2])
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, realm+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	res, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var doc struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&doc); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s wants a login (%s)", r.ref.registry, res.Status)
	}
	if r.bearer = doc.Token; r.bearer == "" {
		r.bearer = doc.AccessToken
	}
	return nil
}
