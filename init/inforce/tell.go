package inforce

import "strings"

// Tell prints the changes by what makes them take effect.
func Tell(changes []Change, say func(string)) {
	if len(changes) == 0 {
		say("no changes")
	}
	for _, when := range []When{Now, K3s, Machine} {
		var keys []string
		for _, c := range changes {
			if c.When == when {
				keys = append(keys, c.Key)
			}
		}
		switch {
		case keys == nil:
		case when == Now:
			say("in force now: " + strings.Join(keys, ", "))
		default:
			say("takes effect with " + string(when) + ": " + strings.Join(keys, ", "))
		}
	}
}
