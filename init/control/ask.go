package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
)

// ErrNobody is returned if PID 1 does not listen, as in a rescue shell.
var ErrNobody = errors.New("PID 1 does not answer")

// Ask sends a request and passes each line of the answer to say. It returns the error of the request, nil once it is
// done.
func Ask(path string, r Request, say func(string)) error {
	c, err := net.Dial("unix", path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNobody, err)
	}
	defer c.Close()
	wrote := json.NewEncoder(c).Encode(r) // the server may refuse before the request is written: its answer has the reason
	for lines := bufio.NewScanner(c); lines.Scan(); {
		var a answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			return fmt.Errorf("answer of PID 1: %w", err)
		}
		switch {
		case a.Error != "":
			return errors.New(a.Error)
		case a.Done:
			return nil
		}
		say(a.Line)
	}
	if wrote != nil {
		return fmt.Errorf("ask PID 1: %w", wrote)
	}
	return errors.New("PID 1 closed the connection before the request was done; see the console, or proa status")
}
