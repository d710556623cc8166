package cloudinit

import (
	"strings"

	"github.com/proa-os/proa/config/foreign/command"
	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/ifupdown"
)

// bootCommands run at every boot, before the network.
func (r *reader) bootCommands(p draft.Pair) { r.script(p, "boot_cmd") }

// runCommands run once, at the first boot. A restart among them is done when all have ended, so that none is cut short.
func (r *reader) runCommands(p draft.Pair) { r.script(p, "first_run_cmd") }

// script makes one command of a list, as cloud-init makes one script.
func (r *reader) script(p draft.Pair, key string) {
	var kept []command.Command
	for _, c := range command.Lines(r.Draft, p.Key, p.Value) {
		c.Text = per(c.Text)
		switch action, delay := command.Restart(c.Text); {
		case command.InstallsK3s(r.Draft, c.At, c.Text), command.LoadsModule(r.Draft, c.At, c.Text), ifupdown.Command(r.Draft, c.Text, c.At):
		case action != "" && key == "first_run_cmd":
			r.Set(draft.Text(c.At, action), "power", "action")
			r.Set(draft.Int(c.At, delay), "power", "delay")
		default:
			command.Note(r.Draft, c.At, p.Key, c.Text)
			kept = append(kept, c)
		}
	}
	text := command.Join(kept)
	if len(kept) == 0 || !command.Script(r.Draft, kept[0].At, text) {
		return
	}
	if key == "first_run_cmd" {
		text = command.Once(text)
	}
	r.Append(draft.Text(kept[0].At, text), key)
}

// per replaces a call of cloud-init-per, which is not here, by what it does: it runs a command at every boot (always),
// or until it has succeeded once (instance, once).
func per(line string) string {
	program, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	words := strings.SplitN(strings.TrimSpace(rest), " ", 3)
	if !strings.HasSuffix(program, "cloud-init-per") || len(words) < 3 {
		return line
	}
	frequency, name, call := words[0], words[1], words[2]
	if frequency == "always" {
		return call
	}
	mark := "/var/lib/cloud/sem/" + command.Quote("bootper."+name+"."+frequency)
	return "[ -e " + mark + " ] || { " + call + " && mkdir -p /var/lib/cloud/sem && touch " + mark + "; }"
}
