package custom

import "testing"

func TestHas(t *testing.T) {
	d := Definitions{}
	for _, key := range []string{
		Prefix + "gateways.gateway.networking.k8s.io", Prefix + "volumesnapshots.snapshot.storage.k8s.io", Prefix + "reservations.scheduling.k8s.io",
		Prefix + "boats.example.org", Prefix, "/registry/configmaps/default/pods.core",
	} {
		d.Add(key)
	}
	if len(d) != 4 {
		t.Errorf("%v", d)
	}
	for key, want := range map[string]bool{
		"/registry/gateway.networking.k8s.io/gateways/default/web":                                true,
		"/registry/snapshot.storage.k8s.io/volumesnapshots/default/monday":                        true,
		"/registry/scheduling.k8s.io/reservations/default/r":                                      true, // a group of Kubernetes itself
		"/registry/example.org/boats/proa":                                                        true, // without a namespace
		"/registry/example.org/boats":                                                             false,
		"/registry/example.org/oars/default/o":                                                    false, // not defined
		"/registry/org/boats.example/x":                                                           false,
		"/registry/boats/example.org/x":                                                           false,
		"/registry/priorityclasses/system-node-critical":                                          false,
		"/registry/podgroups/scheduling.k8s.io/x":                                                 false,
		"/registry/apiextensions.k8s.io/customresourcedefinitions/reservations.scheduling.k8s.io": false,
		"/other/example.org/boats/proa":                                                           false,
		"":                                                                                        false,
	} {
		if d.Has(key) != want {
			t.Errorf("%q: want %t", key, want)
		}
	}
}
