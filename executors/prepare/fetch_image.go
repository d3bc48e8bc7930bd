package prepare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/renameio/v2"

	"github.com/llmbench/llmbench/executors"
)

// importing ends the name of an image in the making.
const importing = ".importing"

// Image imports an image with enroot unless it is there, and returns how it
// verifies in the end. A file that was not written to its end is replaced; a
// whole one that is another than declared is left alone.
func (f *Fetcher) Image(ctx context.Context, i Image) []executors.Check {
	if !i.toImport() {
		sweep(ctx, i.File)
		checks := i.Verify(ctx)
		if len(failing(checks)) == 0 {
			checks = append(checks, f.published(ctx, i)...)
		}
		return checks
	}
	if c := f.command("image", i.File, "enroot", i.Name, "import on a host that has it, or by a job: prepare { partition = … } in the executor"); c != nil {
		return c
	}
	checks, err := f.hold(ctx, i.File, func(ctx context.Context) []executors.Check {
		if i.toImport() {
			if failed := f.image(ctx, i); failed != nil {
				return failed
			}
		}
		return i.Verify(ctx)
	})
	if err != nil {
		return i.failed(err)
	}
	return checks
}

// publishedTimeout bounds the question about an image that is there: a host without a
// way to the registry need not wait.
const publishedTimeout = 10 * time.Second

// published says where the tag of an image that is there is another image now, and
// where nobody knows which one the file is. There is no check where the registry does
// not answer, nor for a digest: that cannot move.
func (f *Fetcher) published(ctx context.Context, i Image) []executors.Check {
	if i.Digest != "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, publishedTimeout)
	defer cancel()
	tag, err := name.NewTag(i.Name)
	if err != nil {
		return nil
	}
	now, err := f.ask(ctx, tag, i.Arch)
	recorded := strings.Fields(i.recorded())
	switch {
	case err != nil || slices.ContainsFunc(recorded, now.is):
		return nil
	case len(recorded) == 0:
		return []executors.Check{i.check(executors.CheckWarn, "remove the file, and `llmbench prepare` imports it with its digest",
			"the tag is %.19s now, and which image this file is of was not recorded: results cannot be compared by content with those of other sites", now.digests[0])}
	}
	return []executors.Check{i.check(executors.CheckWarn, "pin digest; or remove the file, and `llmbench prepare` imports what the tag is now",
		"the tag has moved: it is %.19s now, and this file is of %.19s", now.digests[0], recorded[0])}
}

// toImport reports whether there is no whole file.
func (i Image) toImport() bool {
	_, err := checkSquashfs(i.File)
	return err != nil && !errors.Is(err, os.ErrPermission)
}

// errMoved says that a registry has another image than is pinned.
var errMoved = errors.New("the tag has moved")

func (i Image) failed(err error) []executors.Check {
	remedy := remedyFor(err)
	if errors.Is(err, errMoved) {
		remedy = "pin what the registry has now, or import the file of the other yourself"
	}
	return i.fail(remedy, "%v", err)
}

// image imports an image; the caller holds its lock. It appears under its name
// when it is whole and recorded. The checks say what failed, nil for nothing.
func (f *Fetcher) image(ctx context.Context, i Image) []executors.Check {
	tag, err := name.NewTag(i.Name)
	if err != nil {
		return i.failed(err)
	}
	before, ref, err := f.source(ctx, tag, i)
	if err != nil {
		return i.failed(err)
	}
	temp := i.File + importing
	if before != nil {
		if c := CheckSpace("image", i.File, before.bytes); c != nil {
			return []executors.Check{*c}
		}
	}
	defer os.Remove(temp)
	if err := f.again(ctx, f.enroot(ref, i, temp, before), token{}, full); err != nil {
		return i.failed(err)
	}
	if before != nil && ref == tag {
		if after, err := f.ask(ctx, tag, i.Arch); err == nil && !after.is(before.digests[len(before.digests)-1]) {
			return i.failed(fmt.Errorf("the tag was moved during the import, from %.19s to %.19s", before.digests[0], after.digests[0]))
		}
	}
	if wrong := i.checkInside(ctx, temp); wrong != nil {
		return wrong
	}
	if err := f.finish(ctx, i, temp, before); err != nil {
		return i.failed(err)
	}
	return nil
}

// source decides by what to import: by the tag, or by the pinned digest where
// the tag has moved or nobody tells. The registry's answer is nil where it gives
// none, which only a pinned digest cannot do without.
func (f *Fetcher) source(ctx context.Context, tag name.Tag, i Image) (now *published, by name.Reference, err error) {
	now, err = f.ask(ctx, tag, i.Arch)
	switch {
	case err == nil && (i.Digest == "" || now.is(i.Digest)):
		return now, tag, nil
	case err != nil && i.Digest == "":
		f.Say("no digest is recorded for %s: %v", i.Name, err)
		return nil, tag, nil
	}
	pinned, err := f.ask(ctx, tag.Digest(i.Digest), i.Arch)
	switch {
	case err == nil:
		f.Say("%s has moved; importing %.19s", i.Name, i.Digest)
	case now != nil:
		return nil, nil, fmt.Errorf("%w: it is %.19s… now, and the definition pins %.19s…", errMoved, now.digests[0], i.Digest)
	default:
		pinned = &published{digests: []string{i.Digest}}
	}
	return pinned, tag.Digest(i.Digest), nil
}

// enroot is the command that imports an image for the architecture of the nodes.
func (f *Fetcher) enroot(ref name.Reference, i Image, temp string, from *published) executors.Command {
	argv := []string{"enroot", "import"}
	if i.Arch != "" {
		argv = append(argv, "-a", i.Arch)
	}
	env := lookup(f.Environ)
	cache := cmp.Or(env("ENROOT_CACHE_PATH"), filepath.Join(cacheHome(env), "enroot")) // unless a site's configuration says otherwise
	had := grown(cache)
	return executors.Command{
		Path: i.File, Argv: append(argv, "-o", temp, f.enrootURI(ref)), Env: without(f.Environ, "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
		Clean: func() { os.Remove(temp) }, // left by one who died; enroot writes over nothing
		Look: func() {
			file := filepath.Base(i.File)
			if info, err := os.Stat(temp); err == nil {
				f.Bytes("writing "+file, info.Size(), 0)
			} else if from != nil {
				f.Bytes("downloading layers of "+file, grown(cache)-had, from.bytes)
			}
		},
	}
}

// finish checks what was imported, records what it is, and gives it its name.
func (f *Fetcher) finish(ctx context.Context, i Image, temp string, from *published) error {
	bytes, err := checkSquashfs(temp)
	if err != nil {
		return fmt.Errorf("what enroot wrote %w", err)
	}
	var read int64
	sum, err := hashFile(ctx, temp, func(n int) {
		read += int64(n)
		f.Bytes("hashing "+filepath.Base(i.File), read, bytes)
	})
	if err != nil {
		return err
	}
	os.Remove(i.File + digestSuffix)
	if from != nil {
		if err := renameio.WriteFile(i.File+digestSuffix, []byte(strings.Join(from.digests, "\n")+"\n"), 0o644); err != nil {
			return err
		}
	}
	if err := renameio.WriteFile(i.File+sumSuffix, []byte(sum+"  "+filepath.Base(i.File)+"\n"), 0o644); err != nil {
		return err
	}
	return install(temp, i.File)
}

// install gives a finished file its name, for good.
func install(temp, path string) error {
	f, err := os.OpenFile(temp, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	_ = d.Sync() // not every file system can; those that cannot need not
	return d.Close()
}
