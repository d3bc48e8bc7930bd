# make test   installs what the tests need where it may, and runs them all
# make faults runs campaigns through 10,000 schedules of faults
# make bench  measures; figures are ratios within one run
# make fuzz   runs every fuzz target for FUZZTIME
# make calibrate  fits the estimator to published runs and scores it
# make ci     what .ci/run runs

GO ?= go
FUZZTIME ?= 60s
PACKAGES = slurmctld slurmd slurm-client munge libpmix-dev slurmdbd mariadb-server shellcheck

.PHONY: test deps check faults bench build fuzz calibrate ci

test: deps
	$(GO) test -race -shuffle=on -timeout=14m ./...

# Slurm runs the tests of the Slurm executor. Where it cannot be installed they
# are skipped and say so; LLMBENCH_REQUIRE_SLURM=1 makes that a failure.
deps:
	@if command -v slurmctld >/dev/null && command -v slurmdbd >/dev/null && command -v mariadbd >/dev/null && command -v munged >/dev/null && command -v shellcheck >/dev/null && ls /usr/lib/*/pmix2/lib/libpmix.so >/dev/null 2>&1; then \
	  :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing Slurm for the tests: $(PACKAGES)"; \
	  DEBIAN_FRONTEND=noninteractive apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES) >/dev/null || \
	  echo "Slurm could not be installed; its tests will be skipped."; \
	else \
	  echo "Slurm is not installed, and this user may not install it (apt-get install $(PACKAGES)); its tests will be skipped."; \
	fi

check:
	@unformatted=$$(gofmt -l cmd plan schema executors examples); if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

build:
	CGO_ENABLED=0 GOOS=linux GOARCH=amd64 $(GO) build -o /dev/null ./...
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 $(GO) build -o /dev/null ./...

# Ten thousand seeded schedules of faults: of Slurm's, its jobs' and our own.
faults:
	$(GO) test -count=1 -run '^TestFaults$$' ./executors/slurm -faults.n=10000

bench:
	$(GO) test -run '^$$' -bench . -benchtime 3x ./plan/... ./schema/... ./executors/...

fuzz:
	@grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z]*' . | while IFS=: read -r file func; do \
	  echo "$${func#func } ($$(dirname $$file))"; \
	  $(GO) test -run '^$$' -fuzz "^$${func#func }$$" -fuzztime $(FUZZTIME) $$(dirname $$file) </dev/null || exit 1; \
	done

# Fits the estimator to testdata/calibration/rows.csv; takes minutes.
calibrate:
	$(GO) run ./plan/estimate/calibrate

ci:
	bash .ci/run
