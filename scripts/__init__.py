"""Set-up of Odoo and PostgreSQL for running and testing the addons; nothing of the product.

Everything here uses only Python's standard library, for it runs before there is a virtual
environment. ``python3 -m scripts <command>`` is what the Makefile calls. The one exception is
``in_odoo``, which runs inside the environment with Odoo on its path.
"""
