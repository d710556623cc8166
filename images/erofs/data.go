package erofs

import (
	"fmt"
	"io"
	"math"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// cluster is a piece of a file on its way into the image.
type cluster struct {
	node            *node
	content, blocks []byte
}

// dataWriter writes the large files one after the other. Clusters are encoded in batches on all processors and written
// in order, so that the image does not depend on their number.
type dataWriter struct {
	out     io.WriterAt
	codec   Codec
	at      int64
	regions []Region
	batch   []cluster // as many are filled as
	filled  int       // says; the others are buffers
}

func (d *dataWriter) files(nodes []*node) error {
	d.batch = make([]cluster, 4*runtime.GOMAXPROCS(0))
	for _, n := range nodes {
		if n.large() {
			if err := d.file(n); err != nil {
				return fmt.Errorf("%s: %w", n.Path, err)
			}
		}
	}
	if err := d.flush(); err != nil {
		return err
	}
	for _, n := range nodes {
		n.settle()
	}
	if blocks(d.at) > math.MaxUint32 {
		return fmt.Errorf("an image of %d bytes", d.at)
	}
	return nil
}

func (d *dataWriter) file(n *node) error {
	r, err := n.Content.Open()
	if err != nil {
		return err
	}
	defer r.Close() // closing a file that was only read loses nothing
	for left := n.size; left > 0; left -= Cluster {
		c := d.next(n, int(min(left, Cluster)))
		if _, err := io.ReadFull(r, c.content); err != nil {
			return fmt.Errorf("content changed: %d bytes expected: %w", n.size, err)
		}
		if d.filled == len(d.batch) {
			if err := d.flush(); err != nil {
				return err
			}
		}
	}
	if extra, err := io.CopyN(io.Discard, r, 1); extra != 0 || err != io.EOF {
		return fmt.Errorf("content changed: more than %d bytes, %w", n.size, err)
	}
	return nil
}

// next takes a buffer of the batch.
func (d *dataWriter) next(n *node, size int) *cluster {
	c := &d.batch[d.filled]
	d.filled++
	if c.content == nil {
		c.content = make([]byte, Cluster)
	}
	c.node, c.content = n, c.content[:size]
	return c
}

// flush encodes the batch and writes it.
func (d *dataWriter) flush() error {
	var g errgroup.Group
	for i := range d.batch[:d.filled] {
		c := &d.batch[i]
		g.Go(func() (err error) {
			c.blocks, err = d.codec.Encode(c.blocks[:0], c.content)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, c := range d.batch[:d.filled] {
		if err := d.write(c); err != nil {
			return err
		}
	}
	d.filled = 0
	return nil
}

func (d *dataWriter) write(c cluster) error {
	if len(c.node.clusters) == 0 {
		c.node.start = d.at / BlockSize
		d.regions = append(d.regions, Region{Path: c.node.Path, Content: c.node.size})
	}
	n := int64(len(c.blocks))
	c.node.clusters = append(c.node.clusters, int(n/BlockSize))
	d.regions[len(d.regions)-1].Stored += n
	_, err := d.out.WriteAt(c.blocks, d.at)
	d.at += n
	return err
}
