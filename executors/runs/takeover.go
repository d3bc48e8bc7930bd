package runs

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/google/renameio/v2"
	"github.com/llmbench/llmbench/executors/jobdir"
)

// takeLease makes self the owner. A lease is won by link(2): its file appears
// whole or not at all, and one contender wins.
//
// The lease of a dead owner D is inherited in two moves. First the right to
// inherit is won, by linking lease.D.next; a contender that died with that
// right is inherited from in the same way. The winner then looks again whether
// the lease is still D's, and only then renames its own over it. The rights are
// removed after the rename, so whoever wins one late finds that the lease is no
// longer D's.
func (s *Store) takeLease(ctx context.Context, self Owner) error {
	temp, err := s.writeTemp(self)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	for ctx.Err() == nil {
		won, err := s.claim(temp, leaseFile, self)
		if err != nil || won {
			return err
		}
		dead, err := s.readLease(leaseFile)
		if err != nil {
			return err
		}
		if dead == nil {
			continue // released meanwhile
		}
		if !dead.gone(self) {
			return s.held(*dead, self)
		}
		if inherited, err := s.inherit(temp, *dead, self); err != nil || inherited {
			return err
		}
	}
	return ctx.Err()
}

// inherit takes the lease of a dead owner; false when somebody else was first.
func (s *Store) inherit(temp string, dead, self Owner) (bool, error) {
	var rights []string
	for last := dead; ; {
		right := nextFile(last.Nonce)
		won, err := s.claim(temp, right, self)
		if err != nil {
			return false, err
		}
		rights = append(rights, right)
		if won {
			break
		}
		heir, err := s.readLease(right)
		if err != nil {
			return false, err
		}
		if heir == nil {
			return false, nil // inherited meanwhile
		}
		if !heir.gone(self) {
			return false, s.held(*heir, self)
		}
		last = *heir
	}
	now, err := s.readLease(leaseFile)
	if err != nil || now == nil || now.Nonce != dead.Nonce {
		os.Remove(s.path(rights[len(rights)-1]))
		return false, err
	}
	if err := jobdir.ReplaceFile(s.dir, leaseFile, jobdir.Encode(self), 0o644); err != nil {
		return false, err
	}
	for _, right := range rights {
		os.Remove(s.path(right))
	}
	os.Remove(s.path(beatFile(dead.Nonce)))
	return true, nil
}

func nextFile(nonce string) string { return leaseFile + "." + nonce + ".next" }

// writeTemp writes the owner to a file that can be linked into place.
func (s *Store) writeTemp(o Owner) (string, error) {
	name := ".lease." + o.Nonce
	return s.path(name), jobdir.WriteFile(s.dir, name, jobdir.Encode(o), 0o644)
}

// claim makes name a file that names self, unless it exists. Where the file
// system has no links the file is made empty first, which is as exclusive.
func (s *Store) claim(temp, name string, self Owner) (bool, error) {
	err := s.link(temp, s.path(name))
	switch {
	case err == nil:
		return true, jobdir.SyncDir(s.dir)
	case errors.Is(err, fs.ErrExist):
		// A repeated answer of NFS may deny a link that was made.
		o, err := s.readLease(name)
		return err == nil && o != nil && o.Nonce == self.Nonce, err
	case !jobdir.NoLinks(err):
		return false, err
	}
	f, err := os.OpenFile(s.path(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := f.Close(); err != nil {
		return false, err
	}
	return true, renameio.WriteFile(s.path(name), jobdir.Encode(self), 0o644, renameio.WithTempDir(s.dir))
}
