package runs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/llmbench/llmbench/plan"
)

// historyDir lies in the folder of an address and has a link for every key that
// was ever tried there, named CLUSTER@FINGERPRINT12. Beside it a link for each
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
	if err := s.mkdirAll(all); err != nil {
		return err
	}
	if err := link(s.KeyDir(a.Key), all, a.Key.Cluster+"@"+a.Key.short()); err != nil {
		return err
	}
	if err := link(s.KeyDir(a.Key), dir, a.Key.Cluster); err != nil {
		return err
	}
	return syncDirs(all, dir)
}

// link makes dir/name a relative link to target. It is durable once dir is.
func link(target, dir, name string) error {
	rel, err := filepath.Rel(dir, target)
	if err != nil {
		return err
	}
	at := filepath.Join(dir, name)
	if have, err := os.Readlink(at); err == nil && have == rel {
		return nil
	}
	return symlink(rel, at)
}

// LastAt returns the run that was measured last at an address, by the times in
// the attempts; failed attempts are taken only where nothing was ever measured.
// It returns nil if nothing was tried there.
func (s *Store) LastAt(address string, simulated bool) (*plan.Run, error) {
	keys, err := s.KeysAt(address, simulated)
	if err != nil {
		return nil, err
	}
	var tried []trial
	for _, k := range keys {
		more, err := s.trials(k)
		if err != nil {
			return nil, err
		}
		tried = append(tried, more...)
	}
	if len(tried) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(tried, func(a, b trial) int { return b.created.Compare(a.created) })
	if len(keys) > 1 {
		for _, t := range tried {
			if r, err := t.attempt.Result(); err == nil && r != nil && r.Counts() {
				return t.attempt.Run()
			}
		}
	}
	return tried[0].attempt.Run()
}

type trial struct {
	attempt *Attempt
	created time.Time
}

// trials lists the prepared attempts of a key, retired ones too.
func (s *Store) trials(k Key) ([]trial, error) {
	attempts, err := s.Attempts(k)
	if err != nil {
		return nil, err
	}
	var out []trial
	for _, a := range attempts {
		in, err := a.Intent()
		if err != nil {
			return nil, err
		}
		if in != nil {
			out = append(out, trial{a, in.Created})
		}
	}
	return out, nil
}

// KeysAt lists the keys that were tried at an address, by cluster and
// fingerprint.
func (s *Store) KeysAt(address string, simulated bool) ([]Key, error) {
	path, err := addressPath(address)
	if err != nil {
		return nil, err
	}
	l, err := list(filepath.Join(s.byAddressDir(simulated), path, historyDir))
	if err != nil {
		return nil, err
	}
	var out []Key
	for _, name := range l.names {
		cluster, fp, _ := strings.Cut(name, "@")
		if k := (Key{Fingerprint: fp, Cluster: cluster, Simulated: simulated}); k.check() == nil {
			out = append(out, k)
		}
	}
	return out, nil
}

// Addresses lists the addresses that something was tried at, sorted.
func (s *Store) Addresses(simulated bool) ([]string, error) {
	var out []string
	root := s.byAddressDir(simulated)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		if d.Name() != historyDir {
			return nil
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, filepath.ToSlash(rel))
		return fs.SkipDir
	})
	slices.Sort(out)
	return out, err
}
