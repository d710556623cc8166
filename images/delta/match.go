package delta

// op makes new bytes: a copy of old ones, some of which differ, and then literal ones.
type op struct {
	old, length int // of the copy
	literal     int
}

const (
	// gain is by how many more bytes a match at another place must be equal than the bytes at the current one.
	gain = 8
	// farthest limits how far a copy extends before the match by which it was found.
	farthest = 64 << 10
)

// matcher walks through the new bytes. Those from begin on are not yet in ops; they are compared with the old ones at
// the same distance from place.
type matcher struct {
	*Index
	b            []byte
	begin, place int
	ops          []op
}

// match returns how the new bytes are made, near is where the old ones are expected.
func (x *Index) match(b []byte, near int) []op {
	m := &matcher{Index: x, b: b, place: min(max(0, near), len(x.old))}
	for i := 0; i+window <= len(b); {
		if n := equal(m.current(i), b[i:]); n >= window {
			i += n
			continue
		}
		at, n := x.find(b[i:], m.place+i-m.begin)
		if n <= matching(m.current(i), b[i:i+n])+gain {
			i++
			continue
		}
		m.turn(i, at)
		i += n
	}
	length := m.forward(len(b))
	m.add(op{m.place, length, len(b) - m.begin - length})
	return m.ops
}

// current returns the old bytes at the current distance from the new offset i.
func (m *matcher) current(i int) []byte {
	at := m.place + i - m.begin
	if at < 0 || at >= len(m.old) {
		return nil
	}
	return m.old[at:]
}

// turn ends the current copy and begins one in which the new offset i is at the old one at. Both extend as far as more
// than half of their bytes are equal; where they overlap, the border lies where most are.
func (m *matcher) turn(i, at int) {
	forward := m.forward(i)
	back := m.backward(i, at)
	if over := m.begin + forward - (i - back); over > 0 {
		keep := m.border(i-back, over, at-back)
		forward -= over - keep
		back -= keep
	}
	m.add(op{m.place, forward, i - back - m.begin - forward})
	m.begin, m.place = i-back, at-back
}

// add appends an op and joins it with the one before if it has only literal bytes.
func (m *matcher) add(o op) {
	if last := len(m.ops) - 1; o.length == 0 && last >= 0 {
		m.ops[last].literal += o.literal
		return
	}
	m.ops = append(m.ops, o)
}

// forward returns how far the current copy extends before i.
func (m *matcher) forward(i int) (length int) {
	old, b := m.current(m.begin), m.b[m.begin:i]
	score, best := 0, 0
	for k := range min(len(old), len(b)) {
		if old[k] == b[k] {
			score++
		} else {
			score--
		}
		if score > best {
			best, length = score, k+1
		}
	}
	return length
}

// backward returns how far a copy that has the new offset i at the old one at extends before them.
func (m *matcher) backward(i, at int) (length int) {
	score, best := 0, 0
	for k := 1; k <= min(i-m.begin, at, farthest); k++ {
		if m.old[at-k] == m.b[i-k] {
			score++
		} else {
			score--
		}
		if score > best {
			best, length = score, k
		}
	}
	return length
}

// border returns how many of over new bytes at i belong to the current copy, the others to one that begins at the old
// offset at.
func (m *matcher) border(i, over, at int) (keep int) {
	now, next := m.current(i), m.old[at:]
	score, best := 0, 0
	for k := range over {
		if now[k] == m.b[i+k] {
			score++
		}
		if next[k] == m.b[i+k] {
			score--
		}
		if score > best {
			best, keep = score, k+1
		}
	}
	return keep
}
