from freezegun import freeze_time
from psycopg2.errors import CheckViolation

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common import AftersalesCommon


@tagged("post_install", "-at_install")
class TestRequest(AftersalesCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.card, cls.second_card = cls._deliver("SN-1", "SN-2")
        cls.other_card = cls._deliver("SN-9", partner=cls.other_customer)

    # --- intake ----------------------------------------------------------------------------

    def test_filled_from_card(self):
        """E7, H4: choosing the card fills customer, phone, product and region on the form."""
        with Form(self.env["aftersales.request"].with_user(self.clerk)) as form:
            form.card_id = self.card
            self.assertEqual(form.partner_id, self.customer)
            self.assertEqual(form.phone, "+86 10 5555 0001")
            self.assertEqual(form.product_id, self.machine)
            self.assertEqual(form.serial_number, "SN-1")
            self.assertEqual(form.region_id, self.region)
            form.card_id = self.other_card
            self.assertEqual(form.partner_id, self.other_customer)
            self.assertEqual(form.phone, "+86 20 5555 0002")
            self.assertEqual(form.region_id, self.other_region)
            form.description = "Does not lift"
        request = form.record
        self.assertEqual(request.state, "new")
        self.assertRegex(request.name, r"^SR\d{9}$")

    def test_filled_on_create(self):
        """E7: the same by import or from another program; what was given is kept."""
        request = self._new_request(self.card)
        self.assertEqual(request.partner_id, self.customer)
        self.assertEqual(request.product_id, self.machine)
        self.assertEqual(request.phone, "+86 10 5555 0001")
        self.assertEqual(request.region_id, self.region)
        request = self._new_request(
            self.card, phone="+86 138 0000 0000", region_id=self.other_region.id
        )
        self.assertEqual(request.phone, "+86 138 0000 0000")
        self.assertEqual(request.region_id, self.other_region)

    def test_without_card(self):
        """M1: a caller without card is registered with customer and problem."""
        request = self._new_request(
            partner_id=self.customer.id, center_id=False, product_id=False, date_purchase=False
        )
        self.assertEqual(request.phone, "+86 10 5555 0001")
        self.assertEqual(request.region_id, self.region)
        self.assertFalse(request.product_id)
        self.assertFalse(request.serial_number)

    def test_card_of_another_customer_refused(self):
        """E4: a request can't be put on the card of somebody else; the message names both."""
        with (
            self.assertRaisesRegex(
                ValidationError,
                f"{self.card.name} belongs to Northern Quarry, not to Southern Quarry",
            ),
            self.cr.savepoint(),
        ):
            self._new_request(self.card, partner_id=self.other_customer.id)
        request = self._new_request(self.card)
        with (
            self.assertRaisesRegex(ValidationError, "belongs to Northern Quarry"),
            self.cr.savepoint(),
        ):
            request.partner_id = self.other_customer

    def test_card_of_own_contact(self):
        """E4: a person of the customer may ask for its machine."""
        contact = self.env["res.partner"].create({"name": "Foreman", "parent_id": self.customer.id})
        request = self._new_request(self.card, partner_id=contact.id)
        self.assertEqual(request.partner_id, contact)

    def test_number(self):
        """E7: numbers are unique, also for requests that are created together."""
        vals = {"partner_id": self.customer.id, "description": "Broken"}
        requests = self.env["aftersales.request"].with_user(self.clerk).create([vals] * 3)
        self.assertEqual(len(set(requests.mapped("name"))), 3)

    @mute_logger("odoo.sql_db")
    def test_negative_distance_refused(self):
        """M3.1: a distance can't be negative."""
        with self.assertRaisesRegex(CheckViolation, "distance_positive"), self.cr.savepoint():
            self._new_request(self.card, distance=-1)

    # --- assignment ------------------------------------------------------------------------

    def test_assigned(self):
        """E7: the clerk hands the request to the center."""
        request = self._new_request(self.card)
        request.action_assign()
        self.assertEqual(request.state, "assigned")

    def test_assign_without_center_refused(self):
        """E7, mistake 9: without a center nothing is assigned and no promise runs."""
        request = self._new_request(self.card, center_id=False)
        with self.assertRaisesRegex(UserError, "Choose the service center"):
            request.action_assign()
        self.assertEqual(request.state, "new")
        self.assertFalse(request.deadline_ids)

    def test_assigned_once(self):
        """M3.1, mistake 5: a second press starts no second clock."""
        request = self._new_request(self.card)
        request.action_assign()
        deadlines = request.deadline_ids
        with self.assertRaisesRegex(UserError, "already been assigned"):
            request.action_assign()
        self.assertEqual(request.deadline_ids, deadlines)

    def test_record_filled(self):
        """E7: the visit's record takes over the request; a second press opens the same one."""
        request = self._new_request(self.card)
        with self.assertRaisesRegex(UserError, "Assign the request"):
            request.action_create_record()
        request.action_assign()
        action = request.with_user(self.technician).action_create_record()
        record = request.record_ids
        self.assertEqual(action["res_id"], record.id)
        self.assertEqual(record.technician_id, self.technician)
        self.assertEqual(record.card_id, self.card)
        self.assertEqual(record.partner_id, self.customer)
        self.assertEqual(record.center_id, self.center)
        self.assertEqual(record.serial_number, "SN-1")
        self.assertEqual(request.action_create_record()["res_id"], record.id)
        self.assertEqual(request.record_count, 1)

    def test_no_record_on_closed_request(self):
        """M3.4: a closed request gets no further record."""
        request = self._new_request(self.card)
        request.action_cancel("Wrong number")
        with self.assertRaisesRegex(UserError, "is closed"):
            request.action_create_record()
        self.assertFalse(request.record_ids)

    # --- end -------------------------------------------------------------------------------

    def test_done_by_record(self):
        """E7: arrival and valid record carry the request to its end."""
        request = self._new_request(self.card)
        record = self._new_complete_record(request)
        self.assertEqual(request.state, "in_progress")
        self._sign(record)
        self.assertEqual(request.state, "in_progress")
        record.action_done()
        self.assertEqual(request.state, "done")

    def _assert_frozen(self, record):
        request = record.request_id.with_user(self.clerk)
        for name, value in {
            "card_id": self.second_card.id,
            "product_id": self._new_machine("Other").id,
            "center_id": self.other_center.id,
            "region_id": self.other_region.id,
            "request_date": "2020-01-01 00:00:00",
            "distance": 400,
        }.items():
            with self.subTest(name), self.assertRaisesRegex(UserError, "can't be changed"):
                request.write({name: value})

    def test_frozen_when_signed(self):
        """M3.4, mistake 9: what the customer signed isn't rewritten through its request."""
        self._assert_frozen(self._sign(self._new_complete_record(self._new_request(self.card))))

    def test_frozen_when_done(self):
        """M3.4, mistake 9: nor is a valid record."""
        self._assert_frozen(self._new_done_record(self._new_request(self.card)))

    def test_cancel(self):
        """E7: a request is cancelled with a reason, which is kept."""
        request = self._new_request(self.card)
        for reason in (None, "", " \n"):
            with self.assertRaisesRegex(UserError, "reason why the request is cancelled"):
                request.action_cancel(reason)
        self.assertEqual(request.state, "new")
        request.action_cancel("Customer solved it")
        self.assertEqual(request.state, "cancelled")
        self.assertIn("Customer solved it", request.message_ids[0].body)
        with self.assertRaisesRegex(UserError, "assigned"):
            request.action_assign()

    def test_cancel_after_signature_refused(self):
        """M3.4: a request with a signed or valid record can't be cancelled away."""
        record = self._sign(self._new_complete_record(self._new_request(self.card)))
        request = record.request_id.with_user(self.clerk)
        with self.assertRaisesRegex(UserError, "signed service record, and stays"):
            request.action_cancel("Too expensive")
        record.action_done()
        with self.assertRaisesRegex(UserError, "signed service record, and stays"):
            request.action_cancel("Too expensive")
        self.assertEqual(request.state, "done")

    def test_cancelled_request_yields_no_valid_record(self):
        """M3.4: the open record of a cancelled request can't be signed and claimed."""
        record = self._new_complete_record(self._new_request(self.card))
        record.request_id.with_user(self.clerk).action_cancel("Customer refused")
        with self.assertRaisesRegex(UserError, "cancelled|closed"):
            self._sign(record)
        self.assertNotEqual(record.state, "signed")

    def test_only_new_deleted(self):
        """H11: only a request that nobody has taken up can be deleted."""
        request = self._new_request(self.card)
        request.unlink()
        self.assertFalse(request.exists())
        request = self._new_request(self.card)
        request.action_assign()
        with self.assertRaisesRegex(UserError, "kept until"):
            request.unlink()
        request.action_cancel("Wrong number")
        with self.assertRaisesRegex(UserError, "kept until"):
            request.unlink()
        self.assertTrue(request.exists())

    # --- no way round the actions ------------------------------------------------------------

    def test_state_not_written(self):
        """Mistake 9: no role writes the state, nor creates a request beyond new."""
        request = self._new_request(self.card)
        for user in (self.clerk, self.customer_service, self.administrator, self.center_user):
            for state in ("assigned", "in_progress", "done", "cancelled"):
                with (
                    self.subTest(user=user.login, state=state),
                    self.assertRaisesRegex(AccessError, "changed by hand"),
                ):
                    request.with_user(user).write({"state": state})
        for state in ("assigned", "done", "cancelled"):
            with self.assertRaisesRegex(AccessError, "changed by hand"):
                self._new_request(self.card, state=state)
        request.with_user(self.clerk).write({"state": "new"})
        self.assertEqual(request.state, "new")

    def test_state_not_set_by_context(self):
        """Mistake 9: a default from the caller's context is no way round it either."""
        request = self._new_request(self.card)
        model = request.with_user(self.clerk).with_context(default_state="done")
        created = model.create({"card_id": self.card.id, "description": "Does not lift"})
        self.assertEqual(created.state, "new")

    def test_caller_is_not_changed_by_who_serves(self):
        """E8, anchors: who did the work doesn't choose the number at which he is asked about."""
        request = self._new_request(self.card)
        request.action_assign()
        for user in (self.technician, self.center_user):
            for vals in ({"phone": "139 0000 0000"}, {"channel": "visit"}):
                with self.assertRaisesRegex(AccessError, "Only"), self.cr.savepoint():
                    request.with_user(user).write(vals)
        request.with_user(self.clerk).phone = "139 0000 0000"

    def test_number_not_written(self):
        """M10.3: the number that tags and settlements refer to is never set by hand."""
        request = self._new_request(self.card)
        number = request.name
        with self.assertRaisesRegex(AccessError, "changed by hand"):
            request.with_user(self.clerk).write({"name": "SR-X"})
        with self.assertRaisesRegex(AccessError, "changed by hand"):
            self._new_request(self.card, name=number)
        self.assertEqual(request.name, number)

    def test_not_imported_as_done(self):
        """Mistake 9: import goes through the same gate."""
        result = (
            self.env["aftersales.request"]
            .with_user(self.clerk)
            .load(
                ["partner_id/.id", "description", "state"],
                [[str(self.customer.id), "Broken", "Done"]],
            )
        )
        self.assertFalse(result["ids"])
        self.assertIn("changed by hand", result["messages"][0]["message"])

    @freeze_time("2026-07-01 02:00:00")
    def test_center_takes_no_requests(self):
        """Mistake 6: centers and technicians work on requests but don't create or delete them."""
        request = self._new_request(self.card)
        for user in (self.center_user, self.technician):
            with self.subTest(user=user.login):
                with self.assertRaisesRegex(AccessError, "Service request"):
                    self._new_request(self.card, user=user)
                with self.assertRaisesRegex(AccessError, "Service request"):
                    request.with_user(user).unlink()

    def test_closed_request_stays(self):
        """E7, M3.5: nothing of a closed request changes, whoever writes it, by form or RPC."""
        done = self._new_done_record(self._new_request(self.card)).request_id
        cancelled = self._new_request(self.card)
        cancelled.with_user(self.clerk).action_cancel("Typed twice")
        changes = {
            "description": "All was well",
            "urgency": "2",
            "technician_id": self.other_technician.id,
            "part_id": self.pump.id,
            "hour_meter": 7,
            "serial_reported": "X",
            "phone": "+86 10 9999 9999",
            "channel": "visit",
        }
        for request in (done, cancelled):
            for user in (
                self.center_user,
                self.technician,
                self.clerk,
                self.office_manager,
                self.customer_service,
            ):
                for name, value in changes.items():
                    with (
                        self.subTest(state=request.state, user=user.login, field=name),
                        self.assertRaises(UserError),
                        self.cr.savepoint(),
                    ):
                        request.with_user(user).write({name: value})
            # saving a form without a change is no change
            request.with_user(self.clerk).write({"description": request.description})
            with self.assertRaisesRegex(UserError, "Follow-up"), self.cr.savepoint():
                request.with_user(self.clerk).write({"description": "Different"})
