from datetime import date, datetime

from freezegun import freeze_time
from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .complaint_common import ComplaintCommon

NOW = "2026-07-03 01:00:00"  # 9:00 in Shanghai


@tagged("post_install", "-at_install")
class TestComplaintReport(ComplaintCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # whatever the demo data hold is none of the figures
        cls.env["aftersales.complaint"].search([]).sudo().write({"state": "cancelled"})
        reports = cls.env["aftersales.complaint.report"].search([]).sudo()
        reports._write_protected({"state": "draft"})
        reports.unlink()
        cls.env["aftersales.warranty.card"].search([]).sudo()._write_protected({"state": "void"})
        cls.cards = cls.env["aftersales.warranty.card"].create(
            [
                {
                    "partner_id": cls.customer.id,
                    "product_id": cls.machine.id,
                    "serial_number": f"SN-RATE-{number}",
                    "policy_id": cls.policy.id,
                    "date_delivery": day,
                }
                for number, day in enumerate(
                    [
                        "2026-03-31",
                        "2026-05-01",
                        "2026-05-31",
                        "2026-06-01",
                        "2026-06-15",
                        "2026-06-30",
                        "2026-07-01",
                    ]
                )
            ]
        )
        # given back on the last day of June: not in service on its evening
        cls.cards[0]._write_protected({"state": "closed", "date_closed": "2026-06-30"})

    def setUp(self):
        super().setUp()
        self.startPatcher(freeze_time(NOW))

    def _complain(self, moment, **vals):
        values = {
            name: vals.pop(name)
            for name in (
                "severity",
                "verdict",
                "responsible_department_id",
                "responsible_center_id",
                "responsible_id",
            )
            if name in vals
        }
        complaint = self._new_complaint(
            card_id=False,
            partner_id=self.customer.id,
            defective_quantity=0,
            date_reported=moment,
            **vals,
        )
        complaint.sudo().write(values)
        return complaint

    def _new_report(self, user=None, **vals):
        return (
            self.env["aftersales.complaint.report"]
            .with_user(user or self.customer_service)
            .create({"month": "2026-06-01", **vals})
        )

    def _complain_in_june(self):
        production = {"responsible_department_id": self.department_production.id}
        # 0:00:00 on 1 June and 23:59:59 on 30 June in Shanghai are June, a second besides isn't
        self._complain("2026-05-31 15:59:59", **production)
        self._complain("2026-05-31 16:00:00", severity="serious", verdict="founded", **production)
        self._complain("2026-06-30 15:59:59", severity="light", verdict="founded", **production)
        self._complain("2026-06-30 16:00:00", **production)
        self._complain(
            "2026-06-15 01:00:00",
            kind="conduct",
            severity="light",
            verdict="founded",
            responsible_center_id=self.center.id,
            responsible_id=self.technician.partner_id.id,
        )
        self._complain("2026-06-15 02:00:00", severity="light", verdict="unfounded")
        cancelled = self._complain("2026-06-15 03:00:00")
        cancelled.with_user(self.customer_service).action_cancel("Typed twice")

    def test_figures(self):
        """C8: June by hand: 4 complaints, 5 units in service, 80 per hundred."""
        self._complain_in_june()
        report = self._new_report()
        self.assertEqual(report.period, "2026-06")
        self.assertEqual(report.complaint_count, 4)
        self.assertEqual(report.serious_count, 1)
        self.assertEqual(report.founded_count, 3)
        self.assertEqual(report.unfounded_count, 1)
        # 6 delivered by the end of June, one given back
        self.assertEqual(report.unit_count, 5)
        self.assertEqual(report.rate, 80)
        lines = {
            (line.unit, line.person, line.kind): (
                line.complaint_count,
                line.serious_count,
                line.founded_count,
                line.unfounded_count,
                line.rate,
            )
            for line in report.line_ids
        }
        self.assertEqual(
            lines,
            {
                ("Production department", False, "quality"): (2, 1, 2, 0, 40),
                ("Center North", self.technician.name, "conduct"): (1, 0, 1, 0, 20),
                (False, False, "quality"): (1, 0, 0, 1, 20),
            },
        )

    def test_basis(self):
        """C8: numerator, denominator and basis are stated; delivered in June are 3."""
        self._complain_in_june()
        report = self._new_report()
        self.assertIn("4 complaints", report.statement)
        self.assertIn("÷ 5 units in service", report.statement)
        self.assertIn("× 100", report.statement)
        report.write({"basis": "delivered", "per": 1000})
        self.assertEqual(report.unit_count, 3)
        self.assertAlmostEqual(report.rate, 4 * 1000 / 3, 4)
        self.assertIn("÷ 3 units delivered", report.statement)
        self.assertAlmostEqual(sum(report.line_ids.mapped("rate")), report.rate, 3)
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(IntegrityError),
            self.cr.savepoint(),
        ):
            report.per = 0
            report.flush_recordset()

    def test_no_units(self):
        """C8: without units there is no rate, and the report says so."""
        self.cards._write_protected({"state": "void"})
        self._complain_in_june()
        report = self._new_report()
        self.assertEqual(report.rate, 0)
        self.assertIn("No rate", report.statement)

    def test_time_zone(self):
        """C8: the month is the company's: what is 1 June in Shanghai is 31 May in New York."""
        self._complain("2026-05-31 16:00:00")
        self.assertEqual(self._new_report().complaint_count, 1)
        self.company.partner_id.tz = "America/New_York"
        self.assertEqual(self._new_report(month="2026-05-01").complaint_count, 1)

    def test_frozen(self):
        """C8: issued, nothing changes it: not the complaints, not names, not by RPC."""
        self._complain_in_june()
        report = self._new_report()
        self._complain("2026-06-20 01:00:00")
        self.assertEqual(report.complaint_count, 4)
        report.action_compute()
        self.assertEqual(report.complaint_count, 5)
        self._complain("2026-06-20 02:00:00")
        report.action_issue()
        self.assertEqual(report.complaint_count, 6)
        self.assertEqual(report.issued_by, self.customer_service)
        before = report.line_ids.read(["unit", "person", "complaint_count", "rate"])
        # it would be counted nowhere
        with self.assertRaisesRegex(ValidationError, "reported already"), self.cr.savepoint():
            self._complain("2026-06-20 03:00:00")
        self.env["aftersales.complaint"].search([("kind", "=", "conduct")]).sudo().write(
            {"verdict": "unfounded", "responsible_id": False}
        )
        self.department_production.name = "Works"
        self.technician.name = "Somebody else"
        self.cards._write_protected({"state": "void"})
        self.env.invalidate_all()
        self.assertEqual(
            report.line_ids.read(["unit", "person", "complaint_count", "rate"]), before
        )
        self.assertEqual(report.rate, 120)
        for change in (
            lambda: report.action_compute(),
            lambda: report.action_issue(),
            lambda: report.write({"basis": "delivered"}),
            lambda: report.write({"complaint_count": 1}),
            lambda: report.write({"state": "draft"}),
            lambda: report.unlink(),
            lambda: report.sudo().line_ids.unlink(),
            lambda: report.sudo().line_ids[0].write({"complaint_count": 0}),
            lambda: report.line_ids.create({"report_id": report.id, "complaint_count": 3}),
        ):
            with self.assertRaises(UserError), self.cr.savepoint():
                change()

    def test_deadline(self):
        """C8: due on the 5th of the next month at 17:00 in Shanghai; kept when issued by then."""
        report = self._new_report()
        run = report.deadline_ids
        self.assertEqual(run.date_due, datetime(2026, 7, 5, 9))
        with freeze_time("2026-07-05 09:00:00"):
            report.action_issue()
        self.assertEqual(run.state, "met")
        late = self._new_report(month="2026-05-01")
        late.action_issue()
        self.assertEqual(late.deadline_ids.state, "late")

    def test_cron(self):
        """C8: the drafts of all months that are over come by themselves, once."""
        self._complain("2026-04-10 01:00:00")
        reports = self.env["aftersales.complaint.report"]
        own = [("company_id", "=", self.company.id)]
        with freeze_time("2026-06-30 15:59:59"):
            reports._cron_create()
            self.assertNotIn(date(2026, 6, 1), reports.search(own).mapped("month"))
        with freeze_time("2026-06-30 16:00:00"):
            reports._cron_create()
            reports._cron_create()
        made = reports.search([*own, ("month", ">=", "2026-04-01")])
        self.assertEqual(made.mapped("period"), ["2026-06", "2026-05", "2026-04"])
        self.assertEqual(made[2].complaint_count, 1)
        self.assertEqual(set(made.mapped("state")), {"draft"})

    def test_month(self):
        """C8: a month is reported on when it is over, once, by its first day."""
        with self.assertRaisesRegex(ValidationError, "when it is over"), self.cr.savepoint():
            self._new_report(month="2026-07-01")
        report = self._new_report(month="2026-06-17")
        self.assertEqual(report.month, date(2026, 6, 1))
        with self.assertRaises(UserError), self.cr.savepoint():
            report.month = "2026-05-01"

    def test_roles(self):
        """C8: it names persons: customer service and the VP see it, nobody else."""
        self._complain_in_june()
        report = self._new_report()
        self._assert_visible(report, self.vp)
        self._assert_visible(report.line_ids, self.vp)
        for user in (self.clerk, self.office_manager, self.quality, self.center_user):
            with self.assertRaises(AccessError):
                report.with_user(user).read(["rate"])
            with self.assertRaises(AccessError):
                report.line_ids.with_user(user).read(["person"])
        with self.assertRaises(AccessError), self.cr.savepoint():
            report.with_user(self.vp).action_issue()

    def test_constant_queries(self):
        """C8: ten times the complaints, no more queries."""
        self._complain("2026-06-10 01:00:00")
        report = self._new_report()

        def count():
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            report.action_compute()
            self.env.flush_all()
            return self.cr.sql_log_count - before

        count()
        self._complain("2026-06-10 02:00:00")
        few = count()
        for minute in range(9):
            self._complain(f"2026-06-11 01:{minute:02}:00")
        self.assertEqual(count(), few)
        self.assertEqual(report.complaint_count, 11)

    def test_print(self):
        """C8: the print states the rate with its numerator and denominator."""
        self._complain_in_june()
        report = self._new_report()
        html = (
            self.env["ir.actions.report"]
            ._render_qweb_html("aftersales_service.report_complaint_report_document", report.ids)[0]
            .decode()
        )
        for text in ("2026-06", "80.00", "5 units in service", "Production department"):
            self.assertIn(text, html)
