# make test   installs what the tests need where it may, and runs them all
# make soak   runs what is counted in thousands: 10,000 schedules of faults, all mutants,
#             2,000 values of each property, and the packages of a release, 10,000 histories
# make searches  holds searches on a real Slurm against exhaustive measurements
# make worlds runs the rule of searches on seeded worlds, and keeps the table
# make faults runs campaigns, and searches, through FAULTS schedules of faults
# make bench  measures against floors and rivals, and keeps what it saw
# make fuzz   runs every fuzz target for FUZZTIME
# make calibrate  fits the estimator to published runs and scores it
# make release  builds archives, Debian packages and checksums in dist/
# make ci     what .ci/run runs

GO ?= go
FUZZTIME ?= 60s
FAULTS ?= 10000
PACKAGES = slurmctld slurmd slurm-client munge libpmix-dev slurmdbd mariadb-server shellcheck chromium fonts-dejavu-core squashfs-tools strace python3 git gcc libc6-dev

# The tests that break a real Slurm, one part after another.
DRILLS = ^TestDrills
ON_SLURM = ^TestOnSlurm

.PHONY: test test-drills test-drills-unaccounted test-slurm test-others test-properties deps check soak faults mutants properties worlds searches bench build fuzz calibrate ci

# Tests on a real Slurm wait more than they work: the drills with and without
# accounting, the other tests on Slurm and all the rest run side by side.
test: deps
	@$(MAKE) --no-print-directory --keep-going --jobs=5 --output-sync test-drills test-drills-unaccounted test-slurm test-others test-properties

test-drills:
	$(GO) test -race -timeout=14m -run '$(DRILLS)$$' ./cmd/llmbench

test-drills-unaccounted:
	$(GO) test -race -timeout=14m -run '$(DRILLS)WithoutAccounting$$' ./cmd/llmbench

test-slurm:
	$(GO) test -race -timeout=14m -run '$(ON_SLURM)' ./cmd/llmbench ./executors/slurm

test-others:
	$(GO) test -race -shuffle=on -timeout=14m -skip '$(DRILLS)|$(ON_SLURM)' $(filter-out $(SEEDED),$(shell $(GO) list ./...))

# Properties draw the same values each time; `make soak` draws others.
SEEDED = $(sort $(shell $(GO) list -f '{{range .TestImports}}{{if eq . "pgregory.net/rapid"}}{{$$.ImportPath}} {{end}}{{end}}{{range .XTestImports}}{{if eq . "pgregory.net/rapid"}}{{$$.ImportPath}} {{end}}{{end}}' ./...))

test-properties:
	$(GO) test -race -shuffle=on -timeout=14m -skip '$(ON_SLURM)' $(SEEDED) -rapid.seed=1

# Slurm runs the tests of the Slurm executor, Chromium looks at the report. Where
# they cannot be installed those tests are skipped and say so;
# LLMBENCH_REQUIRE_SLURM=1 and LLMBENCH_REQUIRE_CHROMIUM=1 make that a failure.
deps:
	@missing=; for c in slurmctld slurmdbd mariadbd munged shellcheck chromium mksquashfs strace python3 git gcc; do command -v $$c >/dev/null || missing="$$missing $$c"; done; \
	ls /usr/lib/*/pmix2/lib/libpmix.so >/dev/null 2>&1 || missing="$$missing pmix"; \
	if [ -z "$$missing" ]; then \
	  :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing what the tests need: $(PACKAGES)"; \
	  DEBIAN_FRONTEND=noninteractive apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES) >/dev/null || \
	  echo "Not all could be installed; the tests that need$$missing will be skipped."; \
	else \
	  echo "Not installed:$$missing. This user may not install them (apt-get install $(PACKAGES)); the tests that need them will be skipped."; \
	fi

check:
	@unformatted=$$(gofmt -l cmd plan schema executors examples); if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) mod tidy -diff
	$(GO) test -run '^TestImportsGoOneWay$$' ./cmd/llmbench

build:
	CGO_ENABLED=0 GOOS=linux GOARCH=amd64 $(GO) build -o /dev/null ./...
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 $(GO) build -o /dev/null ./...
	CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 $(GO) build -o /dev/null ./...

soak: faults mutants properties worlds searches release-check

# The rule of searches on seeded worlds; keeps the table.
worlds:
	$(GO) test -count=1 -run '^TestWorlds$$' ./plan/search -v -worlds.n=500 -worlds.table
	$(GO) test -count=1 -run '^TestWorlds$$' ./plan/search -v -worlds.first=1001 -worlds.n=1000

properties:
	$(GO) test -count=1 -timeout=60m $(SEEDED) -rapid.checks=2000
	$(GO) test -count=1 ./plan/noise -histories=10000

# Searches on a real Slurm against exhaustive measurements.
searches:
	$(GO) test -count=1 -timeout=60m -run '^TestOnSlurmSearch$$' ./cmd/llmbench -v -searches=20

# Seeded schedules of faults: of Slurm's, its jobs' and our own.
faults:
	$(GO) test -count=1 -timeout=60m -run '^TestFaults' ./executors/slurm -faults.n=$(FAULTS) -faults.searches=$$(($(FAULTS) / 5))
	$(GO) test -count=1 -timeout=60m -run '^TestRoundsAfterKills$$' ./plan -schedules=$(FAULTS)

# One-line mutants that the tests of their own package must notice.
mutants:
	$(GO) test -count=1 -timeout=60m -run '^TestMutants$$' ./cmd/llmbench -mutants -v

BENCHES = testdata/bench/$(shell date -u +%F).txt
LAST = $(lastword $(filter-out $(BENCHES),$(sort $(wildcard testdata/bench/*.txt))))
ROUNDS ?= 5

# Each round of a command is a process of its own.
bench:
	$(GO) test -run '^$$' -bench . -benchtime=1x -count=$(ROUNDS) -timeout=120m ./cmd/llmbench | tee $(BENCHES)
	$(GO) test -run '^$$' -bench . -count=$(ROUNDS) -p=1 -timeout=120m ./schema ./plan/... ./executors/... | tee -a $(BENCHES)
	$(GO) tool benchstat -col /of $(BENCHES)
	@if [ -n "$(LAST)" ]; then $(GO) tool benchstat $(LAST) $(BENCHES); fi
	@grep MISSED $(BENCHES) | sort | uniq -c

fuzz:
	@grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z]*' . | while IFS=: read -r file func; do \
	  echo "$${func#func } ($$(dirname $$file))"; \
	  $(GO) test -run '^$$' -fuzz "^$${func#func }$$" -fuzztime $(FUZZTIME) $$(dirname $$file) </dev/null || exit 1; \
	done

# Fits the estimator to testdata/calibration/rows.csv; takes minutes.
calibrate:
	$(GO) run ./plan/estimate/calibrate

# Archives, Debian packages and checksums in dist/.
release:
	.ci/release

# Two builds byte for byte, the deb in a clean chroot, the arm64 binary emulated.
release-check:
	.ci/release-check

ci:
	bash .ci/run
