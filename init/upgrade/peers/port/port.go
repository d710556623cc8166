// Package port has the ports by which machines of a site give each other pieces of a release, for the firewall and for
// those who use them. It has nothing else, as PID 1 needs it too.
package port

const (
	// Pieces is where the service gives pieces (TCP) and hears questions (UDP).
	Pieces = 24170
	// Answers is where a machine that asks hears answers (UDP).
	Answers = 24171
)
