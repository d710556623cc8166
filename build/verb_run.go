package main

import (
	"context"
	"errors"
	"flag"
)

const runHelp = ``

func runFlags(f *flag.FlagSet, o *options) {}

func runVerb(ctx context.Context, c *call) error { return errors.New("todo") }
