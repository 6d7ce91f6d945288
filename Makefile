# make            build bin/jcs
# make demo       diagnose a synthetic study, or make demo CT=path for another
# make test       every test but the long ones; installs Debian packages if needed
# make test-long  the long ones: the full networks at their full sizes
# make test-onnx  exports in ONNX Runtime, which npm installs
# make test-avx2  the engine and the networks held to AVX2
# make test-readers    geometry and voxels against other people's readers
# make lint       formatting, vet, layer rules, doc comments
# make fuzz       each fuzz target for FUZZTIME
# make fuzz-long  each fuzz target for FUZZRUNS executions, its corpus kept
# make fuzz-dicom N=100000  as many damaged DICOM files, and a table of what came of them
# make clean      remove what make made

.PHONY: build deps demo test test-long test-onnx test-avx2 test-readers test-race test-nocgo fuzz fuzz-long fuzz-dicom onnxruntime lint clean

CT ?=
DEMO ?= demo
FUZZTIME ?= 10s
N ?= 100000
FUZZRUNS ?= 10000000
FUZZ ?= ^Fuzz

# Test packages run side by side, each with threads of its own. Threads that
# spin at OpenMP's barriers while others wait for a processor cost minutes.
test test-long test-onnx test-avx2 test-readers test-race fuzz fuzz-long: export OMP_WAIT_POLICY = passive

# Rooms without numerics of minutes: the race detector is ten times slower.
RACE = ./ct ./dataset ./evaluate ./findings ./picture ./weights ./internal/dcmtk

build: deps
	go build -o bin/jcs ./cmd/jcs

deps:
	@tools/deps

# A path given as CT may hold blanks, so it goes through the environment.
demo: export STUDY = $(CT)
demo: build
	@rm -rf '$(DEMO)' && mkdir -p '$(DEMO)'
	@if [ -z "$$STUDY" ]; then bin/jcs phantom --out '$(DEMO)/study'; fi
	bin/jcs diagnose "$${STUDY:-$(DEMO)/study}" --out '$(DEMO)/result'
	@echo 'Look at $(DEMO)/result/sheet.png first.'

test: deps
	go test ./...

test-long: deps
	go test -tags long -timeout 30m ./network

# ONNX Runtime is an independent judge of what is exported.
test-onnx: deps onnxruntime
	go test -tags long -timeout 30m -run 'Exports|ANorm' ./network

# What most processors have; those of CI may have more. -count 1, as Go's cache
# of results does not see which kernels the library chose.
test-avx2: deps
	DNNL_MAX_CPU_ISA=AVX2 go test -count 1 ./nn ./network

# dcm2niix with nibabel, and pydicom with GDCM, judge what is read.
test-readers: deps
	tools/deps dcm2niix python3-nibabel python3-pydicom python3-gdcm
	go test -tags readers -timeout 30m -run Readers ./ct

onnxruntime: bench/onnxruntime/node_modules/.package-lock.json

bench/onnxruntime/node_modules/.package-lock.json: bench/onnxruntime/package-lock.json
	@command -v npm >/dev/null || tools/deps nodejs npm
	npm --prefix bench/onnxruntime ci
	@touch $@

test-race: deps
	go test -race -short $(RACE)

# Without cgo there is no DICOM and only the plain Go engine.
test-nocgo:
	CGO_ENABLED=0 go build ./...
	CGO_ENABLED=0 go test -short ./...

# Go ends some runs with "context deadline exceeded" when their time is over and
# a worker is slow to stop, so each may fail once: an input that was found to fail
# is kept below testdata and fails the second run at once.
fuzz: deps
	@set -e; for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package || \
				go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package; \
		done; \
	done

fuzz-long: deps
	tools/fuzz-long $(FUZZRUNS) '$(FUZZ)'

# The same files every time: 2,000 of them are in every run of the tests.
fuzz-dicom: deps
	JCS_MUTATIONS=$(N) go test ./ct -run '^TestMutatedFilesEndInAKnownOutcome$$' -count 1 -timeout 6h -v

lint: deps
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
		if [ -n "$$unformatted" ]; then echo "run gofmt -w on:" $$unformatted; exit 1; fi
	@stray=$$(git grep -l '^import "C"' -- '*.go' ':!internal/onednn' ':!internal/kernel' ':!internal/winograd' ':!internal/dcmtk' || true); \
		if [ -n "$$stray" ]; then echo "cgo lives in internal/onednn, internal/kernel, internal/winograd and internal/dcmtk, not in:" $$stray; exit 1; fi
	go vet ./...
	go tool -modfile tools/go.mod golangci-lint run

clean:
	rm -rf bin bench/onnxruntime/node_modules '$(DEMO)'
