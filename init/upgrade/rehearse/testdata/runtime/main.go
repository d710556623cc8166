// Command runtime stands for k3s in tests of a rehearsal: of the running version, where it copies the file that its
// configuration names, and of the new one, where it does what the file /etc/plays of its root says.
package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "k3s: "+os.Args[1]+":", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	config, err := os.ReadFile(args[3])
	if err != nil {
		return err
	}
	if args[0] == "copy-datastore" {
		text, err := os.ReadFile(strings.TrimSpace(string(config)))
		if err != nil {
			return err
		}
		return os.WriteFile(args[1], text, 0o600)
	}
	copied, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	if err := os.WriteFile(args[1], []byte("migrated"), 0o600); err != nil {
		return err
	}
	plays, _ := os.ReadFile("/etc/plays")
	return play(strings.TrimSpace(string(plays)), string(copied))
}

func play(what, copied string) error {
	switch what {
	case "well":
		fmt.Printf(`{"version":"v2","objects":%d,"bytes":%d}`, len(strings.Fields(copied)), len(copied))
	case "unserved":
		fmt.Print(`{"objects":1,"unserved":[{"api_version":"apps/v1beta1","kind":"Deployment","client":"helm","count":1,"example":"default/web"}]}`)
	case "unreadable":
		fmt.Print(`{"objects":1,"unreadable":[{"api_version":"policy/v1beta1","kind":"PodSecurityPolicy","count":2,"example":"/registry/p"}]}`)
		return fmt.Errorf("1 kinds of objects cannot be read")
	case "ill":
		return fmt.Errorf("open a copy of state.db: no such column: tenant")
	case "silent":
	case "hang":
		time.Sleep(time.Hour)
	case "hog":
		var all [][]byte
		for {
			b := make([]byte, 1<<20)
			for i := range b {
				b[i] = byte(i)
			}
			all = append(all, b)
			time.Sleep(time.Duration(len(all)) * time.Microsecond)
		}
	case "look":
		return look()
	}
	return nil
}

// look reports what it sees as an error.
func look() error {
	var seen []string
	for _, pattern := range []string{"/*", "/var/*", "/dev/*"} {
		found, _ := filepath.Glob(pattern)
		seen = append(seen, found...)
	}
	links, _ := net.Interfaces()
	for _, l := range links {
		seen = append(seen, l.Name+" "+l.Flags.String())
	}
	return fmt.Errorf("pid %d sees %s, %s", os.Getpid(), strings.Join(seen, ", "), readOnly())
}

func readOnly() string {
	if err := os.WriteFile("/etc/written", nil, 0o600); err != nil {
		return "its root is read-only"
	}
	return "its root can be written"
}
