package onnode

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"

	"github.com/proa-os/proa/config/nodeupgrade"
)

// TestRecord: what is sent to the API server is the condition alone, once for each change of the record; a server that
// refuses it is asked again, and then the events are recorded.
func TestRecord(t *testing.T) {
	var asked []string
	refuse := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type")+" "+string(body))
		w.Header().Set("Content-Type", "application/json")
		if refuse {
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","message":"no","code":403}`)
			return
		}
		json.NewEncoder(w).Encode(corev1.Node{})
	}))
	defer server.Close()
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	events := record.NewFakeRecorder(10)
	a := &Agent{Client: client, Node: "edge-1", Log: filepath.Join(t.TempDir(), "journal.json")}
	a.tells.events = events
	if err := a.record(t.Context()); err != nil || len(asked) > 0 {
		t.Fatalf("without a record: %v, %q", err, asked)
	}
	write := func(at nodeupgrade.Attempt) {
		at.Began = time.Now()
		text, err := json.Marshal(nodeupgrade.Log{Entries: []nodeupgrade.Attempt{at}})
		if err == nil {
			err = os.WriteFile(a.Log, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write(attempt(1, nodeupgrade.Writing, "", ""))
	if err := a.record(t.Context()); err == nil || len(events.Events) > 0 {
		t.Fatalf("refused: %v, %d events", err, len(events.Events))
	}
	refuse = false
	for range 3 {
		if err := a.record(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	const want = `PATCH /api/v1/nodes/edge-1/status application/strategic-merge-patch+json {"status":{"conditions":[{"`
	if len(asked) != 2 || !strings.HasPrefix(asked[1], want) || !strings.Contains(asked[1], `"type":"ProaUpgrade"`) || len(events.Events) != 1 {
		t.Errorf("%q, %d events", asked, len(events.Events))
	}
	if got := <-events.Events; got != "Normal UpgradeBegan upgrade 1, v1 to v2: is being written to the other slot" {
		t.Error(got)
	}
	if err := os.WriteFile(a.Log, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.record(t.Context()); err == nil {
		t.Error("a damaged record was read")
	}
}
