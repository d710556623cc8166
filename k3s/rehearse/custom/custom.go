// Package custom says which stored objects are custom resources: those whose CustomResourceDefinition is in the same
// database, whatever their group is called. Groups such as gateway.networking.k8s.io are custom, and so is anything that
// somebody defines in a group that Kubernetes itself has.
//
// It reads keys only, which are never encrypted: the API server stores custom resources below /registry/GROUP/PLURAL/, and
// their definition under the name PLURAL.GROUP. It refuses nothing, and judges no version.
package custom

import "strings"

// root begins the keys of all objects.
const root = "/registry/"

// Prefix begins the keys of definitions.
const Prefix = root + "apiextensions.k8s.io/customresourcedefinitions/"

// Definitions are the names of those in a database.
type Definitions map[string]bool

// Add adds the definition with a key; others are left out.
func (d Definitions) Add(key string) {
	if name, ok := strings.CutPrefix(key, Prefix); ok && name != "" {
		d[name] = true
	}
}

// Has says whether the object with a key is a custom resource.
func (d Definitions) Has(key string) bool {
	rest, ok := strings.CutPrefix(key, root)
	parts := strings.SplitN(rest, "/", 3)
	return ok && len(parts) == 3 && !strings.Contains(parts[1], ".") && d[parts[1]+"."+parts[0]] // a plural has no dots
}
