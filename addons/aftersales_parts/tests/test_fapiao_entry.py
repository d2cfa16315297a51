import base64

from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.modules.migration import load_script
from odoo.tests import Form, tagged
from odoo.tools import SQL, file_path, mute_logger

from ..models import aftersales_fapiao_checking as fapiao_checking
from .common import AftersalesPartsCommon, freeze

PDF = b"%PDF-1.7\n%%EOF\n"
RED = {"number": "26332000000012345700", "gross": -1130.00, "net": -1000.00, "tax": -130.00}


class FapiaoEntryCommon(AftersalesPartsCommon):
    def setUp(self):
        super().setUp()
        self.fapiaos = self.env["aftersales.fapiao"].with_user(self.users["accountant"])

    def _enter(self, **vals):
        """Return a fapiao entered by hand by the accountant, for 3266.00."""
        return self.fapiaos.create(
            {
                "source": "manual",
                "number": "26332000000012345678",
                "kind": "special",
                "date": "2026-11-20",
                "seller_name": self.center.name,
                "seller_vat": self.center.vat,
                "buyer_name": self.company.name,
                "buyer_vat": self.company.vat,
                "amount_untaxed": 2890.27,
                "amount_tax": 375.73,
                "amount_total": 3266.00,
                "line_ids": [
                    Command.create(
                        {
                            "name": "Parts",
                            "amount_untaxed": 2890.27,
                            "tax_rate": 13,
                            "amount_tax": 375.73,
                        }
                    )
                ],
                **vals,
            }
        )

    def _check(self, fapiao, code):
        return fapiao.check_ids.filtered(lambda check: check.code == code)


@freeze
@tagged("post_install", "-at_install")
class TestFapiaoManual(FapiaoEntryCommon):
    def test_default_of_a_file(self):
        """M8.6: no default of a caller is kept as the original of a fapiao, unread."""
        page = base64.b64encode(b"<script>")
        defaults = {"default_pdf": page, "default_pdf_name": "x.html", "default_document": page}
        self.fapiaos = self.fapiaos.with_context(**defaults)
        entered = self._enter()
        document = self._make_document(number="26332000000012345699")
        read = self.fapiaos.create({"document": document})
        for fapiao in entered | read:
            self.assertFalse(fapiao.pdf)
            self.assertFalse(fapiao.pdf_name)
        self.assertFalse(entered.document)
        self.assertEqual(read.document, document)

    def test_entered_by_hand(self):
        """M8.6: an accountant enters figures and lines; the checks say that no file backs it."""
        fapiao = self._enter(pdf=base64.b64encode(PDF), pdf_name="scan.pdf")
        self.assertEqual((fapiao.name, fapiao.direction), ("26332000000012345678", "received"))
        self.assertEqual((fapiao.center_id, fapiao.partner_id), (self.center, self.center))
        self.assertEqual(fapiao._get_tax_groups(), {13: (2890.27, 375.73)})
        self.assertEqual(self._check(fapiao, "file").result, "passed")
        self.assertFalse(fapiao.failed_count)
        bare = self._enter(number="26332000000012345679")
        check = self._check(bare, "file")
        self.assertEqual(check.result, "impossible")
        self.assertIn("No file backs it", check.detail)

    def test_corrected_until_matched(self):
        """M8.6: figures entered by hand may be corrected; then the checks run again."""
        fapiao = self._enter(amount_tax=375.74)
        self.assertEqual(self._check(fapiao, "sums").result, "failed")
        fapiao.write({"amount_tax": 375.73})
        self.assertEqual(self._check(fapiao, "sums").result, "passed")
        fapiao.write({"line_ids": [Command.update(fapiao.line_ids.id, {"amount_tax": 370})]})
        self.assertEqual(self._check(fapiao, "lines").result, "failed")
        fapiao._write_protected({"state": "matched"})
        for change in (
            lambda: fapiao.write({"amount_tax": 1}),
            lambda: fapiao.line_ids.write({"amount_tax": 1}),
            lambda: fapiao.line_ids.unlink(),
            lambda: fapiao.write({"line_ids": [Command.clear()]}),
            lambda: fapiao.line_ids.create({"fapiao_id": fapiao.id, "name": "More"}),
        ):
            with self.assertRaisesRegex(AccessError, "by hand"), self.cr.savepoint():
                change()

    def test_lines_of_a_file_stay(self):
        """M8.6: lines that were read from a file can't be changed, added or removed."""
        fapiao = self._make_fapiao()
        other = self._enter(number="26332000000012345679")
        for change in (
            lambda: fapiao.line_ids.write({"amount_tax": 1}),
            lambda: fapiao.line_ids.unlink(),
            lambda: fapiao.write({"line_ids": [Command.create({"name": "More"})]}),
            lambda: other.line_ids.write({"fapiao_id": fapiao.id}),
            lambda: fapiao.write({"source": "manual"}),
        ):
            with self.assertRaisesRegex(AccessError, "by hand"), self.cr.savepoint():
                change()

    def test_numbers(self):
        """M8.6: 20 digits, or a code of 10 or 12 and a number of 8; each company has it once."""
        fapiao = self._enter(code="033001900104", number="02345678")
        self.assertEqual(fapiao.name, "033001900104-02345678")
        self.assertEqual(self._check(fapiao, "number").result, "passed")
        with self.assertRaisesRegex(UserError, "already been entered"):
            self._enter(code="033001900104", number="02345678")
        for code, number in (
            ("", "02345678"),
            ("0330019001", "2345678"),
            ("", "2633200000001234567"),
            ("", "263320000000123456789"),
            ("", "2633200000001234567O"),
        ):
            with self.assertRaises(UserError), self.cr.savepoint():
                self._enter(code=code, number=number)
        # a wrong number can be put right, but not to one that is taken
        other = self._enter(number="26332000000012345670")
        other.write({"number": "26332000000012345671"})
        self.assertEqual(other.name, "26332000000012345671")
        with self.assertRaisesRegex(UserError, "already been entered"), self.cr.savepoint():
            other.write({"code": "033001900104", "number": "02345678"})

    def test_form(self):
        """M8.6: the form proposes ourselves as the buyer, and adds the lines up."""
        with Form(self.fapiaos.with_context(default_source="manual")) as form:
            self.assertEqual(form.buyer_vat, self.company.vat)
            form.number = "26332000000012345678"
            form.kind = "special"
            form.date = "2026-11-20"
            form.seller_name = self.center.name
            form.seller_vat = self.center.vat
            with form.line_ids.new() as line:
                line.name = "Parts"
                line.quantity = 3
                line.price_unit = 33.335
                line.tax_rate = 13
            # by hand: 3 × 33.335 = 100.005, to the cent 100.01; of that 13 % are 13.00
            self.assertEqual(form.line_ids.edit(0).amount_tax, 13.00)
            self.assertEqual((form.amount_untaxed, form.amount_total), (100.01, 113.01))
        self.assertFalse(form.record.failed_count)

    def test_backed_by_file(self):
        """M8.6: the file of what was entered by hand backs it, if it says the same."""
        fapiao = self._enter()
        with self.assertRaisesRegex(UserError, "already been entered"):
            self._make_fapiao()
        wizard = self._drop({"a.xml": base64.b64decode(self._make_document())})
        self.assertEqual(wizard.line_ids.state, "read")
        self.assertEqual((fapiao.source, fapiao.document_name), ("xml", "a.xml"))
        self.assertEqual(fapiao.line_ids.name, "*工程机械配件*服务配件")
        self.assertEqual(self._check(fapiao, "file").result, "passed")
        other = self._enter(number="26332000000012345679", amount_total=3266.10)
        document = self._make_document(number="26332000000012345679")
        wizard = self._drop({"b.xml": base64.b64decode(document)})
        self.assertEqual(wizard.line_ids.state, "refused")
        self.assertRegex(wizard.line_ids.message, "Gross: 3266.1 ≠ 3266.0")
        self.assertEqual(other.source, "manual")

    def _drop(self, files):
        attachments = (
            self.env["ir.attachment"]
            .with_user(self.users["accountant"])
            .create(
                [
                    {"name": name, "raw": raw, "res_model": "aftersales.fapiao.import"}
                    for name, raw in files.items()
                ]
            )
        )
        wizard = (
            self.env["aftersales.fapiao.import"]
            .with_user(self.users["accountant"])
            .create({"attachment_ids": [Command.set(attachments.ids)]})
        )
        wizard.action_read()
        while wizard.waiting_count:
            wizard.run_step()
        wizard.action_finish()
        return wizard

    def test_pdf(self):
        """M8.6: a PDF is added once and can't be exchanged; other files are no PDF."""
        fapiao = self._make_fapiao()
        with self.assertRaisesRegex(UserError, "not a PDF"):
            fapiao.write({"pdf": base64.b64encode(b"<html/>")})
        fapiao.write({"pdf": base64.b64encode(PDF), "pdf_name": "a.pdf"})
        with self.assertRaisesRegex(UserError, "can't be exchanged"):
            fapiao.write({"pdf": base64.b64encode(PDF + b"x")})
        self.assertEqual(self._check(fapiao, "file").result, "passed")
        # one fapiao, two numbers, the same PDF
        second = self._enter(number="26332000000012345679", pdf=base64.b64encode(PDF))
        check = self._check(second, "duplicate")
        self.assertEqual(check.result, "failed")
        self.assertIn(fapiao.name, check.detail)

    def test_changed_file(self):
        """M8.6, H11: a file changed behind our back is noticed."""
        fapiao = self._make_fapiao()
        attachment = self.env["ir.attachment"].search(
            [("res_model", "=", fapiao._name), ("res_field", "=", "document")]
        )
        attachment.sudo().raw = b"<EInvoice/>"
        self.env.invalidate_all()
        fapiao.action_check()
        self.assertEqual(self._check(fapiao, "file").result, "failed")

    def test_checks_in_batches(self):
        """M8.6: checks of many run in batches, and none is left out."""
        fapiaos = self._make_fapiao()
        for last in (79, 80):
            fapiaos |= self._make_fapiao(number=f"263320000000123456{last}")
        sizes = []
        run = type(fapiaos)._run_checks

        def count(batch):
            sizes.append(len(batch))
            return run(batch)

        self.patch(fapiao_checking, "CHECK_BATCH", 2)
        self.patch(type(fapiaos), "_run_checks", count)
        fapiaos.sudo().check_ids.unlink()
        fapiaos.action_check()
        self.assertEqual(sizes, [2, 1])
        self.assertTrue(all(fapiao.check_ids for fapiao in fapiaos))

    def test_issued(self):
        """M8.6: a fapiao that we issue is checked the other way round."""
        maker = self._make_center("Maker", "91310115MA1K3QXE7G")
        fapiao = self._make_fapiao(
            seller=self.company.vat, buyer="91310115MA1K3QXE7G", buyer_name="Maker"
        )
        self.assertEqual((fapiao.direction, fapiao.partner_id), ("issued", maker))
        self.assertFalse(fapiao.failed_count)
        # we claim from one manufacturer only
        self.company.aftersales_manufacturer_id = self.center
        fapiao.action_check()
        self.assertEqual(self._check(fapiao, "buyer").result, "failed")
        self.company.aftersales_manufacturer_id = maker
        fapiao.action_check()
        self.assertEqual(self._check(fapiao, "buyer").result, "passed")
        fapiao = self._make_fapiao(
            number="26332000000012345679",
            seller=self.company.vat,
            buyer="91440101MA59TX0X1Y",
            buyer_name="Stranger",
        )
        self.assertEqual(self._check(fapiao, "buyer").result, "failed")


@freeze
@tagged("post_install", "-at_install")
class TestFapiaoRed(FapiaoEntryCommon):
    def _make_red(self, blue="26332000000012345678", **vals):
        remark = f"被红冲蓝字数电票号码：{blue} 红字发票信息确认单编号：33010826111000000001"
        return self._make_fapiao(**{**RED, "remark": remark, **vals})

    def test_tied_by_number(self):
        """M8.6: a red fapiao is tied to its blue one, whichever comes first."""
        blue = self._make_fapiao()
        red = self._make_red()
        self.assertTrue(red.is_red)
        self.assertEqual((red.blue_id, red.amount_total), (blue, -1130))
        self.assertEqual(red.confirmation_number, "33010826111000000001")
        self.assertFalse(red.failed_count)
        self.assertEqual(blue._get_left(), 2136)
        number = "26332000000012345688"
        second = self._make_red(blue=number, number="26332000000012345701")
        self.assertEqual(self._check(second, "red").result, "failed")
        late = self._make_fapiao(number=number)
        self.assertEqual(second.blue_id, late)
        self.assertEqual(self._check(second, "red").result, "passed")

    def test_not_more_than_the_blue(self):
        """M8.6: by hand: 3 × 1130.00 of 3266.00 would be 124.00 too much."""
        self._make_fapiao()
        for number in range(2):
            red = self._make_red(number=f"2633200000001234570{number}")
            self.assertEqual(self._check(red, "red").result, "passed")
        red = self._make_red(number="26332000000012345702")
        self.assertEqual(self._check(red, "red").result, "failed")

    def test_other_parties(self):
        """M8.6: a red fapiao of another seller doesn't take back this one."""
        self._make_fapiao()
        red = self._make_red(seller="91310115MA1K3QXE7G")
        self.assertFalse(red.blue_id)
        self.assertIn("has not been entered", self._check(red, "red").detail)

    def test_chosen_by_hand(self):
        """M8.6: where the file names no blue fapiao, an accountant chooses it."""
        blue = self._make_fapiao()
        red = self._make_red(remark="")
        self.assertEqual(self._check(red, "red").result, "failed")
        red.write({"blue_id": blue.id})
        self.assertEqual(self._check(red, "red").result, "passed")
        named = self._make_red(number="26332000000012345701", blue="26332000000012345699")
        with self.assertRaisesRegex(AccessError, "by hand"):
            named.write({"blue_id": blue.id})
        with self.assertRaisesRegex(AccessError, "by hand"):
            blue.write({"blue_id": red.id})


@freeze
@tagged("post_install", "-at_install")
class TestFapiaoOfCenter(FapiaoEntryCommon):
    """A service center hands in its own fapiao, and learns nothing of those of others (M8.6)."""

    def setUp(self):
        super().setUp()
        self.other = self._make_center("Nanjing center", "91320115MA1X7LJK8D")
        self.users["other"] = self._make_center_user("parts_other_fapiao", self.other)
        self.own = self.env["aftersales.fapiao"].with_user(self.users["center"])
        self.others = self.env["aftersales.fapiao"].with_user(self.users["other"])

    def test_own(self):
        """M8.6: the center hands in its file and sees the checks."""
        fapiao = self.own.create({"document": self._make_document(), "document_name": "a.xml"})
        self.assertEqual((fapiao.center_id, fapiao.failed_count), (self.center, 0))
        self.assertTrue(fapiao.check_ids.mapped("display_name"))
        self.assertEqual(fapiao.line_ids.amount_tax, 375.73)
        for change in (
            lambda: fapiao.write({"remark": "x"}),
            lambda: fapiao.action_check(),
            lambda: fapiao.unlink(),
            lambda: fapiao.action_match(),
            lambda: fapiao.line_ids.write({"amount_tax": 1}),
        ):
            with self.assertRaises(AccessError), self.cr.savepoint():
                change()
        self.assertFalse(self.others.search_count([]))
        self.assertFalse(
            self.env["aftersales.fapiao.line"].with_user(self.users["other"]).search([])
        )

    def test_not_those_of_others(self):
        """M8.6: neither another center's, nor one entered by hand, whatever is in the context."""
        with self.assertRaisesRegex(UserError, "only hand in fapiao that your service center"):
            self.others.create({"document": self._make_document()})
        vals = {"source": "manual", "number": "26332000000012345678", "seller_vat": self.center.vat}
        for fapiaos in (self.own, self.own.with_context(default_source="manual")):
            with self.assertRaisesRegex(UserError, "Choose the XML or OFD"):
                fapiaos.create(vals)
        self.assertFalse(self.fapiaos.search([]))

    def test_defaults_of_the_caller(self):
        """M8.6: no default in the context ties another's red fapiao to one's own, or matches it."""
        red = self._make_fapiao(**RED)
        context = {
            "default_red_ids": [Command.link(red.id)],
            "default_blue_id": red.id,
            "default_state": "posted",
            "default_center_id": self.other.id,
            "default_amount_total": 1,
            "default_match_ids": [Command.clear()],
        }
        fapiao = self.own.with_context(**context).create({"document": self._make_document()})
        self.assertFalse(red.blue_id)
        self.assertFalse(fapiao.blue_id)
        self.assertEqual((fapiao.state, fapiao.amount_total), ("read", 3266))
        self.assertEqual(fapiao.center_id, self.center)

    def test_duplicate_tells_nothing(self):
        """M8.6: who forges the number of another center's fapiao learns nothing about that."""
        self.own.create({"document": self._make_document()})
        with self.assertRaisesRegex(UserError, "already been entered"):
            self.own.create({"document": self._make_document()})
        forged = self.others.create({"document": self._make_document(seller=self.other.vat)})
        check = self._check(forged, "twin")
        self.assertEqual(check.result, "failed")
        for secret in (self.center.name, self.center.vat):
            self.assertNotIn(secret, check.detail)

    def test_digest_tells_nothing(self):
        """M8.6: the check for the same file names no fapiao of another center."""
        self.own.create({"document": self._make_document(), "pdf": base64.b64encode(PDF)})
        fapiao = self.others.create(
            {
                "document": self._make_document(
                    number="26322000000012345678", seller=self.other.vat
                ),
                "pdf": base64.b64encode(PDF),
            }
        )
        check = self._check(fapiao, "duplicate")
        self.assertEqual(check.result, "failed")
        self.assertNotIn("26332000000012345678", check.detail)


@freeze
@tagged("post_install", "-at_install")
class TestFapiaoMigration(FapiaoEntryCommon):
    def test_fapiao_of_the_previous_release(self):
        """M8.6, H11: what was not kept before is read from the stored file; the rest stays."""
        fapiao = self._make_fapiao(remark="10月")
        broken = self._make_fapiao(number="26332000000012345679")
        attachment = self.env["ir.attachment"].search(
            [
                ("res_model", "=", fapiao._name),
                ("res_id", "=", broken.id),
                ("res_field", "=", "document"),
            ]
        )
        attachment.raw = b"lost"
        (fapiao | broken).sudo().line_ids.unlink()
        self.env.flush_all()
        self.cr.execute(
            SQL(
                "UPDATE aftersales_fapiao SET source = NULL, number = NULL, remark = NULL,"
                " partner_id = NULL, seller_name = 'Kept' WHERE id IN %s",
                (fapiao.id, broken.id),
            )
        )
        path = file_path("aftersales_parts/migrations/19.0.1.4.0/post-fapiao.py")
        script = load_script(path, "post-fapiao")
        for _twice in range(2):
            self.env.invalidate_all()
            script.migrate(self.cr, "19.0.1.3.0")
            self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(fapiao.line_ids.mapped("amount_tax"), [375.73])
        self.assertEqual((fapiao.number, fapiao.source), (fapiao.name, "xml"))
        self.assertEqual((fapiao.remark, fapiao.seller_name), ("10月", "Kept"))
        self.assertEqual(fapiao.partner_id, self.center)
        self.assertEqual((broken.number, broken.source), (broken.name, "xml"))
        self.assertFalse(broken.line_ids)

    def test_checks_of_the_previous_release(self):
        """M8.6: one result of each check; new checks are made at the upgrade, old ones dropped."""
        fapiao = self._make_fapiao()
        posted = self._make_fapiao(number="26332000000012345679")
        codes = set(fapiao.check_ids.mapped("code"))
        for record in fapiao | posted:
            self._check(record, "twin").sudo().unlink()
        posted._write_protected({"state": "posted"})
        self.env.flush_all()
        insert = (
            "INSERT INTO aftersales_fapiao_check (fapiao_id, company_id, code, result)"
            " SELECT id, company_id, %s, 'failed' FROM aftersales_fapiao WHERE id = %s"
        )
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.cr.savepoint():
            self.cr.execute(insert, ("number", fapiao.id))
        constraint = "aftersales_fapiao_check_fapiao_code_uniq"
        self.cr.execute(
            SQL(
                "ALTER TABLE aftersales_fapiao_check DROP CONSTRAINT %s", SQL.identifier(constraint)
            )
        )
        self.cr.execute(insert, ("number", fapiao.id))
        self.cr.execute(insert, ("dropped", fapiao.id))
        for name in ("pre-fapiao-check", "post-unposted"):
            path = file_path(f"aftersales_parts/migrations/19.0.1.4.0/{name}.py")
            load_script(path, name).migrate(self.cr, "19.0.1.3.0")
            self.env.invalidate_all()
        self.assertEqual(sorted(fapiao.check_ids.mapped("code")), sorted(codes))
        self.assertEqual(self._check(fapiao, "number").result, "passed")
        self.assertFalse(self._check(posted, "twin"))
        # nor is an accountant stopped by one that was dropped
        self.env.flush_all()
        self.cr.execute(insert, ("dropped", fapiao.id))
        self.env.invalidate_all()
        fapiao.with_user(self.users["accountant"]).action_check()
        self.assertEqual(len(fapiao.check_ids), len(codes))
