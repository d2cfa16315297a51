import base64
import io

from freezegun import freeze_time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import PIXEL, AftersalesCommon


@tagged("post_install", "-at_install")
class TestServiceRecordVisit(AftersalesCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.card, cls.second_card = cls._deliver("SN-1", "SN-2")
        cls.wear, cls.overload = cls.env["aftersales.fault.cause"].create(
            [{"name": "Test wear"}, {"name": "Test overload"}]
        )

    def _picture(self, kind="PNG", size=(40, 30)):
        stream = io.BytesIO()
        Image.new("RGB", size, (200, 30, 30)).save(stream, kind)
        return base64.b64encode(stream.getvalue())

    def _serve(self, card, moment, parts=None, **vals):
        """Return the valid record of a visit on ``moment``."""
        with freeze_time(moment):
            request = self._new_request(card)
            return self._new_done_record(request, parts, **vals)

    # --- the visit ---------------------------------------------------------------------------

    def test_working_time(self):
        """M3.3: from arrival 08:10 to the end 10:55 are two hours and three quarters."""
        with freeze_time("2026-07-01 03:00:00"):
            request = self._new_request(
                self.card,
                request_date="2026-07-01 00:00:00",
                date_assigned="2026-07-01 00:00:00",
            )
            record = self._new_record(request)
            record.write({"arrival": "2026-07-01 00:10:00", "departure": "2026-07-01 02:55:00"})
            self.assertEqual(record.work_hours, 2.75)
            record.departure = "2026-07-01 00:10:00"
            self.assertEqual(record.work_hours, 0)
            for departure, words in (
                ("2026-07-01 00:09:59", "finished after the arrival"),
                ("2026-07-01 03:00:01", "can't be finished in the future"),
            ):
                with self.assertRaisesRegex(ValidationError, words), self.cr.savepoint():
                    record.departure = departure

    def test_buttons_note_the_moment(self):
        """M3.1: one tap notes the arrival, one the end; neither is moved by a second tap."""
        with freeze_time("2026-07-01 03:00:00") as clock:
            record = self._new_record(self._new_request(self.card))
            record.action_arrive()
            clock.move_to("2026-07-01 04:30:00")
            with self.assertRaisesRegex(UserError, "“Arrived” is noted already"):
                record.action_arrive()
            record.action_finish()
            self.assertEqual(record.work_hours, 1.5)
            self.assertEqual(record.request_id.state, "in_progress")
            with self.assertRaises(AccessError):
                record.with_user(self.quality).action_finish()

    # --- serials: what went in, what came out --------------------------------------------------

    def _pump(self, fitted, removed, **vals):
        return {
            "product_id": self.pump.id,
            "serial_fitted": fitted,
            "serial_removed": removed,
            **vals,
        }

    def test_serial_fitted_once(self):
        """Mistake 3: one piece isn't fitted twice, on this unit or another, in any spelling."""
        self._serve(self.card, "2026-07-01 02:00:00", [self._pump("P-2", "P-1")])
        for card in (self.card, self.second_card):
            record = self._new_record(self._new_request(card))
            with (
                self.assertRaisesRegex(ValidationError, "fitted with .* and never taken off"),
                self.cr.savepoint(),
            ):
                record.part_ids = [Command.create(self._pump(" P-2 ", "P-0"))]
            # another kind of part may have the same number
            record.part_ids = [
                Command.create(
                    {"product_id": self.seal.id, "serial_fitted": "P-2", "serial_removed": "P-1"}
                )
            ]
            record.action_cancel("Test")

    def test_serial_fitted_again(self):
        """Mistake 3: what was taken off may be fitted elsewhere; a cancelled visit fits nothing."""
        self._serve(self.card, "2026-07-01 02:00:00", [self._pump("P-2", "P-1")])
        self._serve(self.card, "2026-07-05 02:00:00", [self._pump("P-3", "P-2")])
        self._serve(self.second_card, "2026-07-09 02:00:00", [self._pump("P-2", "P-9")])
        cancelled = self._new_record(self._new_request(self.card))
        cancelled.part_ids = [Command.create(self._pump("P-5", "P-3"))]
        cancelled.action_cancel("Wrong machine")
        record = self._new_record(self._new_request(self.card))
        record.part_ids = [Command.create(self._pump("P-5", "P-3"))]
        self.assertEqual(record.part_ids.serial_fitted, "P-5")

    def test_serial_twice_on_one_record(self):
        """Mistake 3: two lines of one visit can't fit the same piece, nor fit what came off."""
        record = self._new_record(self._new_request(self.card))
        with self.assertRaisesRegex(ValidationError, "already"), self.cr.savepoint():
            record.part_ids = [
                Command.create(self._pump("P-2", "P-1")),
                Command.create(self._pump("P-2", "P-3")),
            ]
        with self.assertRaisesRegex(ValidationError, "and the piece taken off"):
            record.part_ids = [Command.create(self._pump("P-2", "P-2"))]

    def test_both_serials_kept(self):
        """Mistake 3: with one serial the other is asked for, or why there is none."""
        for fitted, removed, words in (
            ("P-2", False, "the piece taken off"),
            (False, "P-1", "the piece fitted"),
        ):
            record = self._new_complete_record(
                self._new_request(self.card), [self._pump(fitted, removed)]
            )
            self.assertRegex(record.missing, f"^“Hydraulic pump”: the serial of {words}")
            record.part_ids.serial_reason = "Plate worn off"
            self.assertFalse(record.missing)

    def test_removed_isnt_what_was_fitted(self):
        """Mistake 3: another piece than the one fitted before came off: the reason is asked for."""
        self._serve(self.card, "2026-07-01 02:00:00", [self._pump("P-2", "P-1")])
        record = self._new_complete_record(self._new_request(self.card), [self._pump("P-3", "P-7")])
        self.assertEqual(
            record.missing,
            "“Hydraulic pump”: why P-7 came off, although P-2 was fitted before",
        )
        record.part_ids.serial_removed = "P-2"
        self.assertFalse(record.missing)

    def test_serial_needs_its_own_line(self):
        """Mistake 3: two pieces don't share a serial number."""
        record = self._new_complete_record(
            self._new_request(self.card), [self._pump("P-2", "P-1", quantity=2)]
        )
        self.assertIn("one line for each piece", record.missing)

    # --- photos ------------------------------------------------------------------------------

    def test_photos(self):
        """M3.4: photos are required by data, kept small, hashed, and part of what is signed."""
        self.env["aftersales.record.requirement"].create(
            [
                {"field_name": name, "domain": "[('part_ids', '!=', False)]"}
                for name in ("before_photo_count", "after_photo_count")
            ]
        )
        self.assertFalse(self._new_complete_record(self._new_request(self.card)).missing)
        record = self._new_complete_record(
            self._new_request(self.card), [{"product_id": self.pump.id}]
        )
        self.assertEqual(
            record.missing.split("\n"), ["Photo before the repair", "Photo after the repair"]
        )
        record.photo_ids = [
            Command.create({"kind": "1_before", "image": self._picture(size=(3000, 10))}),
            Command.create({"kind": "2_after", "image": self._picture("JPEG")}),
        ]
        self.assertFalse(record.missing)
        self.assertEqual(len({*record.photo_ids.mapped("checksum")}), 2)
        self._sign(record)
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertTrue(record._is_signature_valid())
        photos = [Command.create({"kind": k, "image": PIXEL}) for k in ("1_before", "2_after")]
        for change in (
            lambda r: r.photo_ids[0].write({"image": self._picture(size=(5, 5))}),
            lambda r: r.photo_ids[0].write({"kind": "5_other"}),
            lambda r: r.photo_ids[0].write({"note": "Leak"}),
            lambda r: r.photo_ids[0].unlink(),
            lambda r: r.photo_ids.create({"record_id": r.id, "image": self._picture()}),
        ):
            record = self._new_complete_record(self._new_request(self.card), photo_ids=photos)
            change(self._sign(record))
            self.assertEqual(record.state, "draft")
            self.assertFalse(record.signature)

    def test_photo_is_a_photo(self):
        """M3.4: what is no photo by its content is refused, whatever it is called."""
        record = self._new_record(self._new_request(self.card))
        photos = self.env["aftersales.service.record.photo"].with_user(self.technician)
        for content in (
            b"%PDF-1.4 not a photo",
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
            b"GIF89a\x01\x00\x01\x00",
            b"MZ\x90\x00",
            b"",
        ):
            with (
                self.subTest(content[:4]),
                self.assertRaisesRegex((ValidationError, UserError), "no photo"),
                self.cr.savepoint(),
            ):
                photos.create({"record_id": record.id, "image": base64.b64encode(content)})
        photo = photos.create({"record_id": record.id, "image": self._picture()})
        with self.assertRaisesRegex(ValidationError, "no photo"):
            photo.image = base64.b64encode(b"<svg/>")

    def test_photo_size(self):
        """M3.4: a photo above the limit is refused; the limit is the company's to set."""
        self.env["ir.config_parameter"].set_param("aftersales_service.record_photo_max_mb", 0)
        record = self._new_record(self._new_request(self.card))
        with self.assertRaisesRegex(ValidationError, "too large"):
            record.photo_ids = [Command.create({"image": self._picture()})]

    def test_photos_of_others_hidden(self):
        """Mistake 6: the photos show as little of others' records as the records do."""
        record = self._new_record(self._new_request(self.card))
        record.photo_ids = [Command.create({"image": self._picture()})]
        for user in (self.technician, self.center_user, self.office_manager, self.clerk):
            self._assert_visible(record.photo_ids, user)
        for user in (self.other_technician, self.other_center_user, self.other_office_manager):
            self._assert_hidden(record.photo_ids, user)
            with self.assertRaises(AccessError), self.cr.savepoint():
                record.photo_ids.with_user(user).create(
                    {"record_id": record.id, "image": self._picture()}
                )

    def test_photos_of_closed_record_stay(self):
        """M3.4, H11: the photos of a valid record aren't changed, added or removed."""
        record = self._new_complete_record(self._new_request(self.card))
        record.photo_ids = [Command.create({"image": self._picture()})]
        self._sign(record).action_done()
        photo = record.photo_ids
        for press in (
            lambda: photo.write({"note": "Other"}),
            lambda: photo.unlink(),
            lambda: photo.create({"record_id": record.id, "image": self._picture()}),
            lambda: record.write({"photo_ids": [Command.clear()]}),
        ):
            with self.assertRaisesRegex(UserError, "closed and can't be changed"):
                press()

    # --- sign-off (H9) -------------------------------------------------------------------------

    RATINGS = {"content_rating": "5", "quality_rating": "4", "attitude_rating": "3"}

    def test_sign_off(self):
        """H9: content, quality and attitude are rated at the signature: 5, 4 and 3 mean 4."""
        record = self._new_complete_record(self._new_request(self.card))
        record.action_sign(
            "Wang Fang", PIXEL, signer_role="operator", signer_note="Quick", **self.RATINGS
        )
        self.assertEqual(record.signer_role, "operator")
        self.assertEqual(record.signoff_rating, 4)
        self.assertTrue(record._is_signature_valid())
        record.action_done()
        self.assertEqual(record.signer_note, "Quick")

    def test_rated_whole_or_not_at_all(self):
        """H9: one rating left out isn't a sign-off; none at all is the customer's right."""
        record = self._new_complete_record(self._new_request(self.card))
        for name in self.RATINGS:
            with self.assertRaisesRegex(UserError, "or none"):
                record.action_sign("Wang Fang", PIXEL, **{**self.RATINGS, name: False})
        for bad in ({"state": "done"}, {"signed_on": "2030-01-01 00:00:00"}):
            with self.assertRaisesRegex(UserError, "A signature has no"):
                record.action_sign("Wang Fang", PIXEL, **bad)
        with self.assertRaises(ValueError):
            record.action_sign("Wang Fang", PIXEL, **{**self.RATINGS, "content_rating": "6"})
        record.action_sign("Wang Fang", PIXEL)
        self.assertEqual(record.signoff_rating, 0)

    def test_sign_off_not_written(self):
        """Mistake 9, H9: ratings come from the customer at the signature, from nobody later."""
        record = self._new_complete_record(self._new_request(self.card))
        record.action_sign("Wang Fang", PIXEL, **self.RATINGS)
        for user in (self.technician, self.center_user, self.clerk, self.administrator):
            for vals in (
                {"attitude_rating": "5"},
                {"signer_note": "Great"},
                {"signer_role": "customer"},
                {"signed_on": "2030-01-01 00:00:00"},
            ):
                with (
                    self.subTest(user=user.login, **vals),
                    self.assertRaisesRegex(AccessError, "changed by hand"),
                ):
                    record.with_user(user).write(vals)
        # who gets at the database all the same doesn't keep the signature valid
        record._write_protected({"attitude_rating": "5"})
        self.assertEqual(record.state, "draft")
        self.assertFalse(record.attitude_rating)

    def test_void_takes_the_rating(self):
        """H9: with the signature go the ratings, because they were given for other content."""
        record = self._new_complete_record(self._new_request(self.card))
        record.action_sign("Wang Fang", PIXEL, **self.RATINGS)
        record.work_done = "Something else"
        self.assertFalse(any(record[name] for name in self.RATINGS))
        self.assertEqual(record.signoff_rating, 0)

    @settings(
        max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(data=st.data())
    def test_any_change_voids(self, data):
        """M3.4: whatever is changed in what was signed, the signature is void; else it holds."""
        texts = st.text(
            st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=8
        )
        changes = {
            "fault": texts,
            "cause": texts,
            "work_done": texts,
            "advice": texts,
            "nameplate": texts,
            "hour_meter": st.floats(0, 300).map(lambda hours: round(hours, 2)),
            "responsibility": st.sampled_from(["product", "customer", "service", "other"]),
            "cause_id": st.sampled_from([self.wear.id, self.overload.id]),
            "explained": st.booleans(),
            "no_parts": st.booleans(),
        }
        with self.cr.savepoint():
            record = self._sign(
                self._new_complete_record(self._new_request(self.card), cause_id=self.wear.id)
            )
            name = data.draw(st.sampled_from(sorted(changes)))
            value = data.draw(changes[name])
            before = record[name]
            record.write({name: value})
            self.env.flush_all()
            self.env.invalidate_all()
            if record[name] == before:
                self.assertEqual(record.state, "signed")
                self.assertTrue(record._is_signature_valid())
            else:
                self.assertEqual(record.state, "draft", (name, value))
                self.assertFalse(record.signature)
            self.cr.precommit.clear()

    def test_print(self):
        """H9: the print shows checks, ratings and the hash; unsigned, it says it isn't valid."""
        self.env["aftersales.checklist"].create(
            {"name": "List", "item_ids": [Command.create({"name": "Brakes"})]}
        )
        record = self._new_complete_record(self._new_request(self.card), advice="Grease daily")
        record.check_ids.write({"result": "left", "note": "Worn pads"})
        record.photo_ids = [Command.create({"image": self._picture(), "note": "Leaking"})]

        def shown():
            report = self.env["ir.actions.report"].with_user(self.technician)
            return report._render_qweb_html("aftersales_service.report_service_record", record.ids)[
                0
            ].decode()

        self.assertIn("Not valid: the customer has not signed", shown())
        record.action_sign("Wang Fang", PIXEL, **self.RATINGS)
        text = shown()
        for words in ("Brakes", "Worn pads", "Grease daily", "Leaking", "Very happy", "Fair"):
            self.assertIn(words, text)
        self.assertIn(record.signature_digest, text)
        self.assertNotIn("Not valid", text)

    def test_what_is_left(self):
        """M3.3: what was left goes into a further request, with what was found."""
        self.env["aftersales.checklist"].create(
            {"name": "List", "item_ids": [Command.create({"name": "Brakes"})]}
        )
        record = self._new_complete_record(self._new_request(self.card)).with_user(self.clerk)
        record.check_ids.result = "ok"
        with self.assertRaisesRegex(UserError, "No fault was left"):
            record.action_request_further()
        record.check_ids.write({"result": "left", "note": "Worn pads"})
        context = record.action_request_further()["context"]
        self.assertEqual(context["default_card_id"], self.card.id)
        self.assertEqual(context["default_description"].split("\n")[1], "Brakes: Worn pads")

    def test_preflight(self):
        """E6, M3.4: before signing, each rule says whether it is kept."""
        record = self._new_complete_record(
            self._new_request(self.card),
            [{"product_id": self.pump.id}, {"product_id": self.seal.id}],
            cause="",
            nameplate="SN-9",
        )
        # the cause, why the nameplate differs, and the consent to pay for the seal kit
        results = [result for result, _text in record._get_preflight()]
        texts = " | ".join(text for _result, text in record._get_preflight())
        # those of this addon come first
        self.assertEqual(results[:4], ["fail", "note", "pass", "note"])
        for words in (
            "Incomplete: 3 missing",
            "isn't that of the card",
            "warranty: Hydraulic pump",
        ):
            self.assertIn(words, texts)
        self.assertIn("The customer pays: Seal kit", texts)
        self.assertIn("fa-times-circle", record.preflight)
        self.pump.name = "<b>Pump</b>"
        record.invalidate_recordset(["preflight"])
        self.assertNotIn("<b>Pump", record.preflight)

    # --- repeat faults (H8) ----------------------------------------------------------------------

    def test_repeat_of_part(self):
        """H8: the same kind of part within 30 days is a repeat fault; on day 31 it isn't."""
        first = self._serve(self.card, "2026-07-01 02:00:00", [{"product_id": self.pump.id}])
        self.assertFalse(first.is_repeat)
        same = self.env["product.product"].create(
            {"name": "Other pump", "categ_id": self.categ_hydraulic.id}
        )
        for moment, product, expected in (
            ("2026-07-31 02:00:00", self.pump, first),
            ("2026-07-31 02:00:00", same, first),
            ("2026-08-01 02:00:00", self.pump, first.browse()),
            ("2026-07-31 02:00:00", self.seal, first.browse()),
        ):
            with self.subTest(moment=moment, product=product.name), freeze_time(moment):
                record = self._new_complete_record(
                    self._new_request(self.card), [{"product_id": product.id}]
                )
                self.assertEqual(record.repeat_of_id, expected)
                self.assertEqual(record.is_repeat, bool(expected))
                record.action_cancel("Test")
                self.assertFalse(record.is_repeat)
        other = self._serve(self.second_card, "2026-07-02 02:00:00", [{"product_id": self.pump.id}])
        self.assertFalse(other.is_repeat, "another unit")

    def test_repeat_of_cause(self):
        """H8, E4: the same kind of cause within the company's 90 days is a repeat fault."""
        first = self._serve(self.card, "2026-03-01 02:00:00", cause_id=self.wear.id)
        for moment, cause, expected in (
            ("2026-05-30 02:00:00", self.wear, True),  # 30 + 30 + 30 days
            ("2026-05-31 02:00:00", self.wear, False),
            ("2026-05-30 02:00:00", self.overload, False),
        ):
            with self.subTest(moment=moment, cause=cause.name), freeze_time(moment):
                record = self._new_complete_record(self._new_request(self.card), cause_id=cause.id)
                self.assertEqual(record.is_repeat, expected)
                self.assertEqual(record.repeat_of_id == first, expected)
                record.action_cancel("Test")
        self.company.aftersales_repeat_fault_days = 91
        with freeze_time("2026-05-31 02:00:00"):
            record = self._new_complete_record(self._new_request(self.card), cause_id=self.wear.id)
            self.assertTrue(record.is_repeat)

    def test_repeat_noticed_late(self):
        """H8: an earlier visit that becomes valid later flags the visits after it."""
        with freeze_time("2026-07-01 02:00:00"):
            first = self._new_complete_record(self._new_request(self.card), cause_id=self.wear.id)
        second = self._serve(self.card, "2026-07-05 02:00:00", cause_id=self.wear.id)
        self.assertFalse(second.is_repeat)
        with freeze_time("2026-07-06 02:00:00"):
            self._sign(first).action_done()
        self.assertEqual(second.repeat_of_id, first)
        self.assertFalse(first.is_repeat)

    def test_history(self):
        """E4: customer and card open what was done, and only what the user may see."""
        record = self._serve(self.card, "2026-07-01 02:00:00")
        self.assertEqual(self.customer.with_user(self.clerk).service_record_count, 1)
        action = self.customer.with_user(self.clerk).action_view_service_records()
        self.assertEqual(record.search(action["domain"]), record)
        self.assertEqual(self.customer.with_user(self.other_center_user).service_record_count, 0)

    def test_meter_between_others(self):
        """M5: the meter fits between an earlier and a later reading, at 24 hours a day at most."""
        self._serve(self.card, "2026-07-01 02:00:00", hour_meter=100)
        self._serve(self.card, "2026-07-11 02:00:00", hour_meter=200)
        with freeze_time("2026-07-12 02:00:00"):
            request = self._new_request(self.card, request_date="2026-07-05 00:00:00")
            record = self._new_record(request)
            for meter, fits in ((99.9, False), (100, True), (200, True), (200.1, False)):
                vals = {"arrival": "2026-07-06 02:00:00", "hour_meter": meter}
                if fits:
                    record.write(vals)
                    continue
                with self.assertRaisesRegex(ValidationError, "can't have run"), self.cr.savepoint():
                    record.write(vals)
            # 2 days after the last: two days and the day itself, 72 hours, and no more
            later = self._new_record(self._new_request(self.card))
            later.write({"arrival": "2026-07-12 02:00:00", "hour_meter": 248})
            with self.assertRaisesRegex(ValidationError, "24 hours a day"), self.cr.savepoint():
                later.hour_meter = 248.1

    def test_queries_of_parts(self):
        """Mistake 3: what is missing about ten pieces is found with the queries of two."""
        self._serve(
            self.card, "2026-07-01 02:00:00", [self._pump(f"P-1{i}", f"P-0{i}") for i in range(10)]
        )
        record = self._new_complete_record(
            self._new_request(self.card), [self._pump(f"P-2{i}", f"P-1{i}") for i in range(10)]
        )

        def queries():
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.assertFalse(record.missing)
            return self.cr.sql_log_count - before

        queries()
        many = queries()
        record.part_ids[2:].unlink()
        self.assertLessEqual(many, queries())

    def test_queries_of_many(self):
        """E4: a list of twice as many records doesn't take more queries."""
        records = self.env["aftersales.service.record"]
        for day in range(1, 9):
            records |= self._serve(self.card, f"2026-07-0{day} 02:00:00", hour_meter=day)
        names = ["is_repeat", "repeat_of_id", "product_ids", "fault", "work_hours"]

        def queries(some):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            some.read(names)
            return self.cr.sql_log_count - before

        queries(records)
        self.assertLessEqual(queries(records), queries(records[:4]))
