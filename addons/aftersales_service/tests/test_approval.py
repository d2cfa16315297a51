from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import AftersalesCommon


@tagged("post_install", "-at_install")
class TestApprovalLog(AftersalesCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.request = cls._new_request(cls._deliver("SN-1"))
        cls.vals = {
            "res_model": "aftersales.request",
            "res_id": cls.request.id,
            "round": 1,
            "step": "first",
            "decision": "refused",
            "user_id": cls.customer_service.id,
            "note": "Wrong price",
        }
        cls.entry = cls.env["aftersales.approval"].create(cls.vals)

    def test_not_changed(self):
        """Mistake 9: nobody changes an entry, neither the administrator nor the system."""
        for user in (self.clerk, self.customer_service, self.vp, self.administrator):
            with (
                self.subTest(user=user.login),
                self.assertRaisesRegex((UserError, AccessError), "approval log|Approval"),
            ):
                self.entry.with_user(user).write({"decision": "approved"})
        with self.assertRaisesRegex(UserError, "log can't be changed"):
            self.entry.with_user(self.administrator).sudo().write({"decision": "approved"})
        with self.assertRaisesRegex(UserError, "log can't be changed"):
            self.entry.note = "Fine"
        self.env.invalidate_all()
        self.assertEqual(self.entry.decision, "refused")
        self.assertEqual(self.entry.note, "Wrong price")

    def test_not_deleted(self):
        """Mistake 9: nobody deletes an entry, so that going back to draft can't lose the log."""
        for user in (self.clerk, self.customer_service, self.vp, self.administrator):
            with (
                self.subTest(user=user.login),
                self.assertRaisesRegex((UserError, AccessError), "approval log|Approval"),
            ):
                self.entry.with_user(user).unlink()
        with self.assertRaisesRegex(UserError, "log can't be deleted"):
            self.entry.with_user(self.administrator).sudo().unlink()
        self.assertTrue(self.entry.exists())

    def test_not_added(self):
        """Mistake 9: nobody adds a decision by hand."""
        for user in (self.clerk, self.customer_service, self.vp, self.administrator):
            with self.subTest(user=user.login), self.assertRaisesRegex(AccessError, "Approval"):
                self.entry.with_user(user).create({**self.vals, "step": "second"})

    def test_hidden_with_its_document(self):
        """Mistake 6: who can't see the document doesn't read the decisions on it either."""
        self._assert_hidden(self.entry, self.other_center_user)
        self._assert_hidden(self.entry, self.other_technician)
        self._assert_hidden(self.entry, self.other_office_manager)


@tagged("post_install", "-at_install")
class TestProtectedFields(AftersalesCommon):
    def test_own_defaults(self):
        """M3.4: a user's own default value is no way to create a record that is valid at once."""
        request = self._new_request(self._deliver("SN-1"))
        request.action_assign()
        defaults = self.env["ir.default"].with_user(self.technician)
        for name, value in (("state", "done"), ("was_signed", True), ("signed_by", "Nobody")):
            defaults.set("aftersales.service.record", name, value, user_id=self.technician.id)
        record = (
            self.env["aftersales.service.record"]
            .with_user(self.technician)
            .create({"request_id": request.id})
        )
        self.assertEqual(record.state, "draft")
        self.assertFalse(record.was_signed)
        self.assertFalse(record.signed_by)
        self.assertEqual(record.center_id, self.center)

    def test_no_key_deletes(self):
        """H11: the key by which the server uninstalls a module deletes nothing for a caller."""
        request = self._new_request(self._deliver("SN-1"))
        request.action_assign()
        for user in (self.clerk, self.administrator):
            with self.subTest(user=user.login), self.assertRaises(UserError):
                request.with_user(user).with_context(_force_unlink=True).unlink()
        self.assertTrue(request.exists())
