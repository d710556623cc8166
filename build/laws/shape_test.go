package laws

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	root            = "../.."
	maxFileLines    = 500
	maxFuncLines    = 80
	maxPackageLines = 1500
	maxReadFirst    = 200
)

// readFirst are the files a newcomer reads, in this order. They stay short, or they stop being an introduction.
var readFirst = []string{
	"boards/pc/board.yaml",
	"images/layout/layout.go",
	"init/boot/sequence.go",
	"config/config.go",
	"k3s/runtime/components.go",
	"build/plan/plan.go",
}

type source struct {
	path  string
	lines int
	fset  *token.FileSet
	file  *ast.File
}

func TestReadFirstFilesAreShort(t *testing.T) {
	for _, path := range readFirst {
		data, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Errorf("the file a newcomer reads is missing: %v", err)
			continue
		}
		if n := strings.Count(string(data), "\n"); n >= maxReadFirst {
			t.Errorf("%s has %d lines; under %d it is still an introduction", path, n, maxReadFirst)
		}
	}
}

func TestFilesAndFunctionsStaySmall(t *testing.T) {
	for _, s := range sources(t) {
		if s.lines > maxFileLines {
			t.Errorf("%s has %d lines, more than %d", s.path, s.lines, maxFileLines)
		}
		for _, decl := range s.file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := s.fset.Position(fn.End()).Line - s.fset.Position(fn.Pos()).Line + 1; n > maxFuncLines {
				t.Errorf("%s: %s has %d lines, more than %d", s.path, fn.Name.Name, n, maxFuncLines)
			}
			if fn.Name.Name == "init" && fn.Recv == nil {
				t.Errorf("%s: func init(): nothing happens by being imported", s.path)
			}
		}
	}
}

func TestPackagesSayWhatTheyAreAndStaySmall(t *testing.T) {
	lines, comments := map[string]int{}, map[string]int{}
	for _, s := range sources(t) {
		dir := filepath.Dir(s.path)
		if !strings.HasSuffix(s.path, "_test.go") {
			lines[dir] += s.lines
		}
		if s.file.Doc != nil {
			comments[dir]++
		}
	}
	for dir, n := range lines {
		if n > maxPackageLines {
			t.Errorf("%s has %d lines, more than %d", dir, n, maxPackageLines)
		}
		if comments[dir] != 1 {
			t.Errorf("%s has %d package comments, want exactly one", dir, comments[dir])
		}
	}
}

// TestOneGoldenHelper: one flag writes golden files, and one package knows where they lie.
func TestOneGoldenHelper(t *testing.T) {
	for _, s := range sources(t) {
		if !strings.HasSuffix(s.path, "_test.go") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && (lit.Value == `"update"` || strings.HasSuffix(lit.Value, `.golden"`)) {
				t.Errorf("%s: %s: golden files are compared and written by images/golden", s.fset.Position(lit.Pos()), lit.Value)
			}
			return true
		})
	}
}

// TestBuildFolderIsTracked: many ignore files carry a line "build", which would silently lose half of proa.
func TestBuildFolderIsTracked(t *testing.T) {
	cmd := exec.Command("git", "-c", "core.excludesFile=/dev/null", "check-ignore", "-q", "build/main.go")
	cmd.Dir = root
	err := cmd.Run()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 1 {
		t.Errorf("git check-ignore build/main.go: %v, want exit code 1 (not ignored)", err)
	}
}

// TestNoReplace: a replace line is invisible to everyone who depends on us, and it is how forks begin.
func TestNoReplace(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(data), "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "replace") {
			t.Errorf("go.mod: %s", line)
		}
		if strings.Contains(line, "stretchr/testify") && !strings.Contains(line, "// indirect") {
			t.Errorf("go.mod: %s: tests use the standard library and go-cmp", line)
		}
	}
}

// sources returns all Go files of this module.
func sources(t *testing.T) []source {
	t.Helper()
	found, err := readOnce()
	if err != nil || len(found) < 100 {
		t.Fatalf("%d Go files below %s: %v", len(found), root, err)
	}
	return found
}

var readOnce = sync.OnceValues(func() (found []source, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "out" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		s, err := parse(path)
		if err == nil {
			found = append(found, s)
		}
		return err
	})
	return found, err
})

func parse(path string) (source, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return source{}, err
	}
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return source{}, err
	}
	return parseText(rel, data)
}

func parseText(path string, data []byte) (source, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, data, parser.ParseComments)
	return source{path, strings.Count(string(data), "\n"), fset, file}, err
}
