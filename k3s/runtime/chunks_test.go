package runtime

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
)

// chunksOf and perChunk are the values of Kubernetes' conformance test "should return chunks of results for list
// calls".
const (
	chunksOf = 400
	perChunk = 17
)

// TestChunks: a list in chunks is complete, has one revision and the right remaining count, during concurrent writes.
// PROA_CHUNKS is the number of lists (3).
func TestChunks(t *testing.T) {
	m := newMachine(t)
	m.start()
	rounds, err := strconv.Atoi(os.Getenv("PROA_CHUNKS"))
	if err != nil {
		rounds = 3
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wait sync.WaitGroup
	defer wait.Wait()
	wait.Go(func() { m.write(ctx) })
	for round := range rounds {
		ns := fmt.Sprintf("chunks-%d", round)
		_, err := m.client.CoreV1().Namespaces().Create(ctx, &core.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}, metav1.CreateOptions{})
		must(t, err)
		began := time.Now()
		m.createAll(ctx, ns)
		t.Logf("%s: %d created after %s", ns, chunksOf, time.Since(began).Round(time.Millisecond))
		for range 3 {
			m.inChunks(ctx, ns)
		}
		if t.Failed() {
			break
		}
	}
	stop()
	if t.Failed() {
		log := m.log()
		t.Log(log[max(0, len(log)-4000):])
	}
}

// write keeps the datastore busy with objects of another namespace.
func (m *machine) write(ctx context.Context) {
	c := m.client.CoreV1().ConfigMaps("default")
	for n := 0; ctx.Err() == nil; n++ {
		name := fmt.Sprintf("noise-%d", n%50)
		_ = c.Delete(ctx, name, metav1.DeleteOptions{})
		_, _ = c.Create(ctx, &core.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"n": strconv.Itoa(n)}}, metav1.CreateOptions{})
	}
}

func (m *machine) createAll(ctx context.Context, ns string) {
	m.t.Helper()
	client := m.client.CoreV1().PodTemplates(ns)
	workqueue.ParallelizeUntil(ctx, 20, chunksOf, func(i int) {
		template := &core.PodTemplate{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("template-%04d", i)}}
		template.Template.Spec.Containers = []core.Container{{Name: "test", Image: "test2"}}
		for {
			_, err := client.Create(ctx, template, metav1.CreateOptions{})
			if err == nil || ctx.Err() != nil {
				return
			}
			if m.t.Errorf("create %d: %v", i, err); apierrors.IsAlreadyExists(err) {
				return
			}
		}
	})
}

func (m *machine) inChunks(ctx context.Context, ns string) {
	m.t.Helper()
	opts, found, revision := metav1.ListOptions{Limit: perChunk}, 0, ""
	for {
		list, err := m.client.CoreV1().PodTemplates(ns).List(ctx, opts)
		if err != nil {
			m.t.Errorf("%s from %d on: %v", ns, found, err)
			return
		}
		if revision == "" {
			revision = list.ResourceVersion
		}
		left := int64(chunksOf - found - len(list.Items))
		if list.ResourceVersion != revision || len(list.Items) > perChunk || left > 0 && (list.RemainingItemCount == nil || *list.RemainingItemCount != left) {
			m.t.Errorf("%s from %d on: revision %s, the first was %s; %d items, %v left, want %d", ns, found, list.ResourceVersion, revision, len(list.Items), number(list.RemainingItemCount), left)
		}
		for _, item := range list.Items {
			if want := fmt.Sprintf("template-%04d", found); item.Name != want {
				m.t.Errorf("%s: %s is %s", ns, want, item.Name)
			}
			found++
		}
		if opts.Continue = list.Continue; opts.Continue == "" {
			break
		}
	}
	if found != chunksOf {
		m.t.Errorf("%s: %d of %d", ns, found, chunksOf)
	}
}

func number(n *int64) any {
	if n == nil {
		return "none"
	}
	return *n
}
