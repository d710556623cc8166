package pki

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/proa-os/proa/k3s/pki/ask"
	"github.com/proa-os/proa/k3s/pki/cert"
	"github.com/proa-os/proa/k3s/pki/issue"
)

// recorder records the writes in order.
type recorder struct{ ops []op }

type op struct {
	path string
	data []byte
	perm fs.FileMode
	gone bool
}

func (r *recorder) Write(path string, data []byte, perm fs.FileMode) error {
	r.ops = append(r.ops, op{path: path, data: data, perm: perm})
	return cert.Durable{}.Write(path, data, perm)
}

func (r *recorder) Remove(path string) error {
	r.ops = append(r.ops, op{path: path, gone: true})
	return cert.Durable{}.Remove(path)
}

// replay applies the first ops to an empty disk, and half of the next one to its temporary file, as atomicfile does.
func replay(t *testing.T, from, to string, ops []op, n int) {
	t.Helper()
	for i, o := range ops[:min(n+1, len(ops))] {
		path := strings.Replace(o.path, from, to, 1)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		switch {
		case i == n && !o.gone:
			err = errors.Join(err, os.WriteFile(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp"), o.data[:len(o.data)/2], o.perm))
		case i == n:
		case o.gone:
			err = errors.Join(err, os.Remove(path))
		default:
			err = errors.Join(err, os.WriteFile(path, o.data, o.perm))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestPowerCutWhileTheClusterBegins: after a power cut at any write the next start completes what is missing, and keeps
// complete files.
func TestPowerCutWhileTheClusterBegins(t *testing.T) {
	first, r := identity(t), &recorder{}
	first.to = r
	ensure(t, first, start)
	if len(r.ops) < 2*len(first.leaves()) {
		t.Fatalf("only %d writes seen", len(r.ops))
	}
	for n := range len(r.ops) + 1 {
		id := identity(t)
		replay(t, first.DataDir, id.DataDir, r.ops, n)
		whole := map[string][]byte{}
		for _, name := range issue.Names {
			if _, _, err := cert.Load(id.tls(name)); err == nil {
				whole[name], _ = os.ReadFile(id.tls(name) + ".crt")
			}
		}
		if _, err := id.Ensure(t.Context(), start.Add(time.Hour)); err != nil {
			t.Errorf("cut at write %d: %v", n, err)
			continue
		}
		verifyAll(t, id, start)
		for name, before := range whole {
			if after, _ := os.ReadFile(id.tls(name) + ".crt"); !bytes.Equal(before, after) {
				t.Errorf("cut at write %d: authority %s was replaced", n, name)
			}
		}
		if there, err := cert.Exists(id.tls(".making")); there || err != nil {
			t.Errorf("cut at write %d: the mark stays (%v)", n, err)
		}
	}
}

// contents returns every file below a directory.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %q\n", path, data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestDamagedAuthority: if an authority is damaged no file is changed, and the message has its name and the way out.
// Each damage is tested on each file, in an existing cluster and in one with the user's own authorities.
func TestDamagedAuthority(t *testing.T) {
	files := []string{"service.key"}
	for _, name := range issue.Names {
		files = append(files, name+".crt", name+".key")
	}
	damages := map[string]func(path string) error{
		"missing": os.Remove,
		"empty":   func(path string) error { return os.Truncate(path, 0) },
		"zeros":   func(path string) error { return os.WriteFile(path, make([]byte, 300), 0o600) },
		"garbage": func(path string) error { return os.WriteFile(path, []byte("-----BEGIN"), 0o600) },
	}
	for _, lived := range []bool{true, false} {
		for _, file := range files {
			for damage, do := range damages {
				if file == "service.key" && damage == "missing" && !lived {
					continue // the others are the user's, this one is created
				}
				id := identity(t)
				ensure(t, id, start)
				if !lived {
					onlyAuthorities(t, id)
				}
				refuses(t, id, fmt.Sprintf("%s %s, lived %v", damage, file, lived), strings.TrimSuffix(strings.TrimSuffix(file, ".crt"), ".key"), do(id.tls(file)))
			}
		}
	}
}

func refuses(t *testing.T, id Server, what, name string, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	before := contents(t, id.DataDir)
	_, err = id.Ensure(t.Context(), start)
	if err == nil || !strings.Contains(err.Error(), "authority "+name+": ") || !strings.Contains(err.Error(), "mv "+id.DataDir+"/server ") {
		t.Errorf("%s: %v", what, err)
	}
	if contents(t, id.DataDir) != before {
		t.Errorf("%s: files were changed", what)
	}
}

// onlyAuthorities leaves only the files that a user provides before the first start.
func onlyAuthorities(t *testing.T, id Server) {
	t.Helper()
	for _, c := range id.leaves() {
		for _, end := range []string{".crt", ".key"} {
			if err := os.Remove(c.Base + end); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestAuthorityOfTwo(t *testing.T) {
	id, other := identity(t), identity(t)
	ensure(t, id, start)
	ensure(t, other, start)
	key, err := os.ReadFile(other.tls("server-ca.key"))
	refuses(t, id, "another's key", "server-ca", errors.Join(err, os.WriteFile(id.tls("server-ca.key"), key, 0o600)))
}

// TestLostAuthority: each file that only an existing cluster has is enough to refuse, even if no authority is there.
func TestLostAuthority(t *testing.T) {
	for _, left := range []string{"db/state.db", "db/etcd", "token", "cred/admin.kubeconfig", "tls/client-admin.crt"} {
		id := identity(t)
		id.Database = func() (string, error) {
			path := filepath.Join(id.DataDir, "server/db/state.db")
			there, err := cert.Exists(path)
			return map[bool]string{true: path}[there], err
		}
		path := filepath.Join(id.DataDir, "server", left)
		err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.MkdirAll(id.tls(""), 0o700), os.MkdirAll(id.DataDir+"/agent", 0o700),
			os.WriteFile(path, []byte("x"), 0o600))
		refuses(t, id, left, "client-ca, server-ca, request-header-ca, service", err)
	}
}

// TestWayOut: following the message creates a new cluster.
func TestWayOut(t *testing.T) {
	id := identity(t)
	ensure(t, id, start)
	server := filepath.Join(id.DataDir, "server")
	refuses(t, id, "a lost key", "client-ca", os.Remove(id.tls("client-ca.key")))
	if err := os.Rename(server, server+".old"); err != nil {
		t.Fatal(err)
	}
	ensure(t, id, start)
	verifyAll(t, id, start)
}

// TestBroughtAuthority: the user's authorities are used, and missing ones are created.
func TestBroughtAuthority(t *testing.T) {
	id, theirs := identity(t), identity(t)
	ensure(t, theirs, start)
	if err := os.MkdirAll(id.tls(""), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"server-ca.crt", "server-ca.key"} {
		data, err := os.ReadFile(theirs.tls(file))
		if err := errors.Join(err, os.WriteFile(id.tls(file), data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	ensure(t, id, start)
	verifyAll(t, id, start)
	a, _ := os.ReadFile(id.tls("server-ca.crt"))
	if b, _ := os.ReadFile(theirs.tls("server-ca.crt")); !bytes.Equal(a, b) {
		t.Error("the owner's authority was replaced")
	}
}

type problems map[string]string

func (p problems) Problem(key, line string) { p[key] = line }
func (p problems) Solved(key string)        { delete(p, key) }

// TestFullDisk: if nothing is due nothing is written; otherwise the old certificates stay in use, and a problem is
// reported.
func TestFullDisk(t *testing.T) {
	id, told := identity(t), problems{}
	id.Report = told
	if err := syscall.Mount("tmpfs", id.DataDir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(id.DataDir, 0) })
	ensure(t, id, start)
	fill := filepath.Join(id.DataDir, "fill")
	if err := os.WriteFile(fill, make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	ensure(t, id, start)
	late := start.Add(cert.LeafLife - ask.RenewBefore/2)
	if got := ensure(t, id, late); got != nil || len(told) != len(id.leaves()) {
		t.Errorf("renewed %v, told %v", got, told)
	}
	verifyAll(t, id, late)
	if _, err := id.Ensure(t.Context(), start.Add(cert.LeafLife+time.Hour)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("certificates that have ended: %v", err)
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	ensure(t, id, late)
	if len(told) != 0 {
		t.Errorf("still told: %v", told)
	}
}
