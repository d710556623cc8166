package transport

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/proa-os/proa/init/fetch/stream"
)

// span is what the body of an answer has of the file.
type span struct {
	begin int64
	end   int64 // Unknown: until it ends
	total int64 // bytes of the whole file, or Unknown
}

// refusal is an answer with which a mirror is of no use for this file, whatever it says later.
type refusal struct{ err error }

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

func refuse(format string, args ...any) error { return &refusal{fmt.Errorf(format, args...)} }

// later is an answer that may be another one after a while.
type later struct {
	err   error
	after time.Duration // as the server asks; 0: it does not say
}

func (l *later) Error() string { return l.err.Error() }

// known is what was said about a file before: its size, or Unknown, and the ETag of the mirror.
type known struct {
	size int64
	tag  string
}

// judge says what of the file the body has, or why it cannot be used. RFC 9110, 14 and 15.
func judge(asked stream.Request, before known, h stream.Head) (span, error) {
	switch {
	case h.Status == http.StatusPartialContent:
		return judgePart(asked, before, h)
	case h.Status == http.StatusOK:
		return judgeWhole(before, h)
	case h.Status == http.StatusNotFound, h.Status == http.StatusGone:
		return span{}, refuse("HTTP status %d: %w", h.Status, ErrMissing)
	case h.Status == http.StatusForbidden: // object stores say so of what they do not have
		return span{}, refuse("HTTP status 403: no permission, or %w", ErrMissing)
	case h.Status == http.StatusRequestedRangeNotSatisfiable:
		return span{}, refuse("the file has no byte %d there (it may have been cut)", asked.From)
	case h.Status == http.StatusRequestTimeout, h.Status == http.StatusTooEarly, h.Status == http.StatusTooManyRequests, h.Status >= 500:
		return span{}, &later{fmt.Errorf("HTTP status %d", h.Status), time.Duration(min(h.RetryAfter, 1<<30)) * time.Second}
	}
	return span{}, refuse("HTTP status %d", h.Status)
}

var errChanged = errors.New("the file changed while it was read; run the command again")

func judgePart(asked stream.Request, before known, h stream.Head) (span, error) {
	switch {
	case !asked.Ranged():
		return span{}, refuse("answered with a part (206), all was asked for")
	case h.First < 0 || h.Last < h.First || h.Total >= 0 && h.Last >= h.Total:
		return span{}, refuse("answered with a part (206) without a valid Content-Range")
	case h.First != asked.From || asked.To >= 0 && h.Last > asked.To:
		return span{}, refuse("answered with bytes %d-%d, asked for %d-%s", h.First, h.Last, asked.From, last(asked.To))
	case h.Length >= 0 && h.Length != h.Last-h.First+1:
		return span{}, refuse("says that bytes %d-%d are %d", h.First, h.Last, h.Length)
	}
	if err := same(before, h.Total, h.ETag); err != nil {
		return span{}, err
	}
	return span{h.First, h.Last + 1, h.Total}, nil
}

func last(to int64) string {
	if to < 0 {
		return ""
	}
	return fmt.Sprint(to)
}

// judgeWhole accepts the whole file where a part was asked for: not every server has ranges.
func judgeWhole(before known, h stream.Head) (span, error) {
	if err := same(before, h.Length, h.ETag); err != nil {
		return span{}, err
	}
	end := h.Length
	if end < 0 {
		end = before.size
	}
	return span{0, end, end}, nil
}

// same compares with what was said before.
func same(before known, size int64, tag string) error {
	switch {
	case before.tag != "" && tag != "" && tag != before.tag:
		return &refusal{errChanged}
	case before.size >= 0 && size >= 0 && size != before.size:
		return refuse("the file has %d bytes there, expected are %d", size, before.size)
	}
	return nil
}
