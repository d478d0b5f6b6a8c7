# The project's commands. `make` alone lists them.
# Everything but `check` uses the release profile, so that the dependencies are compiled once.

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
JAVA_VERSIONS := 2.9.4 2.9.6
export JAVA_VERSIONS

.DEFAULT_GOAL := help
.PHONY: help run check fmt crds golden dist images images-load test test-unit test-schema test-peers test-faults test-ha test-ufs test-web test-dist test-kube test-charts test-images test-scale e2e e2e-scale bench

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build, start an embedded cluster in ./run, run the sample program, serve (ONCE=1: stop after the sample)
	scripts/packages.sh build
	cargo build --release --workspace
	$(TARGET_DIR)/release/alluxio local --base-dir ./run $(if $(filter-out 0,$(ONCE)),--once)

check: ## what to run before each commit: format, lints, unit and property tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --workspace --exclude alluxio-tests --quiet

fmt: ## format all Rust files
	cargo fmt --all

crds: ## write crds/ anew from the operator's types
	BLESS=1 cargo test --quiet -p alluxio-operator --lib the_file_in_crds_is_not_stale

golden: ## write operator/tests/golden/ anew from what the operator builds
	BLESS=1 cargo test --quiet -p alluxio-operator --lib golden_

dist: ## the tar.gz with programs, scripts, templates and docs, in target/dist/
	cargo build --release --workspace
	scripts/dist.sh $(TARGET_DIR)/release $(TARGET_DIR)/dist

images: ## the images of master, worker and operator, by docker, podman or buildah (ENGINE=, REGISTRY=, TAG=, BASE=), also as archives in target/images/
	cargo build --release --workspace
	scripts/images.sh build $(TARGET_DIR)/release $(TARGET_DIR)/images

images-load: ## load the images that `make images` made into a cluster: KIND=<cluster>, MINIKUBE=<profile>, CTR=k8s.io
	scripts/images.sh load $(TARGET_DIR)/images

test: ## everything: unit, property, wire-schema, peer, fault, ZooKeeper, HDFS, under-storage, web, installation, API server and chart tests
	scripts/test.sh unit schema peers faults ha ufs web dist kube charts

test-unit: ## unit and property tests
	scripts/test.sh unit

test-schema: ## our .proto files against those of the Java clients
	scripts/test.sh schema

test-peers: ## the original's Java clients against our processes
	scripts/test.sh peers

test-faults: ## kill -9, full disks, damaged journals, bad input, HDFS, what takes minutes (of the operator, too); then random faults of several masters by seed (SEEDS=0..200, ROUNDS=1)
	SEEDS=$(or $(SEEDS),0..200) ROUNDS=$(or $(ROUNDS),1) PAUSES=$(or $(PAUSES),50) scripts/test.sh faults hdfs long random

test-ha: ## several masters, a real ZooKeeper, a journal on a real HDFS
	scripts/test.sh ha

test-ufs: ## under storages as clients see them: Hadoop's contract of a file system, a real HDFS
	scripts/test.sh ufs

test-web: ## the web pages in a headless Chromium, with 100,000 files in a directory; screenshots in target/
	scripts/test.sh web

test-dist: ## the tar.gz as its users meet it: the commands of the docs, and the scripts
	scripts/test.sh dist

test-kube: ## the definition and the operator against a real Kubernetes API server, without nodes (its first build takes six minutes)
	scripts/test.sh kube

test-charts: ## the Helm charts: lint, what they make compared with charts/tests/golden, their life at a real API server; kubectl alluxio
	scripts/test.sh charts

test-images: ## the images: built with buildah, run as a cluster runs them
	scripts/test.sh images

e2e: ## on a real Kubernetes of three nodes, as root; builds it all (the first time about half an hour). ONLY=name: some tests; KEEP=1: the cluster stays
	scripts/test.sh e2e

e2e-scale: ## one operator with 200 clusters on 1,000 nodes that kwok plays, as root (half an hour). E2E_SCALE_CLUSTERS=5 E2E_SCALE_NODES=20 E2E_SCALE_MINUTES=1: two minutes
	scripts/test.sh e2e-scale

test-scale: ## a tree of 1,000,000 files (some minutes, 2 GB of memory)
	scripts/test.sh scale

bench: ## memory, start and rates, ours beside the original's, as in docs/benchmarks.md (10 minutes; BENCH=--quick: seconds)
	scripts/packages.sh build java
	cargo build --release --workspace
	$(TARGET_DIR)/release/alluxio-bench --json $(TARGET_DIR)/benchmarks.json $(BENCH)
