package node

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const (
	// freeAgain is the percentage of the data partition that is free once MakeRoom is done.
	freeAgain = 15
	// roomDeadline is the time limit for that.
	roomDeadline = 5 * time.Minute
)

// MakeRoom removes images that no container uses, the largest first, if so little is free that the kubelet would evict
// pods, and returns their names. The kubelet's own garbage collection removes the same images, but then decides by
// stale disk usage (cadvisor updates it every 10 s or more), and evicts a pod nevertheless.
func (n Node) MakeRoom(ctx context.Context) (removed []string, err error) {
	return makeRoom(ctx, n, func() (percent int, err error) { return freePercent(n.DataDir) })
}

func makeRoom(ctx context.Context, n Node, free func() (int, error)) (removed []string, err error) {
	percent, err := free()
	if err != nil || percent >= evictBelow {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, roomDeadline)
	defer cancel()
	runtime, images, hangUp, err := n.criServices()
	if err != nil {
		return nil, err
	}
	defer hangUp()
	unused, err := unusedImages(ctx, runtime, images)
	if err != nil {
		return nil, err
	}
	for _, image := range unused {
		if percent, err = free(); err != nil || percent >= freeAgain {
			return removed, err
		}
		if _, err := images.RemoveImage(ctx, &cri.RemoveImageRequest{Image: &cri.ImageSpec{Image: image.Id}}); err != nil {
			return removed, fmt.Errorf("remove image %s: %w", imageName(image), err)
		}
		removed = append(removed, imageName(image))
	}
	return removed, nil
}

// unusedImages returns the images that are neither pinned nor used by a container, running or not: after a restart of
// the machine none runs yet.
func unusedImages(ctx context.Context, runtime cri.RuntimeServiceClient, images cri.ImageServiceClient) ([]*cri.Image, error) {
	containers, err := runtime.ListContainers(ctx, &cri.ListContainersRequest{})
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	for _, c := range containers.Containers {
		used[c.ImageRef], used[c.ImageId], used[c.GetImage().GetImage()] = true, true, true
	}
	list, err := images.ListImages(ctx, &cri.ListImagesRequest{})
	if err != nil {
		return nil, err
	}
	unused := slices.DeleteFunc(list.Images, func(i *cri.Image) bool {
		return i.Pinned || slices.ContainsFunc(slices.Concat([]string{i.Id}, i.RepoTags, i.RepoDigests), func(name string) bool { return used[name] })
	})
	slices.SortFunc(unused, func(a, b *cri.Image) int { return cmp.Compare(b.Size, a.Size) })
	return unused, nil
}

func imageName(i *cri.Image) string {
	if len(i.RepoTags) > 0 {
		return i.RepoTags[0]
	}
	return i.Id
}

// freePercent returns the free space for unprivileged users (statfs(2), f_bavail), as the kubelet counts it.
func freePercent(dir string) (int, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("room of %s: %w", dir, err)
	}
	return int(uint64(st.Bavail) * 100 / max(uint64(st.Blocks), 1)), nil
}
