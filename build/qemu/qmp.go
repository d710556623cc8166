package qemu

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"time"
)

// qmp executes one command of the QEMU Machine Protocol on a fresh connection
// (https://www.qemu.org/docs/master/interop/qmp-spec.html: greeting, qmp_capabilities, then the command).
func qmp(ctx context.Context, socket, command string) error {
	conn, err := (&net.Dialer{Timeout: qmpTimeout}).DialContext(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("qmp: %w", err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(qmpTimeout))
	replies := bufio.NewScanner(conn)
	for _, execute := range []string{"qmp_capabilities", command} {
		if _, err := fmt.Fprintf(conn, "{\"execute\": %q}\n", execute); err != nil {
			return fmt.Errorf("qmp %s: %w", execute, err)
		}
		if err := answer(replies); err != nil {
			return fmt.Errorf("qmp %s: %w", execute, err)
		}
	}
	return nil
}

// answer passes over the greeting and events.
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
