package trust

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Fetch returns the content of a URL, at most limit bytes, and the status of HTTP: 200, 404 if there is no such file,
// or another. err is for what has no status: no connection, a body that is cut or longer than limit.
type Fetch func(ctx context.Context, url string, limit int64) (body []byte, status int, err error)

// fetcher adapts a Fetch to go-tuf.
type fetcher struct {
	ctx context.Context
	get Fetch
}

var numberedRoot = regexp.MustCompile(`^[0-9]+\.root\.json$`)

// errFetch is wrapped by errors without a status.
var errFetch = errors.New("fetch")

// DownloadFile is called by go-tuf; its last argument is not used.
func (f *fetcher) DownloadFile(url string, limit int64, _ time.Duration) ([]byte, error) {
	body, status, err := f.get(f.ctx, url, limit)
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", errFetch, url, err)
	}
	if status == http.StatusForbidden && numberedRoot.MatchString(path.Base(url)) {
		status = http.StatusNotFound // object stores answer so for what they do not have; only 404 ends the search for roots
	}
	if status != http.StatusOK {
		return nil, &metadata.ErrDownloadHTTP{StatusCode: status, URL: url}
	}
	if int64(len(body)) > limit {
		return nil, &metadata.ErrDownloadLengthMismatch{Msg: fmt.Sprintf("%s: more than %d bytes", url, limit)}
	}
	return body, nil
}
