# After-sales management on Odoo 19.
#
#   make run      Odoo, PostgreSQL and the addons with demo data on http://127.0.0.1:8069.
#                 The first time takes minutes, later ones seconds; changed addons are updated.
#   make stop     Stop it; the data are kept.
#   make reset    Stop it and remove the database and its files.
#   make shell    Odoo's Python shell on that database.
#   make test     Every test, browser tours included, on a database of its own.
#                 A part:  make test ARGS="addons/aftersales_service -k warranty"
#   make bench    What takes how long, beside Odoo's own; minutes, on a database of its own.
#   make lint     Formatting, Python rules and Odoo's rules.
#
# Variables, each on the command line (make run PORT=9000) or in the environment:
#   PORT            port of `make run`; default the first free one from 8069
#   ODOO_SRC        a checkout of Odoo 19 to use instead of fetching Debian's package
#   DEBIAN_MIRROR   where to fetch it; default the mirror this machine's apt uses
#   PGHOST, PGPORT, PGUSER, PGPASSWORD
#                   a PostgreSQL (15 or newer) to use instead of the embedded one
#   WORKERS         processes of `make test`; default 2, 0 for none but pytest itself
#   ARGS            arguments for pytest
#   PYTHON          Python 3.10 to 3.13; default python3
#   XDG_CACHE_HOME  where Odoo and what else all clones share is kept; default ~/.cache

PYTHON ?= python3

.PHONY: help run stop reset shell test bench lint
.DEFAULT_GOAL := help

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

run stop reset shell lint:
	@$(PYTHON) -m scripts $@

test:
	@$(PYTHON) -m scripts test $(ARGS)

bench:
	@WORKERS=0 $(PYTHON) -m scripts test benchmarks -s $(ARGS)
