package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
)

// network has the HTTP servers that are the containers of simulated pods. Addresses of pods are those of a cluster; each
// server listens on loopback, and dial connects to it.
type network struct {
	mu      sync.Mutex
	last    int
	servers map[string]*http.Server // by the pod's address
	ports   map[string]string       // listening addresses, likewise
}

// podNetwork is that of all nodes of one control plane.
func podNetwork() *network {
	return &network{servers: map[string]*http.Server{}, ports: map[string]string{}}
}

// up starts a container and returns its address.
func (n *network) up(name string) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, name) })}
	n.mu.Lock()
	n.last++
	ip := fmt.Sprintf("10.42.%d.%d", n.last/250, 2+n.last%250)
	n.servers[ip], n.ports[ip] = s, l.Addr().String()
	n.mu.Unlock()
	go s.Serve(l)
	return ip, nil
}

// runs says whether a container is there.
func (n *network) runs(ip string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.servers[ip] != nil
}

// down ends a container: by a signal, after which it answers what has begun and nothing more, or with its node.
func (n *network) down(ctx context.Context, ip string, orderly bool) {
	n.mu.Lock()
	s := n.servers[ip]
	delete(n.servers, ip)
	n.mu.Unlock()
	switch {
	case s == nil:
	case orderly:
		_ = s.Shutdown(ctx) // the test may have ended
	default:
		_ = s.Close()
	}
}

func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	at := n.ports[host]
	n.mu.Unlock()
	return (&net.Dialer{}).DialContext(ctx, "tcp", at) // nothing listens at an empty one: refused
}

// expose makes the Service of the Deployment.
func (f *fleet) expose() {
	_, err := f.client.CoreV1().Services("default").Create(context.Background(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "web"}, Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}}}}, metav1.CreateOptions{})
	must(f.t, err)
}

// customer asks the Service again and again, by the endpoints that the cluster names, and once more at another one if
// that fails. It learns of endpoints as late as a kube-proxy.
type customer struct {
	net    *network
	client kubernetes.Interface
	stop   context.CancelFunc
	done   sync.WaitGroup
	mu     sync.Mutex
	ips    []string
	next   int

	asked, repeated, failed atomic.Int64
	why                     atomic.Value // of the last failure
}

// customers begins to ask.
func (f *fleet) customers() *customer {
	f.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	c := &customer{net: f.net, client: f.client, stop: stop}
	f.until(patient, "the Service has its endpoints", func() error {
		if err := c.learn(ctx); err != nil || len(c.ips) < 3 {
			return fmt.Errorf("%s: %v", c.ips, err)
		}
		return nil
	})
	c.done.Go(func() {
		for ctx.Err() == nil {
			_ = c.learn(ctx) // what was known stays in force
			time.Sleep(300 * time.Millisecond)
		}
	})
	for range 2 {
		c.done.Go(func() {
			for ctx.Err() == nil {
				c.visit(ctx)
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	return c
}

func (c *customer) learn(ctx context.Context) error {
	list, err := c.client.DiscoveryV1().EndpointSlices("default").List(ctx, metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=web"})
	if err != nil {
		return err
	}
	var ips []string
	for _, s := range list.Items {
		for _, e := range s.Endpoints {
			if e.Conditions.Ready != nil && *e.Conditions.Ready {
				ips = append(ips, e.Addresses...)
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ips = ips
	return nil
}

// pick returns the endpoint whose turn it is, another one than the last if there is one.
func (c *customer) pick(not string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range c.ips {
		c.next++
		if ip := c.ips[c.next%len(c.ips)]; ip != not {
			return ip
		}
	}
	return not
}

func (c *customer) visit(ctx context.Context) {
	c.asked.Add(1)
	first := c.pick("")
	err := c.get(ctx, first)
	if err == nil || ctx.Err() != nil {
		return
	}
	c.repeated.Add(1)
	if again := c.get(ctx, c.pick(first)); again != nil && ctx.Err() == nil {
		c.failed.Add(1)
		c.why.Store(errors.Join(err, again).Error())
	}
}

func (c *customer) get(ctx context.Context, ip string) error {
	if ip == "" {
		return errors.New("the Service has no endpoints")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(ip, "8080")+"/", nil)
	if err != nil {
		return err
	}
	t := &http.Transport{DialContext: c.net.dial, DisableKeepAlives: true}
	res, err := (&http.Client{Transport: t, Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close() // it was read
	_, err = io.ReadAll(res.Body)
	return err
}

// served ends the asking. No request may have failed twice, and some must have been made.
func (c *customer) served(t *testing.T, while string) {
	t.Helper()
	c.stop()
	c.done.Wait()
	t.Logf("%s: %d requests, %d repeated once, %d failed", while, c.asked.Load(), c.repeated.Load(), c.failed.Load())
	if c.failed.Load() > 0 || c.asked.Load() < 100 {
		t.Errorf("%s: of %d requests %d failed, the last because of: %v", while, c.asked.Load(), c.failed.Load(), c.why.Load())
	}
}
