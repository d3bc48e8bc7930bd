package jobdir

import (
	"fmt"
	"os"
	"path/filepath"
)

// A Folder is where a client and one job leave each other their records.
type Folder struct {
	// Dir is absolute.
	Dir string
}

// Intent returns nil when the folder was never prepared to the end.
func (f Folder) Intent() (*Intent, error) { return readDocument[Intent](f, IntentFile) }

// Intend writes the intent, without which no job of the folder may be submitted.
func (f Folder) Intend(i Intent) error {
	return ReplaceFile(f.Dir, IntentFile, Encode(i), 0o644)
}

// Discard removes a folder without an intent.
func (f Folder) Discard() error {
	l, err := List(f.Dir)
	if err != nil || l.Has(IntentFile) {
		return err
	}
	return os.RemoveAll(f.Dir)
}

// Receipt returns the receipt of the submission, nil while there is none.
func (f Folder) Receipt() (*JobRecord, error) { return readDocument[JobRecord](f, JobFile) }

// Ended returns the backend's word on the end, nil while there is none.
func (f Folder) Ended() (*EndRecord, error) { return readDocument[EndRecord](f, EndedFile) }

// Claim returns the owner of the folder, nil while there is none.
func (f Folder) Claim() (*Claim, error) { return readRecord[Claim](f, ClaimFile) }

// Start returns nil until the benchmark's step was started.
func (f Folder) Start() (*Start, error) { return readRecord[Start](f, StartFile) }

// Exit returns the job's last word, nil until it is there and whole.
func (f Folder) Exit() (*Exit, error) { return readRecord[Exit](f, ExitFile) }

// Cancelled reports whether the job was asked to stop. It may still
// run; if it starts later it refuses to.
func (f Folder) Cancelled() bool { return Seen(f.Dir, CancelledFile) }

// RecordJob writes the receipt of the submission. One that a crash of the host
// loses is found again by the job's name.
func (f Folder) RecordJob(r JobRecord) error {
	return WriteFile(f.Dir, JobFile, Encode(r), 0o644)
}

// RecordEnd writes the backend's word on the end.
func (f Folder) RecordEnd(r EndRecord) error {
	return ReplaceFile(f.Dir, EndedFile, Encode(r), 0o644)
}

// MarkCancelled asks the job to stop, durably: call it before the backend
// is asked.
func (f Folder) MarkCancelled() error {
	return ReplaceFile(f.Dir, CancelledFile, nil, 0o644)
}

func readDocument[T any](f Folder, name string) (*T, error) {
	l, err := List(f.Dir)
	if err != nil {
		return nil, err
	}
	return Document[T](l, name)
}

func readRecord[T any](f Folder, name string) (*T, error) {
	l, err := List(f.Dir)
	if err != nil {
		return nil, err
	}
	return Record[T](l, name)
}

// Record reads a record that another process wrote; nil when it is absent or not
// whole.
func Record[T any](l Listing, name string) (*T, error) { return read[T](l, name, Decode) }

// Document reads a file that is only ever renamed into place; nil when it is absent
// or not whole.
func Document[T any](l Listing, name string) (*T, error) { return read[T](l, name, decodeDocument) }

func read[T any](l Listing, name string, decode func([]byte, any) bool) (*T, error) {
	data, err := l.Read(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(l.Dir, name), err)
	}
	v := new(T)
	if data == nil || !decode(data, v) {
		return nil, nil
	}
	return v, nil
}
