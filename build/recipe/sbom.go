package recipe

import (
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/pin"
)

// Parts is what an SBOM describes.
type Parts struct {
	Board    boards.Board
	Image    string // step that wrote the image
	File     string
	Packages string // step that unpacked the Debian packages
	Programs []Install
	Archives []string
}

// SBOM lists every Debian package and every Go module of an image in SPDX 2.3.
func (k *Kit) SBOM(p Parts) (graph.Step, error) {
	inputs, err := k.code("build/recipe/sbom.go")
	arch := DebianArch(p.Board.Arch)
	sets := []pin.Set{pin.Boot(arch), pin.Kernel(arch, p.Board.Kernel.Package), pin.Root(arch)}
	run := func(_ context.Context, j *graph.Job) error {
		doc, err := k.document(j, p)
		if err != nil {
			return err
		}
		for _, s := range sets {
			list, err := k.Lock.Set(s.ID())
			if err != nil {
				return err
			}
			doc.debian(list, filepath.Join(j.In(p.Packages), "usr/share/doc"))
		}
		if err := doc.programs(j); err != nil {
			return err
		}
		doc.finish()
		return writeJSON(j.Path(p.File+".spdx.json"), doc)
	}
	return step(graph.Step{Run: run}, append(inputs, k.epoch()), err)
}

// spdx is the part of SPDX 2.3 that says what is in an image.
type spdx struct {
	Version       string         `json:"spdxVersion"`
	License       string         `json:"dataLicense"`
	ID            string         `json:"SPDXID"`
	Name          string         `json:"name"`
	Namespace     string         `json:"documentNamespace"`
	Creation      spdxCreation   `json:"creationInfo"`
	Packages      []spdxPackage  `json:"packages"`
	Relationships []spdxRelation `json:"relationships"`
}

type spdxCreation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	ID        string         `json:"SPDXID"`
	Name      string         `json:"name"`
	Version   string         `json:"versionInfo"`
	Download  string         `json:"downloadLocation"`
	Analyzed  bool           `json:"filesAnalyzed"`
	Concluded string         `json:"licenseConcluded"`
	Declared  string         `json:"licenseDeclared"`
	Copyright string         `json:"copyrightText"`
	Comment   string         `json:"comment,omitempty"`
	Checksums []spdxChecksum `json:"checksums,omitempty"`
	Refs      []spdxRef      `json:"externalRefs,omitempty"`
}

type spdxChecksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type spdxRef struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type spdxRelation struct {
	Element string `json:"spdxElementId"`
	Type    string `json:"relationshipType"`
	Related string `json:"relatedSpdxElement"`
}

const noAssertion = "NOASSERTION"

// imageID is the package that stands for the image; all others are contained in it.
const imageID = "SPDXRef-image"

func (k *Kit) document(j *graph.Job, p Parts) (*spdx, error) {
	sum, err := fileSum(filepath.Join(j.In(p.Image), p.File))
	if err != nil {
		return nil, err
	}
	doc := &spdx{Version: "SPDX-2.3", License: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: p.File,
		Namespace: "https://spdx.org/spdxdocs/" + p.File + "-" + sum,
		Creation:  spdxCreation{k.when().UTC().Format(time.RFC3339), []string{"Tool: proa-" + k.Release.Version}}}
	doc.add(spdxPackage{ID: imageID, Name: p.File, Version: k.Release.Version, Declared: "Apache-2.0", Checksums: []spdxChecksum{{"SHA256", sum}}})
	return doc, nil
}

func (d *spdx) add(p spdxPackage) {
	p.Download, p.Concluded, p.Copyright = noAssertion, noAssertion, noAssertion
	if p.Declared == "" {
		p.Declared = noAssertion
	}
	d.Packages = append(d.Packages, p)
}

// debian adds the packages of a set; copyright files are there for those that were unpacked for the root.
func (d *spdx) debian(list []pin.Package, docs string) {
	for _, p := range list {
		locator := fmt.Sprintf("pkg:deb/debian/%s@%s?arch=%s", p.Name, strings.NewReplacer(":", "%3A", "+", "%2B").Replace(p.Version), p.Arch)
		d.add(spdxPackage{ID: spdxID("deb", p.Name, p.Version), Name: p.Name, Version: p.Version,
			Comment: debianLicenses(filepath.Join(docs, p.Name, "copyright")), Checksums: []spdxChecksum{{"SHA256", p.SHA256}},
			Refs: []spdxRef{{"PACKAGE-MANAGER", "purl", locator}}})
	}
}

var licenseLine = regexp.MustCompile(`(?m)^License:[ \t]*(\S.*)$`)

// debianLicenses collects the names in a machine-readable copyright file. They are Debian's names, not
// SPDX's, so they stand in a comment.
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

// programs adds the Go modules every compiled program says it is made of.
func (d *spdx) programs(j *graph.Job) error {
	var files []string
	for _, s := range j.Inputs() {
		if strings.HasPrefix(s, "go-") {
			found, err := filepath.Glob(filepath.Join(j.In(s), "*"))
			if err != nil {
				return err
			}
			files = append(files, found...)
		}
	}
	for _, f := range files {
		info, err := buildinfo.ReadFile(f)
		if err != nil {
			return err
		}
		d.modules(filepath.Base(f), info)
	}
	return nil
}

func (d *spdx) modules(program string, info *debug.BuildInfo) {
	d.module("std", strings.TrimPrefix(info.GoVersion, "go"), "", program)
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Version == "" || m.Version == "(devel)" {
			continue // ourselves: the image's own package says so
		}
		d.module(m.Path, m.Version, m.Sum, program)
	}
}

func (d *spdx) module(path, version, sum, program string) {
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
	d.add(spdxPackage{ID: id, Name: path, Version: version, Comment: comment,
		Refs: []spdxRef{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + path + "@" + version}}})
}

var notID = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// spdxID allows letters, digits, dots and dashes only; the hash keeps apart what that makes equal.
func spdxID(kind, name, version string) string {
	sum := sha256.Sum256([]byte(name + " " + version))
	return "SPDXRef-" + kind + "-" + notID.ReplaceAllString(name+"-"+version, "-") + "-" + hex.EncodeToString(sum[:4])
}

// finish removes what two sets both have and says that the image contains all.
func (d *spdx) finish() {
	slices.SortStableFunc(d.Packages[1:], func(a, b spdxPackage) int { return strings.Compare(a.ID, b.ID) })
	d.Packages = slices.CompactFunc(d.Packages, func(a, b spdxPackage) bool { return a.ID == b.ID })
	d.Relationships = []spdxRelation{{d.ID, "DESCRIBES", imageID}}
	for _, p := range d.Packages[1:] {
		d.Relationships = append(d.Relationships, spdxRelation{imageID, "CONTAINS", p.ID})
	}
}
