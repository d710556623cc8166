# Loads and starts slot {{.Slot}}; comes back when that cannot be done. boot.scr has set devtype, devnum, distro_bootpart and proa_fallback.

# The shell would take a command line out of a variable apart once more, so the word is put in without it.
setenv bootargs {{quote .Cmdline}}
setexpr bootargs sub {{.Fallback}} "${proa_fallback}"

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
