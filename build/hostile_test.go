package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/proa-os/proa/build/keys"
	keyverb "github.com/proa-os/proa/build/keys/verb"
)

// asProgram makes the test binary run the command, so that it runs in an environment that the test chooses.
const asProgram = "PROA_TEST_ARGS"

func TestMain(m *testing.M) {
	if args, yes := os.LookupEnv(asProgram); yes {
		os.Unsetenv(asProgram)
		os.Args = append(os.Args[:1], strings.Fields(args)...)
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// hostileHost sets up a host with unusual settings and with fake programs, which stand for old and foreign ones of the
// same names.
func hostileHost(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	home, err := os.MkdirTemp("", "home-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) }) // the go command writes there in the background
	for _, name := range []string{"gcc", "cc", "as", "ld", "mkfs.erofs", "depmod", "grub-mkimage", "qemu-system-x86_64", "qemu-img", "sgdisk", "fsck.fat",
		"mcopy", "mdir", "e2fsck", "xorriso", "xz", "busybox", "veritysetup"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho the host\\'s $0 ran >&2\nexit 99\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		".gitconfig":           "[core]\n\tabbrev = 40\n\tquotePath = no\n[color]\n\tui = always\n[status]\n\tshowUntrackedFiles = all\n",
		".config/go/env":       "GOFLAGS=-mod=mod -race\nGOARCH=arm64\nCGO_ENABLED=0\nGOEXPERIMENT=nogreenteagc\n",
		".mtoolsrc":            "nonsense\n",
		".xorrisorc":           "-nonsense\n",
		"apt.conf":             "APT::Default-Release \"bookworm\";\nAcquire::AllowInsecureRepositories \"true\";\n",
		".config/git/ignore":   "*\n",
		".config/pip/pip.conf": "[global]\nindex-url = nonsense\n",
	} {
		file := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "HOME=" + home, "APT_CONFIG=" + filepath.Join(home, "apt.conf"),
		"GOCACHE=" + goEnv(t, "GOCACHE"), "GOMODCACHE=" + goEnv(t, "GOMODCACHE"), envCache + "=" + os.Getenv(envCache), keyverb.Env + "=" + os.Getenv(keyverb.Env),
		"LD_PRELOAD=/nonexistent/preload.so", "LD_LIBRARY_PATH=" + dir, "LANG=tr_TR.UTF-8", "LC_ALL=tr_TR.UTF-8", "LANGUAGE=tr", "TZ=Asia/Kathmandu",
		"GOFLAGS=-mod=mod", "GOARCH=arm64", "GOOS=linux", "CGO_ENABLED=0", "GOEXPERIMENT=nonsense", "CC=/bin/false", "CGO_CFLAGS=-O0 -nonsense",
		"GIT_DIR=/nonexistent", "GIT_WORK_TREE=/nonexistent", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=core.abbrev", "GIT_CONFIG_VALUE_0=40",
		"MAKEFLAGS=-n", "PYTHONHOME=/nonexistent", "PERL5LIB=/nonexistent", "TAR_OPTIONS=--nonsense", "XZ_OPT=--nonsense", "CPATH=" + dir, "LIBRARY_PATH=" + dir,
		"QEMU_MODULE_DIR=" + dir, "MTOOLSRC=/nonexistent", "SOURCE_DATE_EPOCH=1", "XDG_CONFIG_HOME=" + filepath.Join(home, ".config"), "XDG_DATA_DIRS=" + dir}
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// program runs the command in an environment, with a umask, and returns its output.
func program(t *testing.T, umask int, env []string, args string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Umask(syscall.Umask(umask))
	cmd := exec.Command(self)
	cmd.Env = append(env, asProgram+"="+args)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("proa %s: %v\n%s", args, err, stderr.String())
	}
	return stdout.String()
}

// A plan does not depend on the host: other settings give the same keys, so nothing is built again.
func TestPlanOnAHostileHost(t *testing.T) {
	t.Setenv(envCache, t.TempDir())
	ring, err := keys.Init(filepath.Join(t.TempDir(), "keys"), true, keys.Access{})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(keyverb.Env, ring.Dir)
	for _, args := range []string{"plan pc disk --inputs", "plan rpi4 sd --inputs", "version"} {
		want := program(t, 0o022, os.Environ(), args)
		if got := program(t, 0o077, hostileHost(t), args); got != want {
			t.Errorf("proa %s on a hostile host:\n%s\nwant\n%s", args, got, want)
		}
	}
}

// Programs of the tool root are found before the host's, run, and read none of the user's files.
func TestToolsOnAHostileHost(t *testing.T) {
	if os.Getenv("PROA_TOOLROOT") == "" {
		t.Skip("PROA_TOOLROOT is not set: run by `make unit`")
	}
	cache, err := cacheDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(envCache, cache)
	script := filepath.Join(t.TempDir(), "script")
	text := `set -e
umask; go env GOFLAGS GOARCH CGO_ENABLED
cd ` + t.TempDir() + `
truncate -s 40M fat.img; mkfs.fat -F 32 fat.img >/dev/null; echo hello >file
mcopy -i fat.img file ::/file; mcopy -i fat.img ::/file -; fsck.fat -n fat.img >/dev/null
truncate -s 2M gpt.img; sgdisk -o gpt.img >/dev/null; sgdisk -v gpt.img | grep -o 'No problems found'
truncate -s 8M ext4.img; mke2fs -q -t ext4 ext4.img; e2fsck -fn ext4.img >/dev/null 2>&1
xorriso -outdev iso.img -map file /file >/dev/null 2>&1
printf '#include <stdio.h>\nint main(void){puts("compiled");return 0;}\n' >c.c; eval "$CC -static -o c c.c"; ./c
echo quit | qemu-system-x86_64 -M q35 -accel tcg -display none -monitor stdio -serial none -S >/dev/null; qemu-img info gpt.img | grep -o 'file format: raw'
`
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	got := program(t, 0o077, hostileHost(t), "tool -- /bin/sh "+script)
	lines := strings.Split(strings.TrimSpace(got), "\n")
	const want = "0022 amd64 1 hello No problems found compiled file format: raw"
	if len(lines) < 2 || !strings.HasPrefix(lines[1], "-mod=readonly ") {
		t.Fatalf("GOFLAGS are not the build's:\n%s", got)
	}
	if text := strings.Join(append(lines[:1], lines[2:]...), " "); text != want {
		t.Errorf("%q, want %q", text, want)
	}
}
