package command

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// kept are the user's variables that are passed on: they contain paths and change no output.
var kept = []string{"PATH", "HOME", "USER", "TMPDIR", "XDG_CACHE_HOME", "GOPATH", "GOMODCACHE", "GOCACHE", "GOROOT", "GOTOOLCHAIN",
	"GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOAUTH", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "APT_CONFIG", "GIT_SSL_CAINFO", "GIT_SSH_COMMAND", "SSH_AUTH_SOCK"}

// fixed sets the language of programs and disables the user's configuration files.
var fixed = []string{"LC_ALL=C", "TZ=UTC", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1"}

// Env returns the clean environment: fixed, and the user's variables in kept.
func Env() []string {
	out := slices.Clone(fixed)
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		if name == "TMPDIR" && value != "" { // programs run in other directories
			if abs, err := filepath.Abs(value); err == nil {
				kv = name + "=" + abs
			}
		}
		if slices.Contains(kept, name) {
			out = append(out, kv)
		}
	}
	return out
}

// steering are the prefixes of variables that change what compilers, loaders, git, make and our tools do.
var steering = []string{"LD_", "GLIBC_TUNABLES=", "MALLOC_", "LC_", "LANG=", "LANGUAGE=", "TZ=", "GIT_", "MAKEFLAGS=", "MAKEFILES=", "MFLAGS=", "CC=", "CXX=", "AR=",
	"CGO_", "GOFLAGS=", "GOENV=", "GOOS=", "GOARCH=", "GOAMD64=", "GOARM", "GOEXPERIMENT=", "GOFIPS140=", "GOWORK=", "GODEBUG=", "GO111MODULE=",
	"CPATH=", "C_INCLUDE_PATH=", "LIBRARY_PATH=", "COMPILER_PATH=", "GCC_", "PYTHON", "PERL", "BASH_ENV=", "ENV=", "CDPATH=", "TAR_OPTIONS=", "XZ_",
	"MTOOLS", "MKE2FS_", "E2FSCK_", "QEMU_", "XDG_CONFIG_", "XDG_DATA_", "SOURCE_DATE_EPOCH="}

// Tame returns an environment without the variables in steering, for commands that the user runs; all other variables
// stay.
func Tame(env []string) []string {
	out := slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return !slices.Contains(kept, name) && slices.ContainsFunc(steering, func(s string) bool { return strings.HasPrefix(kv, s) })
	})
	return append(out, fixed...)
}
