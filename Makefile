# make demo: set up and run the whole workflow on the demonstration corpus.  make test: set up and run the tests.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
CORES  ?= 2
GROUPS := workflow,media,speech,vision,learning,paper,demo,dev

SNAKEMAKE_DEMO := $(BIN)/snakemake --profile demo --cores $(CORES)

.PHONY: help setup envs demo test test-workflow test-rest check audit why plan report overlay avatar talk judge clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

setup: $(VENV)/installed  ## make the virtual environment (pip, pinned by constraints.txt)

$(VENV)/installed: pyproject.toml constraints.txt bundled.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] < (3, 13) else "Python 3.11 or 3.12 is needed; write: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[$(GROUPS)]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement bundled.txt
	touch $@

demo: setup  ## from a channel to tables and figures, on a corpus the project makes
	$(BIN)/python -m nonverbal.demo.serve results/demo/corpus -- $(SNAKEMAKE_DEMO) all truth

envs: setup  ## build every environment of envs/ without conda, and import in each what its rules import
	$(BIN)/python -m nonverbal.environments check

test: setup  ## lint, types and tests
	$(MAKE) check
	$(MAKE) --jobs=2 --keep-going test-workflow test-rest

# The workflow's jobs wait for each other, so that one core would idle.
test-workflow:
	$(BIN)/python -m pytest tests/test_workflow.py

test-rest:
	$(BIN)/python -m pytest --ignore tests/test_workflow.py

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check nonverbal scripts tests benchmarks
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/mypy

audit: setup  ## re-hash every result of the demonstration: verified, changed, stale, missing or orphan
	$(BIN)/python -m nonverbal.provenance.audit results/demo --snakemake "$(SNAKEMAKE_DEMO)"

plan: setup  ## what a run of config.yaml will cost; OPTIONS="--pilot COST.json": at the rates of a run of yours
	$(BIN)/python -m nonverbal.provenance.plan config.yaml $(OPTIONS)

why: setup  ## CELL=TABLE.csv:ROW:COLUMN: what a number was made from, as results/demo/paper/table3.csv:ours:face_vmse
	@$(if $(CELL),,$(error write: make why CELL=results/demo/paper/table3.csv:ours:face_vmse))
	@$(BIN)/python -m nonverbal.provenance why $(CELL)

report: setup  ## one HTML page of the demonstration: results/demo/report/report.html
	$(BIN)/python -m nonverbal.demo.serve results/demo/corpus -- $(SNAKEMAKE_DEMO) report

overlay: setup  ## CLIP=id: a clip with boxes, who speaks, words and tokens drawn on it, as overlay.mp4
	@$(if $(CLIP),,$(error write: make overlay CLIP=ID; results/demo/speech/annotations/ has the ids))
	$(BIN)/python -m nonverbal.views overlay results/demo $(CLIP) overlay.mp4

avatar: setup  ## CLIP=id: a clip beside avatars that its parameters drive, as avatar.mp4
	@$(if $(CLIP),,$(error write: make avatar CLIP=ID; results/demo/speech/annotations/ has the ids))
	$(BIN)/python -m nonverbal.views avatar results/demo $(CLIP) avatar.mp4

talk: export SENTENCE := $(value SAY)
talk: setup  ## SAY="text": what MARS answers, in words, face and body, as talk.mp4; OPTIONS="--temperature 1 --seed 2"
	@$(if $(value SAY),,$(error write: make talk SAY="a sentence"))
	$(BIN)/python -m nonverbal.talk $(OPTIONS) -- results/demo "$$SENTENCE" talk.mp4

judge: setup  ## a page in your browser on which people check what the filters decided; OPTIONS="--port 0"
	$(BIN)/python -m nonverbal.judge results/demo $(OPTIONS)

clean:  ## remove results and the virtual environment
	rm -rf results .snakemake .environments $(VENV)
