package rehearsal

import (
	"bytes"
	"strings"
	"testing"
)

// TestReport: what the runtime prints is what the engine reads, and it says what to do about each kind.
func TestReport(t *testing.T) {
	r := Report{Version: "v2", Objects: 12, Encrypted: 2, Bytes: 4_200_000, Unserved: []Use{{"apps/v1beta1", "Deployment", "helm", 3, "default/web"}}}
	var out bytes.Buffer
	if err := r.Write(&out); err != nil {
		t.Fatal(err)
	}
	back, err := Parse(out.Bytes())
	if err != nil || back.Objects != 12 || back.Refusal() != nil {
		t.Fatalf("%+v, %v", back, err)
	}
	lines := strings.Join(back.Lines(), "\n")
	want := "rehearsed: it reads all 12 objects of a copy of the datastore (4.2 MB); 2 are encrypted and were not looked into\n" +
		"clients use API versions that it does not serve, and will fail: apps/v1beta1 Deployment: 3 by helm, such as default/web"
	if lines != want {
		t.Errorf("%s", lines)
	}
	for i := range 7 {
		back.Unreadable = append(back.Unreadable, Use{APIVersion: "policy/v1beta1", Kind: "K" + string(rune('0'+i)), Count: 1, Example: "/registry/x"})
	}
	if err := back.Refusal(); err == nil || !strings.Contains(err.Error(), "policy/v1beta1 K4: 1, such as /registry/x; and 2 more kinds; delete them") {
		t.Errorf("%v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "{", "panic: x", strings.Repeat(" ", MaxReport) + "{}"} {
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%.20q is no report", text)
		}
	}
}
