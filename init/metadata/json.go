package metadata

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// The answers in JSON of the services that give all in one, as far as it is used.
type (
	gceAnswer struct {
		Instance struct {
			Hostname, Zone string
			ID             json.Number
			Attributes     map[string]string
		}
		Project struct{ Attributes map[string]string }
	}
	azureAnswer struct {
		Compute struct {
			VMID, Location, UserData string
			OSProfile                struct{ ComputerName string }
			PublicKeys               []struct{ KeyData string }
		}
	}
	scalewayAnswer struct {
		ID, Hostname string
		Tags         []string
		Keys         []struct{ Key string } `json:"ssh_public_keys"`
	}
	vultrAnswer struct {
		Hostname   string
		InstanceID string          `json:"instanceid"`
		Keys       json.RawMessage `json:"public-keys"`
	}
)

// read reads an answer that has an id, without which it is not the service's.
func read(text []byte, into any, id func() string) error {
	if json.Unmarshal(text, into) != nil || id() == "" {
		return errors.New("not the description of a machine in JSON")
	}
	return nil
}

func gceRead(text []byte) (a gceAnswer, err error) {
	err = read(text, &a, func() string { return a.Instance.ID.String() })
	return a, err
}

// gce has the keys of the instance and, unless that blocks them, of the project. All of them are root's here.
func gce(_ *session, text []byte) ([]byte, error) {
	a, err := gceRead(text)
	if err != nil {
		return nil, err
	}
	lists := a.Instance.Attributes["ssh-keys"] + "\n" + a.Instance.Attributes["sshKeys"]
	if !strings.EqualFold(a.Instance.Attributes["block-project-ssh-keys"], "true") {
		lists += "\n" + a.Project.Attributes["ssh-keys"] + "\n" + a.Project.Attributes["sshKeys"]
	}
	var keys []string
	for row := range strings.Lines(lists) {
		if _, key, ok := strings.Cut(strings.TrimSpace(row), ":"); ok && !expired(key, time.Now()) {
			keys = append(keys, key)
		}
	}
	return written(map[string]any{"instance-id": a.Instance.ID.String(), "local-hostname": a.Instance.Hostname, "availability-zone": last(a.Instance.Zone)}, keys)
}

// expired says whether a key ends with a time that is over: google-ssh {"userName":"…","expireOn":"2026-01-02T03:04:05+0000"}.
func expired(key string, now time.Time) bool {
	_, note, ok := strings.Cut(key, " google-ssh ")
	var until struct{ ExpireOn string }
	if !ok || json.Unmarshal([]byte(note), &until) != nil || until.ExpireOn == "" {
		return false
	}
	for _, layout := range []string{"2006-01-02T15:04:05-0700", time.RFC3339} {
		if at, err := time.Parse(layout, until.ExpireOn); err == nil {
			return now.After(at)
		}
	}
	return true // nobody knows until when it may log in
}

func last(path string) string { return path[strings.LastIndex(path, "/")+1:] }

func gceUser(_ *session, text []byte) ([]byte, error) {
	a, err := gceRead(text)
	if user := a.Instance.Attributes["user-data"]; err != nil || a.Instance.Attributes["user-data-encoding"] != "base64" {
		return []byte(user), err
	}
	return base64.StdEncoding.DecodeString(strings.TrimSpace(a.Instance.Attributes["user-data"]))
}

func azureRead(text []byte) (a azureAnswer, err error) {
	err = read(text, &a, func() string { return a.Compute.VMID })
	return a, err
}

func azure(_ *session, text []byte) ([]byte, error) {
	a, err := azureRead(text)
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, k := range a.Compute.PublicKeys {
		keys = append(keys, strings.Join(strings.Fields(k.KeyData), " ")) // the portal breaks lines
	}
	return written(map[string]any{"instance-id": a.Compute.VMID, "local-hostname": a.Compute.OSProfile.ComputerName, "region": a.Compute.Location}, keys)
}

func azureUser(_ *session, text []byte) ([]byte, error) {
	a, err := azureRead(text)
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(a.Compute.UserData)
}

// scaleway has keys also as tags AUTHORIZED_KEY=ssh-ed25519_AAAA…, with _ for blanks.
func scaleway(_ *session, text []byte) ([]byte, error) {
	var a scalewayAnswer
	if err := read(text, &a, func() string { return a.ID }); err != nil {
		return nil, err
	}
	var keys []string
	for _, k := range a.Keys {
		keys = append(keys, strings.TrimSpace(k.Key))
	}
	for _, tag := range a.Tags {
		if key, ok := strings.CutPrefix(tag, "AUTHORIZED_KEY="); ok {
			keys = append(keys, strings.ReplaceAll(key, "_", " "))
		}
	}
	return written(map[string]any{"instance-id": a.ID, "local-hostname": a.Hostname}, keys)
}

// vultr has keys as a list, or as lines of one text.
func vultr(_ *session, text []byte) ([]byte, error) {
	var a vultrAnswer
	if err := read(text, &a, func() string { return a.InstanceID }); err != nil {
		return nil, err
	}
	var keys []string
	var lines string
	if json.Unmarshal(a.Keys, &keys) != nil && json.Unmarshal(a.Keys, &lines) == nil {
		keys = strings.Split(lines, "\n")
	}
	return written(map[string]any{"instance-id": a.InstanceID, "local-hostname": a.Hostname}, keys)
}
