// Package screen asks on a terminal what to install: numbered lists and lines of ASCII, which look the same on a video
// console and on a serial line, and which a test can type. It refuses answers that the configuration would refuse, with
// the same words. It reads no disks and writes none.
package screen

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/proa-os/proa/init/install/target"
)

// Screen is what it has to know.
type Screen struct {
	In      io.Reader
	Out     io.Writer
	Root    string // prefix of /sys
	Version string
	Disks   []target.Disk
	Medium  []byte // configuration on the medium
	Fetch   func(url string) ([]byte, error)
	Echo    func(on bool) // says whether the terminal shows what is typed; nil: it is none
}

// Answers are the decisions.
type Answers struct {
	Disk   target.Disk
	Keep   bool
	Config []byte
}

// ErrStopped is returned if the user does not want to go on, or nobody is there any more.
var ErrStopped = errors.New("nothing was installed; no disk was changed")

// Ask asks for disk, data and configuration.
func (s Screen) Ask() (a Answers, err error) {
	fmt.Fprintf(s.Out, "\nproa %s: install on a disk of this machine. Ctrl-C ends it; nothing is written before the last question.\n", s.Version)
	if a.Disk, err = s.disk(); err != nil {
		return a, err
	}
	if a.Disk.Keeps {
		n, err := s.choose("The disk has "+a.Disk.Has+". Its data (cluster, volumes, keys):", []string{"keep it", "erase it"})
		if err != nil {
			return a, err
		}
		a.Keep = n == 0
	}
	a.Config, err = s.config()
	return a, err
}

func (s Screen) disk() (d target.Disk, err error) {
	var list []target.Disk
	var rows []string
	for _, d := range s.Disks {
		if d.Why == "" {
			list, rows = append(list, d), append(rows, d.String())
			continue
		}
		fmt.Fprintf(s.Out, "     %s\n     not possible: %s\n", d, d.Why)
	}
	if len(list) == 0 {
		return d, errors.New("no disk of this machine can be used; proa install --list says why")
	}
	n, err := s.choose("Install on which disk?", rows)
	if err != nil {
		return d, err
	}
	return list[n], nil
}

func (s Screen) config() ([]byte, error) {
	rows := []string{"a few questions", "from a URL"}
	if len(strings.TrimSpace(string(s.Medium))) > 0 {
		rows = append(rows, "the config.yaml of this medium")
	}
	n, err := s.choose("Where does the configuration come from?", rows)
	switch {
	case err != nil:
		return nil, err
	case n == 1:
		return s.fromURL()
	case n == 2:
		return s.Medium, nil
	}
	return s.questions()
}

func (s Screen) fromURL() ([]byte, error) {
	for {
		url, err := s.line("URL (empty: back): ")
		if err != nil {
			return nil, err
		}
		if url == "" {
			return s.config()
		}
		text, err := s.Fetch(url)
		if err == nil {
			return text, nil
		}
		fmt.Fprintf(s.Out, "  %v\n", err)
	}
}

// choose prints a numbered list and returns the chosen row, counted from 0.
func (s Screen) choose(question string, rows []string) (int, error) {
	fmt.Fprintf(s.Out, "\n%s\n", question)
	for i, r := range rows {
		fmt.Fprintf(s.Out, "  %d  %s\n", i+1, r)
	}
	for {
		text, err := s.line(fmt.Sprintf("Number, 1 to %d: ", len(rows)))
		if err != nil {
			return 0, err
		}
		if n, err := strconv.Atoi(text); err == nil && n >= 1 && n <= len(rows) {
			return n - 1, nil
		}
	}
}

func (s Screen) line(prompt string) (string, error) { return Line(s.In, s.Out, prompt) }

// longest is the longest line that is read.
const longest = 64 << 10

// Line prints a prompt and reads a line. It reads no further than its end, so that several callers can share a terminal.
func Line(in io.Reader, out io.Writer, prompt string) (string, error) {
	fmt.Fprint(out, prompt)
	var text []byte
	one := make([]byte, 1)
	for len(text) < longest {
		n, err := in.Read(one)
		switch {
		case n == 1 && (one[0] == '\n' || one[0] == '\r'):
			return strings.TrimSpace(string(text)), nil
		case n == 1 && one[0] == 3: // Ctrl-C of a terminal that makes no signal of it
			return "", ErrStopped
		case n == 1:
			text = append(text, one[0])
		case err != nil:
			return "", ErrStopped
		}
	}
	return "", errors.New("the line is too long")
}

// Confirm shows what will happen and wants the word yes.
func Confirm(in io.Reader, out io.Writer, what string) error {
	answer, err := Line(in, out, "\n"+what+"\nType yes to begin, anything else to stop: ")
	if err == nil && answer != "yes" {
		err = ErrStopped
	}
	return err
}
