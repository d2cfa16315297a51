from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user, tagged

from .common import PIXEL, SERVICE, freeze
from .test_return_receive import ReceiveCommon


class InspectionCommon(ReceiveCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users["quality_2"] = new_test_user(
            cls.env, "parts_quality_2", groups=f"{SERVICE}quality"
        )
        cls.stripped = cls.env.ref("aftersales_parts.deduction_reason_D02")
        cls.opened = cls.env.ref("aftersales_parts.deduction_reason_D03")

    def _receive(self, *parts):
        """Return the lines of a received return of these parts, seen by quality."""
        self._make_record([self._part(part) for part in parts])
        document = self._make_return(user=self.users["clerk"])
        self._approve(document)
        document.action_ship()
        names = document.line_ids.used_part_id.mapped("name")
        document.with_user(self.users["logistics"]).action_receive(names)
        return document.line_ids.sorted("id").with_user(self.users["quality"])

    def _deduct(self, line):
        line.deduction_reason_id = self.stripped
        line.return_id.action_verify()
        return line.with_user(self.users["center"])


@freeze
@tagged("post_install", "-at_install")
class TestReturnInspection(InspectionCommon):
    def test_who_inspected_and_when(self):
        """M8.4: who enters a verdict is noted with the moment, and can't choose another name."""
        lines = self._receive(self.pump, self.pump)
        lines[0].write({"verdict": "reject", "deduction_reason_id": self.stripped.id})
        self.assertEqual(lines[0].inspector_id, self.users["quality"])
        self.assertEqual(str(lines[0].date_inspected), "2026-11-20 02:00:00")
        with self.assertRaisesRegex(AccessError, "by hand"):
            lines[0].inspector_id = self.users["vp"]
        lines.return_id.with_user(self.users["logistics"]).action_verify()
        self.assertEqual(lines.inspector_id.mapped("login"), ["parts_quality", "parts_logistics"])

    def test_roles(self):
        """M8.4: quality and logistics inspect; no other role enters anything."""
        lines = self._receive(self.pump)
        for role in ("center", "clerk", "office_manager", "customer_service", "technician", "vp"):
            for vals in ({"note": "x"}, {"verdict": "accept"}, {"is_complete": True}):
                with self.subTest(role=role, vals=vals), self.assertRaises(AccessError):
                    lines.with_user(self.users[role]).write(vals)
        lines.with_user(self.users["logistics"]).action_accept()
        self.assertEqual(lines.inspector_id, self.users["logistics"])

    def test_import_meets_the_guard(self):
        """M8.4: a verdict imported for goods that are not there yet is refused."""
        self._make_record([self._part(self.pump)])
        document = self._make_return()
        self._approve(document)
        document.action_ship()
        result = (
            self.env["aftersales.return.line"]
            .with_user(self.users["quality"])
            .load([".id", "deduction_reason_id/.id"], [[document.line_ids.id, self.stripped.id]])
        )
        self.assertIn("after receipt", result["messages"][0]["message"])

    def test_verified_stays(self):
        """M8.4: after verification nobody changes a verdict, and the log tells what it was."""
        lines = self._receive(self.pump, self.pump)
        lines[0].write({"deduction_reason_id": self.stripped.id, "note": "No shaft"})
        lines.return_id.action_verify()
        for vals in ({"verdict": "accept"}, {"note": "x"}, {"is_complete": True}):
            with self.subTest(vals=vals), self.assertRaisesRegex(UserError, "second look"):
                lines.write(vals)
        entries = lines.inspection_ids
        self.assertEqual(entries.mapped("verdict"), ["deduct", "accept"])
        self.assertEqual(entries[0].deduction_reason_id, self.stripped)
        self.assertEqual(entries[0].note, "No shaft")
        with self.assertRaisesRegex(UserError, "can't be changed"):
            entries.sudo().write({"note": "x"})
        with self.assertRaisesRegex(UserError, "can't be deleted"):
            entries.sudo().unlink()
        with self.assertRaises(AccessError):
            entries.create({"line_id": lines[0].id, "kind": "review", "user_id": self.env.uid})

    def test_late_arrival_after_the_answer(self):
        """L2.8: a tag that comes after the answer is inspected; earlier verdicts stay fixed."""
        document, tags = self._ship(2)
        document.action_receive([tags[0].name])
        document.action_verify()
        document.with_user(self.users["customer_service"]).action_done()
        self.assertEqual(document.state, "done")
        document.action_receive([tags[1].name])
        self.assertEqual(document.state, "received")
        lines = document.line_ids.sorted(lambda line: line.used_part_id.name)
        with self.assertRaisesRegex(UserError, "second look"):
            lines[0].with_user(self.users["quality"]).deduction_reason_id = self.stripped
        lines[1].with_user(self.users["quality"]).deduction_reason_id = self.stripped
        self.assertEqual(document.inspection_count, 1)
        document.action_verify()
        self.assertEqual(tags.mapped("state"), ["accepted", "deducted"])
        self.assertEqual(len(lines.inspection_ids), 2)

    def test_late_arrival_leaves_counted_goods_alone(self):
        """L2.8: goods whose verdict is fixed don't open again when a missing tag arrives."""
        tag = self._make_record([self._part(self.pump)]).used_part_ids
        document = self._make_return(user=self.users["clerk"])
        document.line_ids = [Command.create({"product_id": self.seal.id, "quantity": 4})]
        self._approve(document)
        document.action_ship()
        document = document.with_user(self.users["logistics"])
        goods = document.line_ids.filtered(lambda line: not line.used_part_id)
        document.action_receive([], {str(goods.id): 4})
        document.action_verify()
        document.action_receive([tag.name])
        with self.assertRaisesRegex(UserError, "second look"):
            goods.write({"verdict": "reject", "deduction_reason_id": self.stripped.id})
        self.assertEqual(goods.quantity_accepted, 4)

    def test_assembly_has_to_be_complete(self):
        """M10.2: an assembly is accepted only if the inspector confirms that it is complete."""
        lines = self._receive(self.gearbox, self.pump)
        gearbox = lines.filtered(lambda line: line.product_id == self.gearbox)
        self.assertTrue(gearbox.is_assembly)
        with self.assertRaisesRegex(UserError, "Confirm that these assemblies are complete"):
            lines.return_id.action_verify()
        gearbox.is_complete = True
        lines.return_id.action_verify()
        self.assertEqual(set(lines.used_part_id.mapped("result")), {"accepted"})

    def test_stripped_assembly_is_deducted(self):
        """M10.2: a stripped gearbox is deducted, which needs no confirmation."""
        lines = self._receive(self.gearbox)
        lines.deduction_reason_id = self.stripped
        lines.return_id.action_verify()
        self.assertEqual(lines.used_part_id.result, "deducted")
        self.assertEqual(lines.used_part_id.deduction_reason_id, self.stripped)

    def test_final_drive_may_be_opened(self):
        """M10.2: opened and not put together again is no deduction for the final drive only."""
        drive = self._make_part(
            "Final drive", self.env["aftersales.part.class"].search([("may_be_opened", "=", True)])
        )
        self._make_price(drive, 9000)
        lines = self._receive(drive, self.gearbox)
        final = lines.filtered(lambda line: line.product_id == drive)
        with self.assertRaisesRegex(ValidationError, "may come back opened"):
            final.deduction_reason_id = self.opened
        final.deduction_reason_id = self.stripped
        (lines - final).deduction_reason_id = self.opened

    def test_accept_many(self):
        """M8.4: one press accepts what is selected; the reason of a first verdict goes."""
        lines = self._receive(self.pump, self.gearbox)
        lines[0].deduction_reason_id = self.stripped
        lines.action_accept()
        self.assertEqual(set(lines.mapped("verdict")), {"accept"})
        self.assertFalse(lines.deduction_reason_id)
        self.assertTrue(all(lines.mapped("is_complete")))

    def test_deduct_many(self):
        """M8.4: one window deducts what is selected, with its reason and note."""
        lines = self._receive(self.pump, self.pump)
        context = lines.action_open_inspect()["context"]
        form = Form(
            self.env["aftersales.return.inspect"]
            .with_user(self.users["quality"])
            .with_context(**context)
        )
        form.verdict = "reject"
        form.deduction_reason_id = self.stripped
        form.note = "No shaft"
        form.save().action_confirm()
        self.assertEqual(set(lines.mapped("verdict")), {"reject"})
        self.assertEqual(lines.deduction_reason_id, self.stripped)
        self.assertEqual(set(lines.mapped("note")), {"No shaft"})

    def test_part_of_the_goods_refused(self):
        """L2.8, L2.9: of 10 received 3 are rejected, 7 accepted; the note tells why."""
        document = self._ship_goods(10)
        document.action_receive([], {str(document.line_ids.id): 10})
        line = document.line_ids.with_user(self.users["quality"])
        form = Form(
            self.env["aftersales.return.inspect"]
            .with_user(self.users["quality"])
            .with_context(**line.action_open_inspect()["context"])
        )
        form.verdict = "reject"
        form.deduction_reason_id = self.stripped
        form.quantity_refused = 3
        form.save().action_confirm()
        self.assertEqual((line.quantity_refused, line.quantity_accepted), (3, 7))

    def test_photos_of_a_line(self):
        """M10.2: the inspector photographs a line while it lies before him."""
        lines = self._receive(self.pump)
        photo = self.env["aftersales.return.photo"].with_user(self.users["quality"])
        photo = photo.create({"line_id": lines.id, "image": PIXEL})
        self.assertEqual(photo.return_id, lines.return_id)
        self.assertEqual(lines.photo_count, 1)
        lines.return_id.action_verify()
        with self.assertRaisesRegex(UserError, "before verification"):
            photo.create({"line_id": lines.id, "image": PIXEL})
        other = self._make_record([self._part(self.pump)])
        self.assertTrue(other)

    def test_photo_of_another_return_s_line(self):
        """Attack: a photo can't be put on one return and a line of another."""
        lines = self._receive(self.pump)
        other, _tags = self._ship(1, center=self._make_center("Other", "91310115MA1K3QXE7G"))
        with self.assertRaises(UserError):
            self.env["aftersales.return.photo"].with_user(self.users["quality"]).create(
                {"line_id": lines.id, "return_id": other.id, "image": PIXEL}
            )

    def test_sender_is_told_the_verdicts(self):
        """L2.8: the message after verification names what was refused, and why."""
        lines = self._receive(self.pump, self.pump)
        lines[0].deduction_reason_id = self.stripped
        lines.return_id.action_verify()
        body = " ".join(lines.return_id.message_ids.mapped("body"))
        self.assertIn("1 accepted, 1 deducted or rejected", body)
        self.assertIn(lines[0].used_part_id.name, body)
        self.assertIn(self.stripped.name, body)


@freeze
@tagged("post_install", "-at_install")
class TestReturnObjection(InspectionCommon):
    def test_second_look_replaces_the_verdict(self):
        """M8.4: the second look accepts what was deducted; tag and log follow."""
        line = self._deduct(self._receive(self.pump))
        tag = line.used_part_id.sudo()
        line.action_object("The shaft was in the crate")
        self.assertEqual(line.objection_state, "open")
        self.assertEqual(line.return_id.objection_count, 1)
        self.assertEqual(line.return_id.sudo().activity_ids.user_id, self.users["quality_2"])
        line.with_user(self.users["quality_2"]).action_review("accept", note="Shaft found")
        self.assertEqual((tag.state, tag.result), ("accepted", "accepted"))
        self.assertFalse(tag.deduction_reason_id)
        self.assertEqual(line.quantity_accepted, 1)
        self.assertEqual(line.inspection_ids.mapped("kind"), ["verdict", "objection", "review"])
        self.assertEqual(
            line.sudo().inspection_ids.user_id.mapped("login"),
            ["parts_quality", "parts_center", "parts_quality_2"],
        )
        self.assertFalse(line.return_id.sudo().activity_ids)
        self.assertEqual(line.return_id.objection_count, 0)

    def test_second_look_may_confirm(self):
        """M8.4: the second look rejects what was deducted; a second objection is a dispute."""
        line = self._deduct(self._receive(self.pump))
        line.action_object("Not stripped")
        line.with_user(self.users["quality_2"]).action_review(
            "reject", self.stripped.id, "Only the housing came"
        )
        self.assertEqual(line.used_part_id.sudo().result, "rejected")
        with self.assertRaisesRegex(UserError, "second look is final"):
            line.action_object("Still not")

    def test_who_objects(self):
        """L2.8: the own center or a clerk for it; no other center, no department."""
        line = self._deduct(self._receive(self.pump))
        other = self._make_center_user("other", self._make_center("Other", "91310115MA1K3QXE7G"))
        for user in (other, *(self.users[r] for r in ("quality", "logistics", "vp", "technician"))):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                line.with_user(user).action_object("x")
        with self.assertRaisesRegex(UserError, "Say what is wrong"):
            line.action_object("  ")
        line.with_user(self.users["clerk"]).action_object("Not stripped")
        self.assertEqual(line.objection_state, "open")

    def test_who_looks_again(self):
        """M8.4: neither the first inspector nor the objector, and only quality or logistics."""
        line = self._deduct(self._receive(self.pump))
        both = new_test_user(self.env, "parts_both", groups=f"{SERVICE}quality,{SERVICE}clerk")
        line.with_user(both).action_object("Not stripped")
        with self.assertRaisesRegex(AccessError, "inspected .* yourself"):
            line.with_user(self.users["quality"]).action_review("accept", note="x")
        with self.assertRaisesRegex(AccessError, "You objected"):
            line.with_user(both).action_review("accept", note="x")
        for role in ("center", "clerk", "customer_service"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                line.with_user(self.users[role]).action_review("accept", note="x")
        reviewer = line.with_user(self.users["quality_2"])
        with self.assertRaisesRegex(UserError, "what the second look found"):
            reviewer.action_review("accept")
        with self.assertRaisesRegex(ValidationError, "Give the reason"), self.cr.savepoint():
            reviewer.action_review("deduct", note="x")
        line.with_user(self.users["logistics"]).action_review("accept", note="Complete")
        self.assertEqual(line.used_part_id.sudo().result, "accepted")

    def test_only_a_verdict_is_one(self):
        """M8.4: who changes no verdict gave none, and may take the second look."""
        line = self._receive(self.gearbox)
        line.with_user(self.users["logistics"]).is_complete = True
        line.with_user(self.users["logistics"]).note = "Heavy"
        line.write({"verdict": "deduct", "deduction_reason_id": self.stripped.id})
        line.write({"verdict": "deduct", "deduction_reason_id": self.stripped.id})
        self.assertEqual(line.inspection_ids.mapped("kind"), ["note", "note", "verdict"])
        line.return_id.action_verify()
        self.assertEqual(line.inspector_id, self.users["quality"])
        line.with_user(self.users["center"]).action_object("Not stripped")
        line.with_user(self.users["logistics"]).action_review("accept", note="Complete")
        self.assertEqual(line.used_part_id.sudo().result, "accepted")

    def test_somebody_hears_of_the_objection(self):
        """M8.4: if all of quality are barred logistics are asked, or else customer service."""
        lines = self._receive(self.pump, self.pump)
        for role in ("quality", "quality_2"):
            for verdict, reason in (("deduct", self.stripped), ("reject", self.opened)):
                lines[0].with_user(self.users[role]).write(
                    {"verdict": verdict, "deduction_reason_id": reason.id}
                )
        lines[1].deduction_reason_id = self.stripped
        lines[1].with_user(self.users["quality_2"]).deduction_reason_id = self.opened
        lines[1].with_user(self.users["logistics"]).deduction_reason_id = self.stripped
        lines.return_id.action_verify()
        activities = lines.return_id.sudo().activity_ids
        lines[0].with_user(self.users["center"]).action_object("Not stripped")
        activities = lines.return_id.sudo().activity_ids - activities
        self.assertIn(self.users["logistics"], activities.user_id)
        self.assertNotIn(self.users["customer_service"], activities.user_id)
        lines[1].with_user(self.users["center"]).action_object("Not stripped")
        told = lines.return_id.sudo().activity_ids.filtered(
            lambda activity: activity.user_id == self.users["customer_service"]
        )
        self.assertIn("role of quality or logistics", told.note)

    def test_who_closed_the_inspection_inspected(self):
        """M8.4: the verdict of a colleague doesn't free its author when another one verifies."""
        lines = self._receive(self.pump)
        lines.deduction_reason_id = self.stripped
        lines.return_id.with_user(self.users["logistics"]).action_verify()
        line = lines.with_user(self.users["center"])
        line.action_object("Not stripped")
        with self.assertRaisesRegex(AccessError, "inspected .* yourself"):
            line.with_user(self.users["quality"]).action_review("accept", note="x")

    def test_nobody_looks_twice(self):
        """M8.4: whoever gave a verdict doesn't look again, whoever gave the last one; a note is
        none, and takes nobody's place."""
        lines = self._receive(self.pump)
        lines.write({"verdict": "reject", "deduction_reason_id": self.stripped.id})
        lines.with_user(self.users["logistics"]).verdict = "deduct"
        lines.with_user(self.users["quality_2"]).note = "Shaft missing"
        self.assertEqual(lines.inspector_id, self.users["logistics"])
        lines.return_id.with_user(self.users["quality_2"]).action_verify()
        self.assertEqual(
            [(entry.kind, entry.user_id.login, entry.verdict) for entry in lines.inspection_ids],
            [
                ("verdict", "parts_quality", "reject"),
                ("verdict", "parts_logistics", "deduct"),
                ("note", "parts_quality_2", "deduct"),
            ],
        )
        line = lines.with_user(self.users["center"])
        line.action_object("Not stripped")
        for role in ("quality", "logistics"):
            with self.subTest(role=role), self.assertRaisesRegex(AccessError, "yourself"):
                line.with_user(self.users[role]).action_review("accept", note="x")
        line.with_user(self.users["quality_2"]).action_review("accept", note="Shaft found")
        self.assertEqual(line.used_part_id.sudo().result, "accepted")

    def test_nothing_to_object_to(self):
        """M8.4: no objection before verification, nor to what was accepted."""
        lines = self._receive(self.pump)
        center = lines.with_user(self.users["center"])
        with self.assertRaisesRegex(UserError, "nothing to object to"):
            center.action_object("x")
        lines.return_id.action_verify()
        with self.assertRaisesRegex(UserError, "nothing to object to"):
            center.action_object("x")
        with self.assertRaisesRegex(UserError, "Nobody waits"):
            lines.with_user(self.users["quality_2"]).action_review("accept", note="x")

    def test_no_objection_over_rpc(self):
        """Attack: the marks of objection and verification are written by nobody."""
        line = self._deduct(self._receive(self.pump))
        for vals in ({"objection_state": "answered"}, {"is_verified": False}, {"objection": "x"}):
            with self.subTest(vals=vals), self.assertRaises(AccessError):
                line.with_user(self.users["logistics"]).write(vals)

    def test_window_asks_for_the_reason(self):
        """The button opens the window for the reason, and the window objects."""
        line = self._deduct(self._receive(self.pump))
        context = line.action_open_object()["context"]
        reason = self.env["aftersales.reason"].with_user(self.users["center"])
        reason.with_context(**context).create({"reason": "Not stripped"}).action_confirm()
        self.assertEqual(line.objection, "Not stripped")
        form = Form(
            self.env["aftersales.return.inspect"]
            .with_user(self.users["quality_2"])
            .with_context(**line.with_user(self.users["quality_2"]).action_open_review()["context"])
        )
        self.assertTrue(form.is_review)
        form.note = "Complete"
        form.save().action_confirm()
        self.assertEqual(line.used_part_id.sudo().result, "accepted")

    def test_settled_is_for_a_dispute(self):
        """M8.4: what a settlement has deducted isn't looked at again: raise a dispute."""
        line = self._deduct(self._receive(self.pump))
        settlement = self._generate()
        self._submit(settlement)
        settlement.with_user(self.users["customer_service"]).action_verify()
        with self.assertRaisesRegex(UserError, f"Already settled with {settlement.name}"):
            line.action_object("Not stripped")

    def test_refused_needs_a_verdict(self):
        """M8.4, L2.9: by RPC no quantity is refused without verdict, and no verdict without one."""
        line = self._receive(self.pump)
        reason = self.env.ref("aftersales_parts.deduction_reason_D02").id
        for vals in (
            {"quantity_refused": 1},
            {"verdict": "reject", "deduction_reason_id": reason, "quantity_refused": 0},
            {"verdict": "reject", "deduction_reason_id": reason, "quantity_refused": 0.5},
        ):
            with self.subTest(vals=vals), self.assertRaises(ValidationError), self.cr.savepoint():
                line.write(vals)
        line.write({"verdict": "reject", "deduction_reason_id": reason})
        self.assertEqual((line.quantity_refused, line.quantity_accepted), (1, 0))

    def test_audit_waits_for_the_second_look(self):
        """M8.4, L2.9: what the sender objected to is audited, and paid, after the second look."""
        line = self._deduct(self._receive(self.pump))
        line.action_object("Not stripped")
        settlement = self._generate()
        self._submit(settlement)
        service = settlement.with_user(self.users["customer_service"])
        with self.assertRaisesRegex(UserError, "second look"), self.cr.savepoint():
            service.action_verify()
        line.with_user(self.users["quality_2"]).action_review("accept", note="Complete")
        service.action_verify()
        self.assertEqual(settlement.line_ids.result, "payable")

    def test_gone_is_for_a_dispute(self):
        """M10.1: what was scrapped can't be looked at again."""
        line = self._deduct(self._receive(self.pump))
        tag = line.used_part_id.sudo()
        tag._move_to(self.company._aftersales_get_scrap_location(), "scrapped", "scrapped")
        with self.assertRaisesRegex(UserError, "gone already"):
            line.action_object("Not stripped")

    def test_open_objection_holds_the_answer(self):
        """L2.9: no answer while a second look is owed."""
        line = self._deduct(self._receive(self.pump))
        line.action_object("Not stripped")
        document = line.return_id.with_user(self.users["customer_service"])
        with self.assertRaisesRegex(UserError, "second look"):
            document.action_done()
        line.with_user(self.users["quality_2"]).action_review("accept", note="Complete")
        document.action_done()
        self.assertEqual(document.state, "done")

    def test_log_tells_no_other_center(self):
        """Mistake 6: another center sees neither log nor photos nor line."""
        line = self._deduct(self._receive(self.pump))
        other = self._make_center_user("other", self._make_center("Other", "91310115MA1K3QXE7G"))
        entries = self.env["aftersales.return.inspection"]
        self.assertFalse(entries.with_user(other).search([]))
        self.assertTrue(entries.with_user(self.users["center"]).search([]))
        with self.assertRaises(AccessError):
            line.inspection_ids.with_user(other).read(["note"])
