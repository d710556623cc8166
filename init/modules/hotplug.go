package modules

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Event is one uevent of the kernel: keys and values such as ACTION, DEVPATH, SUBSYSTEM, MODALIAS.
type Event map[string]string

// Listen calls handle for every uevent until the context ends.
func Listen(ctx context.Context, handle func(Event)) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return fmt.Errorf("uevent socket: %w", err)
	}
	// A USB hub with many devices sends bursts. SO_RCVBUFFORCE, because the limit of SO_RCVBUF is too small.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1}); err != nil {
		unix.Close(fd)
		return fmt.Errorf("bind uevent socket: %w", err)
	}
	sock := os.NewFile(uintptr(fd), "uevents")
	go func() { <-ctx.Done(); sock.Close() }()
	go receive(sock, handle)
	return nil
}

func receive(sock *os.File, handle func(Event)) {
	buf := make([]byte, 64<<10)
	for {
		n, err := sock.Read(buf)
		if pe, ok := err.(*os.PathError); ok && pe.Err == unix.ENOBUFS {
			continue // events were lost (ENOBUFS); the next coldplug finds the devices
		}
		if err != nil {
			return
		}
		if ev := ParseEvent(buf[:n]); ev != nil {
			handle(ev)
		}
	}
}

// ParseEvent parses "add@/devices/…\0KEY=value\0…". Messages of udev have another header and are refused.
func ParseEvent(msg []byte) Event {
	parts := bytes.Split(msg, []byte{0})
	if !bytes.ContainsRune(parts[0], '@') {
		return nil
	}
	ev := Event{}
	for _, p := range parts[1:] {
		if k, v, ok := strings.Cut(string(p), "="); ok {
			ev[k] = v
		}
	}
	return ev
}
