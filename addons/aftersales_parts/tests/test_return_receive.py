from contextlib import closing

from freezegun import freeze_time
from psycopg2.errors import SerializationFailure

from odoo import SUPERUSER_ID, Command, api
from odoo.exceptions import AccessError, UserError
from odoo.sql_db import db_connect
from odoo.tests import BaseCase, HttpCase, get_db_name, new_test_user, tagged
from odoo.tools import mute_logger

from .common import PIXEL, SERVICE, AftersalesPartsCommon, freeze


class ReceiveCommon(AftersalesPartsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seal.is_storable = True

    def _ship(self, pieces=2, center=None):
        """Return a shipped return of as many pumps, seen by logistics, and its tags."""
        parts = [self._part(self.pump, quantity=pieces)]
        tags = self._make_record(parts, center=center).used_part_ids
        document = self._make_return(center=center, user=self.users["clerk"])
        self._approve(document)
        document.action_ship()
        return document.with_user(self.users["logistics"]), tags.sorted("name")

    def _ship_both(self):
        """Return a shipped return of two pumps and four seals, their tags and the line of seals."""
        tags = self._make_record([self._part(self.pump, quantity=2)]).used_part_ids.sorted("name")
        document = self._make_return()
        document.line_ids = [Command.create({"product_id": self.seal.id, "quantity": 4})]
        self._approve(document)
        document.action_ship()
        document = document.with_user(self.users["logistics"])
        return document, tags, document.line_ids.filtered(lambda line: not line.used_part_id)

    def test_goods_without_move(self):
        """L2.8: what stock doesn't await any more isn't counted as received."""
        document, _tags, line = self._ship_both()
        move = line.sudo().move_ids
        move.copy({"picking_id": move.picking_id.id, "state": "confirmed"})
        move._action_cancel()
        with self.assertRaisesRegex(UserError, "done or cancelled already"):
            document.action_receive([], {line.id: 4})
        self.assertFalse(line.is_received)

    def _ship_goods(self, quantity=10, user=None):
        """Return a shipped return of defective goods, seen by logistics."""
        document = (
            self.env["aftersales.return"]
            .with_user(user or self.users["center"])
            .create(
                {
                    "center_id": self.center.id,
                    "month": "2026-11-01",
                    "line_ids": [
                        Command.create({"product_id": self.seal.id, "quantity": quantity})
                    ],
                }
            )
        )
        self._approve(document)
        document.action_ship()
        return document.with_user(self.users["logistics"])


@freeze
@tagged("post_install", "-at_install")
class TestReturnReceive(ReceiveCommon):
    # --- what the screen knows -------------------------------------------------------------

    def test_screen_data(self):
        """L2.8: the screen gets all expected tags at once, and which of them are there."""
        document, tags = self._ship(3)
        document.action_receive([tags[1].name])
        data = document.get_receive_data()
        self.assertEqual(
            [(tag["name"], tag["received"]) for tag in data["tags"]],
            [(tags[0].name, False), (tags[1].name, True), (tags[2].name, False)],
        )
        self.assertEqual((data["sender"], data["obstacle"]), ("Hangzhou center", False))
        document.action_receive([tags[0].name, tags[2].name])
        self.assertIn("Nothing of", document.get_receive_data()["obstacle"])

    def test_screen_data_costs_the_same_for_more_tags(self):
        """Speed: the queries of the screen don't grow with the tags."""

        def measure(document):
            document.env.invalidate_all()
            start = self.cr.sql_log_count
            document.get_receive_data()
            return self.cr.sql_log_count - start

        few, _tags = self._ship(2)
        measure(few)  # what is cached for good
        few_queries = measure(few)
        many, _tags = self._ship(20, center=self._make_center("Other", "91310115MA1K3QXE7G"))
        measure(many)  # a new center makes the rules be read anew
        self.assertLessEqual(measure(many), few_queries)

    def test_screen_is_for_logistics(self):
        """L2.8: nobody else reads the screen's data, finds returns or looks tags up."""
        document, tags = self._ship()
        for role in ("center", "technician", "clerk", "quality", "customer_service", "vp"):
            other = document.with_user(self.users[role])
            with self.subTest(role=role):
                with self.assertRaises(AccessError):
                    other.get_receive_data()
                with self.assertRaises(AccessError):
                    other.find_tags([tags[0].name])
                with self.assertRaises(AccessError):
                    other.find_return(document.name)

    def test_find_the_return(self):
        """L2.5: the code on the register or any tag opens the return; nothing else does."""
        document, tags = self._ship()
        self.assertEqual(document.find_return(f" {document.name.lower()} "), document.id)
        self.assertEqual(document.find_return(tags[1].name), document.id)
        for code in ("RT%", "_" * len(document.name), "", None, "XYZ-99"):
            with self.subTest(code=code), self.assertRaisesRegex(UserError, "register"):
                document.find_return(code)

    def test_say_what_a_strange_tag_is(self):
        """M10.3: unknown, of another return, of another center, not announced, settled, ended."""
        document, _tags = self._ship()
        other_center = self._make_center("Other", "91310115MA1K3QXE7G")
        foreign = self._make_record([self._part(self.pump)], center=other_center).used_part_ids
        kept = self._make_record([self._part(self.pump)]).used_part_ids
        seal = self._make_record([self._scrap(self.seal)]).used_part_ids
        found = document.find_tags([foreign.name, kept.name, seal.name, "XYZ-99", 5])
        self.assertEqual(
            {code: kind for code, (kind, _text) in found.items()},
            {
                foreign.name: "elsewhere",
                kept.name: "unannounced",
                seal.name: "ended",
                "XYZ-99": "unknown",
                "5": "unknown",
            },
        )
        self.assertIn("Kept by Other", found[foreign.name][1])
        away = self._make_return(center=other_center, user=self.users["clerk"])
        self.assertIn(away.name, document.find_tags([foreign.name])[foreign.name][1])
        self._settle(self._generate())
        self.assertEqual(document.find_tags([seal.name])[seal.name][0], "settled")

    def test_other_company_s_tags_are_unknown(self):
        """Mistake 6: the look-up tells nothing of another company's tags."""
        document, _tags = self._ship()
        foreign = self._make_record([self._part(self.pump)]).used_part_ids
        foreign.sudo().flush_recordset()
        self.cr.execute(
            "UPDATE aftersales_used_part SET company_id = %s WHERE id = %s",
            [self.env["res.company"].create({"name": "Other company"}).id, foreign.id],
        )
        foreign.invalidate_recordset()
        self.assertEqual(document.find_tags([foreign.name])[foreign.name][0], "unknown")

    # --- booking ---------------------------------------------------------------------------

    def _is_waited_for(self, document):
        found = document.search([("is_awaiting", "=", True), ("id", "=", document.id)])
        rest = document.search([("is_awaiting", "=", False), ("id", "=", document.id)])
        self.assertEqual(found | rest, document)
        self.assertEqual(document.is_awaiting, bool(found))
        return document.is_awaiting

    def test_tags_first_goods_later(self):
        """L2.8: with all tags booked, what waits to be counted is still to be received."""
        document, tags, goods = self._ship_both()
        self.assertTrue(self._is_waited_for(document))
        document.action_receive(tags.mapped("name"))
        self.assertTrue(self._is_waited_for(document))
        self.assertFalse(document.missing_count)
        self.assertFalse(document.backorder_id)
        document.action_receive([], {goods.id: 4})
        self.assertFalse(self._is_waited_for(document))

    def test_goods_first_tags_later(self):
        """L2.8: with the goods counted, tags that nobody scanned are missing, and waited for."""
        document, tags, goods = self._ship_both()
        document.action_receive([], {goods.id: 4})
        self.assertTrue(self._is_waited_for(document))
        self.assertEqual((document.missing_count, document.difference_count), (2, 2))
        self.assertEqual(document.backorder_id, document.picking_id)
        document.action_receive([tags[0].name])
        self.assertTrue(self._is_waited_for(document))
        self.assertEqual((document.missing_count, document.difference_count), (1, 1))
        document.action_receive([tags[1].name])
        self.assertFalse(self._is_waited_for(document))
        self.assertEqual((document.missing_count, document.difference_count), (0, 0))
        self.assertFalse(document.backorder_id)
        self.assertEqual(set(tags.mapped("state")), {"received"})
        self.assertFalse(tags._check_ledger())

    def test_goods_first_tags_never(self):
        """L2.8, M10.3: tags that never came after the goods are written off as missing ones."""
        document, tags, goods = self._ship_both()
        document.action_receive([], {goods.id: 4})
        tags.with_user(self.users["customer_service"]).action_write_off("Lost", "center")
        self.assertFalse(self._is_waited_for(document))
        self.assertFalse(document.missing_count)
        self.assertFalse(document.backorder_id)

    def test_draft_is_not_on_its_way(self):
        """L2.8: nothing that has not been shipped is waited for."""
        self._make_record([self._part(self.pump)])
        document = self._make_return()
        document.line_ids = [Command.create({"product_id": self.seal.id})]
        self.assertFalse(self._is_waited_for(document))

    def test_second_person_hears_what_is_received(self):
        """L2.8: who books what a colleague has booked is told which, and nothing is double."""
        document, tags = self._ship(3)
        document.action_receive(tags[:2].mapped("name"))
        with self.assertRaisesRegex(UserError, f"Already received: {tags[1].name}"):
            document.action_receive(tags[1:].mapped("name"))
        self.assertEqual(tags.mapped("state"), ["received", "received", "shipped"])
        # the colleague's own part goes on
        document.action_receive([tags[2].name])
        self.assertEqual(set(tags.mapped("state")), {"received"})
        self.assertEqual(len(tags.event_ids.filtered(lambda e: e.event == "received")), 3)

    def test_cancelled_meanwhile(self):
        """L2.5: a return that was cancelled in the meantime is not received."""
        document = self._make_return()
        document.action_cancel("Wrong month")
        with self.assertRaisesRegex(UserError, "has been cancelled"):
            document.with_user(self.users["logistics"]).action_receive(["X"])

    def test_not_shipped(self):
        """L2.5: an approved return that nobody shipped is not received."""
        self._make_record([self._part(self.pump)])
        document = self._make_return()
        self._approve(document)
        with self.assertRaisesRegex(UserError, "has not been shipped"):
            document.with_user(self.users["logistics"]).action_receive(["X"])

    def test_nonsense_over_rpc(self):
        """Attack: neither a number as a tag nor NaN as a count gets through."""
        document, _tags = self._ship()
        with self.assertRaisesRegex(UserError, "Not on the register"):
            document.action_receive([7])
        with self.assertRaisesRegex(UserError, "Choose one of the conditions"):
            document.action_receive([_tags[0].name], condition="burnt")

    def test_nonsense_counts_over_rpc(self):
        """Attack: a count has to be a number, finite and not negative."""
        document = self._ship_goods()
        line = document.line_ids
        for count in (float("nan"), float("inf"), -1):
            with self.subTest(count=count), self.assertRaisesRegex(UserError, "less than nothing"):
                document.action_receive([], {str(line.id): count})
        for counts in ({"x": 1}, {str(line.id): "many"}, {str(line.id): None}, [1]):
            with self.subTest(counts=counts), self.assertRaisesRegex(UserError, "a number"):
                document.action_receive([], counts)

    def test_actual_count_prevails(self):
        """L2.8: 10 shipped, 8 counted: 8 count, the difference is shown and told."""
        document = self._ship_goods(10)
        document.action_receive([], {str(document.line_ids.id): 8})
        self.assertEqual(document.line_ids.quantity_received, 8)
        self.assertEqual(document.line_ids.difference, -2)
        self.assertEqual(document.difference_count, 1)
        found = document.search([("line_ids", "any", [("difference", "!=", 0)])])
        self.assertEqual(found, document)

    def test_more_than_announced(self):
        """L2.8: 10 shipped, 12 counted: 12 are taken in once the receiver confirms the count."""
        document = self._ship_goods(10)
        counts = {str(document.line_ids.id): 12}
        with self.assertRaisesRegex(UserError, r"than was shipped: Seal \(12 / 10\)"):
            document.action_receive([], counts)
        self.assertFalse(document.line_ids.is_received)
        document.action_receive([], counts, is_excess_confirmed=True)
        self.assertEqual(document.line_ids.difference, 2)
        move = document.sudo().goods_picking_id.move_ids
        self.assertEqual((move.state, move.quantity), ("done", 12))

    def test_missing_tag_is_a_difference_until_it_comes(self):
        """L2.8: a missing tag differs by one, which goes away when it arrives."""
        document, tags = self._ship()
        self.assertEqual(document.difference_count, 0)
        document.action_receive([tags[0].name])
        line = document.line_ids.filtered(lambda line: line.used_part_id == tags[1])
        self.assertEqual((line.difference, document.difference_count), (-1, 1))
        document.action_receive([tags[1].name])
        self.assertEqual((line.difference, document.difference_count), (0, 0))

    def test_sender_and_customer_service_are_told(self):
        """L2.8: one message on receipt, with what is missing and what came in addition."""
        document, tags = self._ship()
        other = self._make_center_user("other", self._make_center("Other", "91310115MA1K3QXE7G"))
        before = document.message_ids
        document.action_receive(
            [tags[0].name], surplus=["XYZ-99"], condition="wet", condition_note="Two cartons"
        )
        message = (document.message_ids - before).filtered("body")
        self.assertEqual(len(message), 1)
        for text in (
            f"Missing: {tags[1].name}",
            "XYZ-99",
            "Condition on arrival: Wet",
            "Two carto",
        ):
            self.assertIn(text, message.body)
        told = message.sudo().notified_partner_ids
        self.assertLessEqual(
            (self.users["center"] | self.users["customer_service"]).partner_id, told
        )
        self.assertFalse(told & other.partner_id)
        self.assertEqual((document.condition, document.condition_note), ("wet", "Two cartons"))

    def test_condition_of_each_delivery(self):
        """L2.8: three tags came one by one, the first wet, then one without a word, then one
        intact: the return stays wet, and each delivery is told as it was."""
        document, tags = self._ship(pieces=3)
        document.action_receive([tags[0].name], condition="wet", condition_note="Box torn")
        before = document.message_ids
        document.action_receive([tags[1].name])
        self.assertEqual((document.condition, document.condition_note), ("wet", "Box torn"))
        body = " ".join((document.message_ids - before).mapped("body"))
        for text in ("Condition on arrival", "Box torn"):
            self.assertNotIn(text, body)
        before = document.message_ids
        document.action_receive([tags[2].name], condition="intact", condition_note="By courier")
        self.assertEqual(document.condition, "wet")
        self.assertEqual(document.condition_note, "Box torn\nBy courier")
        body = " ".join((document.message_ids - before).mapped("body"))
        self.assertIn("Condition on arrival: Intact.", body)
        self.assertNotIn("Box torn", body)

    def test_message_is_text(self):
        """Attack: what a scanner or a caller puts in as a code is shown as text, not as HTML."""
        document, tags = self._ship()
        document.action_receive([tags[0].name], surplus=["<img src=x onerror=alert(1)>"])
        body = " ".join(document.message_ids.mapped("body"))
        self.assertIn("&lt;img", body)
        self.assertNotIn("<img", body)

    def test_condition_by_action_only(self):
        """L2.8: neither the center nor anybody else writes the condition on arrival."""
        document, _tags = self._ship()
        for role in ("center", "logistics", "quality"):
            with self.assertRaisesRegex(AccessError, "by hand"):
                document.with_user(self.users[role]).condition = "intact"

    def test_verification_is_due_next_working_day(self):
        """L2.8: received on Friday 20 November, to be verified by Monday 23 November."""
        document, tags = self._ship()
        document.action_receive(tags.mapped("name"))
        deadline = document.deadline_ids.filtered(
            lambda d: d.rule_id.stop_event_id.code == "verified"
        )
        local = self.company._aftersales_local(deadline.date_due)
        self.assertEqual(str(local.date()), "2026-11-23")
        self.assertFalse(document.is_overdue)

    def test_first_arrival_stays(self):
        """L2.8: received on 20, 23 and 24 November: the return came on the 20th, each line knows
        its own day, and nobody writes one by hand."""
        document, tags, goods = self._ship_both()
        moments = ("2026-11-20 02:00:00", "2026-11-23 03:00:00", "2026-11-24 04:00:00")
        document.action_receive([tags[0].name])
        with freeze_time(moments[1]):
            document.action_receive([tags[1].name])
        self.assertFalse(goods.date_received)
        with freeze_time(moments[2]):
            document.action_receive([], {goods.id: 0})
        by_tag = {line.used_part_id: line for line in document.line_ids}
        arrivals = [by_tag[tags[0]], by_tag[tags[1]], goods]
        self.assertEqual(tuple(str(line.date_received) for line in arrivals), moments)
        self.assertEqual(str(document.date_received), moments[0])
        self.assertEqual(str(document.date_received_last), moments[2])
        for role in ("logistics", "clerk"):
            with self.assertRaisesRegex(AccessError, "by hand"), self.cr.savepoint():
                goods.with_user(self.users[role]).date_received = moments[0]

    # --- photos of the delivery ------------------------------------------------------------

    def test_photos_of_the_delivery(self):
        """L2.8: logistics photographs what arrives; the center sees it, and changes nothing."""
        document, tags = self._ship()
        photos = self.env["aftersales.return.photo"]
        vals = {"return_id": document.id, "image": PIXEL}
        with self.assertRaises(AccessError):
            photos.with_user(self.users["center"]).create(vals)
        photo = photos.with_user(self.users["logistics"]).create(
            {**vals, "user_id": self.users["vp"].id}
        )
        self.assertEqual(photo.user_id, self.users["logistics"])
        self.assertEqual(document.photo_ids, photo)
        seen = photo.with_user(self.users["center"])
        self.assertTrue(seen.image)
        other = self._make_center_user("other", self._make_center("Other", "91310115MA1K3QXE7G"))
        self.assertFalse(photos.with_user(other).search([]))
        with self.assertRaises(AccessError):
            photo.with_user(other).read(["image"])
        with self.assertRaisesRegex(UserError, "stays as it was taken"):
            photo.note = "x"
        with self.assertRaisesRegex(UserError, "Only who took"):
            photo.with_user(self.users["quality"]).unlink()
        document.action_receive(tags.mapped("name"))
        document.action_verify()
        with self.assertRaisesRegex(UserError, "verified already"):
            photo.unlink()
        with self.assertRaisesRegex(UserError, "verified already"):
            photos.with_user(self.users["logistics"]).create(vals)

    def test_photo_is_a_photo(self):
        """Attack: a file that is no image is refused, whatever it is called."""
        document, _tags = self._ship()
        with self.assertRaisesRegex(UserError, "no photo"):
            self.env["aftersales.return.photo"].with_user(self.users["logistics"]).create(
                {"return_id": document.id, "image": b"PHN2Zz48L3N2Zz4="}
            )


@tagged("post_install", "-at_install")
class TestReturnReceiveUi(HttpCase, ReceiveCommon):
    @freeze
    def test_receive_tour(self):
        """L2.8: scan good, repeated and unknown tags, paste, undo, reload, and book once."""
        document, tags = self._ship(3)
        self.start_tour(
            "/odoo/aftersales-receive", "aftersales_parts_receive", login="parts_logistics"
        )
        self.assertEqual(document.state, "received")
        self.assertEqual(sorted(tags.mapped("state")), ["received", "received", "shipped"])
        self.assertEqual(document.condition, "wet")
        self.assertIn("XYZ-99", " ".join(document.message_ids.mapped("body")))
        self.assertEqual(len(tags.event_ids.filtered(lambda e: e.event == "received")), 2)

    @freeze
    def test_count_tour(self):
        """L2.8: a count above what was shipped is booked only after the receiver confirms it."""
        document = self._ship_goods(10)
        self.start_tour(
            f"/odoo/aftersales-receive/{document.id}",
            "aftersales_parts_receive_goods",
            login="parts_logistics",
        )
        self.assertEqual(document.line_ids.quantity_received, 12)


@tagged("post_install", "-at_install")
class TestReturnReceiveConcurrency(BaseCase):
    """Two people at the same moment: two connections to the database, with what is committed."""

    def setUp(self):
        super().setUp()
        self.cr = self._connect()
        self.env = api.Environment(self.cr, SUPERUSER_ID, {"tracking_disable": True})
        self.users = self.env["res.users"].union(
            *(
                new_test_user(self.env, f"c_logistics_{number}", groups=f"{SERVICE}logistics")
                for number in (1, 2)
            )
        )
        self.center = self.env["res.partner"].create(
            {"name": "Concurrent center", "is_company": True, "is_service_center": True}
        )
        self.document = self.env["aftersales.return"].create({"center_id": self.center.id})
        self.addCleanup(self._remove)
        self.cr.commit()  # pylint: disable=invalid-commit

    def _connect(self):
        cr = db_connect(get_db_name()).cursor()
        self.addCleanup(cr.close)
        # what would wait for ever fails
        cr.execute("SET lock_timeout = '5s'")
        cr.commit()  # pylint: disable=invalid-commit
        return cr

    def _remove(self):
        """Take out what was committed."""
        with closing(db_connect(get_db_name()).cursor()) as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            self.document.with_env(env).unlink()
            users = self.users.with_env(env)
            partners = users.partner_id | self.center.with_env(env)
            users.unlink()
            partners.unlink()
            cr.commit()  # pylint: disable=invalid-commit

    def _document_as(self, user):
        """Return the return as ``user`` sees it by a connection whose snapshot is taken now."""
        document = self.document.with_env(api.Environment(self._connect(), user.id, {}))
        self.assertEqual(document.state, "draft")
        return document

    @mute_logger("odoo.sql_db")
    def test_two_book_at_once(self):
        """L2.8: of two who book the same return at once one waits for nothing and books nothing."""
        first, second, third = (
            self._document_as(self.users[0]),
            self._document_as(self.users[1]),
            self._document_as(self.users[1]),
        )
        first._lock_for_action()
        # while the first one books
        with self.assertRaisesRegex(UserError, "very moment"):
            second.action_receive(["X"])
        second.env.cr.rollback()
        first._note_condition("wet", None)
        first.env.flush_all()
        first.env.cr.commit()
        # with a view from before the first one booked: the server then tries again, and the
        # second try sees what is booked
        with self.assertRaises(SerializationFailure):
            third.action_receive(["X"])
        third.env.cr.rollback()
        third.env.invalidate_all()
        self.assertEqual(third.condition, "wet")
