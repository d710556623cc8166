package command

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// kept are the variables that say where things are, not what they should be.
var kept = []string{"PATH", "HOME", "USER", "TMPDIR", "XDG_CACHE_HOME", "GOPATH", "GOMODCACHE", "GOCACHE", "GOROOT", "GOTOOLCHAIN",
	"GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOAUTH", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "APT_CONFIG", "GIT_SSL_CAINFO", "GIT_SSH_COMMAND", "SSH_AUTH_SOCK"}

// fixed is what programs print in, and which of the user's files they do not read.
var fixed = []string{"LC_ALL=C", "TZ=UTC", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1"}

// Env is the clean environment: of the user's only what says where things are.
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

// steering are the variables that make compilers, loaders, git, make and our tools do something else, by their beginnings.
var steering = []string{"LD_", "GLIBC_TUNABLES=", "MALLOC_", "LC_", "LANG=", "LANGUAGE=", "TZ=", "GIT_", "MAKEFLAGS=", "MAKEFILES=", "MFLAGS=", "CC=", "CXX=", "AR=",
	"CGO_", "GOFLAGS=", "GOENV=", "GOOS=", "GOARCH=", "GOAMD64=", "GOARM", "GOEXPERIMENT=", "GOFIPS140=", "GOWORK=", "GODEBUG=", "GO111MODULE=",
	"CPATH=", "C_INCLUDE_PATH=", "LIBRARY_PATH=", "COMPILER_PATH=", "GCC_", "PYTHON", "PERL", "BASH_ENV=", "ENV=", "CDPATH=", "TAR_OPTIONS=", "XZ_",
	"MTOOLS", "MKE2FS_", "E2FSCK_", "QEMU_", "XDG_CONFIG_", "XDG_DATA_", "SOURCE_DATE_EPOCH="}

// Tame is an environment without what would steer programs elsewhere, for commands that are the user's own: what is not known to do
// so stays.
func Tame(env []string) []string {
	out := slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return !slices.Contains(kept, name) && slices.ContainsFunc(steering, func(s string) bool { return strings.HasPrefix(kv, s) })
	})
	return append(out, fixed...)
}
