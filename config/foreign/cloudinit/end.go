package cloudinit

import (
	"strings"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/field"
)

func (r *reader) phoneHome(p draft.Pair) {
	f := r.Fields(p.Value, "phone_home", field.Known{"url": "", "post": "", "tries": ""})
	url, ok := f["url"]
	if !ok {
		r.Note(p.At, "phone_home: without a url nothing is sent")
		return
	}
	r.Text(url, "phone_home", "url")
	if post, ok := f["post"]; ok {
		r.postFields(post)
	}
	if tries, ok := f["tries"]; ok {
		if n, ok := draft.Number(tries.Value); ok {
			r.Set(draft.Int(tries.Value, n), "phone_home", "tries")
		} else {
			r.Refuse(tries.Value, "phone_home: tries: want a number")
		}
	}
}

func (r *reader) postFields(p draft.Pair) {
	for _, w := range r.Words(p.Value, ", ", "phone_home: post") {
		switch w.Value {
		case "all":
		case "pub_key_dsa":
			r.Note(w, "phone_home: there is no DSA key")
		default:
			if r.Fits(w, "phonefield", "phone_home: post") { // one that does not would cost the others
				r.Append(w, "phone_home", "post")
			}
		}
	}
}

// finalMessage has variables, which are replaced when it is printed.
func (r *reader) finalMessage(p draft.Pair) {
	s, ok := draft.String(p.Value)
	if !ok {
		r.Refuse(p.Value, "final_message: want text")
		return
	}
	r.Set(draft.Text(p.Value, s), "final_message")
}

var powerActions = map[string]string{"reboot": "reboot", "poweroff": "poweroff", "halt": "poweroff"}

func (r *reader) powerState(p draft.Pair) {
	f := r.Fields(p.Value, "power_state", field.Known{"mode": "", "delay": "", "message": "", "condition": "",
		"timeout": "the machine waits until first_run_cmd has ended"})
	mode, ok := f["mode"]
	s, _ := draft.String(mode.Value)
	action := powerActions[strings.TrimSpace(s)]
	switch {
	case !ok:
		r.Refuse(p.At, "power_state: mode is missing: reboot or poweroff")
	case action == "":
		r.Refuse(mode.Value, "power_state: mode: want reboot, poweroff or halt")
	case r.holds(f["condition"]):
		if s == "halt" {
			r.Note(mode.Value, "power_state: mode: halt switches the machine off")
		}
		r.Set(draft.Text(mode.Value, action), "power", "action")
		r.delay(f["delay"])
		if m, ok := f["message"]; ok {
			r.Text(m, "power", "message")
		}
	}
}

// holds reads a condition. A command as condition is not asked: the machine stays as it is.
func (r *reader) holds(p draft.Pair) bool {
	if p.Value == nil {
		return true
	}
	if truth, ok := draft.Truth(p.Value); ok {
		return truth
	}
	r.Note(p.Value, "power_state: condition: a command is not asked; the machine is not restarted; put reboot behind the command in first_run_cmd")
	return false
}

// delay is a number of minutes, +MINUTES or now; the schema has minutes.
func (r *reader) delay(p draft.Pair) {
	if p.Value == nil {
		return
	}
	s, _ := draft.String(p.Value)
	if s = strings.TrimPrefix(strings.TrimSpace(s), "+"); s == "now" || s == "" {
		return
	}
	if n, ok := draft.Number(draft.Text(p.Value, s)); ok {
		r.Set(draft.Int(p.Value, n), "power", "delay")
		return
	}
	r.Refuse(p.Value, "power_state: delay: want a number of minutes, or now")
}
