package recipe

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/kernel"
	"github.com/proa-os/proa/build/kmod"
	"github.com/proa-os/proa/build/media"
	"github.com/proa-os/proa/build/rootfiles"
	"github.com/proa-os/proa/config/k3sflags"
	"github.com/proa-os/proa/images/erofs"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/releasefile"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/verity"
	"github.com/proa-os/proa/overlay"
)

// Root describes a root image.
type Root struct {
	Board    boards.Board
	Packages string    // step that unpacked the Debian packages
	Kernel   string    // step that unpacked the kernel
	Programs []Install // compiled by us
	Archives []string  // steps that wrote container images
}

// Compressions are the codecs of the root image by the names that users call them by; docs/figures.md compares them.
var Compressions = map[string]erofs.Codec{"none": erofs.None, "lz4": erofs.LZ4, "zstd": erofs.Zstd}

// DefaultCompression makes the smallest image; devices boot as fast as with lz4.
const DefaultCompression = "zstd"

// RootImage writes root.img: an EROFS file system and its verity tree behind it, and beside it root.json and the regions
// of the file system.
func (k *Kit) RootImage(r Root) (graph.Step, error) {
	inputs, err := k.code("root.go", "board.go", "entries.go", "debs.go", "trust.go")
	if err != nil {
		return graph.Step{}, err
	}
	files := map[string]bool{"overlay/rootfs.modes": true}
	if err := k.addTree(filepath.Join(k.Repo, "overlay/rootfs"), files); err != nil {
		return graph.Step{}, err
	}
	for _, f := range sorted(files) {
		sum, err := k.overlaySum(f)
		if err != nil {
			return graph.Step{}, err
		}
		inputs = append(inputs, graph.Input{Name: f, Value: sum})
	}
	more, err := k.boardInputs(r.Board)
	inputs = append(append(inputs, more...), k.epoch(), slotKeys(k.Trust), graph.Input{Name: "release root", Value: k.Trust.Release}, arguments(r.Programs), graph.Input{Name: "compression", Value: string(Compressions[k.Compression])})
	run := func(_ context.Context, j *graph.Job) error { return k.writeRoot(j, r) }
	return step(graph.Step{Run: run}, inputs, err)
}

// overlaySum is the digest of what the image takes from a file: content or target, and the executable bit.
func (k *Kit) overlaySum(name string) (string, error) {
	file := filepath.Join(k.Repo, name)
	st, err := os.Lstat(file)
	if err != nil {
		return "", err
	}
	if st.Mode()&os.ModeSymlink != 0 {
		target, err := os.Readlink(file)
		return "link to " + target, err
	}
	sum, err := k.sum(name)
	if st.Mode()&0o100 != 0 {
		sum += " executable"
	}
	return sum, err
}

func (k *Kit) writeRoot(j *graph.Job, r Root) error {
	entries, err := k.rootEntries(j, r)
	if err != nil {
		return err
	}
	img, err := os.Create(j.Path("root.img"))
	if err != nil {
		return err
	}
	defer img.Close() // closed again below, with its error
	if err := k.writeFiles(j, entries, img); err != nil {
		return err
	}
	info, err := addVerity(img)
	if err != nil {
		return err
	}
	if err := writeJSON(j.Path(media.RootFile), info); err != nil {
		return err
	}
	if err := writeUsed(j, entries, r.Packages); err != nil {
		return err
	}
	return img.Close()
}

// usedFile lists the packages a root image really has files of.
const usedFile = "packages.json"

func writeUsed(j *graph.Job, entries []tree.Entry, packages string) error {
	var owners map[string]string
	if err := readJSON(filepath.Join(j.In(packages), ownersFile), &owners); err != nil {
		return err
	}
	used := map[string]bool{"ca-certificates": true} // joined into one file of ours
	for _, e := range entries {
		if p := owners[rootfiles.Origin(e.Path)]; p != "" && e.Mode.IsRegular() {
			used[p] = true
		}
	}
	return writeJSON(j.Path(usedFile), sorted(used))
}

// rootEntries is the whole tree of the root image.
func (k *Kit) rootEntries(j *graph.Job, r Root) ([]tree.Entry, error) {
	out := []tree.Entry{
		tree.Symlink("bin", "usr/bin"), tree.Symlink("sbin", "usr/sbin"),
		tree.Symlink("lib", "usr/lib"), tree.Symlink("lib64", "usr/lib64"), tree.Dir("usr/lib64", 0o755),
	}
	for _, part := range []func() ([]tree.Entry, error){
		func() ([]tree.Entry, error) { return rootfiles.Entries(j.In(r.Packages), r.Board) },
		func() ([]tree.Entry, error) { return rootModules(j.In(r.Kernel), r.Board) },
		func() ([]tree.Entry, error) { return programs(j, r.Programs) },
		func() ([]tree.Entry, error) { return archives(j, r.Archives) },
		func() ([]tree.Entry, error) { return overlay.Files(filepath.Join(k.Repo, "overlay")) },
		func() ([]tree.Entry, error) { return k.releaseEntries(r.Board) },
		func() ([]tree.Entry, error) { return trusted(k.Trust.Root), nil },
	} {
		list, err := part()
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

func rootModules(kernel string, b boards.Board) ([]tree.Entry, error) {
	m, err := kmod.Load(kernel)
	if err != nil {
		return nil, err
	}
	files, err := m.Matching(globs(b))
	if err != nil {
		return nil, fmt.Errorf("board %s: modules: %w", b.Name, err)
	}
	return m.Entries("usr/lib/modules", files)
}

// globs adds our modules to those of the root image.
func globs(b boards.Board) []string {
	if len(b.SlotChains().Modules()) == 0 {
		return b.Kernel.Modules
	}
	return slices.Concat(b.Kernel.Modules, []string{kernel.ModuleDir})
}

func archives(j *graph.Job, steps []string) ([]tree.Entry, error) {
	var out []tree.Entry
	for _, s := range steps {
		files, err := filepath.Glob(filepath.Join(j.In(s), "*.tar"))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			c, err := tree.HostFile(f)
			if err != nil {
				return nil, err
			}
			out = append(out, tree.File(path.Join(k3sflags.ImageDir[1:], filepath.Base(f)), 0o644, c))
		}
	}
	return out, nil
}

// releaseEntries say what the image is: to proa, and to everything that asks os-release.
func (k *Kit) releaseEntries(b boards.Board) ([]tree.Entry, error) {
	r := k.Release
	r.Board, r.Layout = b, layout.Version
	text, err := r.JSON()
	return []tree.Entry{
		tree.File(releasefile.Path[1:], 0o644, tree.Bytes(text)),
		tree.File(releasefile.OSPath[1:], 0o644, tree.Bytes(r.OSRelease())),
		tree.Symlink("etc/os-release", ".."+releasefile.OSPath),
	}, err
}

// writeFiles writes the file system, and its regions beside it.
func (k *Kit) writeFiles(j *graph.Job, entries []tree.Entry, img io.WriterAt) error {
	codec := Compressions[k.Compression]
	regions, err := erofs.Write(img, metered(entries, j.Progress), erofs.Options{Codec: codec, When: k.when()})
	if err != nil {
		return err
	}
	return writeJSON(j.Path(media.RegionsFile), media.Regions{Form: codec.Form(), Regions: regions})
}

// addVerity pads the file system to whole blocks and appends its hash tree.
func addVerity(img *os.File) (verity.Root, error) {
	st, err := img.Stat()
	if err != nil {
		return verity.Root{}, err
	}
	size := (st.Size() + verity.BlockSize - 1) / verity.BlockSize * verity.BlockSize
	if err := img.Truncate(size); err != nil {
		return verity.Root{}, err
	}
	salt := sha256.Sum256([]byte("proa root image"))
	var uuid [16]byte
	copy(uuid[:], salt[16:])
	var hashes bytes.Buffer
	root, err := verity.Write(&hashes, io.NewSectionReader(img, 0, size), size, salt[:], uuid)
	if err != nil {
		return verity.Root{}, err
	}
	_, err = img.WriteAt(hashes.Bytes(), size)
	return verity.Root{Hash: hex.EncodeToString(root), Size: size}, err
}
