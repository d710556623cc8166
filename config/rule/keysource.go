package rule

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// keyService is a site that publishes the public keys of its users.
type keyService struct {
	names  []string // before the colon
	user   *regexp.Regexp
	before string // of the URL, before the user's name
	after  string
}

// keyServices publish keys at URLs that their manuals promise: GitHub (docs.github.com, "REST API endpoints for Git SSH
// keys"), GitLab (docs.gitlab.com, "View your account's SSH keys"), Launchpad (ssh-import-id(1)).
var keyServices = []keyService{
	{[]string{"github", "gh"}, regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`), "https://github.com/", ".keys"},
	{[]string{"gitlab", "gl"}, regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,254}$`), "https://gitlab.com/", ".keys"},
	{[]string{"launchpad", "lp"}, regexp.MustCompile(`^[a-z0-9][a-z0-9.+-]{0,254}$`), "https://launchpad.net/~", "/+sshkeys"},
}

// KeyURL returns where the keys are that an entry of ssh_authorized_keys names; "": the entry is a key itself, or neither.
func KeyURL(entry string) string {
	if strings.HasPrefix(entry, "https://") && isURL(entry) && len(entry) <= 2048 && !strings.ContainsAny(entry, " #") {
		return entry
	}
	service, user, _ := strings.Cut(entry, ":")
	for _, s := range keyServices {
		if slices.Contains(s.names, strings.ToLower(service)) && s.user.MatchString(user) {
			return s.before + user + s.after
		}
	}
	return ""
}

// Keys returns the keys in a file like authorized_keys that a server has sent. Lines that are no key which this machine's
// SSH server accepts, such as old DSA keys, are left out.
func Keys(text string) (keys []string) {
	if !utf8.ValidString(text) {
		return nil
	}
	for line := range strings.Lines(text) {
		if line = oneLine(line); publicKey(line) == "" && !slices.Contains(keys, line) {
			keys = append(keys, line)
		}
	}
	return keys
}
