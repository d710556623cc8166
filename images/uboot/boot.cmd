# Chooses the slot to start. State: two sectors of the raw partition called state, each with SEQ, GOOD, TRY, LEFT and a checksum.
# The newer valid one is in force; the next state is written over the other, before anything is started.
# U-Boot has set devtype, devnum and distro_bootpart to where this file came from. Not every U-Boot has setexpr, so there is no
# arithmetic here, and the blocks are numbers: a disk keeps its partitions.

setenv block0 {{hex .Block0}}
setenv block1 {{hex .Block1}}

# Some U-Boots store a checksum as a number and others as bytes; a known one tells.
mw.b {{hex .Sum}} 0 10
crc32 {{hex (add .Sum 8)}} 1 {{hex .Sum}}
setenv as_number 0
if itest.b *{{hex .Sum}} == 8d; then setenv as_number 1; fi
{{define "sum" -}}
crc32 {{hex .From}} {{hex .CRCAt}} {{hex .Sum}}
{{.Indent}}if test ${as_number} = 1; then
{{- range $i, $to := .Reversed}}
{{$.Indent}}	cp.b {{hex (add $.Sum $i)}} {{hex $to}} 1
{{- end}}
{{.Indent}}	cp.b {{hex (add .Sum 8)}} {{hex .Sum}} 4
{{.Indent}}fi
{{- end}}
{{range $i, $c := .Copies}}
# Copy {{$i}}: valid{{$i}} is 1, or valid{{$i}} is 0.
setenv valid{{$i}} 0
if ${devtype} dev ${devnum} && ${devtype} read {{hex $c.At}} ${block{{$i}}} 1; then
	{{template "sum" (sum $c.At "\t")}}
	if itest.l *{{hex $.Sum}} == *{{hex (add $c.At $.CRCAt)}} && itest.s *{{hex $c.At}} == {{$.Magic}}; then
		setenv seq{{$i}} -
		setenv good{{$i}}
		setenv try{{$i}}
		setenv left{{$i}} -
{{- range $.Digits}}{{if le . 2}}
		if itest.w *{{hex (add $c.At $.SeqAt)}} == 3{{.}}; then setenv seq{{$i}} {{.}}; fi
{{- end}}
		if itest.w *{{hex (add $c.At $.LeftAt)}} == 3{{.}}; then setenv left{{$i}} {{.}}; fi
{{- end}}
{{- range $.Slots}}
		if itest.w *{{hex (add $c.At $.GoodAt)}} == {{.Code}}; then setenv good{{$i}} {{.Name}}; fi
		if itest.w *{{hex (add $c.At $.TryAt)}} == {{.Code}}; then setenv try{{$i}} {{.Name}}; fi
{{- end}}
		if test "${seq{{$i}}}" != - && test "${good{{$i}}}" != "" && test "${try{{$i}}}" != "" && test "${left{{$i}}}" != -; then setenv valid{{$i}} 1; fi
	fi
fi
{{end}}
# The newer one: 1 follows 0, 2 follows 1, 0 follows 2. A copy of it is what the next state is made of.
setenv good -
setenv try -
setenv left 0
setenv in_force
if test ${valid0} = 1; then
	setenv in_force {{hex (index .Copies 0).At}}
	setenv block ${block1}
	setenv seq ${seq0}
	setenv good ${good0}
	setenv try ${try0}
	setenv left ${left0}
fi
if test ${valid1} = 1; then
	if test ${valid0} = 0 -o "${seq0}${seq1}" = 01 -o "${seq0}${seq1}" = 12 -o "${seq0}${seq1}" = 20; then
		setenv in_force {{hex (index .Copies 1).At}}
		setenv block ${block0}
		setenv seq ${seq1}
		setenv good ${good1}
		setenv try ${try1}
		setenv left ${left1}
	fi
fi
if test "${in_force}" = ""; then echo "proa: neither copy of the boot state is valid; starting whichever slot has files"; fi

setenv tried 0
{{- range .Digits}}
if test ${left} = {{.}}; then setenv tried {{tried .}}; fi
{{- end}}
setenv order -
if test "${try}" != - && test ${left} != 0; then
	cp.b ${in_force} {{hex .Next}} {{hex .Size}}
	if test ${seq} = 0; then mw.b {{hex (add .Next .SeqAt)}} 31; fi
	if test ${seq} = 1; then mw.b {{hex (add .Next .SeqAt)}} 32; fi
	if test ${seq} = 2; then mw.b {{hex (add .Next .SeqAt)}} 30; fi
	setenv after ${left}
{{- range .Digits}}{{if .}}
	if test ${left} = {{.}}; then
		setenv after {{less .}}
		mw.b {{hex (add $.Next $.LeftAt)}} 3{{less .}}
	fi
{{- end}}{{end}}
	setenv left ${after}
	{{template "sum" (sum .Next "\t")}}
	cp.b {{hex .Sum}} {{hex (add .Next .CRCAt)}} 4
	# A try that cannot be counted is no try, unless there is nothing else. A card at the end of its life takes writes and forgets them.
	if ${devtype} write {{hex .Next}} ${block} 1 && ${devtype} read {{hex .Check}} ${block} 1 && cmp.b {{hex .Next}} {{hex .Check}} {{hex .Size}}; then
		echo "proa: trying slot ${try}, tries left after this: ${left}"
		setenv order ${try}
	elif test "${good}" = -; then
		setenv order ${try}
	fi
fi

setenv other -
if test "${try}" = a; then setenv other b; fi
if test "${try}" = b; then setenv other a; fi
for slot in ${order} ${good} ${other} ${try} a b; do
	if test "${slot}" != -; then
		setenv proa_fallback
		if test "${try}" != - && test "${slot}" != "${try}"; then
			setenv proa_fallback "proa.fallback=${try}:${tried}"
			echo "proa: slot ${try} did not come up, tries: ${tried}"
		fi
		if load ${devtype} ${devnum}:${distro_bootpart} {{hex .Script}} slots/${slot}/boot.scr; then
			echo "proa: starting slot ${slot}"
			source {{hex .Script}}
			echo "proa: slot ${slot} cannot be loaded"
		fi
	fi
done

echo "proa: no slot can be loaded; starting over in 30 seconds"
sleep 30
reset
