from odoo import fields
from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import AftersalesPartsCommon


@tagged("post_install", "-at_install")
class TestPartsScorecard(AftersalesPartsCommon):
    def _new_template(self, kind):
        return self.env["aftersales.scorecard.template"].create(
            {
                "name": "Parts",
                "kind": kind,
                "criterion_ids": [
                    Command.create(
                        {
                            "name": "Used parts",
                            "weight": 100,
                            "kind": "measured",
                            "measure": "used_part",
                            "target": 100,
                            "worst": 0,
                        }
                    )
                ],
            }
        )

    def test_used_parts(self):
        """E5, M10.1: one of two judged used parts accepted is 50 %; it is no technician's."""
        self._make_record([self._part(self.pump), self._part(self.pump)])
        tags = self.env["aftersales.used.part"].search([("center_id", "=", self.center.id)])
        reason = self.env["aftersales.deduction.reason"].search([], limit=1)
        self._return_parts(deductions={tags[0].name: reason})
        today = self.company._aftersales_local(fields.Datetime.now()).date()
        scorecard = (
            self.env["aftersales.scorecard"]
            .with_user(self.users["customer_service"])
            .create(
                {
                    "template_id": self._new_template("center").id,
                    "center_id": self.center.id,
                    "date_from": today.replace(day=1),
                }
            )
        )
        line = scorecard.line_ids
        self.assertEqual((line.numerator, line.denominator, line.score), (1, 2, 50))
        action = line.action_view_counted()
        self.assertEqual(action["domain"][0][2], tags[1].ids)
        with self.assertRaises(ValidationError), self.cr.savepoint():
            self._new_template("technician")
