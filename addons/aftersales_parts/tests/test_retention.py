import base64

from odoo.exceptions import UserError
from odoo.fields import Date
from odoo.tests import tagged

from .common import AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestPartsRetention(AftersalesPartsCommon):
    """Warranty until 1 June 2027, so that two years more are 1 June 2029."""

    def setUp(self):
        super().setUp()
        self.until = Date.to_date("2029-06-01")
        self.record = self._make_record([self._part(self.pump), self._part(self.gearbox)])

    def test_tag(self):
        """H11: a tag is kept as long as its service record."""
        self.assertEqual(self.record.retain_until, self.until)
        for tag in self.record.used_part_ids:
            self.assertEqual(tag.retain_until, self.until)
            with self.assertRaisesRegex(UserError, "kept until"):
                tag.unlink()

    def test_return(self):
        """H11: a return may go until it is applied for; then it is kept as long as its tags."""
        document = self._make_return()
        self.assertFalse(document.retain_until)
        document.action_submit()
        self.assertEqual(document.retain_until, self.until)
        document.with_user(self.users["office_manager"]).action_refuse("Too early")
        self.assertEqual(document.retain_until, self.until)
        with self.assertRaisesRegex(UserError, "kept until"):
            document.sudo().unlink()
        self.card.coverage_ids.sudo().write({"date_end": "2027-12-31"})
        self.assertEqual(document.retain_until, Date.to_date("2029-12-31"))

    def test_files_of_a_return(self):
        """H11: the signed papers that hang on a return stay on it."""
        document = self._make_return()
        file = (
            self.env["ir.attachment"]
            .with_user(self.users["center"])
            .create(
                {
                    "name": "register.pdf",
                    "datas": base64.b64encode(b"signed"),
                    "res_model": document._name,
                    "res_id": document.id,
                }
            )
        )
        document.action_submit()
        with self.assertRaisesRegex(UserError, "have to be kept until"):
            file.unlink()

    def test_settlement_and_fapiao(self):
        """H11: settlement and fapiao are kept as long as the tags that they pay for."""
        self._return_parts()
        settlement = self._generate()
        self.assertFalse(settlement.retain_until)
        self._settle(settlement)
        self.assertEqual(settlement.retain_until, self.until)
        with self.assertRaises(UserError):
            settlement.unlink()
        fapiao = self._make_fapiao()
        self.assertFalse(fapiao.retain_until)
        self.env["aftersales.fapiao.match"].create(
            {"fapiao_id": fapiao.id, "settlement_id": settlement.id, "amount": 3266}
        )
        fapiao._write_protected({"state": "posted"})
        self.assertEqual(fapiao.retain_until, self.until)
        with self.assertRaisesRegex(UserError, "kept until"):
            fapiao.unlink()
