package store

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/schema/regular"
)

// BundleSuffix is how the name of a bundle ends.
const BundleSuffix = ".tar.zst"

// manifestName is the last member of a bundle.
const manifestName = "manifest.json"

// mostMember bounds a member of a bundle. Of a longer log the end is kept.
const mostMember = 64 << 20

// A manifest lists all other members of a bundle in their order, and what was left out
// with the reason. It is no signature: it tells damage and edits, not who wrote it.
type manifest struct {
	FormatVersion string            `json:"format_version"`
	Members       []bundleMember    `json:"members"`
	LeftOut       map[string]string `json:"left_out"`
}

type bundleMember struct {
	Name string `json:"name"`
	jobdir.Sum
}

// A Bundle is a tar archive under zstd that is being written, without secrets. Equal
// members make equal bundles.
type Bundle struct {
	values   []string // what no member may hold
	zip      *zstd.Encoder
	tar      *tar.Writer
	manifest manifest
}

// NewBundle begins a bundle that holds none of the values, as they are or as JSON and
// shells quote them, and nothing that gives itself away as an access token.
func NewBundle(w io.Writer, values ...string) (*Bundle, error) {
	zip, err := zstd.NewWriter(w, zstd.WithEncoderCRC(true))
	if err != nil {
		return nil, err
	}
	return &Bundle{values: quoted(values), zip: zip, tar: tar.NewWriter(zip), manifest: manifest{FormatVersion: "1", Members: []bundleMember{}, LeftOut: map[string]string{}}}, nil
}

// quoted are values with their forms in JSON and in a shell.
func quoted(values []string) []string {
	var out []string
	for _, v := range values {
		var plain bytes.Buffer
		enc := json.NewEncoder(&plain)
		enc.SetEscapeHTML(false)
		escaped, _ := json.Marshal(v) // strings always are JSON
		_ = enc.Encode(v)
		inner := func(s string) string { return s[1 : len(s)-1] } // of the quotes
		out = append(out, v, inner(string(escaped)), inner(strings.TrimSuffix(plain.String(), "\n")), strings.ReplaceAll(v, "'", `'\''`))
	}
	return out
}

// Add adds a file; the values of secrets are cut out of its content.
func (b *Bundle) Add(name string, content []byte) error { return b.add(name, content, b.values) }

func (b *Bundle) add(name string, content []byte, values []string) error {
	content = NewRedactor(values...).CleanBytes(bytes.Clone(content))
	b.manifest.Members = append(b.manifest.Members, bundleMember{name, jobdir.SumOf(content)})
	return b.write(name, content)
}

func (b *Bundle) write(name string, content []byte) error {
	if err := b.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err := b.tar.Write(content)
	return err
}

// LeaveOut notes what is not in the bundle, and why.
func (b *Bundle) LeaveOut(name, why string) { b.manifest.LeftOut[name] = why }

// AddAttempt adds what an attempt left below a folder, but its secrets and its data
// set. What cannot be read, and logs that another user's secrets may still be in, are
// left out.
func (b *Bundle) AddAttempt(folder string, a *Attempt) error {
	l, err := jobdir.List(a.Dir)
	if err != nil {
		b.LeaveOut(folder, err.Error())
		return nil
	}
	secrets := filepath.Join(a.Dir, jobdir.SecretsFile)
	values := b.values
	if l.Has(jobdir.SecretsFile) {
		if !mine(secrets) {
			b.LeaveOut(folder, Withheld)
			return nil
		}
		values = append(quoted(a.secretValues()), values...)
	}
	for _, name := range l.Names {
		at := path.Join(folder, name)
		if name == jobdir.SecretsFile || strings.HasPrefix(name, ".") {
			continue
		}
		if name == jobdir.DatasetFile {
			b.LeaveOut(at, "made anew from the plan")
			continue
		}
		content, err := ending(filepath.Join(a.Dir, name))
		if err != nil {
			b.LeaveOut(at, err.Error())
			continue
		}
		if err := b.add(at, content, values); err != nil {
			return err
		}
	}
	return nil
}

// ending reads a file of an attempt, the end of a long one. Links are left out.
func ending(file string) ([]byte, error) {
	info, err := os.Lstat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	content, cut, err := endOf(file, mostMember)
	if cut > 0 {
		content = append(fmt.Appendf(nil, "(the first %d bytes are left out)\n", cut), content...)
	}
	return content, err
}

// Close ends the bundle with its manifest. The writer below stays open.
func (b *Bundle) Close() error {
	text, err := json.MarshalIndent(b.manifest, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(b.write(manifestName, append(text, '\n')), b.tar.Close(), b.zip.Close())
}

// mostWanted bounds what is kept of a bundle while it is read.
const mostWanted = 1 << 30

// ReadBundle reads the members of a bundle that are wanted, and holds all of them
// against its manifest. An error names the member that was changed, added, removed or
// cut short.
func ReadBundle(file string, wanted func(name string) bool) (map[string][]byte, error) {
	f, err := regular.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	members, err := readBundle(f, wanted)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return members, nil
}

func readBundle(r io.Reader, wanted func(name string) bool) (map[string][]byte, error) {
	zip, err := zstd.NewReader(r, zstd.WithDecoderMaxMemory(mostWanted))
	if err != nil {
		return nil, err
	}
	defer zip.Close()
	out, sums := map[string][]byte{}, map[string]jobdir.Sum{}
	archive := tar.NewReader(zip)
	last := "the beginning"
	for kept := int64(0); ; {
		head, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("it ends after %s without a manifest: it is no bundle, or was cut short", last)
		}
		if err != nil {
			return nil, fmt.Errorf("it is damaged after %s: %w", last, err)
		}
		last = head.Name
		if _, twice := sums[head.Name]; twice || head.Typeflag != tar.TypeReg {
			return nil, fmt.Errorf("%s is there twice, or is no file: the bundle was changed after it was written", head.Name)
		}
		var content bytes.Buffer
		hash := sha256.New()
		to := io.Writer(hash)
		if head.Name == manifestName || wanted(head.Name) {
			if kept += head.Size; kept > mostWanted {
				return nil, fmt.Errorf("%s is too large", head.Name)
			}
			to = io.MultiWriter(hash, &content)
		}
		if _, err := io.Copy(to, archive); err != nil {
			return nil, fmt.Errorf("%s is damaged: %w", head.Name, err)
		}
		if head.Name == manifestName {
			return out, checkManifest(content.Bytes(), sums)
		}
		sums[head.Name] = jobdir.Sum{Bytes: head.Size, SHA256: hex.EncodeToString(hash.Sum(nil))}
		if wanted(head.Name) {
			out[head.Name] = content.Bytes()
		}
	}
}

// checkManifest holds what was read against a manifest.
func checkManifest(text []byte, got map[string]jobdir.Sum) error {
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("%s is damaged: %w", manifestName, err)
	}
	if m.FormatVersion != "1" {
		return fmt.Errorf("the bundle has format version %q, this llmbench reads %q", m.FormatVersion, "1")
	}
	for _, member := range m.Members {
		sum, ok := got[member.Name]
		switch {
		case !ok:
			return fmt.Errorf("%s was removed from the bundle after it was written", member.Name)
		case sum != member.Sum:
			return fmt.Errorf("%s was changed after the bundle was written: its checksum differs", member.Name)
		}
		delete(got, member.Name)
	}
	for name := range got {
		return fmt.Errorf("%s was added to the bundle after it was written", name)
	}
	return nil
}
