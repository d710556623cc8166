// Package diskwish is the grammar by which users name a disk: install.device and proa install --device. It knows no disks
// and refuses words that it does not know.
//
//	/dev/sda, sda, nvme0n1, mmcblk0   the disk with that name; other names need their path
//	serial=S64DNF0R  model=Samsung    what proa install --list shows; upper and lower case are the same
//	bus=nvme  nvme                    nvme, sata, scsi, usb, sd, emmc or virtio
//	size>=100G  size<2T  size=32G     G: 1000³ bytes, as on the label of disks; Gi: 1024³
//	smallest, largest, first          which one if several disks fit
//
// Words are combined: "smallest nvme size>=100G". * in a model or serial stands for anything, and quotation marks keep
// spaces: model="Samsung SSD*".
package diskwish

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Orders say which of several disks is meant.
const (
	Smallest = "smallest"
	Largest  = "largest"
	First    = "first" // by name
)

// Buses are the words that a bus may be.
func Buses() []string { return []string{"nvme", "sata", "scsi", "usb", "sd", "emmc", "virtio"} }

// Wish is what a text says.
type Wish struct {
	Name  string // of the disk, without /dev/; then nothing else is set
	Order string // "": only one disk may fit
	terms []term
}

type term struct {
	key, op, text string
	bytes         int64
}

// Disk is what a wish looks at.
type Disk struct {
	Name, Model, Serial, Bus string
	Size                     int64 // bytes
}

// Parse reads a text.
func Parse(text string) (w Wish, err error) {
	words, err := split(text)
	if err != nil {
		return w, err
	}
	for _, word := range words {
		if err := w.add(word); err != nil {
			return w, err
		}
	}
	if w.Name != "" && len(words) > 1 {
		return w, errors.New("the name of a disk stands alone")
	}
	return w, nil
}

var name = regexp.MustCompile(`^(/dev/[A-Za-z0-9_./!:-]+|(sd|vd|hd|xvd)[a-z]+|nvme\d+n\d+|mmcblk\d+)$`)

func (w *Wish) add(word string) error {
	key, op, value := cut(word)
	switch {
	case word == Smallest || word == Largest || word == First:
		if w.Order != "" {
			return fmt.Errorf("%s and %s: one of them", w.Order, word)
		}
		w.Order = word
	case slices.Contains(Buses(), word):
		w.terms = append(w.terms, term{key: "bus", text: word})
	case op == "" && name.MatchString(word):
		w.Name = strings.TrimPrefix(word, "/dev/")
	case key == "size" && op != "":
		n, err := bytes(value)
		w.terms = append(w.terms, term{key: key, op: op, bytes: n})
		return err
	case op == "=" && (key == "model" || key == "serial" || key == "bus") && value != "":
		_, err := path.Match(strings.ToLower(value), "")
		w.terms = append(w.terms, term{key: key, text: strings.ToLower(value)})
		return err
	default:
		return errors.New("a word that is none of: a disk such as /dev/sda, smallest, largest, first, " + strings.Join(Buses(), ", ") +
			", model=…, serial=…, bus=…, size>=…")
	}
	return nil
}

func cut(word string) (key, op, value string) {
	i := strings.IndexAny(word, "<>=")
	if i < 0 {
		return word, "", ""
	}
	op = word[i : i+1]
	if strings.HasPrefix(word[i+1:], "=") && op != "=" {
		op += "="
	}
	return word[:i], op, word[i+len(op):]
}

// split cuts a text at spaces outside of quotation marks, which it removes.
func split(text string) (words []string, err error) {
	word, open, any := "", false, false
	for _, r := range text + " " {
		switch {
		case r == '"':
			open, any = !open, true
		case (r == ' ' || r == '\t') && !open:
			if any {
				words = append(words, word)
			}
			word, any = "", false
		default:
			word, any = word+string(r), true
		}
	}
	if open {
		return nil, errors.New("a quotation mark is not closed")
	}
	if len(words) == 0 {
		return nil, errors.New("no disk is named")
	}
	return words, nil
}

var units = map[string]int64{"": 1, "m": 1e6, "g": 1e9, "t": 1e12, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40}

func bytes(s string) (int64, error) {
	s = strings.ToLower(s)
	digits := strings.TrimRight(s, "bmgti")
	unit, known := units[strings.TrimSuffix(strings.TrimPrefix(s, digits), "b")]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !known || n <= 0 || n > 1<<62/unit {
		return 0, errors.New("a size such as 100G, 2T or 64Gi")
	}
	return n * unit, nil
}

// Fits says whether the disk is one of those that are wished for.
func (w Wish) Fits(d Disk) bool {
	if w.Name != "" {
		return d.Name == w.Name
	}
	return !slices.ContainsFunc(w.terms, func(t term) bool { return !t.fits(d) })
}

func (t term) fits(d Disk) bool {
	switch t.key {
	case "bus":
		return d.Bus == t.text
	case "model":
		return like(t.text, d.Model)
	case "serial":
		return like(t.text, d.Serial)
	}
	switch t.op {
	case ">":
		return d.Size > t.bytes
	case ">=":
		return d.Size >= t.bytes
	case "<":
		return d.Size < t.bytes
	case "<=":
		return d.Size <= t.bytes
	}
	return d.Size/t.tolerance() == t.bytes/t.tolerance()
}

// tolerance is for size=: a disk of "500 GB" has a few more bytes.
func (t term) tolerance() int64 { return max(t.bytes/50, 1) }

func like(pattern, have string) bool {
	ok, _ := path.Match(pattern, strings.ToLower(have)) // Parse has checked the pattern
	return ok || !strings.Contains(pattern, "*") && strings.EqualFold(pattern, have)
}

// Pick returns the disk that is meant. why is nil, or says that none fits, or which ones do.
func (w Wish) Pick(all []Disk) (d Disk, why error) {
	fit := slices.DeleteFunc(slices.Clone(all), func(d Disk) bool { return !w.Fits(d) })
	slices.SortStableFunc(fit, func(a, b Disk) int {
		switch {
		case w.Order == Smallest && a.Size != b.Size:
			return cmp.Compare(a.Size, b.Size)
		case w.Order == Largest && a.Size != b.Size:
			return cmp.Compare(b.Size, a.Size)
		}
		return strings.Compare(a.Name, b.Name)
	})
	switch {
	case len(fit) == 0:
		return d, errors.New("no disk fits")
	case len(fit) > 1 && w.Order == "":
		var names []string
		for _, f := range fit {
			names = append(names, fmt.Sprintf("/dev/%s (serial %s)", f.Name, f.Serial))
		}
		return d, fmt.Errorf("%d disks fit: %s; name one by its serial number, or add smallest, largest or first", len(fit), strings.Join(names, ", "))
	}
	return fit[0], nil
}
