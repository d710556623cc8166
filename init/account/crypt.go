package account

import (
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"strings"
)

// rounds is twenty times the default of crypt(3); a Raspberry Pi 2 takes about a second for it at each login.
const rounds = 100000

// letters are the digits of crypt's base 64.
const letters = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// salt returns the salt of an account's password: public as any salt, different for every machine and account, and the
// same at every boot. It does not depend on the password, which could be guessed from it otherwise.
func salt(machine, name string) string {
	sum := sha256.Sum256([]byte("proa salt\x00" + machine + "\x00" + name))
	var b strings.Builder
	for _, c := range sum[:16] {
		b.WriteByte(letters[c&63])
	}
	return b.String()
}

func hash(password, salt string) string { return sha512crypt(password, salt, rounds) }

// sha512crypt is the scheme $6$ of crypt(5) (Ulrich Drepper, "Unix crypt using SHA-256 and SHA-512"): both libxcrypt,
// which dropbear uses, and busybox know it.
func sha512crypt(password, salt string, rounds int) string {
	key, s := []byte(password), []byte(salt)
	mix := first(key, s)
	long := sha512.New()
	for range key {
		long.Write(key)
	}
	p := stretch(long.Sum(nil), len(key))
	long.Reset()
	for range 16 + int(mix[0]) {
		long.Write(s)
	}
	q := stretch(long.Sum(nil), len(s))
	for i := range rounds {
		h := sha512.New()
		write := func(when bool, yes, no []byte) {
			if when {
				h.Write(yes)
			} else {
				h.Write(no)
			}
		}
		write(i%2 == 1, p, mix)
		write(i%3 != 0, q, nil)
		write(i%7 != 0, p, nil)
		write(i%2 == 1, mix, p)
		mix = h.Sum(nil)
	}
	return fmt.Sprintf("$6$rounds=%d$%s$%s", rounds, salt, digits(mix))
}

// first is the digest before the rounds.
func first(key, salt []byte) []byte {
	alt := sha512.New()
	alt.Write(key)
	alt.Write(salt)
	alt.Write(key)
	other := alt.Sum(nil)
	h := sha512.New()
	h.Write(key)
	h.Write(salt)
	h.Write(stretch(other, len(key)))
	for n := len(key); n > 0; n >>= 1 {
		if n&1 == 1 {
			h.Write(other)
		} else {
			h.Write(key)
		}
	}
	return h.Sum(nil)
}

// stretch repeats a digest to n bytes.
func stretch(sum []byte, n int) []byte {
	out := make([]byte, 0, n+len(sum))
	for len(out) < n {
		out = append(out, sum...)
	}
	return out[:n]
}

// digits writes a digest in crypt's order: of three bytes at distance 21, whose roles rotate, four letters, the least
// significant first; the last byte alone gives two.
func digits(sum []byte) string {
	var b strings.Builder
	write := func(v uint, n int) {
		for range n {
			b.WriteByte(letters[v&63])
			v >>= 6
		}
	}
	a, m, z := 0, 21, 42
	for range 21 {
		write(uint(sum[a])<<16|uint(sum[m])<<8|uint(sum[z]), 4)
		a, m, z = m+1, z+1, a+1
	}
	write(uint(sum[63]), 2)
	return b.String()
}
