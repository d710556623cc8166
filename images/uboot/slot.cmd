# Loads and starts slot {{.Slot}}; comes back when that cannot be done. boot.scr has set devtype, devnum, distro_bootpart and proa_fallback.

# The shell takes a command apart once more where it has put a variable in, so the word comes in without one.
setenv bootargs {{quote .Cmdline}}
{{- range .Fallbacks}}
if test "${proa_fallback}" = {{.}}; then setenv bootargs {{quote (print $.Cmdline " " .)}}; fi
{{- end}}

{{if .DTB -}}
setenv fdt
if load ${devtype} ${devnum}:${distro_bootpart} {{hex .FDT}} slots/{{.Slot}}/dtb/{{.DTB}}; then setenv fdt {{hex .FDT}}; fi
{{- else -}}
setenv fdt ${ {{- .FirmwareDTB -}} }
{{- end}}
if test "${fdt}" != "" && load ${devtype} ${devnum}:${distro_bootpart} {{hex .Kernel}} slots/{{.Slot}}/vmlinuz; then
	setenv kernel_comp_addr_r {{hex .Comp}}
	setenv kernel_comp_size ${filesize}
	if load ${devtype} ${devnum}:${distro_bootpart} {{hex .Initrd}} slots/{{.Slot}}/initrd; then
		{{.Start}} {{hex .Kernel}} {{hex .Initrd}}:${filesize} ${fdt}
	fi
fi
