package metadata

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/fetch"
)

// session is one visit to a service.
type session struct {
	ctx    context.Context
	client fetch.Client
	cloud  cloud
	header map[string]string
	known  map[string]found // answers by path
	cas    []string
}

type found struct {
	text  []byte
	there bool
}

// visit asks a service for all of its files.
func visit(ctx context.Context, client fetch.Client, c cloud, cas []string) (files map[string][]byte, err error) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	for _, base := range c.bases { // one that cannot be reached is followed by the next
		s := &session{ctx, client, c, maps.Clone(c.header), map[string]found{}, cas}
		s.cloud.bases = []string{base}
		got, visitErr := s.files()
		if visitErr == nil {
			return got, nil
		}
		err = errors.Join(err, visitErr)
		if status := (*fetch.StatusError)(nil); errors.As(visitErr, &status) {
			break
		}
	}
	return nil, err
}

func (s *session) files() (map[string][]byte, error) {
	if err := s.enter(); err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	files := map[string][]byte{}
	for _, a := range s.cloud.files {
		got, err := s.get(a.path, a.low)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", a.file, err)
		case !got.there && a.must:
			return nil, fmt.Errorf("%s: the service does not know this machine", a.file)
		case !got.there:
			continue
		}
		text := got.text
		if a.made != nil {
			if text, err = a.made(s, text); err != nil {
				return nil, fmt.Errorf("%s: %w", a.file, err)
			}
		}
		if len(text) > 0 {
			files[a.file] = text
		}
	}
	return files, nil
}

// enter requests a token. A server that has no such request is one of before there were tokens.
func (s *session) enter() error {
	t := s.cloud.token
	if t == nil {
		return nil
	}
	a, err := s.client.Do(s.ctx, fetch.Request{Method: http.MethodPut, URL: s.cloud.bases[0] + t.path, Header: map[string]string{t.ask: t.lifetime},
		Limit: 4 << 10, Timeout: within, Direct: true})
	var status *fetch.StatusError
	switch {
	case errors.As(err, &status) && (status.Code == http.StatusNotFound || status.Code == http.StatusMethodNotAllowed || status.Code == http.StatusNotImplemented):
		return nil
	case err != nil:
		return err
	}
	key := strings.TrimSpace(string(a.Body))
	if key == "" || strings.ContainsAny(key, "\r\n\x00") {
		return errors.New("the answer is none")
	}
	s.header = maps.Clone(s.header)
	if s.header == nil {
		s.header = map[string]string{}
	}
	s.header[t.header] = key
	return nil
}

// get asks for a path, once.
func (s *session) get(path string, low bool) (found, error) {
	if f, ok := s.known[path]; ok {
		return f, nil
	}
	a, err := s.client.Do(s.ctx, fetch.Request{URL: s.cloud.bases[0] + path, Header: s.header, Limit: config.MaxSize, Timeout: within, Direct: !s.cloud.far, CAs: s.cas, LowPort: low})
	var status *fetch.StatusError
	name, value, _ := strings.Cut(s.cloud.proof, ": ")
	switch {
	case errors.As(err, &status) && status.Code == http.StatusNotFound:
		err = nil
		s.known[path] = found{}
	case err != nil:
		return found{}, err
	case name != "" && a.Header[name] != value:
		return found{}, fmt.Errorf("what answers is not the service: it does not say %s", s.cloud.proof)
	default:
		s.known[path] = found{a.Body, true}
	}
	return s.known[path], err
}
