package payload

import "slices"

// Reuse returns the index with pieces as copies where the running slot has all of their contents, whatever its version:
// have returns where a content with that sum is, all of it. The index must be that of "full", which has the sums; it is
// not changed, and Options.Full should return it.
func (x *Index) Reuse(have func(Sum) (Ref, bool)) *Index {
	out := *x
	out.Pieces = slices.Clone(x.Pieces)
	places, err := Cut(x.Files, len(x.Pieces))
	if err != nil || len(places) != len(x.Pieces) {
		return &out // such an index is neither written nor read
	}
	for i, at := range places {
		p := &out.Pieces[i]
		if from := x.held(at, have); from != nil {
			p.Op, p.From, p.Length, p.FrameSum, p.Frame = OpCopy, from, 0, Sum{}, Range{}
		}
	}
	return &out
}

// held returns where the contents of a piece are; nil if one of them is nowhere.
func (x *Index) held(at Place, have func(Sum) (Ref, bool)) (from []Ref) {
	for left := int64(at.Size); left > 0; at.Offset = 0 {
		for at.Region == len(x.Files[at.File].Regions) {
			at.File, at.Region = at.File+1, 0
		}
		r := x.Files[at.File].Regions[at.Region]
		ref, ok := have(r.Sum)
		if !ok || r.Sum == (Sum{}) || ref.Length != r.Content {
			return nil
		}
		ref.Offset, ref.Length = ref.Offset+at.Offset, min(left, r.Content-at.Offset)
		left -= ref.Length
		from = append(from, ref)
		at.Region++
	}
	return from
}
