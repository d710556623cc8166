# Chooses the slot to start. State: two sectors of the raw partition called state, each with SEQ, GOOD, TRY, LEFT and a checksum.
# The newer valid one is in force; the next state is written over the other, before anything is started.
# U-Boot has set devtype, devnum and distro_bootpart to where this file came from.

setenv state_start
if ${devtype} dev ${devnum}; then part start ${devtype} ${devnum} state state_start; fi
{{range $i, $c := .Copies}}
# Copy {{$i}}: valid{{$i}} is 1 and seq{{$i}} its number, or valid{{$i}} is 0.
setenv valid{{$i}} 0
setenv block{{$i}}
if test "${state_start}" != ""; then setexpr block{{$i}} ${state_start} + {{hex $c.Block}}; fi
if test "${block{{$i}}}" != "" && ${devtype} read {{hex $c.At}} ${block{{$i}}} 1; then
	crc32 {{hex $c.At}} {{hex $.CRCAt}} {{hex $.Sum}}
	if itest.l *{{hex $.Sum}} == *{{hex (add $c.At $.CRCAt)}} && itest.s *{{hex $c.At}} == {{$.Magic}}; then
		setexpr.s seq{{$i}} *{{hex (add $c.At $.SeqAt)}}
		setexpr.s good *{{hex (add $c.At $.GoodAt)}}
		setexpr.s try *{{hex (add $c.At $.TryAt)}}
		setexpr.s left *{{hex (add $c.At $.LeftAt)}}
		if test "${seq{{$i}}}" = 0 -o "${seq{{$i}}}" = 1 -o "${seq{{$i}}}" = 2; then
			if test "${good}" = - -o "${good}" = a -o "${good}" = b; then
				if test "${try}" = - -o "${try}" = a -o "${try}" = b; then
					if test "${left}" = 0 -o "${left}" = 1 -o "${left}" = 2 -o "${left}" = 3; then setenv valid{{$i}} 1; fi
				fi
			fi
		fi
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
fi
if test ${valid1} = 1; then
	if test ${valid0} = 0 -o "${seq0}${seq1}" = 01 -o "${seq0}${seq1}" = 12 -o "${seq0}${seq1}" = 20; then
		setenv in_force {{hex (index .Copies 1).At}}
		setenv block ${block0}
	fi
fi
if test "${in_force}" != ""; then
	cp.b ${in_force} {{hex .Next}} {{hex .Size}}
	setexpr.s seq *{{hex (add .Next .SeqAt)}}
	setexpr.s good *{{hex (add .Next .GoodAt)}}
	setexpr.s try *{{hex (add .Next .TryAt)}}
	setexpr.s left *{{hex (add .Next .LeftAt)}}
else
	if test "${state_start}" = ""; then
		echo "proa: no partition of ${devtype} ${devnum} is called state; starting whichever slot has files"
	else
		echo "proa: neither copy of the boot state is valid; starting whichever slot has files"
	fi
fi

setexpr tried {{.MaxTries}} - ${left}
setenv order -
if test "${try}" != - && test ${left} != 0; then
	setexpr seq ${seq} + 1
	if test ${seq} = 3; then setenv seq 0; fi
	setexpr left ${left} - 1
	setexpr letter 30 + ${seq}
	mw.b {{hex (add .Next .SeqAt)}} ${letter}
	setexpr letter 30 + ${left}
	mw.b {{hex (add .Next .LeftAt)}} ${letter}
	crc32 {{hex .Next}} {{hex .CRCAt}} {{hex (add .Next .CRCAt)}}
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
