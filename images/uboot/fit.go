package uboot

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/u-root/u-root/pkg/dt"
)

// FIT wraps a script in a FIT image (doc/usage/fit/source_file_format.rst), for a U-Boot built without support for
// legacy images. Without an image name, U-Boot's source command takes the one that the property "default" names.
func FIT(name string, text []byte, when time.Time) []byte {
	be := func(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
	str := func(s string) []byte { return append([]byte(s), 0) }
	hash := &dt.Node{Name: "hash-1", Properties: []dt.Property{{Name: "value", Value: be(crc32.ChecksumIEEE(text))}, {Name: "algo", Value: str("crc32")}}}
	script := &dt.Node{Name: "script", Children: []*dt.Node{hash}, Properties: []dt.Property{
		{Name: "description", Value: str(name)}, {Name: "data", Value: text}, {Name: "type", Value: str("script")}, {Name: "compression", Value: str("none")},
	}}
	root := &dt.Node{Children: []*dt.Node{{Name: "images", Children: []*dt.Node{script}, Properties: []dt.Property{{Name: "default", Value: str("script")}}}},
		Properties: []dt.Property{{Name: "timestamp", Value: be(uint32(when.Unix()))}, {Name: "description", Value: str(name)}, {Name: "#address-cells", Value: be(1)}}}
	var b bytes.Buffer
	if _, err := (&dt.FDT{Header: dt.Header{Magic: dt.Magic, Version: 17, LastCompVersion: 16}, RootNode: root}).Write(&b); err != nil {
		panic("BUG: a tree of our own: " + err.Error()) // only the writer returns errors, and memory has none
	}
	return b.Bytes()
}
