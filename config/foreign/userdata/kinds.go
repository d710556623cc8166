package userdata

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/command"
	"github.com/proa-os/proa/config/foreign/draft"
)

// kind is a kind of part that is no document, by its first line or its MIME type.
type kind struct {
	first string
	mimes []string
	read  func(r *reader, p part, depth int)
}

const notFetched = "what is at these addresses is not fetched; write it into the user data"

// kinds are all of them. Of two that begin alike the longer one stands first.
func kinds() []kind {
	return []kind{
		{"#!", []string{"text/x-shellscript"}, program},
		{"", []string{"text/x-shellscript-per-boot"}, script("run_cmd", false)},
		{"", []string{"text/x-shellscript-per-instance", "text/x-shellscript-per-once"}, script("first_run_cmd", true)},
		{"#cloud-boothook", []string{"text/cloud-boothook"}, boothook},
		{"#cloud-config-archive", []string{"text/cloud-config-archive"}, (*reader).archive},
		{"#cloud-config-jsonp", []string{"text/cloud-config-jsonp"}, named("a JSON patch of another document is not applied; write the document that it gives")},
		{"#include", []string{"text/x-include-url", "text/x-include-once-url"}, named(notFetched)},
		{"#part-handler", []string{"text/part-handler"}, named("a program that handles other parts of user data, which is not run")},
		{"#upstart-job", []string{"text/upstart-job"}, named("there is no Upstart; run services as pods, by manifests below /var/lib/rancher/k3s/server/manifests")},
	}
}

// kindOf returns the kind of a part, by its type if it has one that is known; false for documents.
func kindOf(text []byte, mime string) (kind, bool) {
	first := firstLine(text)
	all := kinds()
	i := slices.IndexFunc(all, func(k kind) bool { return slices.Contains(k.mimes, mime) })
	if i < 0 {
		i = slices.IndexFunc(all, func(k kind) bool { return k.first != "" && strings.HasPrefix(first, k.first) })
	}
	if i < 0 {
		return kind{}, false
	}
	return all[i], true
}

// named says why a part has no effect.
func named(reason string) func(*reader, part, int) {
	return func(r *reader, p part, _ int) { r.Note(p.at(), "user data: %s", reason) }
}

// program runs a script once. One that installs K3s configures it.
func program(r *reader, p part, depth int) {
	rest, found := withoutK3s(r.Draft, p)
	if found && rest == "" {
		return
	}
	p.text = []byte(rest)
	command.Note(r.Draft, p.at(), "script", rest)
	script("first_run_cmd", true)(r, p, depth)
}

// withoutK3s takes the lines that install K3s out of a script. rest is empty if nothing but them does something.
func withoutK3s(d *draft.Draft, p part) (rest string, found bool) {
	var kept []string
	work := false
	for _, line := range strings.Split(strings.ReplaceAll(string(p.text), "\\\n", " \x00"), "\n") {
		if command.InstallsK3s(d, p.at(), strings.ReplaceAll(line, "\x00", " ")) {
			found = true
			continue
		}
		trimmed := strings.TrimSpace(line)
		work = work || trimmed != "" && !strings.HasPrefix(trimmed, "#") && !strings.HasPrefix(trimmed, "set ")
		kept = append(kept, line)
	}
	if !work {
		return "", found
	}
	return strings.ReplaceAll(strings.Join(kept, "\n"), " \x00", "\\\n"), found
}

// boothook runs at every boot, before the network.
func boothook(r *reader, p part, depth int) {
	if first, rest, _ := strings.Cut(string(p.text), "\n"); strings.HasPrefix(first, "#cloud-boothook") {
		p.text, p.line = []byte(rest), p.line+1
	}
	script("boot_cmd", false)(r, p, depth)
}

// archive is a list of parts in YAML.
func (r *reader) archive(p part, depth int) {
	var doc yaml.Node
	if err := yaml.Unmarshal(p.text, &doc); err != nil || len(doc.Content) == 0 || doc.Content[0].Kind != yaml.SequenceNode {
		r.Refuse(p.at(), "user data: an archive that is no list in YAML")
		return
	}
	for _, item := range r.Items(doc.Content[0]) {
		kind, content := "", item
		if item.Kind == yaml.MappingNode {
			kind, _ = draft.String(draft.Get(item, "type"))
			content = draft.Resolved(draft.Get(item, "content"))
		}
		text, ok := draft.String(content)
		if !ok {
			r.Refuse(&yaml.Node{Line: item.Line + p.line, Column: item.Column}, "user data: an entry of the archive without text")
			continue
		}
		line := p.line + content.Line
		if content.Style&yaml.LiteralStyle == 0 {
			line--
		}
		r.read(part{[]byte(text), strings.ToLower(strings.TrimSpace(kind)), line, true}, depth+1)
	}
}
