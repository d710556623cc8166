# Short names for `go run ./build …`. Every target is phony: folders are named init, build, images, config.
include build/go.env
export CGO_ENABLED GOFLAGS
BOARD ?= pc
PROA  := go run ./build
# Packages that compile without Kubernetes.
LIGHT := ./config/... ./boards/... ./images/... ./overlay/... ./init/... ./build/...

BOARDS := $(patsubst boards/%/board.yaml,%,$(wildcard boards/*/board.yaml))

.NOTPARALLEL: # the steps of a target share the cores already; MAKEFLAGS=-j of the user would mix their output
.PHONY: help iso disk sd slot boards run test unit vet check-schema fuzz e2e e2e-tables e2e-install e2e-cuts e2e-power e2e-upgrade e2e-fallback e2e-boards e2e-faults e2e-full bench verify lock clean bench-fleet bench-delta e2e-kills
help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

iso: ## out/pc/proa-pc.iso: CD and USB, BIOS and UEFI
	$(PROA) build $(BOARD) iso
disk: ## out/pc/proa-pc.img: raw disk with slots a and b
	$(PROA) build $(BOARD) disk
sd: ## out/rpi3/proa-rpi3.img.zst with BOARD=rpi3: SD card with slots a and b, compressed
	$(PROA) build $(BOARD) sd
slot: ## out/pc/proa-pc.slot: the slot file for an upgrade
	$(PROA) build $(BOARD) slot
boards: ## every image of every board
	for board in $(BOARDS); do $(PROA) build $$board || exit; done
run: ## boot the disk image in QEMU, wait for Ready, say how to reach it
	$(PROA) run $(BOARD)
test: vet unit e2e ## everything: vet, laws, unit, golden, oracle tests, then the images in QEMU
vet:
	go vet $(LIGHT)
	for arch in arm64 arm; do GOARCH=$$arch go vet ./config/... ./images/... ./init/... || exit; done
unit: ## laws, unit, golden and oracle tests
	$(PROA) tool -- go test $(LIGHT) ./k3s/...
check-schema: ## judge config/schema.json and our documents with the YAML language server; needs node and npm
	cd config/schema/check && npm ci --ignore-scripts --no-audit --no-fund && node check.mjs
FUZZTIME ?= 10m
fuzz: ## fuzz all that reads what users wrote, FUZZTIME=10m each, with one worker
	grep -rlE '^func Fuzz' --include=*_test.go config init images build | while read file; do sed -n 's/^func \(Fuzz[A-Za-z]*\).*/\1/p' $$file | while read name; do \
		$(PROA) tool -- go test ./$$(dirname $$file) -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -parallel 1 </dev/null || exit; done || exit; done
e2e: iso disk ## boot the images in QEMU, run a pod
	PROA_E2E=ci $(PROA) tool -- go test -count=1 -parallel 2 -timeout 80m -v ./build/e2e
e2e-fallback: disk slot ## eight broken slots that must fall back, with both boot loaders of a PC
	PROA_E2E=fallback $(PROA) tool -- go test -count=1 -timeout 4h -v -run 'TestFallback|TestLastLines' ./build/e2e
e2e-tables: ## have the kernel read every partition table that a power cut can leave
	PROA_E2E=tables $(PROA) tool -- go test -count=1 -timeout 30m -v -run TestTables ./build/e2e
e2e-install: iso ## install from the ISO: by the screen on both consoles, stopped in the middle, without anybody
	PROA_E2E=install $(PROA) tool -- go test -count=1 -parallel 2 -timeout 3h -v -run TestInstall ./build/e2e
e2e-cuts: disk ## power cuts in first boot, in image import and while data grows; PROA_CUTS, PROA_SEED; hours
	for scope in first-boot-cuts import-cuts grow-cuts; do PROA_E2E=$$scope $(PROA) tool -- go test -count=1 -parallel 2 -timeout 6h -v -run TestPowerCuts ./build/e2e || exit; done
e2e-upgrade: disk slot ## upgrade a machine from a web server and back; bad releases and servers, rehearsal, soft swap, a site; hours
	for scope in upgrade rehearsal softswap peers; do PROA_E2E=$$scope $(PROA) tool -- go test -count=1 -timeout 4h -v ./build/e2e || exit; done
e2e-kills: disk slot ## end the engine of upgrades at every named point in four ways, kill it 200 times, and engine, k3s and QEMU of a machine 60 times; an hour
	PROA_E2E=kills $(PROA) tool -- go test -count=1 -timeout 2h -v -run 'TestFaults|TestKills' ./init/upgrade
	PROA_E2E=kills $(PROA) tool -- go test -count=1 -timeout 4h -v -run TestKillsUpgrade ./build/e2e
POWERBOARDS := pc arm64-uefi arm64-virt armv7-virt rpi3
e2e-power: ## every disk that a power cut can leave during an upgrade, by model; 50 booted for each boot chain; hours
	for board in $(POWERBOARDS); do $(PROA) build $$board || exit; done
	PROA_E2E=power $(PROA) tool -- go test -count=1 -timeout 12h -v -run TestPowerCutsUpgrade ./build/e2e
e2e-boards: boards ## the ARM images: boot, become Ready, fall back from broken slots; hours
	for scope in boards arm run fallback-boards module wifi; do PROA_E2E=$$scope $(PROA) tool -- go test -count=1 -timeout 6h -v ./build/e2e || exit; done
e2e-faults: disk slot ## power cuts, damaged roots, wrong clocks, moved cables, a full disk: Ready again each time; hours
	for scope in tables first-boot-cuts import-cuts grow-cuts takeover takeover-full after-good after-good-full clock mistakes faults; do PROA_E2E=$$scope $(PROA) tool -- go test -count=1 -parallel 2 -timeout 12h -v ./build/e2e || exit; done
e2e-full: boards ## all of that, and volumes, power cuts, broken configs
	PROA_E2E=full $(PROA) tool -- go test -count=1 -parallel 2 -timeout 12h -v ./build/e2e
bench: disk iso slot ## the tables of docs/figures.md: sizes, times, memory
	$(PROA) bench $(BOARD)
	$(PROA) tool -- go run ./build/bench/memory out/$(BOARD)/proa-$(BOARD).slot
bench-delta: ## what upgrades fetch and cost, for eight pairs of releases that it builds; hours
	$(PROA) tool -- go run ./build/bench/delta $(PAIRS)
bench-fleet: ## 10 000 simulated machines that upgrade from one nginx: requests, bytes, time
	$(PROA) tool -- go run ./build/bench/fleet $(FLEET)
KIND ?= iso
verify: ## build again in another directory and compare bytes; BOARD=rpi3 KIND=sd for another image
	$(PROA) verify $(BOARD) $(KIND)
lock: ## update build/pin to the newest packages
	$(PROA) lock
clean: ## remove out/ (the cache is in the user's cache directory)
	rm -rf out
