# Understudy. `make help` lists the targets; the first two are all that a newcomer needs.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
CORE := .venv/bin/python
BLENDER_VERSIONS := 4.2 4.5 5.0
PIP := -m pip --disable-pip-version-check install --quiet
OUT ?= demo
FOOTAGE ?= ../shared/footage

.DEFAULT_GOAL := help
.PHONY: help demo test test-core test-blender test-gui test-long screenshots extension lint bench bench-train bench-convert reference clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

demo: .venv/.ready .venv-bpy-5.0/.ready  ## Swap two portraits' faces, start to finish [A=clip B=clip ITERATIONS=n OUT=folder]
	$(CORE) -m understudy.core demo --output "$(OUT)" --blender-python .venv-bpy-5.0/bin/python \
		$(if $(A),--a "$(A)") $(if $(B),--b "$(B)") $(if $(ITERATIONS),--iterations $(ITERATIONS))

test: test-core test-blender-5.0  ## Rings 1 and 2: the core, and the extension in Blender 5.0

test-core: export PYTEST_ADDOPTS ?= -n 2 --dist loadfile
test-core: .venv/.ready  ## Ring 1: the core, without Blender, in two processes [PYTEST_ADDOPTS=…]
	$(CORE) -m pytest tests/core -m "not long" -q

test-blender: $(BLENDER_VERSIONS:%=test-blender-%)  ## Ring 2 in Blender 4.2, 4.5 and 5.0

test-blender-%: .venv/.ready .venv-bpy-%/.ready
	.venv-bpy-$*/bin/python -m pytest tests/blender -m "not long" -q

test-gui: .venv/.ready  ## Ring 3: a real Blender window (the one in $BLENDER, or one in a Debian chroot)
	tests/gui/run.sh

test-long: .venv/.ready .venv-bpy-5.0/.ready  ## The slow variants of all rings
	$(CORE) -m pytest tests/core -m long -q
	.venv-bpy-5.0/bin/python -m pytest tests/blender -m long -q

screenshots: .venv/.ready  ## Take the pictures in docs/ anew from a real window, in both languages
	UNDERSTUDY_PICTURES=build/pictures UNDERSTUDY_GUI_ITERATIONS=3000 tests/gui/run.sh -k gallery
	$(CORE) tests/gui/pictures.py build/pictures docs/pictures

extension: .venv/.ready  ## Build the zip that Blender installs, into build/
	$(CORE) -m understudy.core.packaging build

lint: .venv/.ready  ## Style and types
	$(CORE) -m ruff check .
	@mkdir -p build/types && ln -sfn ../.. build/types/understudy
	MYPYPATH=build/types $(CORE) -m mypy -p understudy.core

bench: .venv/.ready  ## Print the figures that the README and docs state (an hour) [FOOTAGE=folder]
	$(CORE) benchmarks/decode.py "$(FOOTAGE)/real_talk_720p.mp4"
	$(CORE) benchmarks/store.py
	$(CORE) benchmarks/sorting.py
	$(CORE) benchmarks/extraction.py "$(FOOTAGE)"
	$(CORE) benchmarks/aligners.py --footage "$(FOOTAGE)"
	$(CORE) benchmarks/smoothing.py "$(FOOTAGE)"
	$(CORE) benchmarks/identities.py --footage "$(FOOTAGE)"
	$(CORE) benchmarks/maskers.py
	$(CORE) benchmarks/occlusion.py
	$(CORE) benchmarks/augmentation.py
	$(CORE) benchmarks/watching.py
	$(CORE) benchmarks/trainers.py
	$(MAKE) bench-train
	@mkdir -p build
	$(CORE) benchmarks/extraction_measure.py "$(FOOTAGE)/actor_a.mp4" --alignments build/bench_actor_a.db
	$(MAKE) bench-convert
	for clip in actor_a real_talk_720p; do UNDERSTUDY_CONSENT=1 $(CORE) -m understudy.core extract \
		"$(FOOTAGE)/$$clip.mp4" --alignments build/bench_$$clip.db --faces build/bench_faces/$$clip || exit; done
	$(CORE) benchmarks/faces.py build/bench_faces/actor_a build/bench_faces/real_talk_720p

bench-train: .venv/.ready  ## Print how fast each trainer trains and where a step's time goes [TRAIN=arguments]
	$(CORE) benchmarks/training_speed.py $(TRAIN)

bench-convert: .venv/.ready  ## Print how fast conversion is with each writer and where its time goes [CONVERT=arguments]
	@mkdir -p build
	UNDERSTUDY_CONSENT=1 $(CORE) -m understudy.core extract "$(FOOTAGE)/real_talk_720p.mp4" \
		--alignments build/bench_real_talk_720p.db
	$(CORE) benchmarks/convert_speed.py "$(FOOTAGE)/real_talk_720p.mp4" --alignments build/bench_real_talk_720p.db $(CONVERT)

reference: .venv/.ready  ## Write docs/reference.md from the options
	$(CORE) -m understudy.core.options.reference

clean:  ## Remove environments and everything built
	rm -rf .venv .venv-bpy-* build demo

.venv/.ready: requirements/core.txt requirements/dev.txt requirements/constraints.txt pyproject.toml
	@echo "Setting up .venv (about 2 GB; a minute or more)"
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "Understudy's core needs Python 3.11, 3.12 or 3.13; say which: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(CORE) || $(PYTHON) -m venv .venv
	$(CORE) $(PIP) -r requirements/dev.txt -c requirements/constraints.txt
	$(CORE) $(PIP) --no-deps -e .
	@touch $@

.venv-bpy-%/.ready: requirements/bpy-%.txt
	@echo "Setting up .venv-bpy-$* (Blender $* as a Python module, about 1 GB; needs Python 3.11)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo "Blender's module needs Python 3.11; say where it is: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x .venv-bpy-$*/bin/python || $(PYTHON) -m venv .venv-bpy-$*
	.venv-bpy-$*/bin/python $(PIP) -r requirements/bpy-$*.txt
	@touch $@

.PRECIOUS: .venv/.ready .venv-bpy-%/.ready
