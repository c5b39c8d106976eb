# Two commands set everything up on a fresh machine with Python 3.11+ and make: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test chicago lock clean
.venv/.ready: requirements.txt pyproject.toml
	@PYTHON=$(PYTHON) sh scripts/bootstrap

demo: .venv/.ready
	@$(BIN)/python scripts/demo.py

test: .venv/.ready
	@sh scripts/test

chicago: .venv/.ready
	@$(BIN)/python scripts/chicago.py $(if $(DATA),--data $(DATA)) $(if $(TEST),--test $(TEST))

lock:
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --fork-strategy fewest --generate-hashes --no-emit-index-url --no-header --quiet -o requirements.txt

clean:
	rm -rf .venv var
