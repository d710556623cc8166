package transport

import "io"

// pumpSize is how much of standard input is read ahead, so that its end is noticed while nobody reads.
const pumpSize = 64 << 10

// pump reads until the end, and calls gone then. A part is valid until the next one is received.
func pump(in io.Reader, gone func()) <-chan []byte {
	parts := make(chan []byte)
	go func() {
		defer close(parts)
		defer gone()
		var both [2][pumpSize]byte
		for i := 0; ; i = 1 - i {
			n, err := in.Read(both[i][:])
			if n > 0 {
				parts <- both[i][:n]
			}
			if err != nil {
				return
			}
		}
	}()
	return parts
}

// pumped reads what a pump has read.
type pumped struct {
	from <-chan []byte
	rest []byte
}

func (p *pumped) Read(b []byte) (n int, err error) {
	if len(p.rest) == 0 {
		part, open := <-p.from
		if !open {
			return 0, io.EOF
		}
		p.rest = part
	}
	n = copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}
