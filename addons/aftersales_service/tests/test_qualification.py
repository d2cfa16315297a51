from datetime import date

from freezegun import freeze_time

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import tagged

from .common import AftersalesCommon


@tagged("post_install", "-at_install")
@freeze_time("2026-03-10 02:00:00")
class TestQualification(AftersalesCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.technician.partner_id.parent_id = cls.center
        cls.other_technician.partner_id.parent_id = cls.center
        cls.permit, cls.licence = cls.env["aftersales.qualification.type"].create(
            [
                {"name": "Test permit", "remind_days": 30},
                {"name": "Test licence", "holder": "center", "remind_days": 60},
            ]
        )

    @classmethod
    def _new_qualification(cls, user=None, **vals):
        return (
            cls.env["aftersales.qualification"]
            .with_user(user or cls.office_manager)
            .create(
                {
                    "partner_id": cls.technician.partner_id.id,
                    "type_id": cls.permit.id,
                    "number": "T-1",
                    "date_from": "2025-01-01",
                    **vals,
                }
            )
        )

    def test_states(self):
        """H2: valid, expiring and expired by the day; the search finds the same."""
        expected = {
            ("2025-01-01", False): "valid",
            ("2025-01-01", "2026-04-10"): "valid",
            ("2025-01-01", "2026-04-09"): "expiring",
            ("2025-01-01", "2026-03-10"): "expiring",
            ("2025-01-01", "2026-03-09"): "expired",
            ("2026-03-10", "2026-03-11"): "expiring",
            ("2026-03-11", "2026-03-12"): "future",
            ("2026-03-11", False): "future",
        }
        found = {
            self._new_qualification(date_from=first, date_to=last): state
            for (first, last), state in expected.items()
        }
        everything = self.env["aftersales.qualification"].union(*found)
        for qualification, state in found.items():
            self.assertEqual(qualification.state, state, qualification.date_to)
        for state in set(expected.values()):
            self.assertEqual(
                set(everything.search([("id", "in", everything.ids), ("state", "=", state)])),
                {qualification for qualification, s in found.items() if s == state},
                state,
            )
        licence = self._new_qualification(
            partner_id=self.center.id, type_id=self.licence.id, date_to="2026-05-09"
        )
        self.assertEqual(licence.state, "expiring")
        self.assertIn(licence, licence.search([("state", "in", ["expiring", "expired"])]))

    def test_has_qualification(self):
        """H2: whoever's certificate has ended, or is another's, isn't qualified."""
        self._new_qualification(date_to="2026-03-10")
        partner = self.technician.partner_id
        for day, qualified in (
            (date(2024, 12, 31), False),
            (date(2025, 1, 1), True),
            (date(2026, 3, 10), True),
            (date(2026, 3, 11), False),
        ):
            self.assertEqual(partner._has_qualification(self.permit, day), qualified, day)
        self.assertFalse(partner._has_qualification(self.licence, date(2026, 1, 1)))
        other = self.other_technician.partner_id
        self.assertFalse(other._has_qualification(self.permit, date(2026, 1, 1)))
        # the answer doesn't depend on who asks
        asked = partner.with_user(self.other_center_user)
        self.assertTrue(asked._has_qualification(self.permit, date(2026, 1, 1)))

    def test_holder(self):
        """H2: a permit belongs to a person, a licence to a service center."""
        with self.assertRaisesRegex(ValidationError, "isn't one"), self.cr.savepoint():
            self._new_qualification(type_id=self.licence.id)
        with self.assertRaisesRegex(ValidationError, "is a company"), self.cr.savepoint():
            self._new_qualification(partner_id=self.center.id)

    def test_counts(self):
        """H2, L3.6: the center's file counts what expires, of its people as well."""
        self._new_qualification(date_to="2026-03-01")
        self._new_qualification(date_to="2026-04-01")
        self._new_qualification()
        center = self.center.with_user(self.office_manager)
        self.assertEqual(center.qualification_count, 3)
        self.assertEqual(center.expiring_qualification_count, 2)
        action = center.action_view_expiring_qualifications()
        self.assertEqual(self.env["aftersales.qualification"].search_count(action["domain"]), 2)

    def test_roles(self):
        """H2: a technician sees the own certificates, a center its people's, neither writes."""
        own = self._new_qualification()
        colleague = self._new_qualification(partner_id=self.other_technician.partner_id.id)
        self._assert_visible(own, self.technician)
        self._assert_hidden(colleague, self.technician)
        self._assert_visible(own | colleague, self.center_user)
        for user in (self.other_center_user, self.other_office_manager, self.logistics):
            self._assert_hidden(own, user)
        for user in (self.clerk, self.customer_service, self.vp, self.office_manager):
            self._assert_visible(own, user)
        for user in (self.technician, self.center_user, self.clerk):
            with self.assertRaises(AccessError), self.cr.savepoint():
                own.with_user(user).date_to = "2030-01-01"
            with self.assertRaises(AccessError), self.cr.savepoint():
                self._new_qualification(user=user)
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._new_qualification(user=self.other_office_manager)
        with self.assertRaises(AccessError), self.cr.savepoint():
            own.partner_id = self.other_center_user.partner_id
