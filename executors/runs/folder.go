package runs

import (
	"fmt"
	"path/filepath"
)

// A folder is where a client and one job leave each other their records.
type folder struct {
	// Dir is absolute.
	Dir string
}

// Job returns the receipt of the submission, nil while there is none.
func (f folder) Job() (*JobRecord, error) { return readDocument[JobRecord](f, jobFile) }

// Ended returns the backend's word on the end, nil while there is none.
func (f folder) Ended() (*EndRecord, error) { return readDocument[EndRecord](f, endedFile) }

// Claim returns the owner of the folder, nil while there is none.
func (f folder) Claim() (*Claim, error) { return readRecord[Claim](f, claimFile) }

// Start returns nil until the benchmark's step was started.
func (f folder) Start() (*Start, error) { return readRecord[Start](f, startFile) }

// Exit returns the job's last word, nil until it is there and whole.
func (f folder) Exit() (*Exit, error) { return readRecord[Exit](f, exitFile) }

// Cancelled reports whether the job was asked to stop. It may still
// run; if it starts later it refuses to.
func (f folder) Cancelled() bool {
	l, err := list(f.Dir)
	return err == nil && l.has(cancelledFile)
}

// RecordJob writes the receipt of the submission. One that a crash of the host
// loses is found again by the job's name.
func (f folder) RecordJob(r JobRecord) error {
	return writeFile(f.Dir, jobFile, encodeRecord(r), 0o644)
}

// RecordEnd writes the backend's word on the end.
func (f folder) RecordEnd(r EndRecord) error {
	return replaceFile(f.Dir, endedFile, encodeRecord(r), 0o644)
}

// MarkCancelled asks the job to stop, durably: call it before the backend
// is asked.
func (f folder) MarkCancelled() error {
	return replaceFile(f.Dir, cancelledFile, nil, 0o644)
}

func readDocument[T any](f folder, name string) (*T, error) {
	return readWith[T](f, name, listing.document)
}

func readRecord[T any](f folder, name string) (*T, error) {
	return readWith[T](f, name, listing.record)
}

func readWith[T any](f folder, name string, read func(listing, string, any) (bool, error)) (*T, error) {
	l, err := list(f.Dir)
	if err != nil {
		return nil, err
	}
	return from[T](l, name, read)
}

func from[T any](l listing, name string, read func(listing, string, any) (bool, error)) (*T, error) {
	v := new(T)
	ok, err := read(l, name, v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(l.dir, name), err)
	}
	if !ok {
		return nil, nil
	}
	return v, nil
}
