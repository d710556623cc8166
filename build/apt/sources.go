package apt

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// source is an archive: base URI and the suites used from it.
type source struct {
	uri    string
	suites []string
}

// Environment variables that name other mirrors than the host's.
const (
	envMirror   = "PROA_MIRROR"          // URI as in `deb URI trixie main`
	envSecurity = "PROA_SECURITY_MIRROR" // URI as in `deb URI trixie-security main`
)

// sources returns the archives: those in the environment, or those of the host's own apt, for any Debian release of the
// host.
func sources(ctx context.Context) ([]source, error) {
	mirror, security := os.Getenv(envMirror), os.Getenv(envSecurity)
	if mirror == "" || security == "" {
		out, err := output(ctx, "", "apt-get", "update", "--print-uris")
		if err != nil {
			return nil, fmt.Errorf("ask the host's apt for its mirror: %w", err)
		}
		hostMirror, hostSecurity := mirrors(string(out))
		mirror, security = or(mirror, hostMirror), or(security, hostSecurity)
	}
	if mirror == "" {
		return nil, fmt.Errorf("the host's apt has no Debian archive; set %s to the URI of one", envMirror)
	}
	list := []source{{mirror, []string{Suite, Suite + "-updates", Suite + "-backports"}}}
	if security != "" {
		list = append(list, source{security, []string{Suite + "-security"}})
	}
	return list, nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// A line is 'URI/dists/SUITE/InRelease' FILE SIZE. Only names of Debian's suites match: third-party archives have the
// same form.
var inRelease = regexp.MustCompile(`^'([^']+)/dists/((?:stable|testing|unstable|sid|bullseye|bookworm|trixie|forky|duke)(-security|/updates)?)/InRelease'`)

// mirrors returns the main and the security archive in the output of `apt-get update --print-uris`.
func mirrors(uris string) (mirror, security string) {
	for line := range strings.Lines(uris) {
		m := inRelease.FindStringSubmatch(line)
		switch {
		case m == nil:
		case m[3] != "":
			security = or(security, m[1])
		default:
			mirror = or(mirror, m[1])
		}
	}
	return mirror, security
}

// keyrings are the files with the keys of Debian's archive; the file was renamed in trixie.
var keyrings = []string{"/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"}

func keyring() (string, error) {
	for _, file := range keyrings {
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("%s: not there; install debian-archive-keyring", keyrings[0])
}

func sourcesList(list []source, arch, keys string) string {
	var b strings.Builder
	for _, s := range list {
		for _, suite := range s.suites {
			fmt.Fprintf(&b, "deb [arch=%s signed-by=%s] %s %s main non-free-firmware\n", arch, keys, s.uri, suite)
		}
	}
	return b.String()
}
