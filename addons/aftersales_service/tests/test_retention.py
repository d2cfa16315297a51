import base64

from freezegun import freeze_time
from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Date
from odoo.tests import tagged
from odoo.tools import format_date, mute_logger

from .common import AftersalesCommon

# 10:00 in Shanghai
NOW = "2026-11-20 02:00:00"


@tagged("post_install", "-at_install")
class TestRetention(AftersalesCommon):
    def setUp(self):
        super().setUp()
        self.startPatcher(freeze_time(NOW))
        # 12 months from 20 November 2026, and two years more
        self.card = self._deliver("SN-KEEP")
        self.until = Date.to_date("2029-11-20")

    def _file(self, document, user=None):
        return (
            self.env["ir.attachment"]
            .with_user(user or self.clerk)
            .create(
                {
                    "name": "photo.txt",
                    "datas": base64.b64encode(b"photo"),
                    "res_model": document._name,
                    "res_id": document.id,
                }
            )
        )

    # --- the day ---------------------------------------------------------------------------

    def test_card(self):
        """H11: a card is kept for two years beyond the end of its warranty."""
        self.assertEqual(self.card.date_end, Date.to_date("2027-11-20"))
        self.assertEqual(self.card.retain_until, self.until)

    def test_leap_day(self):
        """H11: two years after 29 February 2028 end with 28 February 2030."""
        with freeze_time("2027-09-01 02:00:00"):
            card = self.env["aftersales.warranty.card"].create(
                {
                    "partner_id": self.customer.id,
                    "product_id": self.machine.id,
                    "serial_number": "SN-9",
                    "policy_id": self._new_policy(6).id,
                    "date_delivery": "2027-08-29",
                }
            )
        self.assertEqual(card.date_end, Date.to_date("2028-02-29"))
        self.assertEqual(card.retain_until, Date.to_date("2030-02-28"))

    def test_card_without_warranty(self):
        """H11: where no warranty ends, the years count from the day of the document."""
        policy = self._new_policy(1)
        policy.line_ids.write({"kind": "none", "duration": 0})
        card = self.env["aftersales.warranty.card"].create(
            {
                "partner_id": self.customer.id,
                "product_id": self.machine.id,
                "serial_number": "SN-9",
                "policy_id": policy.id,
                "date_delivery": "2026-10-05",
            }
        )
        self.assertFalse(card.date_end)
        self.assertEqual(card.retain_until, Date.to_date("2028-10-05"))

    def test_request(self):
        """H11: a new request may go; once assigned it is kept as long as its card."""
        request = self._new_request(self.card)
        self.assertFalse(request.retain_until)
        request.action_assign()
        self.assertEqual(request.retain_until, self.until)

    def test_request_without_card(self):
        """H11: without a card the years count from the day of the request, in local time."""
        request = self._new_request(
            partner_id=self.customer.id,
            # 00:30 on 21 November in Shanghai
            request_date="2026-11-20 16:30:00",
        )
        request.action_assign()
        self.assertEqual(request.retain_until, Date.to_date("2028-11-21"))
        self.company.partner_id.tz = "America/New_York"
        request = self._new_request(partner_id=self.customer.id, request_date="2026-11-20 16:30:00")
        request.action_assign()
        self.assertEqual(request.retain_until, Date.to_date("2028-11-20"))

    def test_record(self):
        """H11: a draft may go; once signed the record is kept, also when the signature is void."""
        record = self._new_complete_record(self._new_request(self.card))
        self.assertFalse(record.retain_until)
        self._sign(record)
        self.assertEqual(record.retain_until, self.until)
        record.cause = "Something else"
        self.assertEqual(record.state, "draft")
        self.assertEqual(record.retain_until, self.until)

    def test_record_outside_warranty(self):
        """H8, H11: after the warranty of the unit the 30 days of the repair count."""
        with freeze_time("2028-01-10 02:00:00"):
            record = self._new_done_record(self._new_request(self.card))
        # 10 January and 30 days are 9 February
        self.assertEqual(record.retain_until, Date.to_date("2030-02-09"))

    def test_longer_warranty(self):
        """H11: a warranty that becomes longer moves the day away, on all that hangs on the card."""
        record = self._new_done_record(self._new_request(self.card))
        self.card.coverage_ids.sudo().write({"date_end": "2028-05-31"})
        for document in (self.card, record, record.request_id):
            self.assertEqual(document.retain_until, Date.to_date("2030-05-31"), document._name)

    def test_day_never_comes_nearer(self):
        """H11: a day once given holds, whatever is shortened afterwards."""
        self.company.aftersales_retention_years = 5
        self.assertEqual(self.card.retain_until, Date.to_date("2032-11-20"))
        self.company.aftersales_retention_years = 2
        self.card.coverage_ids.sudo().write({"date_end": "2026-12-31"})
        self.card.action_void("Issued twice")
        self.assertEqual(self.card.retain_until, Date.to_date("2032-11-20"))

    def test_company_minimum(self):
        """H11: a company may keep its documents longer, not shorter; the least is data."""
        self.assertEqual(self.company.aftersales_retention_years, 2)
        with self.assertRaisesRegex(ValidationError, "2 years at least"):
            self.company.aftersales_retention_years = 1
        self.env["ir.config_parameter"].set_param("aftersales_service.retention_minimum_years", "3")
        with self.assertRaisesRegex(ValidationError, "3 years at least"):
            self.company.aftersales_retention_years = 2

    def test_settings(self):
        """H11: the administrator of the system sets the years in the settings."""
        self.env["res.config.settings"].create({"aftersales_retention_years": 4}).execute()
        self.assertEqual(self.company.aftersales_retention_years, 4)

    def test_not_written(self):
        """H11: nobody writes the day by hand or gives it with a new document."""
        for user in (self.clerk, self.administrator):
            with self.assertRaisesRegex(AccessError, "can't be changed by hand"):
                self.card.with_user(user).write({"retain_until": "2020-01-01"})
        with self.assertRaisesRegex(AccessError, "can't be changed by hand"):
            self._new_request(self.card, retain_until="2020-01-01")

    # --- deletion --------------------------------------------------------------------------

    def test_refused_before(self):
        """H11: nobody deletes before the day, and the sentence names it."""
        record = self._new_done_record(self._new_request(self.card))
        for document in (self.card, record.request_id, record):
            for user in (self.administrator, self.env.ref("base.user_root")):
                for context in ({}, {"_force_unlink": True}):
                    own = document.with_user(user).with_context(**context)
                    if own.env.su and context:
                        continue
                    with (
                        self.subTest(model=document._name, user=user.login),
                        self.assertRaisesRegex(
                            UserError, f"kept until {format_date(self.env, self.until)}"
                        ),
                    ):
                        own.unlink()

    def test_last_day(self):
        """H11: the day ends at midnight in the company's time zone, and then deletion is free."""
        card = self.card.with_user(self.administrator)
        with (
            freeze_time("2029-11-20 15:59:59"),
            self.assertRaisesRegex(UserError, "kept until"),
        ):
            card.unlink()
        with freeze_time("2029-11-20 16:00:00"):
            card.unlink()
        self.assertFalse(card.exists())

    def test_two_time_zones(self):
        """H11: at the same moment the day is over in Shanghai and still runs in New York."""
        self.company.partner_id.tz = "America/New_York"
        card = self.card.with_user(self.administrator)
        with (
            freeze_time("2029-11-20 16:00:00"),
            self.assertRaisesRegex(UserError, "kept until"),
        ):
            card.unlink()
        with freeze_time("2029-11-21 05:00:00"):
            card.unlink()

    def test_bulk(self):
        """H11: one document that has to be kept keeps the whole selection."""
        new, assigned = self._new_request(self.card), self._new_request(self.card)
        assigned.action_assign()
        with self.assertRaisesRegex(UserError, f"^{assigned.name}.* kept until"):
            (new | assigned).unlink()
        self.assertEqual(len((new | assigned).exists()), 2)
        new.unlink()
        self.assertFalse(new.exists())

    def test_request_with_records(self):
        """H11: a request doesn't take its records with it, even when its own day is over."""
        record = self._new_done_record(self._new_request(self.card))
        request = record.request_id
        with freeze_time("2029-11-21 02:00:00"):
            with (
                mute_logger("odoo.sql_db"),
                self.assertRaises(IntegrityError),
                self.cr.savepoint(),
            ):
                request.with_user(self.clerk).unlink()
            record.with_user(self.clerk).unlink()
            request.with_user(self.clerk).unlink()
        self.assertFalse(request.exists())

    def test_uninstall(self):
        """H11: uninstalling the addon is not a deletion of documents."""
        self.card.sudo().with_context(_force_unlink=True).unlink()
        self.assertFalse(self.card.exists())

    # --- files and notes -------------------------------------------------------------------

    def test_files(self):
        """H11: files on a kept document are neither deleted nor exchanged nor moved away."""
        request = self._new_request(self.card)
        file = self._file(request)
        self._file(request).unlink()
        request.action_assign()
        other = self._new_request(self.card)
        for user in (self.clerk, self.administrator):
            own = file.with_user(user)
            for change in (
                own.unlink,
                # as the chatter does it
                own.sudo()._delete_and_notify,
                own.with_context(_force_unlink=True).unlink,
                lambda own=own: own.write({"datas": base64.b64encode(b"other")}),
                lambda own=own: own.write({"res_id": other.id}),
                lambda own=own: own.write({"res_model": "res.partner", "res_id": 1}),
            ):
                with self.assertRaisesRegex(
                    UserError, f"kept until {format_date(self.env, self.until)}"
                ):
                    change()
        self.env.invalidate_all()
        self.assertEqual(file.raw, b"photo")
        # more may always be added
        self._file(request)
        with freeze_time("2029-11-21 02:00:00"):
            file.unlink()

    def test_file_moved_in(self):
        """H11: a file that is put on a kept document becomes one of its files."""
        request = self._new_request(self.card)
        other = self._new_request(self.card)
        request.action_assign()
        file = self._file(other)
        file.res_id = request.id
        with self.assertRaisesRegex(UserError, "kept until"):
            file.unlink()

    def test_notes(self):
        """H11: what was noted on a kept document is neither deleted nor changed, by nobody."""
        request = self._new_request(self.card)
        draft_note = request.message_post(body="Draft")
        draft_note.unlink()
        note = request.message_post(body="Customer agreed", message_type="comment")
        request.action_assign()
        self.env.flush_all()
        for user in (self.clerk, self.administrator):
            own = note.with_user(user)
            for change in (
                own.unlink,
                own.with_context(_force_unlink=True).unlink,
                lambda own=own: own.write({"body": "Customer refused"}),
                lambda own=own: request.with_user(own.env.user)._message_update_content(
                    own.sudo(), body="", attachment_ids=[]
                ),
            ):
                with self.assertRaisesRegex(UserError, "has to be kept as it is"):
                    change()
        self.env.invalidate_all()
        self.assertIn("Customer agreed", note.body)

    def test_tracked_changes(self):
        """H11: the tracked changes of a kept document can't be taken out, by administrators too."""
        request = self._new_request(self.card)
        self.cr.flush()
        request.action_assign()
        request.technician_id = self.other_technician
        self.cr.flush()
        values = request.message_ids.sudo().tracking_value_ids
        self.assertTrue(values)
        with self.assertRaisesRegex(UserError, "has to be kept as it is"):
            values[0].unlink()
        with self.assertRaisesRegex(UserError, "has to be kept as it is"):
            values[0].write({"new_value_char": "Other"})

    def test_deleting_takes_files_along(self):
        """H11: a document that may go takes its files and notes with it."""
        request = self._new_request(self.card)
        file = self._file(request)
        request.message_post(body="Note")
        request.unlink()
        self.assertFalse(file.exists())

    def test_other_documents_untouched(self):
        """H11: files and notes elsewhere are deleted as ever."""
        file = self._file(self.customer, self.env.user)
        note = self.customer.message_post(body="Note")
        file.unlink()
        note.unlink()
        self.assertFalse(file.exists() or note.exists())
