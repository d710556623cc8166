// Package metadata asks what knows this machine's configuration over the network: the metadata services of clouds, the
// address in config.url, and what user data includes by address. It refuses to ask a service unless the hardware says
// that this machine is in that cloud, or its configuration names it: on an ordinary network nobody is asked, and nobody
// there can take the machine over. It keeps answers that say something in init/datasource's cache, and applies none.
package metadata

import "time"

// cloud is a platform with a metadata service.
type cloud struct {
	name   string           // in data_sources and of its directory in the cache
	is     func(facts) bool // recognises it
	bases  []string         // of its URLs; the first one that is reached is used
	header map[string]string
	token  *token
	proof  string // a header with value of the answers, without which they are not the service's
	files  []answer
}

// token is a key to the service, requested by PUT.
type token struct{ path, ask, lifetime, header string }

// answer is a file in the cache and where it comes from.
type answer struct {
	file string
	path string
	must bool // without it the service has not answered
	low  bool // is asked from a port below 1024
	// made makes the file of what the service says. nil: it is the file.
	made func(s *session, text []byte) ([]byte, error)
}

const (
	linkLocal = "http://169.254.169.254"
	// within is the time for one request, and patience for all of a service.
	within   = 10 * time.Second
	patience = time.Minute
)

// clouds are all services. Facts: the documentation of each cloud, and cloud-init's (reference/datasources, ds-identify).
func clouds() []cloud {
	return []cloud{
		// docs.aws.amazon.com, "Use the Instance Metadata Service"; the UUID begins with ec2, in one of two byte orders
		{name: "ec2", bases: []string{linkLocal, "http://[fd00:ec2::254]"},
			is: func(f facts) bool {
				return f.is("sys_vendor", "Amazon EC2") || f.is("product_uuid", "ec2") && f.is("product_serial", "ec2") || len(f.xen) > 3 && f.xen[:3] == "ec2"
			},
			token: &token{"/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "600", "X-aws-ec2-metadata-token"},
			files: []answer{
				{file: "meta-data", path: "/latest/meta-data/instance-id", must: true, made: ec2},
				{file: "user-data", path: "/latest/user-data"}}},
		// docs.openstack.org, nova, "Metadata service"
		{name: "openstack", bases: []string{linkLocal, "http://[fe80::a9fe:a9fe]"},
			is: func(f facts) bool {
				return f.is("product_name", "OpenStack Nova", "OpenStack Compute") ||
					f.is("chassis_asset_tag", "OpenTelekomCloud", "SAP CCloud VM", "HUAWEICLOUD", "OpenStack Nova", "OpenStack Compute")
			},
			files: []answer{
				{file: "meta_data.json", path: "/openstack/latest/meta_data.json", must: true},
				{file: "vendor-data", path: "/openstack/latest/vendor_data.json", made: vendor},
				{file: "vendor-data2", path: "/openstack/latest/vendor_data2.json", made: vendor},
				{file: "user_data", path: "/openstack/latest/user_data"},
				{file: "network_data.json", path: "/openstack/latest/network_data.json"}}},
		// docs.hetzner.cloud, "Server Metadata"
		{name: "hetzner", bases: []string{linkLocal},
			is: func(f facts) bool { return f.is("sys_vendor", "Hetzner") },
			files: []answer{
				{file: "meta-data", path: "/hetzner/v1/metadata", must: true},
				{file: "vendor-data", path: "/hetzner/v1/metadata", made: field("vendor_data")},
				{file: "user-data", path: "/hetzner/v1/userdata"}}},
		// docs.digitalocean.com, "Metadata API"
		{name: "digitalocean", bases: []string{linkLocal},
			is: func(f facts) bool { return f.is("sys_vendor", "DigitalOcean") },
			files: []answer{
				{file: "meta-data", path: "/metadata/v1.json", must: true},
				{file: "vendor-data", path: "/metadata/v1.json", made: field("vendor_data")},
				{file: "user-data", path: "/metadata/v1/user-data"}}},
	}
}
