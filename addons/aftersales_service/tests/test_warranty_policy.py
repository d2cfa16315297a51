from psycopg2.errors import CheckViolation

from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import AftersalesCommon


@tagged("post_install", "-at_install")
class TestWarrantyPolicy(AftersalesCommon):
    def test_without_line_refused(self):
        """Mistake 1: a policy that promises nothing isn't a policy."""
        with self.assertRaisesRegex(ValidationError, "covers nothing"), self.cr.savepoint():
            self.policy.create({"name": "Nothing"})

    def test_last_line_not_removed(self):
        """Mistake 1: nor does a policy lose its last line, by whatever way."""
        policy = self._new_policy(12)
        with self.assertRaisesRegex(ValidationError, "covers nothing"), self.cr.savepoint():
            policy.write({"line_ids": [Command.clear()]})
        policy = self._new_policy(12)
        with self.assertRaisesRegex(ValidationError, "covers nothing"), self.cr.savepoint():
            policy.line_ids.unlink()

    @mute_logger("odoo.sql_db")
    def test_impossible_values(self):
        """Mistake 1: a warranty lasts a month or more; “no warranty” needs no months."""
        for vals in (
            {"duration": 0},
            {"duration": -1},
            {"kind": "exchange", "duration": 0},
            {"duration": 12, "hour_limit": -1},
        ):
            with (
                self.subTest(**vals),
                self.assertRaisesRegex(CheckViolation, "duration|hour_limit"),
                self.cr.savepoint(),
            ):
                self.policy.line_ids.create(
                    {
                        "policy_id": self.policy.id,
                        "component": "Cab",
                        "categ_id": self.categ_part.id,
                        **vals,
                    }
                )
        line = self.policy.line_ids.create(
            {
                "policy_id": self.policy.id,
                "component": "Cab",
                "categ_id": self.categ_part.id,
                "kind": "none",
            }
        )
        line.flush_recordset()
        self.assertEqual(line.duration, 0)

    def test_used_policy_kept(self):
        """E4: a policy that cards were issued from stays; an unused one may go."""
        self._deliver("SN-1")
        with self.assertRaisesRegex(UserError, "can't be deleted. Archive it"):
            self.policy.unlink()
        unused = self._new_policy(12)
        unused.unlink()
        self.assertFalse(unused.exists())
        self.assertTrue(self.policy.exists())
