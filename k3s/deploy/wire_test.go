package deploy

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// wire is an API server for a Deployer: it stores objects by path, and a journal of writes. It validates nothing.
type wire struct {
	mu      sync.Mutex
	serves  map[string][]metav1.APIResource // by group and version, as in an object's apiVersion
	objects map[string]map[string]any
	refuses map[string]int // paths answered with an HTTP status
	journal []string
}

func resource(plural, kind string, namespaced bool) metav1.APIResource {
	return metav1.APIResource{Name: plural, Kind: kind, Namespaced: namespaced, Verbs: metav1.Verbs{"get", "patch", "delete"}}
}

// serve starts the server and a deployer of a new directory that uses it.
func serve(t *testing.T) (*wire, *Deployer, problems) {
	t.Helper()
	w := &wire{objects: map[string]map[string]any{}, refuses: map[string]int{}, serves: map[string][]metav1.APIResource{
		"v1":      {resource("configmaps", "ConfigMap", true), resource("namespaces", "Namespace", false), resource("services", "Service", true)},
		"apps/v1": {resource("deployments", "Deployment", true)},
	}}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	told := problems{}
	d, err := New(&rest.Config{Host: server.URL, QPS: -1}, t.TempDir(), told, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	return w, d, told
}

func (w *wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rw.Header().Set("Content-Type", "application/json")
	body, err := io.ReadAll(r.Body)
	code, answer := http.StatusBadRequest, any(nil)
	if err == nil {
		code, answer = w.answer(r, body)
	}
	if answer == nil {
		answer = metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Code: int32(code),
			Reason: map[int]metav1.StatusReason{404: metav1.StatusReasonNotFound, 403: metav1.StatusReasonForbidden}[code], Message: http.StatusText(code)}
	}
	rw.WriteHeader(code)
	_ = json.NewEncoder(rw).Encode(answer) // the client reports the missing field
}

func (w *wire) answer(r *http.Request, body []byte) (int, any) {
	p, q := r.URL.Path, r.URL.Query()
	if code := w.refuses[p]; code != 0 {
		return code, nil
	}
	if found := w.discover(p); found != nil {
		return 200, found
	}
	was := w.objects[p]
	var sent map[string]any
	if len(body) > 0 && json.Unmarshal(body, &sent) != nil {
		return 400, nil
	}
	switch kind := r.Header.Get("Content-Type"); {
	case r.Method == "POST":
		p = path.Join(p, sent["metadata"].(map[string]any)["name"].(string))
		w.objects[p] = sent
		return 201, sent
	case r.Method == "PATCH" && kind == "application/apply-patch+yaml":
		w.note("apply %s by %s force %s", p, q.Get("fieldManager"), q.Get("force"))
		w.objects[p] = sent
		return 200, sent
	case was == nil:
		return 404, nil
	case r.Method == "PATCH" && kind == "application/merge-patch+json":
		was["data"] = merge(was["data"], sent["data"])
		return 200, was
	case r.Method == "DELETE":
		w.note("delete %s %v", p, sent["propagationPolicy"])
		delete(w.objects, p)
		return 200, metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Success"}
	}
	return 200, was
}

// merge applies RFC 7396 to one level of strings.
func merge(was, patch any) map[string]any {
	now, _ := was.(map[string]any)
	if now == nil {
		now = map[string]any{}
	}
	maps.Copy(now, patch.(map[string]any))
	maps.DeleteFunc(now, func(_ string, v any) bool { return v == nil })
	return now
}

func (w *wire) note(format string, args ...any) {
	w.journal = append(w.journal, fmt.Sprintf(format, args...))
}

// discover returns the discovery documents, nil for other paths.
func (w *wire) discover(p string) any {
	switch p {
	case "/api":
		return metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}}
	case "/apis":
		list := metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}, Groups: []metav1.APIGroup{}}
		for _, gv := range slices.Sorted(maps.Keys(w.serves)) {
			if group, version, ok := strings.Cut(gv, "/"); ok {
				v := metav1.GroupVersionForDiscovery{GroupVersion: gv, Version: version}
				list.Groups = append(list.Groups, metav1.APIGroup{Name: group, Versions: []metav1.GroupVersionForDiscovery{v}, PreferredVersion: v})
			}
		}
		return list
	}
	gv := strings.TrimPrefix(strings.TrimPrefix(p, "/apis/"), "/api/")
	if resources, ok := w.serves[gv]; ok {
		return metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: gv, APIResources: resources}
	}
	return nil
}

// wrote returns the writes since the previous call.
func (w *wire) wrote() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.journal = nil }()
	return w.journal
}
