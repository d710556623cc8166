package apt

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/build/pin"
)

func TestMirrors(t *testing.T) {
	uris := `'http://packages.example/node/dists/nodistro/InRelease' a 0
'http://mirror.example/debian/dists/bookworm/InRelease' b 0
'http://mirror.example/debian/dists/bookworm-updates/InRelease' c 0
'http://mirror.example/debian-security/dists/bookworm-security/InRelease' d 0
'http://mirror.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' e 0
'http://other.example/debian/dists/trixie/InRelease' f 0
`
	mirror, security := mirrors(uris)
	if mirror != "http://mirror.example/debian" || security != "http://mirror.example/debian-security" {
		t.Errorf("mirror %q, security %q", mirror, security)
	}
	if m, s := mirrors("'http://packages.example/dists/nodistro/InRelease' a 0"); m != "" || s != "" {
		t.Errorf("a third party's archive was taken for Debian's: %q %q", m, s)
	}
}

func TestSourcesList(t *testing.T) {
	list := []source{{"http://m/debian", []string{"trixie", "trixie-updates"}}, {"http://m/sec", []string{"trixie-security"}}}
	want := `deb [arch=arm64 signed-by=/k] http://m/debian trixie main non-free-firmware
deb [arch=arm64 signed-by=/k] http://m/debian trixie-updates main non-free-firmware
deb [arch=arm64 signed-by=/k] http://m/sec trixie-security main non-free-firmware
`
	if d := cmp.Diff(want, sourcesList(list, "arm64", "/k")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestParseURIs(t *testing.T) {
	out := `'http://m/pool/main/z/zlib/zlib1g_1.3.dfsg%2breally1.3.1-1_amd64.deb' zlib1g_1%3a1.3.dfsg+really1.3.1-1_amd64.deb 89000 MD5Sum:00
'http://m/pool/main/i/isolinux_6.04%7egit_all.deb' isolinux_3%3a6.04~git_all.deb 7 SHA256:00
`
	want := []pin.Package{
		{Name: "zlib1g", Version: "1:1.3.dfsg+really1.3.1-1", Arch: "amd64", Size: 89000},
		{Name: "isolinux", Version: "3:6.04~git", Arch: "all", Size: 7},
	}
	got, err := parseURIs([]byte(out))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, p := range got {
		if !strings.Contains(out, " "+fileName(p)+" ") {
			t.Errorf("fileName %q is not what apt writes", fileName(p))
		}
	}
	if _, err := parseURIs([]byte("E: broken\n")); err == nil {
		t.Error("a line that is no package was accepted")
	}
}

func TestParseStanzas(t *testing.T) {
	out := "Package: crun\nVersion: 1.21-1\nArchitecture: amd64\nDepends: libc6 (>= 2.38)\nFilename: pool/c.deb\nSize: 5\nSHA256: aa\nDescription: x\n more: y\n\nPackage: b\nVersion: 2\nArchitecture: all\nSize: 6\nSHA256: bb\n"
	want := []pin.Package{
		{Name: "crun", Version: "1.21-1", Arch: "amd64", Size: 5, SHA256: "aa", Path: "pool/c.deb"},
		{Name: "b", Version: "2", Arch: "all", Size: 6, SHA256: "bb"},
	}
	if d := cmp.Diff(want, parseStanzas([]byte(out))); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestAcceptRefusesOtherBytes(t *testing.T) {
	dir := t.TempDir()
	s := &Store{Dir: dir}
	good := pin.Package{Name: "a", Version: "1:1", Arch: "all", Size: 4, SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
	bad := good
	bad.Name, bad.SHA256 = "b", strings.Repeat("0", 64)
	for _, p := range []pin.Package{good, bad} {
		if err := os.WriteFile(filepath.Join(dir, fileName(p)), []byte("test"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	err := s.accept(dir, []pin.Package{good, bad})
	if err == nil || !strings.Contains(err.Error(), "b 1:1: sha256") || strings.Contains(err.Error(), "a 1:1") {
		t.Errorf("error %v; want one about b alone", err)
	}
	if _, err := os.Stat(s.File(good)); err != nil {
		t.Errorf("the good package was not kept: %v", err)
	}
	if _, err := os.Stat(s.File(bad)); err == nil {
		t.Error("the bad package was kept")
	}
	if left, err := s.missing([]pin.Package{good, bad}); err != nil || len(left) != 1 || left[0].Name != "b" {
		t.Errorf("missing: %v, %v", left, err)
	}
}

// A package in the store whose content has changed, at the same size, is downloaded again and not unpacked.
func TestStoreLooksAtWhatItHas(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	p := pin.Package{Name: "a", Version: "1", Arch: "all", Size: 4, SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
	if err := os.WriteFile(s.File(p), []byte("tesT"), 0o644); err != nil {
		t.Fatal(err)
	}
	left, err := s.missing([]pin.Package{p})
	if err != nil || len(left) != 1 {
		t.Errorf("missing: %v, %v", left, err)
	}
	if _, err := os.Stat(s.File(p)); err == nil {
		t.Error("wrong content stays in the store")
	}
}

func TestVanishedVersionSaysRunLock(t *testing.T) {
	asked := []pin.Package{{Name: "linux-image", Version: "6.12.1"}}
	err := gone(errors.New("E: Version '6.12.1' for 'linux-image' was not found"), asked)
	var typed *GoneError
	if !errors.As(err, &typed) || len(typed.Packages) != 1 {
		t.Errorf("%v is no GoneError of what was asked for", err)
	}
	if !strings.Contains(err.Error(), "run `proa lock`") {
		t.Errorf("no hint in %v", err)
	}
	if other := errors.New("no route to host"); gone(other, asked) != other {
		t.Error("a hint where it does not help")
	}
}

// TestConfigKeepsOutOfTheHost has apt print the configuration it would use.
func TestConfigKeepsOutOfTheHost(t *testing.T) {
	if _, err := os.Stat("/usr/bin/apt-config"); err != nil {
		t.Skip("no apt here")
	}
	t.Setenv(envMirror, "http://m.invalid/debian")
	t.Setenv(envSecurity, "http://m.invalid/debian-security")
	if _, err := keyring(); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	s, err := Open(t.Context(), dir, "arm64")
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.run(t.Context(), "", "apt-config", "dump")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`APT::Architecture "arm64";`, `Dir::State "` + s.dir + `";`, `Dir::State::lists "` + s.dir + `/lists";`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("apt does not say %s", want)
		}
	}
	if strings.Contains(string(out), "APT::Update::Post-Invoke:: ") {
		t.Error("the host's hooks would run")
	}
}
