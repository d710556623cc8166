package account

import (
	"os/exec"
	"strings"
	"testing"
)

// TestHash: values of the scheme's specification.
func TestHash(t *testing.T) {
	for _, c := range []struct {
		password, salt string
		rounds         int
		want           string
	}{
		{"Hello world!", "saltstringsaltst", 10000, "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v."},
		{"a very much longer text to encrypt.  This one even stretches over morethan one line.", "anotherlongsalts", 1400,
			"$6$rounds=1400$anotherlongsalts$POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1"},
		{"we have a short salt string but not a short password", "short", 77777,
			"$6$rounds=77777$short$WuQyW2YR.hBNpjjRhpYD/ifIw05xdfeEyQoMxIXbkvr0gge1a1x3yRULJ5CCaUeOxFmtlcGZelFl5CxtgfiAc0"},
	} {
		if got := sha512crypt(c.password, c.salt, c.rounds); got != c.want {
			t.Errorf("%q: %s, want %s", c.password, got, c.want)
		}
	}
}

// TestHashOfOpenSSL: passwords of every length up to 70, against another implementation.
func TestHashOfOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl")
	}
	for n := 1; n < 70; n += 3 {
		password := strings.Repeat("pä", n)[:n]
		cmd := exec.Command(openssl, "passwd", "-6", "-salt", "rounds=1000$aSalt."+letters[:n%8], "-stdin")
		cmd.Stdin = strings.NewReader(password + "\n")
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := sha512crypt(password, "aSalt."+letters[:n%8], 1000); got != strings.TrimSpace(string(out)) {
			t.Errorf("%d bytes: %s, want %s", n, got, out)
		}
	}
}

func TestSalt(t *testing.T) {
	if a, b, c := salt("m", "ada"), salt("m", "eva"), salt("n", "ada"); a == b || a == c || len(a) != 16 || a != salt("m", "ada") {
		t.Errorf("%s %s %s", a, b, c)
	}
}
