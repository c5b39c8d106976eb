# Two commands set everything up on a fresh machine with Python 3.11+ and make: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

ENTITIES ?= 200000
BENCH ?= var/bench-$(ENTITIES)
DETECTION ?= 1
TRUTH ?= var/truth-$(ENTITIES)-$(DETECTION)
SERVED ?= var/bench-1000000
.PHONY: demo test coverage chicago bench-province truth bento sandbox reader-test bench-service bench-start mutants lock clean

.venv/.ready: requirements.txt pyproject.toml
	@PYTHON=$(PYTHON) sh scripts/bootstrap

demo: .venv/.ready
	@$(BIN)/python scripts/demo.py

test: .venv/.ready
	@sh scripts/test

coverage: .venv/.ready
	@sh scripts/test --cov --cov-report=term:skip-covered

chicago: .venv/.ready
	@$(BIN)/python scripts/chicago.py $(if $(DATA),--data $(DATA)) $(if $(TEST),--test $(TEST))

bench-province: .venv/.ready
	@$(BIN)/python tests/benchmarks/province.py $(ENTITIES) $(BENCH)

bench-service: .venv/.ready
	@$(BIN)/python tests/benchmarks/service.py 1000000 $(SERVED) $(ARGS)

truth: .venv/.ready
	@$(BIN)/python tests/benchmarks/truth.py $(ENTITIES) $(TRUTH) $(DETECTION)

bento: .venv/.ready
	BENTOML_DO_NOT_TRACK=True BENTOML_HOME=$(CURDIR)/build/bentoml $(BIN)/bentoml build --output tag
	BENTOML_DO_NOT_TRACK=True BENTOML_HOME=$(CURDIR)/build/bentoml $(BIN)/bentoml export jianwei:latest $(CURDIR)/build/jianwei.bento

sandbox: .venv/.ready
	$(BIN)/jianwei serve --sandbox

reader-test: .venv/.ready
	@$(BIN)/python scripts/reader_test.py $(if $(SHEET),score $(SHEET),make)

bench-start: .venv/.ready
	@$(BIN)/python tests/benchmarks/start.py

mutants: .venv/.ready
	@sh scripts/mutants

lock:
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --fork-strategy fewest --generate-hashes --no-emit-index-url --no-header --quiet -o requirements.txt
	$(BIN)/python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['spark'])" | $(BIN)/uv pip compile - --constraint requirements.txt --universal --generate-hashes --no-emit-index-url --no-header --quiet -o requirements-spark.txt
	$(BIN)/uv pip compile --group pyproject.toml:serve --constraint requirements.txt --universal --generate-hashes --no-emit-index-url --no-header --quiet -o requirements-serve.txt

clean:
	rm -rf .venv var build mutants
