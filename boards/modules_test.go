package boards

import (
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// Sets and a board's own modules stand where they are listed; kernel.modules is sorted after that.
func TestSetsResolve(t *testing.T) {
	all, err := load(with(t, "pc",
		"sets: [mount, linux-6.12]", "sets: [linux-6.12, mount]",
		"sets: [base, network, filesystems, linux-6.12, acpi, generic]", "sets: [linux-6.12, generic-arm]"))
	if err != nil {
		t.Fatal(err)
	}
	early := strings.Join(all[0].Kernel.Early, " ")
	end := " loop isofs crc32c_generic vfat nls_cp437 nls_ascii nls_utf8 erofs dm_verity overlay ext4"
	if !strings.HasSuffix(early, end) {
		t.Errorf("kernel.early: %s", early)
	}
	want := []string{"mm", "virt", "drivers/hwspinlock", "drivers/iommu", "drivers/memory", "drivers/platform/x86",
		"drivers/powercap", "drivers/virt", "fs/ntfs3", "fs/pstore"}
	if got := all[0].Kernel.Modules; !slices.Equal(got, want) {
		t.Errorf("kernel.modules: %v, want %v", got, want)
	}
}

func TestSetRefusals(t *testing.T) {
	refuses(t, "pc", []refusal{
		{"- ahci", "- nvme", `kernel.early: "nvme" twice: line `},
		{"sets: [base, ", "sets: [bsae, ", `boards/pc/board.yaml: line 58: kernel.modules: no set "bsae" in ` +
			`boards/modules.yaml; did you mean "base"?`},
		{"sets: [base, ", "sets: [file-systems, ", `no set "file-systems" in boards/modules.yaml; did you mean "files`},
		{"sets: [base, ", "sets: [graphics, ", `no set "graphics" in boards/modules.yaml; this list may have acpi, `},
		{"sets: [mount, ", "sets: [base, ", `kernel.early: no set "base" in boards/modules.yaml; this list may have l`},
		{"sets: [base, ", "sets: [base, base, ", `kernel.modules: "arch" twice: set base has it`},
		{"    - mm\n", "    - fs/xfs\n    - mm\n", `kernel.modules: "fs/xfs" twice: set filesystems has it`},
		{"    - mm\n", "    - {set: [base]}\n    - mm\n", "neither a module nor `sets: [NAME, …]`"},
		{"    - mm\n", "    - sets: []\n    - mm\n", "neither a module nor `sets: [NAME, …]`"},
		{"    - mm\n", "    -\n    - mm\n", "neither a module nor `sets: [NAME, …]`"},
		{"  early: #", "  early: {ahci: nvme}\n  dtbs: #", "not a list of modules"},
		{"modules: [fs/ntfs3]", "modules: []", "boards/modules.yaml: modules.linux-6.12: for or modules: missing"},
		{"    for: Wi-Fi", "    four: Wi-Fi", "field four not found"},
	})
}

// TestSetsAreShared: a set is what several boards have, and README.md has its name.
func TestSetsAreShared(t *testing.T) {
	sets, users := ours(t)
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range sets {
		if len(users[name]) < 2 {
			t.Errorf("set %s is listed by %v: what one board has stands in the board", name, users[name])
		}
		if _, short, _ := strings.Cut(name, "."); !strings.Contains(string(readme), "`"+short+"`") {
			t.Errorf("README.md does not name the set %s", name)
		}
	}
}

// TestBoardsListSets: a board that has every module of a set lists the set instead.
func TestBoardsListSets(t *testing.T) {
	sets, users := ours(t)
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		for name, set := range sets {
			list := b.Kernel.Modules
			if strings.HasPrefix(name, "early.") {
				list = b.Kernel.Early
			}
			lacks := func(m string) bool { return !slices.Contains(list, m) }
			if !slices.ContainsFunc(set.Modules, lacks) && !slices.Contains(users[name], b.Name) {
				t.Errorf("board %s has all of set %s, and does not list it", b.Name, name)
			}
		}
	}
}

// TestNoGlobCoversAnother: a directory is taken whole, so what is listed below it says nothing.
func TestNoGlobCoversAnother(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		for _, m := range b.Kernel.Modules {
			for _, glob := range b.Kernel.Modules {
				for dir := path.Dir(m); dir != "."; dir = path.Dir(dir) {
					if ok, err := path.Match(glob, dir); ok || err != nil {
						t.Errorf("board %s: %s stands below %s (%v)", b.Name, m, glob, err)
					}
				}
			}
		}
	}
}

// ours are the sets of modules.yaml by list and name ("early.mount"), and which boards list them.
func ours(t *testing.T) (sets map[string]moduleSet, users map[string][]string) {
	t.Helper()
	all, err := readModuleSets(files)
	if err != nil {
		t.Fatal(err)
	}
	sets, users = map[string]moduleSet{}, map[string][]string{}
	for name, set := range all.Early {
		sets["early."+name] = set
	}
	for name, set := range all.Modules {
		sets["modules."+name] = set
	}
	dirs, err := files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		if !dir.IsDir() {
			continue
		}
		var b Board
		if err := decode(files, dir.Name()+"/board.yaml", &b); err != nil {
			t.Fatal(err)
		}
		count := func(list string, lines moduleList) {
			for _, l := range lines {
				for _, name := range l.sets {
					users[list+name] = append(users[list+name], dir.Name())
				}
			}
		}
		count("early.", b.Kernel.Lists.Early)
		count("modules.", b.Kernel.Lists.Modules)
	}
	return sets, users
}
