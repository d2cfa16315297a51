from odoo.exceptions import UserError
from odoo.modules.migration import load_script
from odoo.tests import tagged
from odoo.tools import SQL, file_path

from .common import AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestMigration(AftersalesPartsCommon):
    """Returns are put into the shape of the previous release; the script brings them up again."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        path = file_path("aftersales_parts/migrations/19.0.1.2.0/post-approval.py")
        cls.script = load_script(path, "post-approval")

    def setUp(self):
        super().setUp()
        self._make_record([self._part(self.pump)])
        self.document = self._make_return()

    def _hash_as_before(self):
        self.env.flush_all()
        self.cr.execute(
            SQL(
                "UPDATE aftersales_return SET approval_digest = %s WHERE id = %s",
                self.document._get_content_digest(self.script.SPEC),
                self.document.id,
            )
        )
        self.env.invalidate_all()

    def _migrate(self):
        for _twice in range(2):
            self.env.flush_all()
            self.script.migrate(self.cr, "19.0.1.1.0")
            self.env.invalidate_all()

    def test_approved_return_ships(self):
        """L2.4: what was approved under the previous release is still approved."""
        self._approve(self.document)
        self._hash_as_before()
        self.assertFalse(self.document._is_approved(), "the content has more fields now")
        self._migrate()
        self.assertTrue(self.document._is_approved())
        self.document.action_ship()
        self.assertEqual(self.document.state, "shipped")

    def test_submitted_return_is_decided(self):
        """L2.4: what waited for a decision before the update is decided on after it."""
        self.document.action_submit()
        self._hash_as_before()
        self._migrate()
        self.document.with_user(self.users["office_manager"]).action_approve()
        self.document.with_user(self.users["customer_service"]).action_approve()
        self.assertTrue(self.document._is_approved())

    def test_changed_return_stays_void(self):
        """L2.4: what was changed behind the approval isn't approved by the update."""
        self._approve(self.document)
        self._hash_as_before()
        self.cr.execute(
            SQL("UPDATE aftersales_return SET reason = 'Changed' WHERE id = %s", self.document.id)
        )
        self.env.invalidate_all()
        self._migrate()
        self.assertFalse(self.document._is_approved())
        with self.assertRaises(UserError), self.cr.savepoint():
            self.document.action_ship()
