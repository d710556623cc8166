package layout

import "fmt"

// gptReserve is the size of the backup GPT at the end of a disk: 32 sectors of entries and the header. After the data
// partition there is room for two of them, so that a new one is written before the old one is overwritten.
const gptReserve = 33 * Sector

// minData is the minimum size of a data partition. If less is left, none is made, which is reported.
const minData = 64 * MiB

// Table is a disk's partitions in the order of their offsets.
type Table []Partition

// Fit places the partitions of an image on a disk of diskSize bytes. On a disk of exactly ImageSize bytes there is no
// data partition; on a larger one it takes the rest.
func (s Spec) Fit(diskSize int64) (Table, error) {
	t, err := s.fixed()
	if err != nil {
		return nil, err
	}
	if need := s.ImageSize(); diskSize < need {
		return nil, fmt.Errorf("disk of %d bytes is too small: the layout needs %d", diskSize, need)
	}
	if data, ok := t.Rest(diskSize, s.Align); ok {
		t = append(t, data)
	}
	return t, nil
}

// ImageSize returns the size of an image in bytes: all partitions but data, and the backup GPT.
func (s Spec) ImageSize() int64 {
	t, err := s.fixed()
	if err != nil {
		return 0
	}
	last := t[len(t)-1]
	return alignUp(last.Start+last.Size+gptReserve, s.Align)
}

// Rest returns the data partition for the space between the last partition and the backup GPT of a disk of diskSize
// bytes. init calls it on the table it has read. ok is false if the space is smaller than minData.
func (t Table) Rest(diskSize, align int64) (p Partition, ok bool) {
	index, end := 0, int64(0)
	for _, q := range t {
		index, end = max(index, q.Index), max(end, q.Start+q.Size)
	}
	start := alignUp(end, align)
	stop := (diskSize - 2*gptReserve) / align * align
	return Partition{
		Index: index + 1, Role: Data, Name: "data", Type: TypeLinux, Label: DataLabel, Start: start, Size: stop - start,
	}, stop-start >= minData
}

// Find returns the partition of that role and slot. A partition that both slots share matches either slot, so callers
// need not know which boards have a boot partition per slot: Find(Boot, A) has the slot's kernel, Find(Boot, Shared)
// has config.yaml.
func (t Table) Find(role Role, slot Slot) (Partition, error) {
	for _, want := range []Slot{slot, Shared} {
		for _, p := range t {
			if p.Role == role && p.Slot == want {
				return p, nil
			}
		}
	}
	return Partition{}, fmt.Errorf("no partition for %s %s in the table", role, slot)
}

// ByName returns role and slot for a GPT name; both are empty for a partition that is not proa's.
func ByName(name string) (Role, Slot) {
	for _, p := range append(Spec{BIOSSize: 1, SlotBootSize: 1, StateSize: 1}.rows(), Partition{Role: Data, Name: "data"}) {
		if p.Name == name {
			return p.Role, p.Slot
		}
	}
	return "", Shared
}

func (s Spec) fixed() (Table, error) {
	if s.Align <= 0 || s.Align%Sector != 0 || s.FirstLBA*Sector < s.Align {
		return nil, fmt.Errorf("layout: first LBA %d and alignment %d do not fit", s.FirstLBA, s.Align)
	}
	next := s.FirstLBA * Sector
	t := Table(s.rows())
	for i := range t {
		if t[i].Size <= 0 || t[i].Size%Sector != 0 {
			return nil, fmt.Errorf("layout: partition %s of %d bytes", t[i].Name, t[i].Size)
		}
		t[i].Index, t[i].Start = i+1, alignUp(next, s.Align)
		next = t[i].Start + t[i].Size
	}
	return t, nil
}

func alignUp(n, align int64) int64 { return (n + align - 1) / align * align }
