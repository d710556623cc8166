package guard

import (
	"errors"
	"strings"
	"testing"
)

func explode() error { panic("boom") }

func TestCall(t *testing.T) {
	var p *Panic
	if err := Call(explode); !errors.As(err, &p) || err.Error() != "panic: boom" || !strings.Contains(string(p.Stack), "explode") {
		t.Errorf("%v\n%s", err, p.Stack)
	}
	if err := Call(func() error { var m map[string]int; m["a"] = 1; return nil }); err == nil {
		t.Error("the runtime's own panic was lost")
	}
	plain := errors.New("plain")
	if err := Call(func() error { return plain }); err != plain {
		t.Error(err)
	}
	if err := Call(func() error { return nil }); err != nil {
		t.Error(err)
	}
}
