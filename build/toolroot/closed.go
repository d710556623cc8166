package toolroot

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// This file keeps the programs of a tool root from using the host's libraries, modules, firmware and user settings.

// unset are environment variables of the user that no program of a tool root may see.
const unset = "LD_PRELOAD LD_AUDIT LD_LIBRARY_PATH LD_BIND_NOW LD_DEBUG LD_DEBUG_OUTPUT LD_PROFILE LD_PROFILE_OUTPUT LD_RUN_PATH LDEMULATION GLIBC_TUNABLES " +
	"LANGUAGE LOCPATH NLSPATH GCONV_PATH QEMU_MODULE_DIR QEMU_AUDIO_DRV MTOOLSRC XZ_DEFAULTS XZ_OPT"

// own lists the programs that need settings to find their own files, or to ignore the host's. In env and args, ROOT is
// replaced by the directory of the tool root. gcc passes COMPILER_PATH and LIBRARY_PATH on to its own parts, so they
// are unset for gcc only.
var own = []struct{ name, env, args string }{
	{name: "qemu-system*", args: "-L ROOT/usr/share/qemu -L ROOT/usr/share/seabios"},
	{name: "*gcc-[0-9]*", env: "unset GCC_EXEC_PREFIX COMPILER_PATH LIBRARY_PATH CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH OBJC_INCLUDE_PATH DEPENDENCIES_OUTPUT SUNPRO_DEPENDENCIES"},
	{name: "xorriso", args: "-no_rc"},
	{name: "mtools", env: "export HOME=ROOT"},
	{name: "mke2fs", env: "export MKE2FS_CONFIG=ROOT/etc/mke2fs.conf"},
	{name: "e2fsck", env: "export E2FSCK_CONFIG=/dev/null"},
}

// parts returns the settings of a program for its wrapper script.
func parts(final, rel string) (env, args string) {
	env = "unset " + unset + "\n"
	for _, o := range own {
		if ok, _ := filepath.Match(o.name, filepath.Base(rel)); !ok {
			continue
		}
		root := strings.NewReplacer("ROOT/", quote(final)+"/", "ROOT", quote(final))
		if o.env != "" {
			env += root.Replace(o.env) + "\n"
		}
		if o.args != "" {
			args = root.Replace(o.args) + " "
		}
	}
	return env, args
}

// bundle makes QEMU relocatable by its own mechanism: if "qemu-bundle" is beside the running executable, which is the
// loader here, it is the root for all compiled-in paths of modules, firmware and configuration. Without it QEMU would
// use the host's.
func bundle(dir string) error {
	link := filepath.Join(dir, libs, "qemu-bundle")
	if err := os.Symlink("../../..", link); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// hostFiles are files of the host that a loader reads in any case, with replacement names of the same length that
// cannot exist.
var hostFiles = map[string]string{"/etc/ld.so.preload": "/dev/null/.preload", "/etc/ld.so.cache": "/dev/null/.cache"}

// closeLoader patches the tool root's loader so that it reads no file of the host. A root without a loader has no
// dynamic programs.
func closeLoader(file string) error {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for from, to := range hostFiles {
		if !bytes.Contains(b, []byte(from+"\x00")) {
			return fmt.Errorf("%s does not read %s; how does this loader find libraries?", filepath.Base(file), from)
		}
		b = bytes.ReplaceAll(b, []byte(from+"\x00"), []byte(to+"\x00"))
	}
	if err := os.Remove(file); err != nil { // it may be a hard link to another root
		return err
	}
	return os.WriteFile(file, b, 0o755)
}
