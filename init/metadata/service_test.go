package metadata

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/datasource"
	"github.com/proa-os/proa/init/fetch"
	"github.com/proa-os/proa/init/fetch/fetchtest"
	"github.com/proa-os/proa/init/inforce"
	"github.com/proa-os/proa/init/sys"
)

const (
	key1 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP ada@example.org"
	key2 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBXsldDOJjMLIFQgw/Tw22S7EsbgKTVmfJ0oRWmdqWqF eva@example.org"
	user = "#cloud-config\ntimezone: Europe/Berlin\n"
)

func TestMain(m *testing.M) { fetchtest.Main(m) }

// machine is a keeper with a real program, below a directory of its own.
type machine struct {
	*testing.T
	*Keeper
}

func newMachine(t *testing.T, files map[string]string) machine {
	t.Helper()
	m := machine{t, nil}
	root := t.TempDir()
	m.Keeper = &Keeper{Sys: sys.Below{Sys: sys.Linux{}, Dir: root}, Root: root, Run: fetch.Exec, Ready: func() bool { return true }, Logf: t.Logf, program: fetchtest.Need(t),
		times: times{20 * time.Millisecond, 50 * time.Millisecond, 10 * time.Millisecond, time.Second, 20 * time.Second}}
	for name, text := range files {
		m.write(name, text)
	}
	return m
}

// failures is why what is missing is not there.
func (m machine) failures() (err error) {
	for _, t := range m.missing() {
		if s := m.state(t); s.err != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", t.name, s.err))
		}
	}
	return err
}

func (m machine) write(name, text string) {
	m.Helper()
	path := filepath.Join(m.Root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		m.Fatal(err)
	}
}

// at makes the machine ask a server instead of the cloud.
func (m machine) at(name, server string) machine {
	m.table = clouds()
	for i := range m.table {
		m.table[i].bases = []string{server}
	}
	if !slices.ContainsFunc(m.table, func(c cloud) bool { return c.name == name }) {
		m.Fatalf("no cloud %s", name)
	}
	return m
}

// first is what the boot does.
func (m machine) first() (read int, err error) {
	err = errors.Join(m.First(m.Context(), func() error { return nil }, func() error { read++; return nil }), m.failures())
	return read, err
}

func (m machine) configuration() inforce.Held {
	m.Helper()
	h, err := inforce.ReadDocument(m.Root, m.Line)
	if err != nil {
		m.Fatal(err)
	}
	return h
}

// services are servers as each cloud's documentation describes them, by name.
func services() map[string]func(w http.ResponseWriter, r *http.Request) {
	answers := func(paths map[string]string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			text, ok := paths[r.URL.RequestURI()]
			if !ok || r.Method != http.MethodGet {
				http.NotFound(w, r)
				return
			}
			fmt.Fprint(w, text)
		}
	}
	aws := answers(map[string]string{
		"/latest/meta-data/instance-id": "i-1234567890abcdef0", "/latest/meta-data/local-hostname": "edge-1.eu-central-1.compute.internal",
		"/latest/meta-data/placement/region": "eu-central-1", "/latest/meta-data/public-keys/": "0=ada\n1=eva",
		"/latest/meta-data/public-keys/0/openssh-key": key1, "/latest/meta-data/public-keys/1/openssh-key": key2 + "\n", "/latest/user-data": user})
	return map[string]func(http.ResponseWriter, *http.Request){
		"ec2": func(w http.ResponseWriter, r *http.Request) {
			const token = "AQAEAHd-token=="
			switch {
			case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token" && r.Header.Get("X-aws-ec2-metadata-token-ttl-seconds") != "":
				fmt.Fprint(w, token)
			case r.Header.Get("X-aws-ec2-metadata-token") != token:
				w.WriteHeader(http.StatusUnauthorized)
			default:
				aws(w, r)
			}
		},
		"openstack": answers(map[string]string{
			"/openstack/latest/meta_data.json":    `{"uuid": "83679162-1378-4288-a2d4-70e13ec132aa", "hostname": "edge-1.novalocal", "name": "edge-1", "public_keys": {"ada": "` + key1 + `\n", "eva": "` + key2 + `"}}`,
			"/openstack/latest/vendor_data.json":  `{"cloud-init": "#cloud-config\nfinal_message: vendor\n"}`,
			"/openstack/latest/vendor_data2.json": `{"static": {"cloud-init": "#cloud-config\nsysctls: {vm.swappiness: 1}\n"}, "dynamic": {"a": 1}}`,
			"/openstack/latest/network_data.json": `{"links": [{"id": "tap1", "type": "phy", "ethernet_mac_address": "fa:16:3e:9c:bf:3d", "mtu": 1450}], "networks": [{"id": "n0", "type": "ipv4", "link": "tap1", "ip_address": "192.0.2.10", "netmask": "255.255.255.0", "routes": []}], "services": [{"type": "dns", "address": "192.0.2.53"}]}`,
			"/openstack/latest/user_data":         user}),
		"hetzner": answers(map[string]string{
			"/hetzner/v1/metadata": "availability-zone: fsn1-dc14\nhostname: edge-1\ninstance-id: 1234567\npublic-keys:\n- " + key1 + "\n- " + key2 + "\nvendor_data: |\n  #cloud-config\n  final_message: vendor\n",
			"/hetzner/v1/userdata": user}),
		"digitalocean": answers(map[string]string{
			"/metadata/v1.json":      `{"droplet_id": 2756294, "hostname": "edge-1", "vendor_data": "#cloud-config\nfinal_message: vendor\n", "public_keys": ["` + key1 + `", "` + key2 + `"], "region": "nyc3", "interfaces": {"public": [{"ipv4": {"ip_address": "192.0.2.1"}}]}}`,
			"/metadata/v1/user-data": user}),
		"gce": flavoured("Metadata-Flavor", "Google", answers(map[string]string{
			"/computeMetadata/v1/?recursive=true&alt=json": `{"instance": {"id": 3456789012345678901, "hostname": "edge-1.c.project.internal", "zone": "projects/1/zones/europe-west3-a",
				"attributes": {"ssh-keys": "ada:` + key1 + `\nold:ssh-rsa AAAA google-ssh {\"userName\":\"old\",\"expireOn\":\"2020-12-04T20:12:00+0000\"}", "user-data": "` + strings.ReplaceAll(user, "\n", `\n`) + `"}},
				"project": {"attributes": {"ssh-keys": "eva:` + key2 + `"}}}`})),
		"azure": flavoured("Metadata", "true", answers(map[string]string{
			"/metadata/instance?api-version=2021-08-01": `{"compute": {"vmId": "13f56399-bd52-4150-9748-7190aae1ff21", "location": "westeurope", "osProfile": {"adminUsername": "ada", "computerName": "edge-1"},
				"publicKeys": [{"keyData": "` + key1 + `", "path": "/home/ada/.ssh/authorized_keys"}, {"keyData": "` + strings.ReplaceAll(key2, " ", `\r\n`) + `"}], "userData": "` + base64.StdEncoding.EncodeToString([]byte(user)) + `"}}`})),
		"scaleway": func(w http.ResponseWriter, r *http.Request) {
			_, port, _ := net.SplitHostPort(r.RemoteAddr)
			if n, err := strconv.Atoi(port); strings.HasSuffix(r.URL.Path, "/cloud-init") && (err != nil || n > 1023) {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			answers(map[string]string{
				"/conf?format=json":     `{"id": "e2b0e1a6", "name": "edge-1", "hostname": "edge-1", "ssh_public_keys": [{"key": "` + key1 + `", "fingerprint": "x"}], "tags": ["a", "AUTHORIZED_KEY=` + strings.ReplaceAll(key2, " ", "_") + `"]}`,
				"/user_data/cloud-init": user, "/vendor_data/cloud-init": "#cloud-config\nfinal_message: vendor\n"})(w, r)
		},
		"vultr": flavoured("Metadata-Token", "cloudinit", answers(map[string]string{
			"/v1.json": `{"hostname": "edge-1", "instanceid": "42506325", "public-keys": "` + key1 + `\n` + key2 + `\n", "region": {"regioncode": "EWR"}, "user-data": "` + strings.ReplaceAll(user, "\n", `\n`) + `", "vendor-data": "#cloud-config\nfinal_message: vendor\n"}`})),
	}
}

// flavoured serves requests with a header only, and gives it back.
func flavoured(name, value string, serve func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(name) != value {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.Header().Set(name, value)
		serve(w, r)
	}
}

// platforms are machines of each cloud by what their firmware says.
var platforms = map[string]map[string]string{
	"ec2":          {"sys_vendor": "Amazon EC2\n", "product_uuid": "ec2e1916-9099-7caf-fd21-012345abcdef"},
	"openstack":    {"product_name": "OpenStack Compute\n"},
	"hetzner":      {"sys_vendor": "Hetzner\n"},
	"digitalocean": {"sys_vendor": "DigitalOcean\n"},
	"gce":          {"product_name": "Google Compute Engine\n", "sys_vendor": "Google\n"},
	"azure":        {"sys_vendor": "Microsoft Corporation\n", "chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77\n"},
	"scaleway":     {"sys_vendor": "Scaleway\n"},
	"vultr":        {"sys_vendor": "Vultr\n"},
}

func firmware(name string) map[string]string {
	out := map[string]string{}
	for file, text := range platforms[name] {
		out["sys/class/dmi/id/"+file] = text
	}
	return out
}

// TestServices: a machine in each cloud gets its name, its keys and its user data at the first boot, and keeps them.
func TestServices(t *testing.T) {
	all := services()
	for _, c := range clouds() {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(all[c.name]))
			defer server.Close()
			m := newMachine(t, firmware(c.name)).at(c.name, server.URL)
			if read, err := m.first(); err != nil || read != 1 {
				t.Fatalf("read %d times, %v", read, err)
			}
			h := m.configuration()
			if got := h.Config; got.Hostname != "edge-1" || !slices.Equal(got.SSHAuthorizedKeys, []string{key1, key2}) || got.Timezone != "Europe/Berlin" || config.Errors(h.Problems) > 0 {
				t.Errorf("%q %q %q %v", got.Hostname, got.SSHAuthorizedKeys, got.Timezone, h.Problems)
			}
			if !slices.Contains([]string{"ec2", "gce", "azure"}, c.name) && h.Config.FinalMessage != "vendor" {
				t.Errorf("vendor data: %q", h.Config.FinalMessage)
			}
			if c.name == "openstack" && len(h.Config.Network.Interfaces) != 1 {
				t.Errorf("network data: %v", h.Config.Network.Interfaces)
			}
			files, _ := filepath.Glob(filepath.Join(m.Root, datasource.Cache, c.name, "*"))
			for _, f := range files {
				if st, err := os.Stat(f); err != nil || st.Mode().Perm() != 0o600 {
					t.Errorf("%s: %v %v", f, st, err)
				}
			}
			server.Close()
			if read, err := m.first(); err != nil || read != 0 || len(files) < 2 {
				t.Errorf("the next boot waits: %v, %q", err, files)
			}
		})
	}
}

// broken are servers that are of no use.
func broken() map[string]func(w http.ResponseWriter, r *http.Request) {
	return map[string]func(w http.ResponseWriter, r *http.Request){
		"500":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"404":     http.NotFound,
		"garbage": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("\x01\x02\x00\xffgarbage")) },
		"html":    func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html><body>Log in</body></html>") },
		"huge":    func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.Repeat([]byte("# x\n"), 10<<18)) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		},
		"reset": func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				if tcp, ok := c.(*net.TCPConn); ok {
					_ = tcp.SetLinger(0)
				}
				c.Close()
			}
		},
		"slow": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"endless": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				fmt.Fprint(w, "x")
				w.(http.Flusher).Flush()
				time.Sleep(20 * time.Millisecond)
			}
		},
	}
}

// TestBroken: whatever a server does, a boot without anything goes on in time, and what was said before is kept.
func TestBroken(t *testing.T) {
	for name, says := range broken() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(says))
			defer func() { server.CloseClientConnections(); server.Close() }()
			for _, c := range clouds() {
				m := newMachine(t, firmware(c.name)).at(c.name, server.URL)
				if c.name == "ec2" {
					m.times.answer = 3 * time.Second
					began := time.Now()
					if read, err := m.first(); err == nil || read != 0 || time.Since(began) > 2*time.Minute {
						t.Errorf("%s: %d, %v after %s", c.name, read, err, time.Since(began))
					}
				} else if m.fetch(t.Context(), m.tasks()) {
					t.Errorf("%s: changed", c.name)
				}
				if files, _ := filepath.Glob(filepath.Join(m.Root, datasource.Cache, "*/*")); len(files) > 0 {
					t.Errorf("%s: kept %q", c.name, files)
				}
				m.write(datasource.Cache+"/"+c.name+"/"+c.files[0].file, `{"hostname": "before"}`)
				if changed := m.fetch(t.Context(), m.tasks()); changed || m.configuration().Config.Hostname != "before" {
					t.Errorf("%s: what it said before is gone", c.name)
				}
				m.wanted = append(m.wanted, m.state(m.tasks()[0]))
				if all := m.Problems(); len(all) != 1 || !strings.Contains(all[0], c.name+" was not fetched: ") {
					t.Errorf("%s: %q", c.name, all)
				}
				if name == "slow" || name == "endless" {
					break // one is enough: each takes its time
				}
			}
		})
	}
}

// TestAbsent: nobody listens.
func TestAbsent(t *testing.T) {
	m := newMachine(t, firmware("ec2")).at("ec2", "http://127.0.0.1:1")
	m.times.answer = time.Second
	if read, err := m.first(); err == nil || read != 0 || !strings.Contains(err.Error(), "ec2: ") {
		t.Errorf("%d, %v", read, err)
	}
	m.Ready = func() bool { return false }
	m.times.address = 50 * time.Millisecond
	told := ""
	m.Logf = func(format string, args ...any) { told += fmt.Sprintf(format, args...) }
	if read, _ := m.first(); read != 0 || !strings.Contains(told, "ec2: no network after 50ms") {
		t.Errorf("%d, %q", read, told)
	}
}

// TestOldEC2: only a server without tokens is asked without one.
func TestOldEC2(t *testing.T) {
	for code, want := range map[int]bool{http.StatusNotFound: true, http.StatusMethodNotAllowed: true, http.StatusForbidden: false, http.StatusInternalServerError: false} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodPut:
				w.WriteHeader(code)
			case r.Header.Get("X-aws-ec2-metadata-token") != "":
				w.WriteHeader(http.StatusUnauthorized)
			case r.URL.Path == "/latest/meta-data/instance-id":
				fmt.Fprint(w, "i-1")
			case r.URL.Path == "/latest/user-data":
				fmt.Fprint(w, user)
			default:
				http.NotFound(w, r)
			}
		}))
		m := newMachine(t, firmware("ec2")).at("ec2", server.URL)
		got := m.fetch(t.Context(), m.tasks())
		for i := 0; want && !got && i < 5; i++ { // a loaded machine may time out
			got = m.fetch(t.Context(), m.tasks())
		}
		if got != want {
			t.Errorf("%d: read %v, want %v", code, got, want)
		}
		server.Close()
	}
}

// TestPermitted: a service is asked only by a machine in its cloud that has no other configuration, or one that names it.
func TestPermitted(t *testing.T) {
	for name, c := range map[string]struct {
		firmware, line, config string
		want                   string
	}{
		"an ordinary machine":            {"", "", "", ""},
		"with a configuration":           {"", "", "hostname: a\n", ""},
		"in the cloud":                   {"ec2", "", "", "ec2"},
		"in the cloud, configured":       {"ec2", "", "hostname: a\n", ""},
		"in the cloud, permitted":        {"ec2", "", "data_sources: [ec2]\n", "ec2"},
		"another one is named":           {"ec2", "", "data_sources: [hetzner]\n", "hetzner"},
		"named on the command line":      {"", "quiet ds=hetzner", "hostname: a\n", "hetzner"},
		"named by the key":               {"", "data_sources=openstack", "hostname: a\n", "openstack"},
		"named in cloud-init's spelling": {"", "ds=Ec2", "", "ec2"},
	} {
		m := newMachine(t, firmware(c.firmware))
		m.Line = c.line
		m.write(datasource.ConfigFile, c.config)
		var got []string
		for _, task := range m.tasks() {
			got = append(got, task.name)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: asks %q, want %q", name, got, c.want)
		}
	}
}

// TestTable: the table of services agrees with that of the sources, and each has a server in these tests.
func TestTable(t *testing.T) {
	all := services()
	for _, c := range clouds() {
		i := slices.IndexFunc(datasource.Table(), func(s datasource.Source) bool { return s.Name == c.name })
		if i < 0 || all[c.name] == nil || platforms[c.name] == nil {
			t.Fatalf("%s: no source, no server, or no platform", c.name)
		}
		s := datasource.Table()[i]
		for _, f := range c.files {
			if s.Dir != datasource.Cache+"/"+c.name || !slices.Contains(s.Files, f.file) {
				t.Errorf("%s: %s is not read", c.name, f.file)
			}
		}
		if _, problems := config.Parse("config.yaml", []byte("data_sources: ["+c.name+"]\n")); len(problems) > 0 {
			t.Error(problems)
		}
		for other := range platforms {
			m := newMachine(t, firmware(other))
			if is := c.is(look(m.Root, "")); is != (other == c.name) {
				t.Errorf("a machine of %s is one of %s: %v", other, c.name, is)
			}
		}
	}
}

// authority returns the certificate of a server as ca_certs has it, in YAML.
func authority(t *testing.T, server *httptest.Server) string {
	t.Helper()
	b, err := json.Marshal([]string{string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
