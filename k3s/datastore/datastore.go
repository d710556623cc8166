// Package datastore says what the runtime requires of a cluster's datastore, and which one a server has. It has no code
// of a database itself.
package datastore

import (
	"context"

	"github.com/proa-os/proa/k3s/datastore/kine"
)

// Store is the datastore of one server: an etcd API on this machine.
type Store interface {
	// Endpoint returns the URL of the etcd API, which answers once Run has opened the database.
	Endpoint() string
	// Run opens or creates the database, and serves it until the context ends. It returns earlier only with an error.
	Run(ctx context.Context) error
	// Exists returns a path of the database without opening it, "" if there certainly is none: only then is the
	// cluster a new one.
	Exists() (path string, err error)
	// Check reads the whole database, also beside Run, changes nothing, and returns the damage.
	Check() error
	// File is the path of the database.
	File() string
	// Copy writes the database to a new file, also beside Run, as one moment of it; nobody waits for it.
	Copy(ctx context.Context, file string) error
	// CopyOf does the same with a copy.
	CopyOf(ctx context.Context, from, file string) error
	// Restore replaces the database by a copy, and keeps the replaced one beside it. It is refused beside Run.
	Restore(ctx context.Context, file string) error
	// Replaced is the path at which Restore keeps the replaced database, and Forget removes that.
	Replaced() string
	Forget() error
	// Exchanged says whether Restore has replaced the database since Forget.
	Exchanged() bool
	// Loss is what was written since a copy was made, and would be lost if that were restored.
	Loss(ctx context.Context, file string) (kine.Loss, error)
}

// ErrRoom is returned by Copy and Restore if the disk has no room.
var ErrRoom = kine.ErrRoom

// At returns the datastore of the server whose files are below serverDir: SQLite, served by kine. It touches no file.
func At(serverDir string) Store { return kine.At(serverDir) }
