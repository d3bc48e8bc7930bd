package runs

import (
	"fmt"
	"path/filepath"
	"strings"
)

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

// owns reports whether a whole fingerprint is that of the key.
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

// nameOK reports whether s can be one component of a path: not hidden, no
// separator, nothing that a shell reads.
func nameOK(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	for i, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		case i > 0 && strings.ContainsRune("._-=", r):
		default:
			return false
		}
	}
	return true
}

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
