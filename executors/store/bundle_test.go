package store

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/llmbench/llmbench/executors/jobdir"
)

// repacked is a bundle whose members were edited.
func repacked(t *testing.T, bundle []byte, edit func(name string, content []byte) (string, []byte)) []byte {
	t.Helper()
	zip, err := zstd.NewReader(bytes.NewReader(bundle))
	if err != nil {
		t.Fatal(err)
	}
	defer zip.Close()
	var out bytes.Buffer
	b, err := NewBundle(&out)
	if err != nil {
		t.Fatal(err)
	}
	for in := tar.NewReader(zip); ; {
		head, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, _ := io.ReadAll(in)
		if name, content := edit(head.Name, content); name != "" {
			if err := b.write(name, content); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := b.tar.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.zip.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// What cannot be looked into is left out and told; the rest is in the bundle.
func TestBundleOfWhatIsUnreadable(t *testing.T) {
	s := Open(t.TempDir())
	a := newAttempt(t, s, testKey, 1, testAddress)
	if err := os.RemoveAll(s.KeyDir(testKey)); err != nil {
		t.Fatal(err)
	}
	write(t, s.KeyDir(testKey), "no folder")
	b, err := NewBundle(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.Attempts(testKey)
	if err != nil || len(list) != 1 || list[0].Dir != a.Dir {
		t.Fatal(list, err)
	}
	if err := b.AddAttempt("runs/x", list[0]); err != nil || !strings.Contains(b.manifest.LeftOut["runs/x"], "not a directory") {
		t.Error(err, b.manifest.LeftOut)
	}
}

// What was changed in a bundle is found and named.
func TestBundleIsChecked(t *testing.T) {
	var out bytes.Buffer
	b, err := NewBundle(&out)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"results.json": `{"value": 10899}`, "runs/a/stdout": "done\n"} {
		if err := b.Add(name, []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	results := func(name string) bool { return name == "results.json" }
	got, err := readBundle(bytes.NewReader(out.Bytes()), results)
	if err != nil || len(got) != 1 || string(got["results.json"]) != `{"value": 10899}` {
		t.Fatalf("%q, %v", got, err)
	}
	for want, edit := range map[string]func(string, []byte) (string, []byte){
		"results.json was changed after the bundle was written: its checksum differs": func(name string, content []byte) (string, []byte) {
			return name, bytes.Replace(content, []byte("10899}"), []byte("19899}"), 1)
		},
		"runs/a/stdout was removed from the bundle after it was written": func(name string, content []byte) (string, []byte) {
			return strings.Replace(name, "runs/a/stdout", "", 1), content
		},
		"results.json was added to the bundle after it was written": func(name string, content []byte) (string, []byte) {
			var m manifest
			if name == manifestName && json.Unmarshal(content, &m) == nil {
				m.Members = slices.DeleteFunc(m.Members, func(member bundleMember) bool { return member.Name == "results.json" })
				content, _ = json.Marshal(m)
			}
			return name, content
		},
		"without a manifest": func(name string, content []byte) (string, []byte) {
			return strings.Replace(name, manifestName, "", 1), content
		},
		"is there twice": func(string, []byte) (string, []byte) { return "same", nil },
	} {
		edited := repacked(t, out.Bytes(), edit)
		if _, err := readBundle(bytes.NewReader(edited), results); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for cut := range out.Len() {
		if _, err := readBundle(bytes.NewReader(out.Bytes()[:cut]), results); err == nil {
			t.Fatalf("cut after %d of %d bytes, and read", cut, out.Len())
		}
	}
	for i := range out.Len() {
		bad := slices.Clone(out.Bytes())
		bad[i] ^= 0x40
		if got, err := readBundle(bytes.NewReader(bad), results); err == nil && string(got["results.json"]) != `{"value": 10899}` {
			t.Fatalf("another bit in byte %d, and read as %q", i, got)
		}
	}
}

// No secret passes, however it is written, from wherever it came.
func TestBundleHoldsNoSecret(t *testing.T) {
	const declared, earlier, token = `pa"ss'word<1>`, "earlier-secret", "hf_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
	dir := t.TempDir()
	inJSON, _ := json.Marshal(map[string]string{"v": declared})
	for name, content := range map[string]string{
		jobdir.StdoutFile: "log " + declared + " and " + earlier + "\n", jobdir.StderrFile: token + "\n", "stdout.3": "export X='" + strings.ReplaceAll(declared, "'", `'\''`) + "'\n",
		jobdir.IntentFile: string(inJSON), jobdir.SecretsFile: "X=" + earlier + "\n", jobdir.DatasetFile: "{}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	b, err := NewBundle(&out, declared)
	if err != nil {
		t.Fatal(err)
	}
	a := &Attempt{Folder: jobdir.Folder{Dir: dir}}
	if err := b.AddAttempt("runs/a", a); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	members, err := readBundle(bytes.NewReader(out.Bytes()), func(string) bool { return true })
	if err != nil || len(members) != 4 || len(b.manifest.LeftOut) != 1 {
		t.Fatalf("%d members, %d left out, %v", len(members), len(b.manifest.LeftOut), err)
	}
	for name, content := range members {
		for _, secret := range []string{declared, earlier, token, string(inJSON[6 : len(inJSON)-2]), "ss'word", "word<1>", "word\\u003c"} {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s holds %s: %s", name, secret, content)
			}
		}
		if name != "runs/a/stderr" && !bytes.Contains(content, []byte(hidden)) {
			t.Errorf("%s: %s", name, content)
		}
	}
}

// Of a long log the end is kept, and a line that is cut is not.
func TestEndingOfLongFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stdout")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(mostMember + 100); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("half of a line\nthe end\n"), mostMember+77); err != nil {
		t.Fatal(err)
	}
	f.Close()
	got, err := ending(file)
	if err != nil || string(got) != "(the first 67108956 bytes are left out)\nthe end\n" {
		t.Errorf("%.80q, %v", got, err)
	}
	if _, err := ending(filepath.Dir(file)); err == nil {
		t.Error("a folder is read")
	}
}
