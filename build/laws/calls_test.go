package laws

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// callLaw forbids the code below a folder, tests excepted, to name certain functions or types of other packages.
type callLaw struct {
	From   string
	Except []string // folders or files below From that may
	Never  []string // IMPORT/PATH.Name
	Reason string
}

var callLaws = []callLaw{
	{"images", nil, []string{"time.Now", "time.Since", "time.Until"}, "same input, same bytes: a time that an image holds is passed in"},
	{"init", []string{"init/sys", "init/main.go", "init/upgrade/proa-upgrade/main.go"}, door(), "sys is the one door to the kernel, and is passed in from main: a test looks at what went through it"},
	{"init", []string{"init/netup/links"}, ofNetlink("LinkAdd LinkDel LinkSetUp LinkSetDown LinkSetMTU LinkSetMaster LinkSubscribe " +
		"LinkSubscribeWithOptions AddrAdd AddrReplace AddrDel RouteAdd RouteReplace RouteDel"),
		"init/netup/links changes the kernel's network as a plan says, and has the one subscription to links"},
	{"init/netup/plan", nil, append(ofNetlink("LinkList LinkByName LinkByIndex AddrList RouteList"), "os.ReadFile", "os.Stat", "time.Now"),
		"a plan is computed from what is passed in, so that its tests are tables"},
	{"init", []string{"init/sys", "init/proc", "init/sudo/run.go", "init/cli/verbs.go"}, []string{"golang.org/x/sys/unix.Kill", "syscall.Kill"},
		"processes are ended by who started them, all of them at once by sys.SignalAll, and PID 1 is asked by its command"},
}

// door lists what only the package sys calls: the real thing itself, and what changes the machine as a whole.
func door() []string {
	out := []string{module + "init/sys.Linux", "golang.org/x/sys/unix.SYS_REBOOT"}
	for _, name := range strings.Fields("Mount Unmount Reboot Sync Settimeofday ClockSettime Adjtimex ClockAdjtime Sethostname Setrlimit " +
		"FinitModule InitModule DeleteModule Mknod Chroot PivotRoot Exec SYS_SWAPON SYS_SWAPOFF") {
		out = append(out, "golang.org/x/sys/unix."+name, "syscall."+name)
	}
	return out
}

func ofNetlink(names string) (out []string) {
	for _, name := range strings.Fields(names) {
		out = append(out, "github.com/vishvananda/netlink."+name)
	}
	return out
}

func TestCallLaws(t *testing.T) {
	all := sources(t)
	for _, law := range callLaws {
		for _, s := range all {
			for _, n := range law.broken(s) {
				t.Errorf("%s names %s: %s", s.fset.Position(n.at), n.name, law.Reason)
			}
		}
	}
}

// TestCallLawsBite: a law that finds nothing in a file that breaks it would hold for ever.
func TestCallLawsBite(t *testing.T) {
	for _, law := range callLaws {
		for _, never := range law.Never {
			dot := strings.LastIndex(never, ".")
			text := "package x\nimport other " + strconv.Quote(never[:dot]) + "\nvar _ = other" + never[dot:] + "\n"
			for file, want := range map[string]int{law.From + "/x/x.go": 1, law.From + "/x/x_test.go": 0, "x/x.go": 0} {
				s, err := parseText(file, []byte(text))
				if err != nil {
					t.Fatal(err)
				}
				if got := len(law.broken(s)); got != want {
					t.Errorf("%s in %s: found %d times, want %d", never, file, got, want)
				}
			}
		}
	}
}

type naming struct {
	name string
	at   token.Pos
}

// broken returns where a file breaks the law.
func (l callLaw) broken(s source) (found []naming) {
	in := func(place string) bool { return s.path == place || strings.HasPrefix(s.path, place+"/") }
	if !in(l.From) || strings.HasSuffix(s.path, "_test.go") || slices.ContainsFunc(l.Except, in) {
		return nil
	}
	imports := importNames(s.file)
	ast.Inspect(s.file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(l.Never, imports[x.Name]+"."+sel.Sel.Name) {
				found = append(found, naming{imports[x.Name] + "." + sel.Sel.Name, sel.Pos()})
			}
		}
		return true
	})
	return found
}

// importNames maps the names by which a file calls other packages to their import paths.
func importNames(file *ast.File) map[string]string {
	names := map[string]string{}
	for _, i := range file.Imports {
		full, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			continue // the parser refuses such a path
		}
		name := path.Base(full)
		if i.Name != nil {
			name = i.Name.Name
		}
		names[name] = full
	}
	return names
}
