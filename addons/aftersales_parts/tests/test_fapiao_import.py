import base64

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import HttpCase, tagged

from .common import AftersalesPartsCommon, freeze
from .fapiao_files import FACTS, make_ofd, make_zip

PDF = b"%PDF-1.7\n%%EOF\n"


@freeze
@tagged("post_install", "-at_install")
class TestFapiaoImport(AftersalesPartsCommon):
    def _xml(self, last, **vals):
        number = f"263320000000000000{last:02d}"
        return base64.b64decode(self._make_document(number=number, **vals))

    def _drop(self, files, user="accountant", read=True):
        """Return the import of {name: bytes} after reading."""
        env = self.env(user=self.users[user])
        attachments = env["ir.attachment"].create(
            [
                {"name": name, "raw": raw, "res_model": "aftersales.fapiao.import"}
                for name, raw in files.items()
            ]
        )
        wizard = env["aftersales.fapiao.import"].create(
            {"attachment_ids": [Command.set(attachments.ids)]}
        )
        if not read:
            return wizard
        wizard.action_read()
        while wizard.waiting_count:
            wizard.run_step()
        wizard.action_finish()
        return wizard

    def _states(self, wizard):
        return {line.name: line.state for line in wizard.line_ids}

    def test_month(self):
        """M8.6: one drop of all kinds; each good file is read, each bad one told by itself."""
        archive = make_zip(
            {
                "一月/a.xml".encode("gbk"): self._xml(1),
                "一月/a.pdf".encode("gbk"): PDF,
                "b/c.OFD": make_ofd(custom={**FACTS, "发票号码": "26332000000000000002"}),
                "dzfp_26332000000000000002_x.pdf": PDF + b"2",
                "lone.pdf": PDF + b"3",
                "bad.xml": b"<EInvoice>",
                "in.zip": make_zip({"d.xml": self._xml(4)}),
                "../../e.xml": self._xml(5),
                "__MACOSX/._a.xml": b"\0",
                "list.xlsx": make_zip({"[Content_Types].xml": b"<x/>"}),
            }
        )
        wizard = self._drop(
            {
                "month.zip": archive,
                "f.xml": self._xml(6),
                "again.xml": self._xml(1),
                "photo.jpg": b"\xff\xd8\xff",
                "torn.zip": archive[:-30],
            }
        )
        self.assertEqual(
            self._states(wizard),
            {
                "一月/a.xml": "read",
                "一月/a.pdf": "kept",
                "b/c.OFD": "read",
                "dzfp_26332000000000000002_x.pdf": "kept",
                "lone.pdf": "unread",
                "bad.xml": "refused",
                "in.zip": "refused",
                "../../e.xml": "read",
                "list.xlsx": "refused",
                "f.xml": "read",
                "again.xml": "known",
                "photo.jpg": "refused",
                "torn.zip": "refused",
            },
        )
        self.assertEqual(
            (
                wizard.read_count,
                wizard.kept_count,
                wizard.known_count,
                wizard.trouble_count,
                wizard.waiting_count,
            ),
            (4, 2, 1, 6, 0),
        )
        self.assertEqual(len(wizard.fapiao_ids), 4)
        first = wizard.fapiao_ids.filtered(lambda f: f.number.endswith("01"))
        self.assertEqual(base64.b64decode(first.pdf), PDF)
        self.assertEqual(first.document_name, "a.xml")
        climbing = wizard.line_ids.filtered(lambda line: line.name == "../../e.xml")
        self.assertEqual(climbing.fapiao_id.document_name, "e.xml")
        self.assertTrue(all(wizard.trouble_ids.mapped("message")))
        messages = {line.name: line.message for line in wizard.trouble_ids}
        self.assertIn("archive in an archive", messages["in.zip"])
        self.assertIn("damaged", messages["bad.xml"])

    def test_steps(self):
        """M8.6: a drop is read step by step; whoever comes back reads the rest, PDFs last."""
        files = {f"{i}.xml": self._xml(i) for i in range(1, 22)}
        wizard = self._drop({"26332000000000000021.pdf": PDF, **files}, read=False)
        action = wizard.action_read()
        self.assertEqual(
            (action["tag"], action["params"]["total"]), ("aftersales_parts.progress", 22)
        )
        self.assertEqual(wizard.run_step(), {"total": 22, "done": 20, "problems": []})
        self.assertEqual((wizard.read_count, wizard.waiting_count), (20, 2))
        # the connection was lost, and the screen is opened again
        self.assertEqual(wizard.action_go_on()["params"]["total"], 2)
        self.assertEqual(wizard.run_step()["done"], 2)
        self.assertEqual((wizard.read_count, wizard.kept_count), (21, 1))
        self.assertEqual(wizard.action_finish()["res_id"], wizard.id)
        self.assertEqual(len(wizard.exception_ids), 21)

    def test_steps_of_others(self):
        """M8.6: nobody reads the files of somebody else's drop by naming their lines."""
        other = self._drop({"a.xml": self._xml(1)}, user="center", read=False)
        other._list_files()
        wizard = self._drop({"b.xml": self._xml(2)}, read=False)
        wizard.action_read()
        wizard.write({"step_ids": other.line_ids.ids, "step_total": 1})
        with self.assertRaises(AccessError):
            wizard.run_step()
        self.assertEqual(other.line_ids.mapped("state"), ["waiting"])

    def test_same_twice(self):
        """M8.6: the same drop again enters nothing, and says so for each file."""
        files = {"a.xml": self._xml(1), "26332000000000000001.pdf": PDF}
        self._drop(files)
        wizard = self._drop(files)
        self.assertEqual(set(self._states(wizard).values()), {"known"})
        wizard = self._drop(
            {
                # the same fapiao, saved anew by another program
                "b.xml": self._xml(1).replace(b"<EInvoice>", b"<EInvoice >"),
                "26332000000000000001.pdf": PDF + b"other",
            }
        )
        self.assertEqual(
            self._states(wizard), {"b.xml": "known", "26332000000000000001.pdf": "refused"}
        )
        self.assertEqual(self.env["aftersales.fapiao"].search_count([]), 1)

    def test_number_taken_by_another_seller(self):
        """M8.6: the true fapiao is entered beside a forged one; both wait until one is gone."""
        self._make_center("Nanjing center", "91320115MA1X7LJK8D")
        self._drop({"forged.xml": self._xml(1, seller="91320115MA1X7LJK8D", gross=3266.00)})
        fapiao = self.env["aftersales.fapiao"].search([])
        wizard = self._drop({"real.xml": self._xml(1)})
        self.assertEqual(wizard.line_ids.state, "read")
        real = wizard.fapiao_ids
        for one in (fapiao, real):
            one.action_check()
            check = one.check_ids.filtered(lambda c: c.code == "twin")
            self.assertEqual((check.result, check.is_acceptable), ("failed", True))
            self.assertNotIn("9133", check.detail)
            self.assertNotIn("9132", check.detail)
        self.assertEqual(self._drop({"again.xml": self._xml(1)}).line_ids.state, "known")
        fapiao.unlink()
        real.action_check()
        self.assertEqual(real.check_ids.filtered(lambda c: c.code == "twin").result, "passed")

    def test_number_taken_by_another_seller_and_posted(self):
        """M8.6: a forged fapiao in the books doesn't keep the true one of its number out."""
        self._make_center("Nanjing center", "91320115MA1X7LJK8D")
        forged = self._xml(1, seller="91320115MA1X7LJK8D", gross=3266.00)
        fapiao = self._drop({"forged.xml": forged}).fapiao_ids
        fapiao.sudo()._write_protected({"state": "posted"})
        wizard = self._drop({"real.xml": self._xml(1)})
        self.assertEqual(wizard.line_ids.state, "read")
        check = wizard.fapiao_ids.check_ids.filtered(lambda c: c.code == "twin")
        self.assertEqual((check.result, check.is_acceptable), ("failed", True))
        # a file of the same seller that says something else is refused, the books left alone
        other = self._xml(1, seller="91320115MA1X7LJK8D", date="2026-11-19")
        self.assertEqual(self._drop({"other.xml": other}).line_ids.state, "refused")
        self.assertFalse(fapiao.conflict_digest)

    def test_second_form_that_says_less(self):
        """M8.6: a second file that leaves out what the first one gives is no conflict."""
        fapiao = self._drop({"a.xml": self._xml(1)}).fapiao_ids
        fapiao.sudo()._write_protected({"kind": False})
        second = self._xml(1).replace(b"<EInvoice>", b"<EInvoice >")
        self.assertEqual(self._drop({"b.xml": second}).line_ids.state, "known")
        self.assertFalse(fapiao.conflict_digest)
        # what both give counts
        other = self._xml(1, date="2026-11-19")
        self.assertEqual(self._drop({"c.xml": other}).line_ids.state, "refused")
        self.assertTrue(fapiao.conflict_digest)

    def test_nothing_half_entered(self):
        """M8.6: what fails halfway leaves neither fapiao nor file behind."""
        self.patch(type(self.env["aftersales.fapiao"]), "_run_checks", self._fail)
        wizard = self._drop({"a.xml": self._xml(1)})
        self.assertEqual(wizard.line_ids.state, "refused")
        self.assertFalse(self.env["aftersales.fapiao"].search([]))
        self.assertFalse(
            self.env["ir.attachment"].search([("res_model", "=", "aftersales.fapiao")])
        )

    def test_any_fault_of_a_file_is_told_on_its_line(self):
        """M8.6: whatever a file runs into, it is refused and the others are read."""
        bad = self._xml(2)
        read = type(self.env["aftersales.fapiao"])._read_file

        def fail(fapiaos, raw):
            if raw == bad:
                raise RecursionError
            return read(fapiaos, raw)

        self.patch(type(self.env["aftersales.fapiao"]), "_read_file", fail)
        wizard = self._drop({"a.xml": self._xml(1), "b.xml": bad, "c.xml": self._xml(3)})
        self.assertEqual(
            self._states(wizard), {"a.xml": "read", "b.xml": "refused", "c.xml": "read"}
        )
        line = wizard.line_ids.filtered(lambda x: x.name == "b.xml")
        self.assertIn("damaged", line.message)

    def test_enter_from_archive_beyond_limits(self):
        """M8.6: entering by hand from an archive beyond a lowered limit says so."""
        wizard = self._drop({"x.zip": make_zip({"lone.pdf": PDF, "lone2.pdf": PDF + b"2"})})
        self.company.aftersales_fapiao_archive_files = 1
        with self.assertRaisesRegex(UserError, "1 files"), self.cr.savepoint():
            wizard.line_ids[0].action_enter()

    @staticmethod
    def _fail(fapiaos):
        raise UserError(fapiaos.env._("Choose the files first, or drop them here."))

    def test_limits(self):
        """M8.6: limits are settings; the sentences name them."""
        self.company.write({"aftersales_fapiao_file_size": 1, "aftersales_fapiao_archive_files": 2})
        large = self._xml(1).replace(b"<Remark>", b"<Remark>" + b"x" * 2**20)
        wizard = self._drop(
            {
                "large.xml": large,
                "large.pdf": PDF + b"x" * 2**20,
                "many.zip": make_zip({f"{i}.xml": b"" for i in range(3)}),
                "bomb.zip": make_zip({"a.xml": b"\0" * 3_000_000}),
            }
        )
        messages = {line.name: line.message for line in wizard.line_ids}
        self.assertIn("larger than 1 MB", messages["large.xml"])
        self.assertIn("more than 2 files", messages["many.zip"])
        self.assertIn("many times its size", messages["bomb.zip"])
        self.assertEqual(wizard.trouble_count, 4)

    def test_enter_by_hand(self):
        """M8.6: a PDF by itself opens the form, with the PDF as the original."""
        wizard = self._drop({"scan.pdf": PDF, "z.zip": make_zip({"in.pdf": PDF + b"2"})})
        for line, content in zip(wizard.trouble_ids, (PDF, PDF + b"2"), strict=True):
            action = line.action_enter()
            fapiaos = self.env["aftersales.fapiao"].with_context(**action["context"])
            defaults = fapiaos.default_get(["source", "pdf", "pdf_name", "buyer_vat"])
            self.assertEqual(defaults["source"], "manual")
            self.assertEqual(base64.b64decode(defaults["pdf"]), content)
            self.assertEqual(defaults["buyer_vat"], self.company.vat)

    def test_center(self):
        """M8.6: a center drops its own files; those of others are refused."""
        self._make_center("Nanjing center", "91320115MA1X7LJK8D")
        other = self._xml(2, seller="91320115MA1X7LJK8D")
        wizard = self._drop(
            {"own.xml": self._xml(1), "own.pdf": PDF, "other.xml": other}, user="center"
        )
        self.assertEqual(
            self._states(wizard), {"own.xml": "read", "own.pdf": "kept", "other.xml": "refused"}
        )
        # entered by the accountant, it is still not told to the center that it is known
        self._drop({"other.xml": other})
        wizard = self._drop({"other.xml": other}, user="center")
        self.assertNotIn("already", wizard.line_ids.message)

    def test_lines_are_the_systems(self):
        """M8.6: nobody writes what became of a file, or reads an import of somebody else."""
        fapiao = self._make_fapiao(seller="91320115MA1X7LJK8D")
        wizard = self._drop({"own.xml": self._xml(1)}, user="center")
        with self.assertRaises(AccessError):
            wizard.line_ids.write({"fapiao_id": fapiao.id})
        with self.assertRaises(AccessError):
            wizard.line_ids.create({"import_id": wizard.id, "fapiao_id": fapiao.id})
        for record in (wizard, wizard.line_ids):
            with self.assertRaises(AccessError):
                record.with_user(self.users["accountant"]).read(["state"])

    def test_files_are_removed(self):
        """M8.6: an import that is over takes its files along, and no file of somebody else."""
        wizard = self._drop({"a.xml": self._xml(1)})
        own = wizard.attachment_ids
        other = self.env["ir.attachment"].create({"name": "Other", "raw": b"1"})
        wizard.sudo().attachment_ids += other
        wizard.sudo().unlink()
        self.assertFalse(own.exists())
        self.assertTrue(other.exists())

    def _confirmed(self):
        """Return a confirmed settlement of 3266.00."""
        self._make_record([self._part(self.pump), self._scrap(self.seal)])
        self._return_parts()
        settlement = self._generate()
        self._settle(settlement)
        return settlement

    def test_matches(self):
        """M8.6: after the drop, what fits goes through in one click; the rest says why."""
        settlement = self._confirmed()
        net, gross = 100, 113
        wizard = self._drop(
            {
                "fits.xml": self._xml(1),
                "not.xml": self._xml(2, net=net, tax=gross - net, gross=gross),
                "stranger.xml": self._xml(3, seller="91320115MA1X7LJK8D"),
            }
        )
        self.assertEqual(wizard.match_ids.settlement_ids, settlement)
        self.assertEqual((wizard.match_ids.amount, wizard.match_ids.difference), (3266, 0))
        self.assertEqual(len(wizard.exception_ids), 2)
        self.assertTrue(all(wizard.exception_ids.mapped("reason")))
        stranger = wizard.exception_ids.filtered(lambda m: m.fapiao_ids.number.endswith("03"))
        self.assertEqual(stranger.failed_count, 1)
        self.assertEqual(stranger.action_open_fapiao()["res_id"], stranger.fapiao_ids.id)
        wizard.action_match()
        self.assertEqual(settlement.state, "invoiced")
        self.assertFalse(wizard.match_ids)
        self.assertEqual(len(wizard.exception_ids), 2)

    def test_red(self):
        """M8.6: a red fapiao is among the exceptions, and applied there; its match is undone."""
        settlement = self._confirmed()
        wizard = self._drop({"blue.xml": self._xml(1)})
        wizard.action_match()
        self.assertEqual(settlement.state, "invoiced")
        vals = {"net": -2890.27, "tax": -375.73, "gross": -3266}
        remark = "被红冲蓝字数电票号码：26332000000000000001 红字发票信息确认单编号：3301082611"
        lost = remark.replace("0001 ", "0099 ")
        wizard = self._drop(
            {
                "red.xml": self._xml(2, remark=remark, **vals),
                "lost.xml": self._xml(3, remark=lost, **vals),
            }
        )
        red, lost = wizard.exception_ids.sorted(lambda m: m.fapiao_ids.number)
        self.assertIn("26332000000000000001", red.reason)
        self.assertIn("has not been entered", lost.reason)
        self.assertTrue(lost.failed_count)
        with self.assertRaises(UserError), self.cr.savepoint():
            lost.action_apply_red()
        red.action_apply_red()
        self.assertFalse(red.exists())
        blue = self.env["aftersales.fapiao"].search([("number", "=", "26332000000000000001")])
        self.assertEqual((blue.state, blue.red_ids.state), ("reversed", "reversed"))
        self.assertEqual(settlement.state, "posted")
        self.assertEqual(wizard.exception_ids.fapiao_ids.number, "26332000000000000003")

    def test_partly(self):
        """M8.6: a part may be matched by hand; by hand: 3266.00 - 113.00 = 3153.00 wait."""
        settlement = self._confirmed()
        wizard = self._drop({"part.xml": self._xml(1, net=100, tax=13, gross=113)})
        self.assertEqual(wizard.exception_ids.difference, 3153)
        wizard.exception_ids.action_match_partly()
        self.assertEqual(settlement.amount_difference, 3153)
        self.assertFalse(wizard.exception_ids)

    def test_proposals_are_for_accountants(self):
        """M8.6: a center sees no proposals, and matches nothing."""
        settlement = self._confirmed()
        wizard = self._drop({"fits.xml": self._xml(1)}, user="center")
        self.assertFalse(wizard.match_ids)
        with self.assertRaises(AccessError):
            wizard.fapiao_ids.action_match()
        wizard.action_propose()
        self.assertFalse(wizard.match_ids)
        self.assertEqual(settlement.state, "posted")

    def test_queries_per_file(self):
        """M8.6: a file costs the same, however many there are."""
        counts = []
        for numbers in (range(1, 6), range(6, 21)):
            archive = make_zip({f"{i}.xml": self._xml(i) for i in numbers})
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            wizard = self._drop({"a.zip": archive})
            self.env.flush_all()
            counts.append((self.cr.sql_log_count - before) / len(numbers))
            self.assertEqual(wizard.read_count, len(numbers))
        self.assertLessEqual(counts[1], counts[0])


@tagged("post_install", "-at_install")
class TestFapiaoImportScreen(HttpCase, AftersalesPartsCommon):
    def test_tour(self):
        """M8.6: an accountant drops files on the screen and sees what became of each."""
        self.company.partner_id.tz = "Asia/Shanghai"
        self.start_tour("/odoo", "aftersales_parts_fapiao", login="parts_accountant")
        fapiao = self.env["aftersales.fapiao"].search([])
        self.assertEqual(fapiao.number, "26332000000012345678")
