package qemu

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"time"
)

// qmp executes one command of the QEMU Machine Protocol on a new connection
// (https://www.qemu.org/docs/master/interop/qmp-spec.html: greeting, qmp_capabilities, then the command).
func qmp(ctx context.Context, socket, command string) error {
	return qmpWith(ctx, socket, command, nil)
}

// qmpWith is qmp with the command's arguments.
func qmpWith(ctx context.Context, socket, command string, arguments map[string]any) error {
	conn, err := (&net.Dialer{Timeout: qmpTimeout}).DialContext(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("qmp: %w", err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(qmpTimeout))
	replies := bufio.NewScanner(conn)
	type call struct {
		Execute   string         `json:"execute"`
		Arguments map[string]any `json:"arguments,omitempty"`
	}
	for _, c := range []call{{"qmp_capabilities", nil}, {command, arguments}} {
		err := json.NewEncoder(conn).Encode(c)
		if err == nil {
			err = answer(replies)
		}
		if err != nil {
			return fmt.Errorf("qmp %s: %w", c.Execute, err)
		}
	}
	return nil
}

// answer skips the greeting and events.
func answer(replies *bufio.Scanner) error {
	for replies.Scan() {
		var r struct {
			Return *json.RawMessage `json:"return"`
			Error  *struct {
				Desc string `json:"desc"`
			} `json:"error"`
		}
		if err := json.Unmarshal(replies.Bytes(), &r); err != nil {
			return err
		}
		if r.Error != nil {
			return fmt.Errorf("%s", r.Error.Desc)
		}
		if r.Return != nil {
			return nil
		}
	}
	return fmt.Errorf("connection closed: %w", replies.Err())
}
