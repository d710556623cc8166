package node

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// imageServer is a criServer with images; each removal frees the image's size, in percent of the disk.
type imageServer struct {
	cri.UnimplementedImageServiceServer
	images  []*cri.Image
	free    int
	removed []string
	broken  bool
}

func (s *imageServer) ListImages(context.Context, *cri.ListImagesRequest) (*cri.ListImagesResponse, error) {
	return &cri.ListImagesResponse{Images: s.images}, nil
}

func (s *imageServer) RemoveImage(_ context.Context, r *cri.RemoveImageRequest) (*cri.RemoveImageResponse, error) {
	if s.broken {
		return nil, errors.New("no space left on device")
	}
	i := slices.IndexFunc(s.images, func(i *cri.Image) bool { return i.Id == r.Image.Image })
	s.free += int(s.images[i].Size)
	s.removed = append(s.removed, r.Image.Image)
	return &cri.RemoveImageResponse{}, nil
}

// TestMakeRoom: with enough free space nothing is removed; otherwise the largest unused images, and no more than
// necessary.
func TestMakeRoom(t *testing.T) {
	image := func(id, tag string, size uint64, pinned bool) *cri.Image {
		return &cri.Image{Id: id, RepoTags: []string{tag}, Size: size, Pinned: pinned}
	}
	all := []*cri.Image{image("sha256:1", "a:1", 4, false), image("sha256:2", "used:1", 50, false), image("sha256:3", "pause:1", 60, true), image("sha256:4", "b:1", 8, false),
		image("sha256:5", "by-tag:1", 70, false), image("sha256:6", "c:1", 6, false)}
	containers := []*cri.Container{
		{Id: "c1", ImageRef: "sha256:2", State: cri.ContainerState_CONTAINER_EXITED}, {Id: "c2", Image: &cri.ImageSpec{Image: "by-tag:1"}},
	}
	for name, c := range map[string]struct {
		free   int
		broken bool
		want   string
	}{"room": {5, false, ""}, "nearly full": {4, false, "b:1 c:1"}, "full": {0, false, "b:1 c:1 a:1"}, "cannot": {0, true, ""}} {
		s := &imageServer{images: all, free: c.free, broken: c.broken}
		n := testNode(t, "--containerd-socket="+(&criServer{containers: containers, images: s}).serve(t))
		removed, err := makeRoom(context.Background(), n, func() (int, error) { return s.free, nil })
		if got := strings.Join(removed, " "); got != c.want || (err != nil) != c.broken || len(s.removed) != len(removed) {
			t.Errorf("%s: removed %q, want %q; %v", name, got, c.want, err)
		}
	}
	if percent, err := freePercent(t.TempDir()); err != nil || percent < 0 || percent > 100 {
		t.Errorf("%d %%, %v", percent, err)
	}
}
