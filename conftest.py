"""What pytest needs to know about Odoo beyond pytest-odoo."""

import pytest

from odoo.tests.common import TransactionCase


@pytest.fixture(scope="session", autouse=True)
def keep_files_of_other_workers():
    """Remove no files after a test class, as Odoo would.

    pytest-odoo gives every worker a database of its own, but all of them one filestore: what the
    open transaction of one has just written is garbage to the others, whose database doesn't
    know it.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionCase, "_gc_filestore", classmethod(lambda cls: None))
        yield
