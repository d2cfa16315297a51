from datetime import date

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common import AftersalesCommon


@freeze_time("2026-09-01 02:00:00")
@tagged("post_install", "-at_install")
class TestMeterReading(AftersalesCommon):
    """Hour-meter truth: hours never go back, and a day has 24 of them (M5)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time("2026-07-01 02:00:00"):
            cls.card = cls._deliver("SN-1")

    def _read(self, day, meter, user=None):
        return (
            self.env["aftersales.meter.reading"]
            .with_user(user or self.clerk)
            .create({"card_id": self.card.id, "date": day, "meter": meter})
        )

    def _replace(self, day, old, new=0, reason="Display broken", user=None):
        card = self.card.with_user(user or self.customer_service)
        return card.action_replace_meter(day, old, new, reason)

    def test_by_hand(self):
        """M5: a reading told by phone is entered by the clerk and shown on the card."""
        reading = self._read("2026-08-01", 310.5)
        self.assertEqual(reading.source, "manual")
        self.assertEqual(reading.hours, 310.5)
        self.assertEqual(self.card.operating_hours, 310.5)
        self.assertEqual(self.card.reading_count, 1)

    def test_never_back(self):
        """M5: less hours than before, or more than later, is refused and says against which."""
        self._read("2026-07-10", 100)
        self._read("2026-08-10", 300)
        for day, meter, neighbour in (
            ("2026-08-20", 299.9, "on 2026-08-10 it was at 300.0 h"),
            ("2026-07-20", 99, "on 2026-07-10 it was at 100.0 h"),
            ("2026-07-20", 301, "on 2026-08-10 it was at 300.0 h"),
            ("2026-07-09", 101, "on 2026-07-10 it was at 100.0 h"),
        ):
            with (
                self.subTest(day=day, meter=meter),
                self.assertRaisesRegex(ValidationError, neighbour),
                self.cr.savepoint(),
            ):
                self._read(day, meter)
        # what is possible: standing still, and in between
        self._read("2026-08-20", 300)
        self._read("2026-07-20", 200)
        self.assertEqual(self.card.reading_count, 4)

    def test_24_hours_a_day(self):
        """M5: from 1 to 3 August a machine runs three days of 24 hours at most, and no more."""
        self._read("2026-08-01", 100)
        for day, meter in (("2026-08-03", 172.1), ("2026-08-01", 124.1), ("2026-07-31", 51.9)):
            with (
                self.subTest(day=day),
                self.assertRaisesRegex(ValidationError, "more than 24 hours a day"),
                self.cr.savepoint(),
            ):
                self._read(day, meter)
        for day, meter in (("2026-08-01", 124), ("2026-08-03", 172), ("2026-07-31", 76)):
            with self.cr.savepoint() as savepoint:
                self._read(day, meter)
                savepoint.rollback()

    def test_impossible_days(self):
        """M5: not tomorrow, not less than nothing, not more than since the unit was made."""
        with self.assertRaisesRegex(ValidationError, "in the future"), self.cr.savepoint():
            self._read("2026-09-02", 100)
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaisesRegex(Exception, "meter_positive"),
            self.cr.savepoint(),
        ):
            self._read("2026-08-01", -1)
        self.card.date_manufacture = "2026-06-30"
        with self.assertRaisesRegex(ValidationError, "on 2026-06-30"), self.cr.savepoint():
            self._read("2026-07-01", 48.5)
        self._read("2026-07-01", 48)

    def test_last_local_minute(self):
        """M5: today is the company's day: at 23:59 in Shanghai tomorrow hasn't begun."""
        with (
            freeze_time("2026-09-01 15:59:00"),
            self.assertRaisesRegex(ValidationError, "future"),
            self.cr.savepoint(),
        ):
            self._read("2026-09-02", 100)
        with freeze_time("2026-09-01 16:00:00"):
            self._read("2026-09-02", 100)

    def test_from_record(self):
        """M5: a valid service record notes its reading; a draft or signed one doesn't."""
        record = self._new_complete_record(self._new_request(self.card), hour_meter=250.5)
        self._sign(record)
        self.assertFalse(self.card.reading_ids)
        record.action_done()
        reading = self.card.reading_ids
        self.assertEqual(reading.record_id, record.sudo())
        self.assertEqual(reading.source, "record")
        self.assertEqual(reading.date, date(2026, 9, 1))
        self.assertEqual(reading.hours, 250.5)

    def test_record_without_meter(self):
        """M5: a unit without hour meter notes nothing."""
        self._new_done_record(self._new_request(self.card), hour_meter=0)
        self.assertFalse(self.card.reading_ids)

    def test_record_says_what_is_wrong(self):
        """M5, M3.4: the technician is told at once, before the customer signs."""
        self._read("2026-08-10", 300)
        record = self._new_record(self._new_request(self.card))
        with (
            self.assertRaisesRegex(ValidationError, "on 2026-08-10 it was at 300.0 h"),
            self.cr.savepoint(),
        ):
            record.write(self._complete_vals(record.request_id, hour_meter=250))
        with self.assertRaisesRegex(ValidationError, "less than nothing"), self.cr.savepoint():
            record.write(self._complete_vals(record.request_id, hour_meter=-1))
        record.write(self._complete_vals(record.request_id, hour_meter=420))
        # another reading came in between
        self._read("2026-08-31", 421)
        self._sign(record)
        with (
            self.assertRaisesRegex(ValidationError, "on 2026-08-31 it was at 421.0 h"),
            self.cr.savepoint(),
        ):
            record.action_done()

    def test_meter_replaced(self):
        """M5: hours go on when the meter is replaced, and the cover ends by them."""
        self._read("2026-07-31", 700)
        self._replace("2026-08-01", 710, 5)
        self.assertEqual(self.card.operating_hours, 710)
        reading = self._read("2026-08-31", 505)
        self.assertEqual(reading.offset, 705)
        self.assertEqual(reading.hours, 1210)
        self.assertEqual(self.card.operating_hours, 1210)
        # hydraulic parts are covered up to 1200 h, the machine up to 2400 h
        day = date(2026, 8, 31)
        self.assertFalse(self.card._get_coverage(self.pump, day, 505))
        self.assertTrue(self.card._get_coverage(self.pump, day, 495))
        self.assertTrue(self.card._get_coverage(self.engine_part, day, 505))
        # before the replacement the meter said it all
        self.assertTrue(self.card._get_coverage(self.pump, date(2026, 7, 31), 705))
        # and once more
        self._replace("2026-08-31", 510, 0)
        self.assertEqual(self._read("2026-09-01", 10).hours, 1225)

    def test_record_after_replacement(self):
        """M5: the record shows the new meter; the reading counts on."""
        self._replace("2026-08-01", 710)
        self._new_done_record(self._new_request(self.card), hour_meter=100)
        self.assertEqual(self.card.operating_hours, 810)

    def test_replaced_impossibly(self):
        """M5: the last reading of the old meter has to be possible as well."""
        self._read("2026-07-31", 700)
        with self.assertRaisesRegex(ValidationError, "it was at 700.0 h"), self.cr.savepoint():
            self._replace("2026-08-01", 690)
        with self.assertRaisesRegex(UserError, "reason why the meter"):
            self._replace("2026-08-01", 710, reason=" ")

    def test_replaced_by_customer_service(self):
        """M5: only customer service records a replacement; the window asks for both readings."""
        for user in (self.clerk, self.technician, self.center_user, self.vp):
            with self.assertRaisesRegex(AccessError, "Customer service"):
                self._replace("2026-08-01", 710, user=user)
        action = self.card.with_user(self.customer_service).action_open_replace_meter()
        window = Form(
            self.env[action["res_model"]]
            .with_user(self.customer_service)
            .with_context(**action["context"])
        )
        window.old_meter = 710
        window.new_meter = 2
        window.reason = "Display broken"
        window.save().action_confirm()
        self.assertEqual(self.card.reading_ids.offset, 708)
        self.assertEqual(self.card.reading_ids.reason, "Display broken")

    def test_kept(self):
        """M5: nobody changes a reading or its offset; customer service deletes mistyped ones."""
        reading = self._read("2026-08-01", 100)
        for vals in ({"meter": 90}, {"date": "2026-08-02"}):
            for user in (self.clerk, self.customer_service, self.administrator):
                with self.assertRaisesRegex(UserError, "kept as it was taken"):
                    reading.with_user(user).write(vals)
        for vals in ({"offset": 50}, {"source": "replacement"}, {"hours": 1}):
            with self.assertRaisesRegex(AccessError, "changed by hand"):
                reading.with_user(self.customer_service).write(vals)
            with self.assertRaisesRegex(AccessError, "changed by hand"), self.cr.savepoint():
                reading.with_user(self.clerk).create(
                    {"card_id": self.card.id, "date": "2026-08-02", "meter": 101, **vals}
                )
        with self.assertRaises(AccessError):
            reading.with_user(self.clerk).unlink()
        reading.with_user(self.customer_service).unlink()
        self.assertFalse(self.card.reading_ids)
        self.assertIn("100.0 h on 2026-08-01", self.card.message_ids[0].body)

    def test_of_record_not_deleted(self):
        """H11: what a service record noted isn't deleted; nor a replacement that others rest on."""
        self._new_done_record(self._new_request(self.card), hour_meter=250)
        with self.assertRaisesRegex(UserError, "stands on the service record"):
            self.card.reading_ids.with_user(self.customer_service).unlink()
        self._replace("2026-09-01", 260)
        replacement = self.card.reading_ids.filtered(lambda r: r.source == "replacement")
        later = self._read("2026-09-01", 1)
        with self.assertRaisesRegex(UserError, "count from the new meter"):
            replacement.with_user(self.customer_service).unlink()
        later.sudo().unlink()
        replacement.with_user(self.customer_service).unlink()
        self.assertFalse(replacement.exists())

    def test_seen(self):
        """L3: centers and technicians see the readings of the units that they serve only."""
        reading = self._read("2026-08-01", 100)
        for user in (self.center_user, self.technician, self.office_manager):
            self._assert_hidden(reading, user)
        self._new_request(self.card)
        for user in (self.center_user, self.technician, self.office_manager, self.logistics):
            self._assert_visible(reading, user)
            with self.assertRaises(AccessError):
                self._read("2026-08-02", 110, user=user)
        for user in (self.other_center_user, self.other_technician, self.other_office_manager):
            self._assert_hidden(reading, user)
        other = self.env["res.company"].create({"name": "Other company"})
        clerk = self._new_user(
            "clerk", login="test_clerk_2", company_id=other.id, company_ids=[other.id]
        )
        self._assert_hidden(reading, clerk)

    def test_batch(self):
        """Speed: the check of many readings takes no query for each."""
        counts = []
        for quantity in (5, 25):
            with freeze_time("2026-07-01 02:00:00"):
                cards = self._deliver(*(f"M{quantity}-{i}" for i in range(quantity)))
            vals_list = [
                {"card_id": card.id, "date": "2026-08-01", "meter": 10 + i}
                for i, card in enumerate(cards)
            ]
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.env["aftersales.meter.reading"].create(vals_list)
            self.env.flush_all()
            counts.append(self.cr.sql_log_count - before)
        self.assertLessEqual(counts[1], counts[0] + 2)


@tagged("post_install", "-at_install")
class TestCardHistory(AftersalesCommon):
    """What happened to the unit, all in one place (E4)."""

    def test_counts_in_batch(self):
        """E4: requests, records, parts and readings are counted for all cards at once."""
        cards = self._deliver("SN-1", "SN-2", "SN-3")
        parts = [{"product_id": self.pump.id, "serial_fitted": "P-2", "serial_removed": "P-1"}]
        record = self._new_done_record(self._new_request(cards[0]), parts)
        names = ["request_count", "record_count", "part_count", "reading_count", "operating_hours"]
        counts = []
        for group in (cards[0], cards.browse(cards.ids)):
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            values = group.read(names)
            counts.append(self.cr.sql_log_count - before)
        self.assertEqual(counts[0], counts[1])
        self.assertEqual([values[0][name] for name in names], [1, 1, 1, 1, 350.5])
        self.assertEqual([values[1][name] for name in names], [0, 0, 0, 0, 0.0])
        self.assertEqual(cards[0].part_ids, record.part_ids.sudo())
        self.assertEqual(cards[0].part_ids.serial_removed, "P-1")

    def test_opened_by_each_role(self):
        """L3: whoever sees a card opens its form and print without an access error."""
        card = self._deliver("SN-1")
        self._new_done_record(self._new_request(card))
        self.env["aftersales.meter.reading"].flush_model()
        for user in (
            self.center_user,
            self.technician,
            self.office_manager,
            self.clerk,
            self.customer_service,
            self.logistics,
            self.quality,
            self.vp,
            self.administrator,
        ):
            with self.subTest(user=user.login):
                self.env.invalidate_all()
                own = card.with_user(user)
                Form(own)
                html, _type = (
                    self.env["ir.actions.report"]
                    .with_user(user)
                    ._render_qweb_html("aftersales_service.report_warranty_card", card.ids)
                )
                for text in (card.name, "SN-1", "Whole machine", "Pump checked and set", "2400"):
                    self.assertTrue(text in html.decode(), text)
