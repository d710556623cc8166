package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/sirupsen/logrus"

	"github.com/proa-os/proa/config/rehearsal"
	"github.com/proa-os/proa/images/releasefile"
	"github.com/proa-os/proa/k3s/datastore"
	"github.com/proa-os/proa/k3s/flags"
	"github.com/proa-os/proa/k3s/rehearse"
)

const checkDatastoreHelp = `usage: k3s check-datastore [--data-dir FOLDER] [--config FILE]

Reads the whole database read-only, also beside a running server. Prints "ok", or what is wrong and ends with 1.
`

func checkDatastore(args []string) error {
	c, _, err := forDatastore(args, checkDatastoreHelp, 0)
	if c == nil || err != nil {
		return err
	}
	if err := datastore.At(c.Path("server")).Check(); err != nil {
		return err
	}
	fmt.Println("ok")
	return nil
}

const copyDatastoreHelp = `usage: k3s copy-datastore FILE [--data-dir FOLDER] [--config FILE]

Copies the cluster's database, as it is at one moment, to a new file; a running server is not disturbed. The file has
all secrets of the cluster and can be read by root only.

  k3s copy-datastore /var/lib/backup/before.db
`

func copyDatastore(args []string) error {
	c, files, err := forDatastore(args, copyDatastoreHelp, 1)
	if c == nil || err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return datastore.At(c.Path("server")).Copy(ctx, files[0])
}

const restoreDatastoreHelp = `usage: k3s restore-datastore FILE [--data-dir FOLDER] [--config FILE]

Replaces the cluster's database by a copy that copy-datastore made. The server must be stopped. The replaced database is
kept beside it (state.db.replaced) until the next time. What happened in the cluster since the copy is lost for it:
objects that were created since are gone, those that were deleted are back.

  k3s restore-datastore /var/lib/backup/before.db
`

func restoreDatastore(args []string) error {
	c, files, err := forDatastore(args, restoreDatastoreHelp, 1)
	if c == nil || err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return datastore.At(c.Path("server")).Restore(ctx, files[0])
}

const checkUpgradeHelp = `usage: k3s check-upgrade [COPY] [--data-dir FOLDER] [--config FILE]

Opens a copy of the cluster's database with this version of k3s, also beside a server of another version, reads all
objects, and prints a JSON object: "unreadable" has those that this version does not know, "unserved" those that clients
wrote in API versions that this version does not serve. Ends with 1 if the copy cannot be opened or something is
unreadable. Needs room for the copy on the data partition. COPY is one that copy-datastore has made, and is used up.

  k3s check-upgrade
  k3s copy-datastore /var/tmp/c.db && /mnt/usr/bin/k3s check-upgrade /var/tmp/c.db
`

func checkUpgrade(args []string) error {
	n := 0
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		n = 1
	}
	c, files, err := forDatastore(args, checkUpgradeHelp, n)
	if c == nil || err != nil {
		return err
	}
	logrus.SetLevel(logrus.ErrorLevel) // kine's steps, of a copy
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	allowed := rehearse.Enabled(c.APIServerArgs)
	var report rehearsal.Report
	if n == 1 {
		report, err = rehearse.Of(ctx, files[0], allowed)
	} else {
		report, err = rehearse.Run(ctx, c.Path("server"), c.Path("server"), allowed)
	}
	if err != nil {
		return err
	}
	report.Version = releasefile.Read(releasefile.Path, "dev").Version
	return errors.Join(report.Write(os.Stdout), report.Refusal())
}

// forDatastore reads the arguments of a verb that works on the database: n files, then the server's flags. A nil Config
// without an error: help was printed.
func forDatastore(args []string, help string, n int) (*flags.Config, []string, error) {
	if slices.Contains(args, "--help") || slices.Contains(args, "-h") {
		fmt.Print(help)
		return nil, nil, nil
	}
	for _, arg := range args[:min(n, len(args))] {
		if strings.HasPrefix(arg, "-") {
			n = len(args) + 1
		}
	}
	if len(args) < n {
		return nil, nil, errors.New("name one file first; see --help")
	}
	config, _, err := flags.Parse(args[n:])
	return config, args[:n], err
}
