// Package kubeconfig writes kubeconfigs for components and users, with one cluster, one user and one context.
package kubeconfig

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/proa-os/proa/images/atomicfile"
)

// File refers to the certificates by path, so that a renewed one is used without rewriting the kubeconfig.
func File(path, server, authority, base string) error {
	return write(path, 0o600, api.Cluster{Server: server, CertificateAuthority: authority},
		api.AuthInfo{ClientCertificate: base + ".crt", ClientKey: base + ".key"})
}

// Portable embeds the certificates, for use on another machine. Whoever can read the file has all of its user's rights.
func Portable(path string, mode fs.FileMode, server, authority, base string) error {
	var data [3][]byte
	for i, file := range []string{authority, base + ".crt", base + ".key"} {
		var err error
		if data[i], err = os.ReadFile(file); err != nil {
			return err
		}
	}
	return write(path, mode, api.Cluster{Server: server, CertificateAuthorityData: data[0]},
		api.AuthInfo{ClientCertificateData: data[1], ClientKeyData: data[2]})
}

func write(path string, mode fs.FileMode, cluster api.Cluster, user api.AuthInfo) error {
	config := api.NewConfig()
	config.Clusters["default"] = &cluster
	config.AuthInfos["default"] = &user
	config.Contexts["default"] = &api.Context{Cluster: "default", AuthInfo: "default"}
	config.CurrentContext = "default"
	data, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if _, err = atomicfile.WriteIfChanged(path, data, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode) // of one that has not changed
}
