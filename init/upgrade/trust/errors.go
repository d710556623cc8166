package trust

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"golang.org/x/sys/unix"
)

// What may be wrong with a repository. Every error of a Client wraps one of these.
var (
	ErrExpired  = errors.New("the release metadata has expired")
	ErrClock    = errors.New("the time is not known yet, and the release metadata seems to have expired")
	ErrReplayed = errors.New("the server has older release metadata than this machine has seen")
	ErrUnsigned = errors.New("the release metadata is not signed by enough keys that this machine knows")
	ErrMixed    = errors.New("files of the release do not belong together")
	ErrMissing  = errors.New("the server does not have a file of the release")
	ErrServer   = errors.New("the server answers with an error")
	ErrFetch    = errors.New("the release metadata cannot be fetched")
	ErrFormat   = errors.New("the release metadata cannot be read")
	ErrState    = errors.New("what this machine knows of releases cannot be read or written")
	ErrRoot     = errors.New("this image has no keys of releases")
	ErrOther    = errors.New("the release metadata is refused")
)

var (
	errState  = errors.New("state")
	errNoRoot = errors.New("no root of TUF that can be used")
)

// cause is one row: how an error is recognised, what it means to users, and what they do next.
type cause struct {
	is   func(error) bool
	kind error
	next string
}

// causes are in order: the errors of go-tuf's repositories include each other.
var causes = []cause{
	{of(ErrReplayed), ErrReplayed, "check that the mirror is complete and the newest; nothing was changed"},
	{full, ErrState, "the data partition is full: delete what is not needed below /var, then run the same command again"},
	{of(errState), ErrState, "`proa status` says whether the data partition is full or damaged"},
	{of(errNoRoot), ErrRoot, "install an image that was built with the keys of the releases (proa build --keys)"},
	{of(errFetch), ErrFetch, "check network, address and proxy; it is tried again by itself"},
	{onDisk, ErrState, "`proa status` says whether the data partition is full or damaged"},
	{of(&metadata.ErrExpiredMetadata{}), ErrExpired, "sign the metadata again (proa release), or check this machine's clock"},
	{of(&metadata.ErrEqualVersionNumber{}), ErrMixed, "upload the release again, timestamp.json last"},
	{of(&metadata.ErrBadVersionNumber{}), ErrReplayed, "check that the mirror is complete and the newest; nothing was changed"},
	{of(&metadata.ErrUnsignedMetadata{}), ErrUnsigned, "check that the release was signed with the keys of this machine's image (proa keys show)"},
	{of(&metadata.ErrDownloadLengthMismatch{}), ErrMixed, "upload the release again, timestamp.json last"},
	{of(&metadata.ErrLengthOrHashMismatch{}), ErrMixed, "upload the release again, timestamp.json last"},
	{status(404), ErrMissing, "check the address; upload the release again, timestamp.json last"},
	{of(&metadata.ErrDownloadHTTP{}), ErrServer, "check address and rights on the server; it is tried again by itself"},
	{malformed, ErrFormat, "check whether the address is that of a release, or whether a proxy answers instead; upload it again"},
	{of(&metadata.ErrValue{}), ErrFormat, "upload the release again"},
	{of(&metadata.ErrRepository{}), ErrFormat, "upload the release again; it must be made by a version of proa that this one can read"},
}

func of(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }

func status(code int) func(error) bool {
	return func(err error) bool {
		var http *metadata.ErrDownloadHTTP
		return errors.As(err, &http) && http.StatusCode == code
	}
}

// full: what was fetched is kept in files of the state only.
func full(err error) bool {
	return (errors.Is(err, errState) || onDisk(err)) && (errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT))
}

func malformed(err error) bool {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	return errors.As(err, &syntax) || errors.As(err, &kind)
}

// explain says what an error means, and what to do next.
func explain(err error, c Clock) error {
	row := cause{nil, ErrOther, "this machine keeps what it has"}
	for _, r := range causes {
		if r.is(err) {
			row = r
			break
		}
	}
	if row.kind == ErrExpired && !c.Known {
		row = cause{nil, ErrClock, "wait until the clock is synchronised; `proa status` says when"}
	}
	if errors.Is(err, row.kind) {
		return &told{fmt.Sprintf("%v; %s", err, row.next), err}
	}
	return &told{fmt.Sprintf("%v: %v; %s", row.kind, err, row.next), errors.Join(row.kind, err)}
}

// told is an error with what to do next. It wraps one error: a list would be taken apart by config/step, and the advice
// would be lost.
type told struct {
	text string
	err  error
}

func (t *told) Error() string { return t.text }
func (t *told) Unwrap() error { return t.err }
