package kine

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Loss is what a cluster loses if a copy of its database is restored: everything that was written since.
type Loss struct {
	Writes int            // including renewals of leases and events
	Keys   map[string]int // keys that were written, by resource
}

// maxResources is how many resources a text names.
const maxResources = 12

func (l Loss) String() string {
	if l.Writes == 0 {
		return "nothing was written since"
	}
	names := slices.SortedFunc(maps.Keys(l.Keys), func(a, b string) int {
		return cmp.Or(cmp.Compare(l.Keys[b], l.Keys[a]), cmp.Compare(a, b))
	})
	total, list := 0, []string{}
	for _, name := range names {
		if total += l.Keys[name]; len(list) < maxResources {
			list = append(list, fmt.Sprintf("%s %d", name, l.Keys[name]))
		}
	}
	if n := len(names) - maxResources; n > 0 {
		list = append(list, fmt.Sprintf("%d more", n))
	}
	return fmt.Sprintf("%d writes to %d objects (%s)", l.Writes, total, strings.Join(list, ", "))
}

// Loss compares the database with a copy of it, without changing either. kine numbers its rows, and never changes one.
func (s Store) Loss(ctx context.Context, file string) (Loss, error) {
	copied, err := readOnly(file)
	if err != nil {
		return Loss{}, err
	}
	defer copied.Close()
	var last sql.NullInt64
	if err := copied.QueryRowContext(ctx, "SELECT MAX(id) FROM kine").Scan(&last); err != nil {
		return Loss{}, fmt.Errorf("%s: %w", file, err)
	}
	db, err := readOnly(s.file())
	if err != nil {
		return Loss{}, err
	}
	defer db.Close()
	l, err := since(ctx, db, last.Int64)
	if err != nil {
		return Loss{}, fmt.Errorf("%s: %w", s.file(), err)
	}
	return l, nil
}

func since(ctx context.Context, db *sql.DB, id int64) (Loss, error) {
	rows, err := db.QueryContext(ctx, "SELECT name, COUNT(*) FROM kine WHERE id > ? AND name LIKE '/registry/%' GROUP BY name", id)
	if err != nil {
		return Loss{}, err
	}
	defer rows.Close()
	l := Loss{Keys: map[string]int{}}
	for rows.Next() {
		var name string
		var n int
		if err := rows.Scan(&name, &n); err != nil {
			return Loss{}, err
		}
		l.Writes += n
		l.Keys[resource(name)]++
	}
	return l, rows.Err()
}

// resource is the resource of a key: /registry/pods/default/web, /registry/example.org/boats/default/proa.
func resource(key string) string {
	parts := strings.Split(key, "/")
	if len(parts) > 4 && strings.Contains(parts[2], ".") {
		return parts[3] + "." + parts[2]
	}
	return parts[2]
}

func readOnly(file string) (*sql.DB, error) {
	source := url.URL{Scheme: "file", Path: file, RawQuery: "mode=ro&_busy_timeout=30000"}
	return sql.Open("sqlite3", source.String())
}
