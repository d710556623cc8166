// Package metadata asks what knows this machine's configuration over the network: the metadata services of clouds and the
// address in config.url. It refuses to ask a service unless the hardware says that this machine is in that cloud, or its
// configuration names it: on an ordinary network nobody is asked, and nobody there can take the machine over. It keeps
// answers that say something in init/datasource's cache, and applies none.
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
	far    bool   // is not link-local: through a proxy, verified with the configuration's authorities
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
		// cloud.google.com, "About VM metadata"
		{name: "gce", bases: []string{linkLocal}, header: map[string]string{"Metadata-Flavor": "Google"}, proof: "Metadata-Flavor: Google",
			is: func(f facts) bool {
				return f.is("product_name", "Google Compute Engine") || f.is("product_serial", "GoogleCloud-")
			},
			files: []answer{
				{file: "meta-data", path: gceAll, must: true, made: gce},
				{file: "user-data", path: gceAll, made: gceUser}}},
		// learn.microsoft.com, "Azure Instance Metadata Service"; the asset tag is the same on all of its machines
		{name: "azure", bases: []string{linkLocal}, header: map[string]string{"Metadata": "true"},
			is: func(f facts) bool { return f.is("chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77") },
			files: []answer{
				{file: "meta-data", path: azureAll, must: true, made: azure},
				{file: "user-data", path: azureAll, made: azureUser}}},
		// scaleway.com, "Instance API", "User data": it is given to ports below 1024 only
		{name: "scaleway", bases: []string{"http://169.254.42.42", "http://[fd00:42::42]"},
			is: func(f facts) bool { return f.is("sys_vendor", "Scaleway") },
			files: []answer{
				{file: "meta-data", path: "/conf?format=json", must: true, made: scaleway},
				{file: "vendor-data", path: "/vendor_data/cloud-init", low: true},
				{file: "user-data", path: "/user_data/cloud-init", low: true}}},
		// vultr.com, "Metadata API"
		{name: "vultr", bases: []string{linkLocal}, header: map[string]string{"Metadata-Token": "cloudinit"},
			is: func(f facts) bool { return f.is("sys_vendor", "Vultr") },
			files: []answer{
				{file: "meta-data", path: "/v1.json", must: true, made: vultr},
				{file: "vendor-data", path: "/v1.json", made: field("vendor-data")},
				{file: "user-data", path: "/v1.json", made: field("user-data")}}},
	}
}

const (
	gceAll   = "/computeMetadata/v1/?recursive=true&alt=json"
	azureAll = "/metadata/instance?api-version=2021-08-01"
)
