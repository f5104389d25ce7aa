# Everything a person runs. `make help` lists it.
SHELL := /bin/sh
.DEFAULT_GOAL := help
STACK ?= dev
# Another stack than dev is played on this machine, unless a person says where else.
CLUSTER ?= $(if $(filter dev,$(STACK)),embedded,engine)
INSTANCE ?=
# STATE=embedded: with CLUSTER=current, Pulumi's state stays on this machine.
STATE ?=
# Of another endpoint: only a STACK that a person named says something about it.
VERIFY = bin/local-llm verify --url "$(URL)" $(if $(filter file,$(origin STACK)),,--stack $(STACK)) $(if $(KEY_ENV),--key-env $(KEY_ENV))
URL ?=
KEY_ENV ?=
PYTHON := .venv/bin/python
DEV = $(PYTHON) -m dev --cluster $(CLUSTER) --stack $(STACK) $(if $(INSTANCE),--instance $(INSTANCE)) $(if $(STATE),--state $(STATE))
# Most tests wait for something else than a processor, so there are more workers than processors.
WORKERS ?= 4
SIDE_BY_SIDE = $(PYTHON) -m pytest -n $(WORKERS)
TOOLS := debian pulumi kubernetes coredns kwok llama gemma smollm2 postgres litellm
SOURCES := plan observe components pods ops dev bench tests __main__.py

.PHONY: help venv engine preview up new-volume chat verify down clean key env test soak unit check fmt lint type imports documents docs schema flags pods golden lock requirements bench bench-fetch fuzz

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | sed 's/\$$\$$/$$/' | expand -t 20

venv:
	@sh dev/bootstrap.sh

up: venv ## the stack, up and answering a chat; again is harmless. CLUSTER=current uses your KUBECONFIG
	@$(DEV) up

engine: CLUSTER = engine
engine: venv ## a Kubernetes with played pods and a Postgres, in seconds: where preview and up STACK=prod run
	@$(DEV) engine

preview: venv ## what an up does to users, and what changes; DIFF=1: all of it. STACK=prod is played here
	@$(DEV) preview

new-volume: venv ## the models lie elsewhere now: forget volume and claim, whose files stay. `make new-volume up STACK=...`
	@$(DEV) new-volume

verify: venv ## does every model answer rightly, and fast enough? URL=... KEY_ENV=VARIABLE asks another endpoint
	@$(if $(URL),$(VERIFY),$(DEV) verify)

# A question may have any sign in it: it goes by the environment, and make expands nothing of it. Without ASK it is read
# from a pipe, or from the terminal line by line.
ASK ?=
MODEL ?=
unexport ASK MODEL
chat: export LOCAL_LLM_ASK := $(value ASK)
chat: export LOCAL_LLM_MODEL := $(value MODEL)
chat: venv ## ask a model and see it answer: make chat ASK="Why is the sky blue?" MODEL=<id>; without ASK: a conversation
	@$(DEV) chat

down: venv ## stop everything that `make up` started; models, state and caches stay. CLUSTER=engine: the played one
	@$(DEV) down

clean: venv ## down, and remove the machine's models and state
	@$(DEV) clean

key: venv ## print the API key of the endpoint
	@$(DEV) key

env: venv ## print the variables for a local-llm, pulumi or kubectl of your own: eval "$$(make -s env)"
	@$(DEV) env

test: check ## format, lint, types, and every test: unit, processes, engine, cluster. WORKERS=4 side by side
	@$(PYTHON) -m dev.tools $(TOOLS)
	$(SIDE_BY_SIDE)

soak: venv ## tests that look longer than a merge needs: more examples, more moments to die at, more shapes of models
	@$(PYTHON) -m dev.tools $(TOOLS)
	LOCAL_LLM_SOAK=1 $(SIDE_BY_SIDE) tests/plan tests/components tests/program tests/bench tests/corpus tests/ops tests/pods tests/oracle tests/engine/accepted

fuzz: venv ## inputs made by hypothesis and atheris: FUZZ_S=60 seconds for each target, or TARGETS="lock header"
	@$(PYTHON) -m tests.corpus.fuzz $(TARGETS)

unit: venv ## the tests that need no process and no network
	$(PYTHON) -m pytest tests/plan tests/components tests/program tests/house

check: venv lint imports documents type ## format, lint, import directions, generated documents, types

lint: venv
	.venv/bin/ruff format --check $(SOURCES)
	.venv/bin/ruff check $(SOURCES)
	.venv/bin/shellcheck .ci/run dev/bootstrap.sh bin/local-llm
	.venv/bin/shellcheck --shell=dash plan/engine/preflight.sh # /bin/sh of the engines' images

imports: venv
	.venv/bin/lint-imports --no-cache --no-logo

documents: venv
	$(PYTHON) -m dev.generate.docs --check

docs: venv ## write the generated tables and pictures of the documents anew
	$(PYTHON) -m dev.generate.docs

# Without a question for the newest pyright, and where the machine has no Node, with this one.
type: venv
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 PYRIGHT_PYTHON_NODE_VERSION=20.19.0 .venv/bin/pyright

fmt: venv ## rewrite the sources in the project's format
	.venv/bin/ruff format $(SOURCES)
	.venv/bin/ruff check --fix $(SOURCES)

schema: venv ## write stack.schema.json anew from the configuration's model
	$(PYTHON) -c "from plan import config; print(config.json_schema(), end='')" > stack.schema.json

flags: venv ## write plan/engine/llama_server_flags.py anew from the built llama-server
	$(PYTHON) -m dev.generate.flags

pods: venv ## write pods/archives/*.pyz, which the pods run, after a change in pods/
	$(PYTHON) -m dev.generate.pods_archive

golden: venv ## write the golden plans and manifests anew; read the diff before you commit it
	$(PYTHON) -m tests.golden

lock: venv ## lock the models of every stack file, or of STACK=..., in models.lock.yaml
	@bin/local-llm lock $(if $(filter file,$(origin STACK)),,--stack $(STACK))

requirements: venv ## resolve requirements*.in to hash-locked requirements*.txt
	.venv/bin/uv pip compile -q --generate-hashes --python-version 3.11 --custom-compile-command "make requirements" requirements.in -o requirements.txt
	.venv/bin/uv pip compile -q --generate-hashes --python-version 3.11 --no-strip-markers --custom-compile-command "make requirements" requirements-dev.in -c requirements.txt -o requirements-dev.txt
	.venv/bin/uv pip compile -q --generate-hashes --python-version 3.11 --custom-compile-command "make requirements" requirements-litellm.in -o requirements-litellm.txt

bench: venv ## planning of 4 to 512 models, and the no-change preview of prod against an empty program's
	$(PYTHON) -m bench.plan
	$(PYTHON) -m bench.preview

bench-fetch: venv ## the fetcher against curl, hf download and aria2c: 15 minutes on an idle machine, 3 GiB of disk
	@$(PYTHON) -m bench.fetch
