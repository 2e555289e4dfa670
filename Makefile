# Two commands do everything: `make run` and `make test`. The work is in tools/.
.PHONY: run demo test check sdk console soak bench screenshots format clean help

# Arguments for the program behind a target: make run ARGS="--port 8001", make test ARGS="-k journal"
ARGS ?=

help:
	@echo "make run     install what is missing and start Footfall on http://127.0.0.1:8000"
	@echo "make demo    the same with a shop that reports to it, http://127.0.0.1:8001, and its history"
	@echo "make test    install what tests need and run them all"
	@echo "make check   formatting, lint, types, layers, house rules"
	@echo "make sdk     build the browser SDK into the package; needs Node"
	@echo "make console build the console's scripts into the package; needs Node"
	@echo "make soak    the long tests"
	@echo "make bench   the benchmarks, each with its ratio to a baseline of the same run"
	@echo "make screenshots take the pictures of the README anew; needs Chromium"
	@echo "make format  rewrite the code in house style"
	@echo "make clean   remove the virtual environment and caches; ./data and ./demo-data stay"

run:
	@tools/setup.sh run
	@exec .venv/bin/footfall serve --data-dir ./data $(ARGS)

demo:
	@tools/setup.sh run
	@exec .venv/bin/footfall demo --data-dir ./demo-data $(ARGS)

test:
	@tools/setup.sh dev
	@tools/test.sh $(ARGS)

soak:
	@tools/setup.sh dev
	@tools/test.sh -n 0 -m soak $(ARGS)

check:
	@tools/setup.sh dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python tools/lint.py
	@tools/web.sh check sdk
	@tools/web.sh check console

sdk:
	@tools/web.sh build sdk

console:
	@tools/web.sh build console

bench:
	@tools/setup.sh dev
	@.venv/bin/python -m bench $(ARGS)

screenshots:
	@tools/setup.sh dev
	@.venv/bin/python tools/screenshots.py

format:
	@tools/setup.sh dev
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

clean:
	rm -rf .venv web/*/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find src tests tools bench -name __pycache__ -type d -prune -exec rm -rf {} +
