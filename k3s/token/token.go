// Package token creates, stores and verifies the secret with which nodes join: K10, the hash of the server's authority,
// a user and a password. It makes no connections.
package token

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/proa-os/proa/images/atomicfile"
)

const prefix = "K10"

// Token is a parsed token. A bare password has no CAHash: the server cannot be verified with it.
type Token struct {
	CAHash   string
	User     string
	Password string
}

func (t Token) String() string {
	return prefix + t.CAHash + "::" + t.User + ":" + t.Password
}

// Parse reads K10HASH::user:password or a bare password.
func Parse(text string) (Token, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Token{}, errors.New("token: empty")
	}
	rest, full := strings.CutPrefix(text, prefix)
	if !full {
		return Token{User: "server", Password: text}, nil
	}
	hash, credentials, ok := strings.Cut(rest, "::")
	user, password, ok2 := strings.Cut(credentials, ":")
	if !ok || !ok2 || len(hash) != 2*sha256.Size || user == "" || password == "" {
		return Token{}, errors.New("token: want K10, 64 hex digits, ::user:password")
	}
	return Token{hash, user, password}, nil
}

// Verify verifies an authority's certificate bundle against the token.
func (t Token) Verify(bundle []byte) error {
	if t.CAHash == "" || t.CAHash == hash(bundle) {
		return nil
	}
	return fmt.Errorf("the server's authority has hash %s, the token expects %s", hash(bundle), t.CAHash)
}

func hash(bundle []byte) string {
	sum := sha256.Sum256(bundle)
	return hex.EncodeToString(sum[:])
}

// Ensure writes server/token (and node-token, its link) below dir. A password given by the user takes precedence over
// the stored one.
func Ensure(dir, given string, bundle []byte) error {
	t := Token{CAHash: hash(bundle), User: "server"}
	path := filepath.Join(dir, "token")
	stored, err := os.ReadFile(path)
	switch {
	case given != "":
		parsed, err := Parse(given)
		if err != nil {
			return err
		}
		t.Password = parsed.Password
	case err == nil:
		parsed, err := Parse(string(stored))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		t.Password = parsed.Password
	case errors.Is(err, fs.ErrNotExist):
		t.Password = strings.ToLower(rand.Text())
	default:
		return err
	}
	if _, err := atomicfile.WriteIfChanged(path, []byte(t.String()+"\n"), 0o600); err != nil {
		return err
	}
	return link("token", filepath.Join(dir, "node-token"))
}

// link makes path a symbolic link, unless it is that already.
func link(target, path string) error {
	if is, err := os.Readlink(path); err == nil && is == target {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(target, path); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(path))
}
