// Package cacerts adds the user's certificate authorities to the bundle that programs read. It refuses nothing: config
// has checked that they are certificates in PEM.
package cacerts

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/proa-os/proa/init/sys"
)

// Bundle is where Go's crypto/x509, OpenSSL and GnuTLS look for it on Debian.
const Bundle = "/etc/ssl/certs/ca-certificates.crt"

// mark is before the user's certificates, so that those of an earlier configuration can be removed.
const mark = "# ca_certs of proa's configuration\n"

// Write replaces the certificates that an earlier call has added.
func Write(s sys.Sys, root string, certs []string) error {
	have, err := os.ReadFile(filepath.Join(root, Bundle))
	if err != nil && len(certs) > 0 {
		return fmt.Errorf("certificates of the image: %w", err)
	}
	own, _, added := bytes.Cut(have, []byte(mark))
	if len(certs) == 0 && !added {
		return nil
	}
	text := string(own)
	if len(certs) > 0 {
		text += mark + strings.Join(certs, "\n") + "\n"
	}
	return s.WriteFile(Bundle, []byte(text), 0o644)
}
