from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from .common import AftersalesCommon


@tagged("post_install", "-at_install")
class TestDispute(AftersalesCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.request = cls._new_request(cls._deliver("DP-1"))
        cls.article = cls.env["aftersales.regulation"].search([("code", "=", "L1.7")])
        cls.cause = cls.env["aftersales.dispute.cause"].search([], limit=1)
        cls.second_service = cls._new_user("customer_service", login="test_customer_service_2")

    def _new_dispute(self, user=None, **vals):
        return (
            self.env["aftersales.dispute"]
            .with_user(user or self.clerk)
            .create({"request_id": self.request.id, "reason": "Charged for nothing", **vals})
        )

    def _sweep(self):
        # a test may not commit
        with patch.object(self.registry["ir.cron"], "_commit_progress", return_value=60):
            self.env["aftersales.deadline"]._cron_sweep()

    def _agree(self, dispute, user=None):
        return dispute.with_user(user or self.office_manager).action_mediate(
            "Half is paid back", "agreed", "agreed", "Mr. Li", "Mr. Chen"
        )

    def _escalate(self, dispute):
        manager = dispute.with_user(self.office_manager)
        manager.action_mediate("Half is paid back", "refused", "agreed", False, "Mr. Chen")
        manager.action_escalate("The customer wants everything back")
        return dispute

    def _rule(self, dispute, user=None, **vals):
        values = {
            "favor": "customer",
            "ruling": "The center pays 200 yuan back",
            "reason": "No consent was asked for",
            "regulation_id": self.article.id,
            **vals,
        }
        return dispute.with_user(user or self.customer_service).action_rule(**values)

    # --- opening ---------------------------------------------------------------------------

    def test_parties(self):
        """L1.7: parties, region and office in charge come from what is disputed, and stay."""
        record = self._new_record(self.request)
        dispute = self._new_dispute(request_id=record.request_id.id, record_id=record.id)
        self.assertEqual(dispute.request_id, self.request)
        self.assertEqual(dispute.partner_id, self.customer)
        self.assertEqual(dispute.center_id, self.center)
        self.assertEqual(dispute.region_id, self.region)
        self.assertEqual(dispute.office_id, self.office)
        for name, value in (
            ("partner_id", self.other_customer.id),
            ("center_id", self.other_center.id),
            ("region_id", self.other_region.id),
            ("result", "ruled"),
            ("ruling", "Pay"),
            ("ruler_id", self.clerk.id),
            ("state", "ruled"),
            ("date_opened", "2020-01-01 00:00:00"),
        ):
            with self.subTest(name):
                with self.assertRaises(AccessError):
                    dispute.write({name: value})
                with self.assertRaises(AccessError):
                    self._new_dispute(**{name: value})
        other = self._new_request(self._deliver("DP-2"))
        with self.assertRaises(UserError):
            dispute.write({"request_id": other.id})
        with self.assertRaises(ValidationError), self.cr.savepoint():
            self._new_dispute(request_id=other.id, record_id=record.id)
        with self.assertRaises(ValidationError), self.cr.savepoint():
            self._new_dispute(request_id=False)

    def test_complaint(self):
        """L1.7, C9: a complaint can be disputed, too, and isn't cancelled meanwhile."""
        complaint = self.env["aftersales.complaint"].create(
            {
                "request_id": self.request.id,
                "partner_id": self.customer.id,
                "description": "Nobody came",
            }
        )
        dispute = self._new_dispute(
            request_id=self.request.id, complaint_id=complaint.id, reason="Refused"
        )
        self.assertEqual(dispute.partner_id, self.customer)
        self.assertEqual(complaint.dispute_count, 1)
        with self.assertRaisesRegex(UserError, dispute.name):
            complaint.with_user(self.customer_service).action_cancel("By mistake")

    def test_quick_response(self):
        """L3.5: 24 hours to take it up, the manager is warned, customer service told if missed."""
        with freeze_time("2026-03-02 02:00:00"):
            dispute = self._new_dispute()
            (deadline,) = dispute.deadline_ids
            self.assertEqual(deadline.date_due, fields.Datetime.to_datetime("2026-03-03 02:00:00"))
            self.assertEqual(deadline.partner_id, self.office)
            self.assertFalse(dispute.is_overdue)
        with freeze_time("2026-03-02 22:30:00"):
            self._sweep()
        self.assertIn(self.office_manager, dispute.activity_ids.user_id)
        with freeze_time("2026-03-03 02:01:00"):
            self.env.invalidate_all()
            self.assertTrue(dispute.is_overdue)
            self._sweep()
            self.assertEqual(deadline.state, "missed")
            self.assertIn(self.customer_service, dispute.activity_ids.user_id)
            dispute.with_user(self.office_manager).action_take_up()
        self.assertEqual(deadline.state, "late")
        self.assertEqual(dispute.state, "mediation")
        with self.assertRaises(UserError):
            dispute.with_user(self.office_manager).action_take_up()

    def test_request_stays(self):
        """L1.7: while a dispute is open its request can't be cancelled, by whomever."""
        dispute = self._new_dispute()
        with self.assertRaisesRegex(UserError, dispute.name):
            self.request.with_user(self.customer_service).action_cancel("Never mind")
        self._agree(dispute)
        self.request.with_user(self.clerk).action_cancel("Settled otherwise")
        self.assertEqual(self.request.state, "cancelled")

    # --- mediation -------------------------------------------------------------------------

    def test_settled(self):
        """L1.7: an offer that both sides agree to settles it; the log tells who agreed."""
        dispute = self._new_dispute()
        manager = dispute.with_user(self.office_manager)
        manager.action_mediate("A quarter is paid back", "refused", "open")
        self.assertEqual(dispute.state, "mediation")
        self.assertTrue(dispute.date_answered)
        with self.assertRaisesRegex(UserError, "who agreed"):
            manager.action_mediate("Half is paid back", "agreed", "agreed", "Mr. Li")
        self._agree(dispute)
        self.assertEqual(dispute.mediation_ids.mapped("outcome"), ["refused", "agreed"])
        self.assertEqual(dispute.mediation_ids.user_id, self.office_manager)
        self.assertEqual(dispute.state, "settled")
        self.assertEqual(dispute.result, "settled")
        self.assertEqual(dispute.settlement, "Half is paid back")
        self.assertEqual(dispute.settled_by, "Mr. Li, Mr. Chen")
        self.assertIn(self.customer, dispute.message_ids.partner_ids)
        self.assertIn(self.center_user.partner_id, dispute.message_ids.partner_ids)
        with self.assertRaises(UserError):
            self._agree(dispute)
        with self.assertRaises(UserError):
            manager.write({"reason": "Something else"})

    def test_mediation_day(self):
        """L1.7: a mediation lies between the opening of the dispute and now."""
        dispute = self._new_dispute()
        manager = dispute.with_user(self.office_manager)
        now = fields.Datetime.now()
        for moment in (now + timedelta(hours=1), now - timedelta(days=1)):
            with self.assertRaises(UserError):
                manager.action_mediate("Half", date=moment)
        self.assertFalse(dispute.mediation_ids)

    def test_log_is_append_only(self):
        """L1.7: nobody writes, deletes or adds entries of the mediation log, by whatever way."""
        dispute = self._new_dispute()
        dispute.with_user(self.office_manager).action_mediate("Half")
        entry = dispute.mediation_ids
        for user in (self.office_manager, self.customer_service, self.administrator):
            own = entry.with_user(user)
            with self.subTest(user.login):
                with self.assertRaises(AccessError):
                    own.write({"text": "All"})
                with self.assertRaises(AccessError):
                    own.unlink()
                with self.assertRaises(AccessError):
                    own.create(
                        {
                            "dispute_id": dispute.id,
                            "kind": "mediation",
                            "date": fields.Datetime.now(),
                            "user_id": user.id,
                            "text": "x",
                        }
                    )
                with self.assertRaises(AccessError):
                    dispute.with_user(user).write({"mediation_ids": [(5,)]})
        self.assertEqual(entry.text, "Half")

    def test_statement(self):
        """L1.7: the center answers to its own dispute, and does nothing else with it."""
        dispute = self._new_dispute()
        center = dispute.with_user(self.center_user)
        center.action_state("  The customer signed the quotation. ")
        self.assertEqual(dispute.mediation_ids.text, "The customer signed the quotation.")
        self.assertEqual(dispute.mediation_ids.user_id, self.center_user)
        self.assertEqual(dispute.state, "new", "the answer that is promised is the office's")
        for action in (
            lambda: center.action_take_up(),
            lambda: self._agree(dispute, self.center_user),
            lambda: center.action_escalate("x"),
            lambda: center.action_close(),
            lambda: center.action_cancel("x"),
            lambda: center.write({"reason": "x"}),
            lambda: self._rule(dispute, self.center_user),
            lambda: dispute.with_user(self.other_center_user).action_state("x"),
            lambda: dispute.with_user(self.technician).action_state("x"),
            lambda: dispute.with_user(self.logistics).action_state("x"),
        ):
            with self.assertRaises(AccessError):
                action()
        with self.assertRaises(AccessError):
            self._new_dispute(self.center_user)
        self.assertEqual(len(dispute.mediation_ids), 1)

    # --- ruling ----------------------------------------------------------------------------

    def test_mediate_first(self):
        """L1.7: the manager mediates before it goes up; customer service takes exceptions over."""
        dispute = self._new_dispute()
        with self.assertRaisesRegex(UserError, "mediate first"):
            dispute.with_user(self.office_manager).action_escalate("Unclear")
        dispute.with_user(self.customer_service).action_escalate("Whose fault it is is unclear")
        self.assertEqual(dispute.state, "escalated")
        self.assertTrue(dispute.date_answered)
        other = self._escalate(self._new_dispute())
        self.assertEqual(other.escalation_reason, "The customer wants everything back")

    def test_ruling_is_final(self):
        """L1.7: only customer service rules; then nothing is changed, reopened or deleted."""
        dispute = self._escalate(self._new_dispute())
        self.assertIn(self.customer_service, dispute.activity_ids.user_id)
        for user in (self.office_manager, self.clerk, self.vp, self.quality):
            with self.subTest(user.login), self.assertRaises(AccessError):
                self._rule(dispute, user)
        for name in ("favor", "ruling", "reason", "regulation_id"):
            with self.subTest(name), self.assertRaises(UserError):
                self._rule(dispute, **{name: False})
        self._rule(dispute)
        self.assertEqual(dispute.state, "ruled")
        self.assertEqual(dispute.ruler_id, self.customer_service)
        self.assertFalse(dispute.activity_ids)
        self.assertIn(self.customer, dispute.message_ids.partner_ids)
        self.assertIn(self.center, dispute.message_ids.partner_ids)
        own = dispute.with_user(self.administrator)
        for action in (
            lambda: own.write({"reason": "x"}),
            lambda: own.write({"claimed_amount": 9}),
            lambda: own.action_escalate("x"),
            lambda: own.action_cancel("x"),
            lambda: own.action_state("x"),
            lambda: own.action_mediate("x"),
            lambda: self._rule(dispute, self.second_service),
            lambda: own.unlink(),
            # not even code that runs with all rights
            lambda: own.write({"ruling": "Nothing"}),
            lambda: dispute.sudo().write({"ruling": "Nothing"}),
            lambda: dispute.sudo().write({"state": "mediation"}),
        ):
            with self.assertRaises(UserError):
                action()
        self.assertEqual(dispute.ruling, "The center pays 200 yuan back")

    def test_who_may_not_rule(self):
        """L1.7: neither a mediator nor a party rules, by the button or by RPC."""
        dispute = self._new_dispute()
        dispute.with_user(self.customer_service).action_mediate("Half", "refused", "refused")
        dispute.with_user(self.customer_service).action_escalate("No agreement")
        self.assertNotIn(self.customer_service, dispute.activity_ids.user_id)
        self.assertFalse(dispute.with_user(self.customer_service).can_rule)
        with self.assertRaisesRegex(AccessError, "mediated"):
            self._rule(dispute)
        # of the customer's own people
        self.second_service.partner_id.parent_id = self.customer
        with self.assertRaisesRegex(AccessError, "party"):
            self._rule(dispute, self.second_service)
        self.second_service.partner_id.parent_id = False
        self.request.sudo().technician_id = self.second_service
        with self.assertRaisesRegex(AccessError, "party"):
            self._rule(dispute, self.second_service)
        self.request.sudo().technician_id = self.technician
        self.assertTrue(dispute.with_user(self.second_service).can_rule)
        self._rule(dispute, self.second_service)

    def test_ruling_needs_escalation(self):
        """L1.7: what the office still mediates isn't ruled on."""
        dispute = self._new_dispute()
        with self.assertRaises(UserError):
            self._rule(dispute)

    # --- cause -----------------------------------------------------------------------------

    def test_cause_before_close(self):
        """L3.5: it is closed, and so reported, only with its cause; then that is fixed, too."""
        dispute = self._new_dispute()
        manager = dispute.with_user(self.office_manager)
        with self.assertRaises(UserError):
            manager.action_close()
        self._agree(dispute)
        with self.assertRaisesRegex(UserError, "cause"):
            manager.action_close()
        manager.write({"cause_id": self.cause.id, "cause_note": " "})
        with self.assertRaisesRegex(UserError, "cause"):
            manager.action_close()
        manager.write({"cause_note": "The quotation was never shown"})
        manager.action_close()
        self.assertEqual(dispute.state, "closed")
        self.assertEqual(dispute.closer_id, self.office_manager)
        for vals in ({"cause_note": "x"}, {"cause_id": False}, {"prevention": "x"}):
            with self.assertRaises(UserError):
                manager.write(vals)
        with self.assertRaises(UserError):
            manager.action_close()
        groups = self.env["aftersales.dispute"]._read_group(
            [("id", "=", dispute.id)], ["cause_id", "center_id", "region_id"], ["__count"]
        )
        self.assertEqual(groups, [(self.cause, self.center, self.region, 1)])

    def test_cause_is_not_the_centers(self):
        """L3.5: what is analysed about a center is not shown to it."""
        dispute = self._new_dispute()
        for user in (self.center_user, self.technician):
            with self.assertRaises(AccessError):
                dispute.with_user(user).read(["cause_note"])
            with self.assertRaises(AccessError):
                dispute.with_user(user)._read_group([], ["cause_id"])
        dispute.with_user(self.office_manager).read(["cause_note"])

    def test_withdrawn(self):
        """L1.7: only customer service notes that the customer withdrew; the clock stops."""
        dispute = self._new_dispute()
        for user in (self.office_manager, self.clerk):
            with self.subTest(user.login), self.assertRaises(AccessError):
                dispute.with_user(user).action_cancel("x")
        with self.assertRaises(UserError):
            dispute.with_user(self.customer_service).action_cancel(" ")
        dispute.with_user(self.customer_service).action_cancel("The customer is content")
        self.assertEqual(dispute.result, "withdrawn")
        self.assertEqual(dispute.deadline_ids.state, "cancelled")
        with self.assertRaises(UserError):
            dispute.with_user(self.customer_service).action_escalate("x")

    # --- who sees it -----------------------------------------------------------------------

    def test_roles(self):
        """L1.7, mistake 6: as the request: own center, own visits, own region, central all."""
        dispute = self._new_dispute()
        dispute.with_user(self.office_manager).action_mediate("Half")
        for document in (dispute, dispute.mediation_ids):
            for user in (
                self.center_user,
                self.technician,
                self.office_manager,
                self.clerk,
                self.customer_service,
                self.logistics,
                self.quality,
                self.vp,
            ):
                self._assert_visible(document, user)
            for user in (
                self.other_center_user,
                self.other_technician,
                self.other_office_manager,
            ):
                self._assert_hidden(document, user)
        counted = self.request.with_user(self.center_user)
        self.assertEqual(counted.dispute_count, 1)

    def test_foreign_request(self):
        """Mistake 6: a manager can't open a dispute on another region's request to read it."""
        with self.assertRaises(AccessError):
            self._new_dispute(self.other_office_manager)
        self._new_dispute(self.office_manager)

    def test_companies(self):
        """A dispute is its company's alone."""
        dispute = self._new_dispute()
        company = self.env["res.company"].create({"name": "Other company"})
        user = self._new_user(
            "customer_service",
            login="test_other_company",
            company_id=company.id,
            company_ids=[(6, 0, company.ids)],
        )
        self._assert_hidden(dispute, user)

    def test_retention(self):
        """H11: kept two years beyond the card's end; only then an administrator may delete it."""
        dispute = self._new_dispute()
        end = self.request.card_id.date_end
        self.assertEqual(dispute.retain_until, end.replace(year=end.year + 2))
        for user in (self.clerk, self.office_manager, self.customer_service):
            with self.subTest(user.login), self.assertRaises(AccessError):
                dispute.with_user(user).unlink()
        own = dispute.with_user(self.administrator)
        with self.assertRaises(UserError):
            own.unlink()
        with freeze_time(dispute.retain_until + timedelta(days=2)):
            own.unlink()
        self.assertFalse(dispute.exists())

    def test_print(self):
        """L1.7: the ruling is printed with parties, log, ruling, reasons and article."""
        dispute = self._escalate(self._new_dispute(claimed_amount=400))
        self._rule(dispute)
        html = (
            self.env["ir.actions.report"]
            ._render_qweb_html("aftersales_service.report_dispute_document", dispute.ids)[0]
            .decode()
        )
        for text in (
            dispute.name,
            "Northern Quarry",
            "Center North",
            "Half is paid back",
            "The center pays 200 yuan back",
            "No consent was asked for",
            "L1.7",
            "400.00",
        ):
            self.assertIn(text, html)

    def test_query_count(self):
        """The list of disputes costs no more queries with more of them."""
        fields_read = ["name", "partner_id", "center_id", "date_due", "is_overdue", "state"]

        def count(number):
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            model = self.env["aftersales.dispute"].with_user(self.customer_service)
            model.search_read([], fields_read, limit=number)
            return self.cr.sql_log_count - before

        for _i in range(10):
            self._new_dispute()
        self.env.flush_all()
        count(1)
        self.assertEqual(count(5), count(10))
