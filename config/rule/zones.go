package rule

import (
	_ "embed"
	"slices"
	"strings"
)

// zones are the names of the IANA database as Debian's packages tzdata and tzdata-legacy have them, one a line.
//
//go:embed zones.txt
var zones string

// Zones returns the names of all time zones; the build requires each of them of the root image.
func Zones() []string { return strings.Fields(zones) }

func timezone(s string) string {
	if slices.Contains(Zones(), s) {
		return ""
	}
	text := "a time zone of the IANA database such as Europe/Berlin"
	if near := Nearest(s, strings.Fields(strings.ToLower(zones))); near != "" {
		text += "; did you mean " + zoneName(near) + "?"
	}
	return text
}

// zoneName spells a name as the database does: its case matters there, and blanks are underscores.
func zoneName(s string) string {
	name := strings.ReplaceAll(s, " ", "_")
	for _, z := range Zones() {
		if strings.EqualFold(z, name) {
			return z
		}
	}
	return s
}
