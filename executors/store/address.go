package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/llmbench/llmbench/executors/jobdir"
)

// historyDir lies in the folder of an address and has a link for every key that
// was ever tried there, named CLUSTER@FINGERPRINT16. Beside it a link for each
// cluster leads to the key that was tried last: that one is for people.
const historyDir = ".all"

// LinkAddress makes the attempt's key be found under an address.
func (s *Store) LinkAddress(address string, a *Attempt) error {
	path, err := addressPath(address)
	if err != nil {
		return err
	}
	dir := filepath.Join(s.byAddressDir(a.Key.Simulated), path)
	all := filepath.Join(dir, historyDir)
	if _, err := s.makeAll(all); err != nil {
		return err
	}
	if err := link(s.KeyDir(a.Key), all, a.Key.Cluster+"@"+a.Key.short()); err != nil {
		return err
	}
	return link(s.KeyDir(a.Key), dir, a.Key.Cluster)
}

// link makes dir/name a relative link to target, not durably.
func link(file, dir, name string) error {
	rel, err := filepath.Rel(dir, file)
	if err != nil {
		return err
	}
	at := filepath.Join(dir, name)
	if err := os.Symlink(rel, at); !errors.Is(err, fs.ErrExist) {
		return err
	}
	if have, err := os.Readlink(at); err == nil && have == rel {
		return nil
	}
	return jobdir.Symlink(rel, at)
}

// KeysAt lists the keys that were tried at an address, by cluster and
// fingerprint.
func (s *Store) KeysAt(address string, simulated bool) ([]Key, error) {
	path, err := addressPath(address)
	if err != nil {
		return nil, err
	}
	l, err := jobdir.List(filepath.Join(s.byAddressDir(simulated), path, historyDir))
	if err != nil {
		return nil, err
	}
	var stored []Key
	for _, name := range l.Names {
		cluster, fp, _ := strings.Cut(name, "@")
		if k := (Key{Fingerprint: fp, Cluster: cluster, Simulated: simulated}); k.check() == nil {
			stored = append(stored, k)
		}
	}
	return s.allCurrent(stored)
}

// fingerprintLength is how much of a fingerprint names its folder.
const fingerprintLength = 16

// A Key is what stored results can satisfy: a fingerprint on a cluster, real or
// simulated.
type Key struct {
	// Fingerprint is in lower-case hexadecimal, 12 digits or more; keys that the
	// store lists have 16.
	Fingerprint string
	// Cluster is a name of letters, digits, dots, dashes and underscores.
	Cluster   string
	Simulated bool
}

// short is the part of the fingerprint that names the folder.
func (k Key) short() string {
	return k.Fingerprint[:min(fingerprintLength, len(k.Fingerprint))]
}

// owns reports whether a whole fingerprint is that of the key: two may share the digits
// that name the folder.
func (k Key) owns(fingerprint string) bool {
	return k.early() || strings.HasPrefix(fingerprint, k.Fingerprint)
}

// check refuses a key that has no folder of its own inside the store.
func (k Key) check() error {
	if len(k.Fingerprint) < earlierLength || strings.Trim(k.Fingerprint, "0123456789abcdef") != "" {
		return fmt.Errorf("%q is not a fingerprint", k.Fingerprint)
	}
	if !clusterOK(k.Cluster) {
		return fmt.Errorf("cluster %q cannot name a folder: letters, digits, '.', '-' and '_' can, and a letter or digit is first", k.Cluster)
	}
	return nil
}

// nameOK reports whether a string can be one component of a path: not hidden, no
// separator, nothing that a shell reads.
var nameOK = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._=-]{0,254}$`).MatchString

// clusterOK is nameOK without the '=' that only addresses have: a cluster must
// never look like a component of an address.
func clusterOK(s string) bool { return nameOK(s) && !strings.Contains(s, "=") }

// addressPath is the path below by-address of an address.
func addressPath(address string) (string, error) {
	for part := range strings.SplitSeq(address, "/") {
		if !nameOK(part) {
			return "", fmt.Errorf("%q is not an address", address)
		}
	}
	return filepath.FromSlash(address), nil
}
