package config

// Errors returns how many of the problems are errors, and not notes.
func Errors(problems []Problem) (n int) {
	for _, p := range problems {
		if !p.Note {
			n++
		}
	}
	return n
}
