from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import ValidationError
from odoo.fields import Command, Domain
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

    def test_used_parts_count_when_they_arrive(self):
        """E5, L2.8: of two parts on a return one comes in November, the other in December."""
        with freeze_time("2026-11-20 02:00:00"):
            tags = self._make_record([self._part(self.pump, quantity=2)]).used_part_ids
            document = self._return_parts(missing=[tags[1].name])
        with freeze_time("2026-12-02 02:00:00"):
            document.with_user(self.users["logistics"]).action_receive([tags[1].name])
            self._verify_return(document)
        measures = self.env["aftersales.scorecard.measure"]
        for month, counted in (("2026-11", tags[0]), ("2026-12", tags[1])):
            _above, below = measures._get_spec(
                "used_part", "center", f"{month}-01 00:00:00", f"{month}-28 00:00:00", self.company
            )
            domain = below["domain"] & Domain("center_id", "=", self.center.id)
            found = self.env[below["model"]].search(domain)
            self.assertEqual(found, counted)

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
