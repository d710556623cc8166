// Package sbom lists the Debian packages and Go modules in an image as SPDX 2.3. It concludes no licences: it repeats
// what packages declare.
package sbom

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/proa-os/proa/build/pin"
)

// New returns a document about a file; sum is its sha256.
func New(file, version, sum string, when time.Time) *Document {
	doc := &Document{Version: "SPDX-2.3", License: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: file,
		Namespace: "https://spdx.org/spdxdocs/" + file + "-" + sum,
		Creation:  creation{when.UTC().Format(time.RFC3339), []string{"Tool: proa-" + version}}}
	doc.add(component{ID: imageID, Name: file, Version: version, Declared: "Apache-2.0", Checksums: []checksum{{"SHA256", sum}}})
	return doc
}

// Document is the part of SPDX 2.3 that describes the contents of an image.
type Document struct {
	Version       string      `json:"spdxVersion"`
	License       string      `json:"dataLicense"`
	ID            string      `json:"SPDXID"`
	Name          string      `json:"name"`
	Namespace     string      `json:"documentNamespace"`
	Creation      creation    `json:"creationInfo"`
	Packages      []component `json:"packages"`
	Relationships []relation  `json:"relationships"`
}

type creation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type component struct {
	ID        string     `json:"SPDXID"`
	Name      string     `json:"name"`
	Version   string     `json:"versionInfo"`
	Download  string     `json:"downloadLocation"`
	Analyzed  bool       `json:"filesAnalyzed"`
	Concluded string     `json:"licenseConcluded"`
	Declared  string     `json:"licenseDeclared"`
	Copyright string     `json:"copyrightText"`
	Comment   string     `json:"comment,omitempty"`
	Checksums []checksum `json:"checksums,omitempty"`
	Refs      []ref      `json:"externalRefs,omitempty"`
}

type checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type ref struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type relation struct {
	Element string `json:"spdxElementId"`
	Type    string `json:"relationshipType"`
	Related string `json:"relatedSpdxElement"`
}

const noAssertion = "NOASSERTION"

// imageID is the SPDX package of the image itself; it contains all others.
const imageID = "SPDXRef-image"

func (d *Document) add(p component) {
	p.Download, p.Concluded, p.Copyright = noAssertion, noAssertion, noAssertion
	if p.Declared == "" {
		p.Declared = noAssertion
	}
	d.Packages = append(d.Packages, p)
}

// Debian adds the packages of a set. docs has the copyright files of packages that were unpacked for the root.
func (d *Document) Debian(list []pin.Package, docs string) {
	for _, p := range list {
		locator := fmt.Sprintf("pkg:deb/debian/%s@%s?arch=%s", p.Name, strings.NewReplacer(":", "%3A", "+", "%2B").Replace(p.Version), p.Arch)
		d.add(component{ID: spdxID("deb", p.Name, p.Version), Name: p.Name, Version: p.Version,
			Comment: debianLicenses(filepath.Join(docs, p.Name, "copyright")), Checksums: []checksum{{"SHA256", p.SHA256}},
			Refs: []ref{{"PACKAGE-MANAGER", "purl", locator}}})
	}
}

var licenseLine = regexp.MustCompile(`(?m)^License:[ \t]*(\S.*)$`)

// debianLicenses collects the licence names in a machine-readable copyright file. They are Debian's names, not SPDX's,
// so they go into a comment.
func debianLicenses(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return "" // no copyright file unpacked here
	}
	var names []string
	for _, m := range licenseLine.FindAllSubmatch(b, -1) {
		names = append(names, strings.TrimSpace(string(m[1])))
	}
	slices.Sort(names)
	if len(names) == 0 {
		return ""
	}
	return "Debian copyright file: " + strings.Join(slices.Compact(names), ", ")
}

// Modules adds the modules of a compiled Go program from its build information.
func (d *Document) Modules(program string, info *debug.BuildInfo) {
	d.module("std", strings.TrimPrefix(info.GoVersion, "go"), "", program)
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Version == "" || m.Version == "(devel)" {
			continue // the main module is part of the image's own package
		}
		d.module(m.Path, m.Version, m.Sum, program)
	}
}

func (d *Document) module(path, version, sum, program string) {
	id := spdxID("go", path, version)
	for i, p := range d.Packages {
		if p.ID == id {
			d.Packages[i].Comment += ", " + program
			return
		}
	}
	comment := "in " + program
	if sum != "" {
		comment = "go.sum " + sum + "; " + comment
	}
	d.add(component{ID: id, Name: path, Version: version, Comment: comment,
		Refs: []ref{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + path + "@" + version}}})
}

var notID = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// spdxID maps to letters, digits, dots and dashes; the hash keeps identifiers distinct.
func spdxID(kind, name, version string) string {
	sum := sha256.Sum256([]byte(name + " " + version))
	return "SPDXRef-" + kind + "-" + notID.ReplaceAllString(name+"-"+version, "-") + "-" + hex.EncodeToString(sum[:4])
}

// Finish removes duplicates and adds the relationship that the image contains all packages.
func (d *Document) Finish() {
	slices.SortStableFunc(d.Packages[1:], func(a, b component) int { return strings.Compare(a.ID, b.ID) })
	d.Packages = slices.CompactFunc(d.Packages, func(a, b component) bool { return a.ID == b.ID })
	d.Relationships = []relation{{d.ID, "DESCRIBES", imageID}}
	for _, p := range d.Packages[1:] {
		d.Relationships = append(d.Relationships, relation{imageID, "CONTAINS", p.ID})
	}
}
