package guest

import (
	"strings"
	"testing"
)

func TestOneMachinePerDirectory(t *testing.T) {
	dir := t.TempDir()
	first, err := occupy(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := occupy(dir); err == nil || !strings.Contains(err.Error(), "Ctrl-C") {
		t.Errorf("a second machine was let in: %v", err)
	}
	first.Close()
	if _, err := occupy(dir); err != nil {
		t.Errorf("after the first ended: %v", err)
	}
}
