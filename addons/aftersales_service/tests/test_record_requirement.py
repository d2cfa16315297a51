import json

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.modules.migration import load_script
from odoo.tests import tagged
from odoo.tools import SQL, file_path

from .common import AftersalesCommon


@tagged("post_install", "-at_install")
class TestRecordRequirement(AftersalesCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.card = cls._deliver("SN-1")
        cls.request = cls._new_request(cls.card)
        cls.requirements = cls.env["aftersales.record.requirement"].with_user(cls.customer_service)

    def _require(self, field_name, **vals):
        return self.requirements.create({"field_name": field_name, **vals})

    # --- what is required ------------------------------------------------------------------

    def test_own_requirement(self):
        """M3.4: customer service asks for one thing more; it is missing until it is there."""
        record = self._new_complete_record(self.request, hour_meter=0)
        self.assertFalse(record.missing)
        self._require("hour_meter", label="What the hour meter shows")
        self.assertEqual(record._get_missing(), ["What the hour meter shows"])
        with self.assertRaisesRegex(UserError, "Missing:\n• What the hour meter shows$"):
            self._sign(record)
        record.hour_meter = 12
        self._sign(record)
        self.assertEqual(record.state, "signed")

    def test_condition(self):
        """M3.2: a requirement with a condition holds where the condition is met."""
        self._require("hour_meter", domain="[('responsibility', '=', 'customer')]")
        record = self._new_complete_record(self.request, hour_meter=0)
        self.assertFalse(record._get_missing())
        record.responsibility = "customer"
        self.assertEqual(record._get_missing(), ["Hour meter (h)"])
        record.responsibility = "other"
        self._require("hour_meter", domain="[('part_ids', '!=', False)]")
        self.assertFalse(record._get_missing())
        record.write(
            {"no_parts": False, "part_ids": [Command.create({"product_id": self.pump.id})]}
        )
        self.assertEqual(record._get_missing(), ["Hour meter (h)"])

    def test_company(self):
        """M3.4: what another company requires isn't required here; archived isn't either."""
        other = self.env["res.company"].create({"name": "Other maker"})
        self.env["aftersales.record.requirement"].create(
            {"field_name": "hour_meter", "company_id": other.id}
        )
        own = self._require("hour_meter", company_id=self.company.id)
        record = self._new_complete_record(self.request, hour_meter=0)
        self.assertEqual(record._get_missing(), ["Hour meter (h)"])
        own.active = False
        self.assertFalse(record._get_missing())

    def test_language(self):
        """M3.4: what is missing is told in the user's language."""
        for code in ("en_US", "zh_CN"):
            self.env["res.lang"]._activate_lang(code)
        own = self._require("hour_meter", label="Hours")
        own.with_context(lang="zh_CN").label = "小时表读数"
        record = self._new_complete_record(self.request, hour_meter=0)
        self.assertEqual(record.with_context(lang="zh_CN").missing, "小时表读数")
        self.assertEqual(record.missing, "Hours")

    def test_only_real_fields(self):
        """M3.4: only what is entered on site can be required; nothing that can't be there."""
        for name in ("no_such_field", "state", "signature", "message_ids", "missing"):
            with (
                self.subTest(name),
                self.assertRaisesRegex(ValidationError, "no field of the service record"),
                self.cr.savepoint(),
            ):
                self._require(name)

    def test_condition_is_checked(self):
        """M3.4: a condition that can't be used is refused when it is written."""
        for domain in ("[('no_such_field', '=', 1)]", "[(", "import os", "[('arrival')]", "1"):
            with (
                self.subTest(domain),
                self.assertRaisesRegex(ValidationError, "can't be used on service records"),
                self.cr.savepoint(),
            ):
                self._require("hour_meter", domain=domain)

    def test_broken_never_opens_the_gate(self):
        """M3.4: a condition that broke since, with a field that is gone, keeps the gate shut."""
        own = self._require("hour_meter")
        record = self._new_complete_record(self.request)
        for column, value in (("domain", "[('gone', '=', 1)]"), ("field_name", "gone")):
            self.env.flush_all()
            self.cr.execute(
                SQL(
                    "UPDATE aftersales_record_requirement SET %s = %s WHERE id = %s",
                    SQL.identifier(column),
                    value,
                    own.id,
                )
            )
            self.env.invalidate_all()
            self.assertRegex(record.missing, "can't be checked: ask customer service")
            with self.assertRaisesRegex(UserError, "can't be checked"):
                self._sign(record)
        self.assertEqual(record.state, "draft")

    def test_regulatory_stays(self):
        """M3.4, mistake 9: no configuration opens the gate that the regulations demand."""
        cause = self.env.ref("aftersales_service.requirement_cause")
        for user in (self.customer_service, self.administrator):
            own = cause.with_user(user)
            for vals in (
                {"active": False},
                {"domain": "[('id', '=', 0)]"},
                {"field_name": "hour_meter"},
                {"company_id": self.company.id},
                {"regulation_id": False},
            ):
                with (
                    self.subTest(user=user.login, **vals),
                    self.assertRaisesRegex(UserError, "demanded by the regulations"),
                ):
                    own.write(vals)
            with self.assertRaisesRegex(UserError, "demanded by the regulations"):
                own.unlink()
            with self.assertRaises(AccessError):
                own.is_regulatory = False
        cause.with_user(self.customer_service).label = "Why did it fail?"
        record = self._new_complete_record(self.request, cause=" ")
        self.assertEqual(record.missing, "Why did it fail?")

    def test_roles(self):
        """M3.4: customer service keeps the requirements, nobody below."""
        own = self._require("hour_meter")
        for user in (self.clerk, self.technician, self.center_user, self.office_manager):
            for press in (
                lambda r: r.write({"active": False}),
                lambda r: r.unlink(),
                lambda r: r.create({"field_name": "arrival"}),
            ):
                with self.subTest(user.login), self.assertRaises(AccessError):
                    press(own.with_user(user))

    def test_signed_before_it_was_required(self):
        """M3.4: what is required from now on neither voids nor stops what was signed before."""
        record = self._sign(self._new_complete_record(self.request, hour_meter=0))
        self._require("hour_meter")
        record.action_done()
        self.assertEqual(record.state, "done")
        self.assertTrue(record._is_signature_valid())

    def test_import(self):
        """M3.4: an import can bring in the words, but neither the state nor the signature."""
        self.request.action_assign()
        model = self.env["aftersales.service.record"].with_user(self.clerk)
        for column, value in (("state", "done"), ("signed_by", "Me")):
            result = model.load(
                ["request_id/.id", "fault", column], [[str(self.request.id), "Sinks", value]]
            )
            self.assertFalse(result["ids"])
            self.assertIn("can't be changed by hand", json.dumps(result["messages"]))

    # --- checklist ---------------------------------------------------------------------------

    def _new_checklist(self, categ=None, *names, **vals):
        return (
            self.env["aftersales.checklist"]
            .with_user(self.customer_service)
            .create(
                {
                    "name": "List",
                    "categ_id": categ and categ.id,
                    "item_ids": [
                        Command.create({"name": name, "section": "S", "expected": "Good"})
                        for name in names
                    ],
                    **vals,
                }
            )
        )

    def test_checklist_of_nearest_category(self):
        """M3.3: the list of the nearest category holds, an own company's before the shared."""
        parent = self.env["product.category"].create({"name": "All machines"})
        self.categ_machine.parent_id = parent
        self._new_checklist(None, "General")
        record = self._new_record(self._new_request(self.card))
        self.assertEqual(record.check_ids.mapped("name"), ["General"])
        self._new_checklist(parent, "Of the parent")
        record = self._new_record(self._new_request(self.card))
        self.assertEqual(record.check_ids.mapped("name"), ["Of the parent"])
        self._new_checklist(self.categ_machine, "Shared 1", "Shared 2")
        record = self._new_record(self._new_request(self.card))
        self.assertEqual(record.check_ids.mapped("name"), ["Shared 1", "Shared 2"])
        self._new_checklist(self.categ_machine, "Own", company_id=self.company.id)
        record = self._new_record(self._new_request(self.card))
        self.assertEqual(record.check_ids.mapped("name"), ["Own"])
        other = self.env["product.product"].create({"name": "Lamp"})
        record = self._new_record(
            self._new_request(product_id=other.id, partner_id=self.customer.id)
        )
        self.assertEqual(record.check_ids.mapped("name"), ["General"])

    def test_checklist_follows_product(self):
        """M3.3: when the request turns out to be about another product, its list comes."""
        self._new_checklist(None, "General")
        self._new_checklist(self.categ_machine, "Machine")
        other = self.env["product.product"].create({"name": "Lamp"})
        request = self._new_request(product_id=other.id, partner_id=self.customer.id)
        record = self._new_record(request)
        self.assertEqual(record.check_ids.mapped("name"), ["General"])
        request.card_id = self.card
        self.assertEqual(record.check_ids.mapped("name"), ["Machine"])

    def test_every_item_is_answered(self):
        """M3.3, M3.4: each open item is named; a fault that is left needs a note."""
        self._new_checklist(None, "Brakes", "Hoses")
        record = self._new_complete_record(self.request)
        record.machine_checked = True
        self.assertEqual(record.missing.split("\n"), ["Checklist: Brakes", "Checklist: Hoses"])
        brakes, hoses = record.check_ids
        brakes.result = "removed"
        self.assertFalse(record.machine_checked)
        hoses.result = "left"
        self.assertTrue(record.machine_checked)
        self.assertTrue(record.is_fault_left)
        self.assertEqual(record.missing, "Checklist: what is left at “Hoses”")
        hoses.note = "Chafed, to be replaced at the next service"
        self.assertFalse(record.missing)
        self._sign(record).action_done()

    def test_items_stay(self):
        """M3.3, mistake 9: who answers the checklist can't add, drop or reword its items."""
        self._new_checklist(None, "Brakes", "Hoses")
        self.request.action_assign()
        for user in (self.technician, self.center_user, self.clerk, self.administrator):
            record = (
                self.env["aftersales.service.record"]
                .with_user(user)
                .create({"request_id": self.request.id, "check_ids": []})
            )
            self.assertEqual(len(record.check_ids), 2)
            check = record.check_ids[0]
            with self.assertRaises(AccessError), self.cr.savepoint():
                check.unlink()
            with self.assertRaises(AccessError), self.cr.savepoint():
                record.write({"check_ids": [Command.clear()]})
            with self.assertRaises(AccessError), self.cr.savepoint():
                check.create({"record_id": record.id, "name": "Own"})
            for vals in ({"name": "Nothing"}, {"expected": "Any"}, {"section": "X"}):
                with self.assertRaises(AccessError), self.cr.savepoint():
                    check.write(vals)
            other = self._new_record(self._new_request(self.card))
            with self.assertRaises(AccessError), self.cr.savepoint():
                check.write({"record_id": other.id})

    def test_answer_voids_signature(self):
        """M3.4: another answer voids the signature; the closed record's answers stay."""
        self._new_checklist(None, "Brakes", "Hoses")
        for vals in ({"result": "removed"}, {"note": "Adjusted"}):
            record = self._new_complete_record(self._new_request(self.card))
            record.check_ids.result = "ok"
            self._sign(record)
            record.check_ids[1].write(vals)
            self.assertEqual(record.state, "draft")
            self.assertFalse(record.signature)
        self._sign(record).action_done()
        with self.assertRaisesRegex(UserError, "closed and can't be changed"):
            record.check_ids[0].result = "left"

    def test_answers_of_others_hidden(self):
        """Mistake 6: the answers show as little of others' records as the records do."""
        self._new_checklist(None, "Brakes")
        record = self._new_record(self.request)
        for user in (self.technician, self.center_user, self.office_manager, self.clerk):
            self._assert_visible(record.check_ids, user)
        for user in (self.other_technician, self.other_center_user, self.other_office_manager):
            self._assert_hidden(record.check_ids, user)

    def test_checklist_changes_later_records_only(self):
        """M3.3: a changed list leaves the records that were begun before as they are."""
        checklist = self._new_checklist(None, "Brakes")
        record = self._new_complete_record(self.request)
        record.check_ids.result = "ok"
        self._sign(record)
        checklist.item_ids.name = "Everything"
        checklist.item_ids = [Command.create({"name": "More"})]
        self.assertEqual(record.check_ids.mapped("name"), ["Brakes"])
        record.action_done()
        self.assertTrue(record._is_signature_valid())

    # --- records of the previous release -------------------------------------------------------

    def _migrate(self):
        path = file_path("aftersales_service/migrations/19.0.1.2.0/post-record.py")
        self.env.flush_all()
        script = load_script(path, "post-record")
        script.migrate(self.cr, "19.0.1.1.0")
        self.env.invalidate_all()
        return script.SPEC

    def _sign_as_before(self, record):
        """Put ``record`` into the shape that the previous release gave a signed record."""
        path = file_path("aftersales_service/migrations/19.0.1.2.0/post-record.py")
        digest = record._get_content_digest(load_script(path, "post-record").SPEC)
        self._sign(record)
        self.env.flush_all()
        self.cr.execute(
            SQL(
                "UPDATE aftersales_service_record SET signature_spec = NULL, signature_digest = %s"
                " WHERE id = %s",
                digest,
                record.id,
            )
        )
        self.env.invalidate_all()

    def test_old_signature_stands(self):
        """M3.4: what was signed under the previous release stays signed, and becomes valid."""
        parts = [{"product_id": self.pump.id, "serial_fitted": "Q-2", "serial_removed": "Q-1"}]
        record = self._new_complete_record(self.request, parts)
        self._sign_as_before(record)
        self.assertFalse(record._is_signature_valid(), "nobody knows what was signed")
        self._migrate()
        self._migrate()
        self._require("hour_meter")
        self.assertTrue(record._is_signature_valid())
        record.message_post(body="Hello")
        record.write({"cause": record.cause})
        self.assertEqual(record.state, "signed")
        record.action_done()
        self.assertTrue(record._is_signature_valid())

    def test_old_signature_voided(self):
        """M3.4: a change voids an old signature, also in what the old form didn't have."""
        for what in ("cause", "part", "check"):
            record = self._new_complete_record(
                self._new_request(self.card), [{"product_id": self.pump.id}]
            )
            self._sign_as_before(record)
            self._migrate()
            if what == "cause":
                record.cause = "Other"
            elif what == "part":
                record.part_ids.quantity = 2
            else:
                record.sudo().check_ids.create({"record_id": record.id, "name": "Brakes"})
            self.assertEqual(record.state, "draft", what)

    def test_checks_begun_by_migration(self):
        """M3.3: drafts whose machine wasn't checked yet get the list; others are left alone."""
        drafts = self._new_record(self._new_request(self.card)), self._new_complete_record()
        done = self._new_done_record(self.request)
        self._new_checklist(None, "Brakes")
        self._migrate()
        self._migrate()
        self.assertEqual([len(r.check_ids) for r in (*drafts, done)], [1, 0, 0])
        self.assertTrue(drafts[1].machine_checked)
