package trust

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"

	"github.com/proa-os/proa/images/releasemeta"
)

// MaxRead limits what Read keeps in memory, in bytes.
const MaxRead = 1 << 20

// View is what verified metadata says.
type View struct {
	client  *Client
	state   *state
	updater *updater.Updater
}

// Target is a file of a release.
type Target struct {
	Path   string // BOARD/VERSION/NAME
	URL    string
	Length int64
	SHA256 string // 64 hex digits
	Custom []byte // JSON; nil: none
}

// Sure says whether the metadata was found not to have expired by a clock that is known.
func (v *View) Sure() bool { return v.client.Clock.Known }

// Signed returns when the newest metadata was made, the zero time if it does not say.
func (v *View) Signed() time.Time { return v.state.seen.Signed }

// Target returns one file. Where the repository delegates, more metadata is fetched.
func (v *View) Target(p string) (Target, error) {
	v.client.mu.Lock()
	defer v.client.mu.Unlock()
	info, err := v.updater.GetTargetInfo(p)
	if older := v.state.keep(v.updater.GetTrustedMetadataSet(), err == nil); older != nil {
		return Target{}, explain(older, v.client.Clock)
	}
	if err != nil {
		return Target{}, explain(fmt.Errorf("%s: %w", p, err), v.client.Clock)
	}
	return v.target(p, info)
}

func (v *View) target(p string, info *metadata.TargetFiles) (Target, error) {
	sum, ok := info.Hashes["sha256"]
	if !ok || len(sum) != sha256.Size {
		return Target{}, explain(&metadata.ErrRepository{Msg: p + " has no sha256"}, v.client.Clock)
	}
	t := Target{Path: p, Length: info.Length, SHA256: hex.EncodeToString(sum)}
	if info.Custom != nil {
		t.Custom = *info.Custom
	}
	dir, name := path.Split(p)
	if v.updater.GetTrustedMetadataSet().Root.Signed.ConsistentSnapshot {
		name = t.SHA256 + "." + name
	}
	t.URL = strings.TrimSuffix(v.client.Targets, "/") + "/" + (&url.URL{Path: dir + name}).EscapedPath()
	return t, nil
}

// Read fetches a small file into memory and compares it with its length and hash.
func (v *View) Read(ctx context.Context, t Target) ([]byte, error) {
	if t.Length > MaxRead {
		return nil, fmt.Errorf("%s has %d bytes, and at most %d are kept in memory", t.Path, t.Length, MaxRead)
	}
	b, err := (&fetcher{ctx, v.client.Fetch}).DownloadFile(t.URL, t.Length, 0)
	if err != nil {
		return nil, explain(err, v.client.Clock)
	}
	if sum := sha256.Sum256(b); int64(len(b)) != t.Length || hex.EncodeToString(sum[:]) != t.SHA256 {
		return nil, explain(&metadata.ErrLengthOrHashMismatch{Msg: t.URL + " has other bytes than the metadata says"}, v.client.Clock)
	}
	return b, nil
}

// Machine is what a release must be for.
type Machine struct {
	Board, Arch string
	Layout      int // of the disk
}

// Release is one that this machine may take.
type Release struct {
	releasemeta.Release
	Manifest Target
}

// Refused is one that it may not.
type Refused struct {
	Path, Why string
	Sequence  int64 // as it says; 0: nothing that can be read
}

// Releases returns the releases of the machine's board, the newest last, and those that are refused.
func (v *View) Releases(m Machine) (list []Release, refused []Refused) {
	all := v.updater.GetTopLevelTargets()
	for p, info := range all {
		if path.Base(p) != releasemeta.ManifestName || !strings.HasPrefix(p, m.Board+"/") {
			continue
		}
		r, err := v.release(p, info, m)
		if err != nil {
			refused = append(refused, Refused{p, err.Error(), sequence(info)})
			continue
		}
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b Release) int { return cmp.Compare(a.Sequence, b.Sequence) })
	slices.SortFunc(refused, func(a, b Refused) int { return strings.Compare(a.Path, b.Path) })
	return list, refused
}

// sequence reads that field alone, of a release that says what this proa does not know.
func sequence(info *metadata.TargetFiles) int64 {
	var is struct {
		Sequence int64 `json:"sequence"`
	}
	if info.Custom == nil || json.Unmarshal(*info.Custom, &is) != nil {
		return 0
	}
	return is.Sequence
}

func (v *View) release(p string, info *metadata.TargetFiles, m Machine) (r Release, err error) {
	if r.Manifest, err = v.target(p, info); err != nil {
		return r, err
	}
	custom := json.RawMessage(r.Manifest.Custom)
	if r.Release, err = releasemeta.ParseRelease(custom); err != nil {
		return r, fmt.Errorf("it says nothing that this proa can read: %w; upgrade to a release in between first", err)
	}
	switch {
	case r.Board != m.Board || p != releasemeta.Path(r.Board, r.Version, releasemeta.ManifestName):
		return r, fmt.Errorf("it is for the board %s, version %s, and lies elsewhere", r.Board, r.Version)
	case r.Arch != m.Arch:
		return r, fmt.Errorf("it is for %s, this machine is %s", r.Arch, m.Arch)
	case r.Layouts(m.Layout) != "":
		return r, errors.New(r.Layouts(m.Layout))
	}
	return r, nil
}

// Boards returns the boards that there are releases for.
func (v *View) Boards() (list []string) {
	for p := range v.updater.GetTopLevelTargets() {
		if board, _, ok := strings.Cut(p, "/"); ok && path.Base(p) == releasemeta.ManifestName && !slices.Contains(list, board) {
			list = append(list, board)
		}
	}
	slices.Sort(list)
	return list
}

// Has says whether the top-level metadata lists a file.
func (v *View) Has(p string) bool { return v.updater.GetTopLevelTargets()[p] != nil }
