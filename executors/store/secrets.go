package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema/regular"
)

// Withheld is what others are told of a log from which secrets were not removed yet.
const Withheld = "log withheld: not yet redacted"

// hidden stands where a secret was.
const hidden = "(secret)"

// A Redactor takes secrets out of what is shown.
type Redactor struct {
	values [][]byte // the longest first
}

// NewRedactor returns a redactor of these values, and of what gives itself away as
// an access token. Values shorter than those that definitions may declare sensitive
// are left alone.
func NewRedactor(values ...string) Redactor {
	const shortest = 6
	var r Redactor
	for _, v := range values {
		if len(v) >= shortest {
			r.values = append(r.values, []byte(v))
		}
	}
	slices.SortFunc(r.values, func(a, b []byte) int { return cmp.Or(len(b)-len(a), bytes.Compare(a, b)) })
	r.values = slices.CompactFunc(r.values, bytes.Equal)
	return r
}

// Clean is text without the secrets in it.
func (r Redactor) Clean(text string) string { return string(r.CleanBytes([]byte(text))) }

// CleanBytes is Clean for bytes, which it may change.
func (r Redactor) CleanBytes(b []byte) []byte {
	for _, v := range r.values {
		b = bytes.ReplaceAll(b, v, []byte(hidden))
	}
	return trtllm.Redact(b)
}

// copy copies from in to out without the values, and reports whether there were any.
// Where one ends and another begins in a piece does not matter.
func (r Redactor) copy(out io.Writer, in io.Reader) (found bool, err error) {
	if len(r.values) == 0 {
		_, err := io.Copy(out, in)
		return false, err
	}
	longest := len(r.values[0])
	var buf []byte
	for piece, last := make([]byte, 1<<20), false; !last; {
		n, err := io.ReadFull(in, piece)
		last = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return found, err
		}
		var clean []byte
		buf = append(buf, piece[:n]...)
		for {
			at, length := r.first(buf)
			if at < 0 || !last && at+longest > len(buf) { // a longer value may begin there
				break
			}
			found, clean, buf = true, append(append(clean, buf[:at]...), hidden...), buf[at+length:]
		}
		whole := len(buf)
		if !last {
			whole -= min(whole, longest-1)
		}
		if _, err := out.Write(append(clean, buf[:whole]...)); err != nil {
			return found, err
		}
		buf = slices.Clone(buf[whole:])
	}
	return found, nil
}

// first is where the first value stands in b, and its length; -1 where none does.
func (r Redactor) first(b []byte) (at, length int) {
	at = -1
	for _, v := range r.values {
		if i := bytes.Index(b, v); i >= 0 && (at < 0 || i < at) {
			at, length = i, len(v)
		}
	}
	return at, length
}

// Redactor is that of the attempt's secrets, as far as this user may read them, and
// of further values.
func (a *Attempt) Redactor(values ...string) Redactor {
	return NewRedactor(append(a.secretValues(), values...)...)
}

// secretValues are the attempt's secrets, as far as this user may read them.
func (a *Attempt) secretValues() []string {
	var values []string
	text, err := jobdir.ReadFile(filepath.Join(a.Dir, jobdir.SecretsFile))
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		_, value, _ := strings.Cut(strings.TrimRight(line, "\n"), "=")
		values = append(values, value)
	}
	return values
}

// RecordEnd writes the end as the backend reports it.
func (a *Attempt) RecordEnd(r jobdir.EndRecord) error {
	r.Detail = a.Redactor().Clean(r.Detail)
	return a.Folder.RecordEnd(r)
}

// An unredacted is an attempt that has a file of secrets: what its job logs is
// private until they are removed from it.
type unredacted struct {
	jobdir.Member
	Cluster   string `json:"cluster"`
	Simulated bool   `json:"simulated"`
}

func (s *Store) unredactedDir() string { return filepath.Join(s.dir, "unredacted") }

func (a *Attempt) unredactedName() string {
	kind := "real"
	if a.Key.Simulated {
		kind = "simulated"
	}
	return fmt.Sprintf("%s.%s.%s.s%d-a%d", a.Key.short(), a.Key.Cluster, kind, a.Sample, a.Number)
}

// hide notes, before it gets a file of secrets, that the attempt has one, and makes
// the file for what its script says private.
func (a *Attempt) hide() error {
	u := unredacted{jobdir.Member{Fingerprint: a.Key.Fingerprint, Sample: a.Sample, Attempt: a.Number}, a.Key.Cluster, a.Key.Simulated}
	if err := a.store.put(a.store.unredactedDir(), a.unredactedName(), jobdir.Encode(u)); err != nil {
		return err
	}
	_, err := jobdir.FillFiles(a.Dir, []jobdir.File{{Name: jobdir.JobOutFile, Perm: 0o600}})
	return err
}

// settled is how long after a job was stopped its script may still write.
const settled = 2 * time.Minute

// RedactEnded does for this user's attempts what their job scripts could not: it
// removes secrets from the logs of those that have ended, lets others read them,
// and removes the files of secrets; 0.1.0 left them all. With vacant it removes those of attempts that
// were never prepared to the end, too: only the one writer may say so.
func (s *Store) RedactEnded(vacant bool) error {
	l, err := jobdir.List(s.unredactedDir())
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range l.Names {
		if !mine(filepath.Join(l.Dir, name)) {
			continue
		}
		u, err := jobdir.Record[unredacted](l, name)
		if err != nil || u == nil {
			errs = append(errs, err)
			continue
		}
		k := Key{Fingerprint: u.Fingerprint, Cluster: u.Cluster, Simulated: u.Simulated}
		if k.check() != nil || u.Sample < 1 || u.Attempt < 1 {
			continue
		}
		errs = append(errs, s.Attempt(k, u.Sample, u.Attempt).redactEnded(vacant))
	}
	for _, simulated := range []bool{false, true} {
		e, err := s.earlier(simulated)
		errs = append(errs, err)
		for _, a := range e.secret {
			errs = append(errs, a.redactEnded(vacant))
		}
	}
	return errors.Join(errs...)
}

// redactEnded is Redact where nothing writes to the attempt's folder any more.
func (a *Attempt) redactEnded(vacant bool) error {
	s, err := a.snapshot()
	if err != nil {
		return err
	}
	switch state := s.state(); {
	case state == plan.Vacant && vacant, state == plan.Deferred,
		state == plan.Ended && (s.exit != nil || !s.files.Has(jobdir.ClaimFile) || s.ended != nil && a.store.now().Sub(s.ended.Time) > settled):
		return a.Redact()
	}
	return nil
}

// Redact removes the attempt's secrets from all that its job left, lets those who
// may read the store read it, and removes the file of secrets. The caller knows that
// the job is gone. Only the owner can; for others, and where there are no secrets,
// nothing is done.
func (a *Attempt) Redact() error {
	secrets := filepath.Join(a.Dir, jobdir.SecretsFile)
	if mine(secrets) {
		r := a.Redactor()
		if err := filepath.WalkDir(a.Dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || path == secrets || !mine(path) {
				return err
			}
			return r.rewrite(path)
		}); err != nil {
			return err
		}
		if err := os.Remove(secrets); err != nil {
			return err
		}
	} else if _, err := os.Lstat(secrets); !errors.Is(err, fs.ErrNotExist) {
		return err // another's
	}
	if err := os.Remove(filepath.Join(a.store.unredactedDir(), a.unredactedName())); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// rewrite removes the values from a file and gives it the mode of its folder.
func (r Redactor) rewrite(path string) error {
	f, err := regular.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	found, err := r.copy(io.Discard, f)
	if err != nil {
		return err
	}
	dir, name := filepath.Split(path)
	if !found {
		return jobdir.Share(dir, name)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return jobdir.WriteTo(dir, name, func(w io.Writer) error {
		_, err := r.copy(w, f)
		return err
	}, 0o644)
}

// mine reports whether a file exists and is this user's.
func mine(path string) bool {
	info, err := os.Lstat(path)
	if err != nil {
		return false
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(owner.Uid) == os.Geteuid()
}

// hideSecrets takes the attempt's secrets out of what is told of its logs, and says
// so where the logs are another's and still hold them.
func (s *snapshot) hideSecrets(r *results.Result) {
	if len(r.Reasons) == 0 {
		return
	}
	if s.files.Has(jobdir.SecretsFile) {
		redactor := s.attempt.Redactor()
		for i := range r.Reasons {
			reason := &r.Reasons[i]
			reason.Detail, reason.Log = redactor.Clean(reason.Detail), redactor.Clean(reason.Log)
		}
	}
	if s.withheld() && r.Reasons[0].Log == "" {
		r.Reasons[0].Log = Withheld
	}
}

// withheld reports whether this user may not read a log that is there.
func (s *snapshot) withheld() bool {
	for _, name := range []string{jobdir.StdoutFile, jobdir.StderrFile, jobdir.JobOutFile} {
		if open := s.opener(name); open != nil {
			f, err := open()
			if errors.Is(err, fs.ErrPermission) {
				return true
			}
			if err == nil {
				f.Close()
			}
		}
	}
	return false
}
