from odoo.tests import HttpCase, tagged

from .complaint_common import ComplaintCommon


@tagged("post_install", "-at_install")
class TestComplaintUi(ComplaintCommon, HttpCase):
    def test_register_to_close(self):
        """E3: customer service takes a complaint from the register to the day it is closed."""
        self.env["aftersales.complaint"].search([]).sudo()._write_protected({"state": "cancelled"})
        # the browser's clock, whose day the tour picks
        self.company.partner_id.tz = "UTC"
        self.department_production.copy({"name": "Tour works", "code": "tour"})
        self.cause.copy({"name": "Tour cause"})
        self.start_tour(
            "/odoo", "aftersales_complaint_handle", login=self.customer_service.login, timeout=180
        )
        complaint = (
            self.card.sudo().env["aftersales.complaint"].search([("card_id", "=", self.card.id)])
        )
        self.assertEqual(complaint.state, "sanction")
        self.start_tour("/odoo", "aftersales_complaint_sanction", login=self.vp.login, timeout=90)
        self.start_tour(
            "/odoo", "aftersales_complaint_close", login=self.customer_service.login, timeout=120
        )
        self.assertEqual(complaint.state, "closed")
        self.assertEqual(complaint.contact_ids.mapped("purpose"), ["result", "notice", "contact"])
