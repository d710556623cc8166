package images

import "testing"

func TestKindsAreTellable(t *testing.T) {
	names, files := map[string]bool{}, map[string]bool{}
	if len(Kinds()) < 2 {
		t.Fatalf("kinds: %+v", Kinds())
	}
	for _, k := range Kinds() {
		if k.Name == "" || k.What == "" || k.Mode != "live" && k.Mode != "disk" {
			t.Errorf("%+v", k)
		}
		if names[k.Name] || files[k.File] || len(k.File) < 2 || k.File[0] != '.' {
			t.Errorf("%s: name or extension %q is another kind's, or none", k.Name, k.File)
		}
		names[k.Name], files[k.File] = true, true
	}
}
