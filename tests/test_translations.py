"""Chinese is complete: every term of every addon is translated (mistake 15)."""

import re

import polib

from odoo.tests import TransactionCase, tagged
from odoo.tools import file_path
from odoo.tools.translate import TranslationModuleReader

ADDONS = ("aftersales_service", "aftersales_parts", "aftersales_audit")
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sd]")


@tagged("post_install", "-at_install")
class TestTranslations(TransactionCase):
    def test_complete(self):
        """Mistake 15: what Odoo's own exporter finds in an addon is in its zh_CN.po."""
        for addon in ADDONS:
            terms = {row[4] for row in TranslationModuleReader(self.env.cr, modules=[addon])}
            file = polib.pofile(file_path(f"{addon}/i18n/zh_CN.po"))
            done = {entry.msgid for entry in file if entry.msgstr and not entry.fuzzy}
            with self.subTest(addon):
                self.assertGreater(len(terms), 100)
                self.assertEqual(sorted(terms - done), [])

    def test_placeholders(self):
        """A translation fills in the same values as its source, or the message would break."""
        for addon in ADDONS:
            for entry in polib.pofile(file_path(f"{addon}/i18n/zh_CN.po")):
                with self.subTest(addon, term=entry.msgid):
                    self.assertEqual(
                        sorted(PLACEHOLDER.findall(entry.msgid)),
                        sorted(PLACEHOLDER.findall(entry.msgstr)),
                    )
