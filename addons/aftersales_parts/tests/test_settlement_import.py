import base64
import io
import os
import zipfile

import xlsxwriter

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..wizard import aftersales_settlement_import as settlement_import
from .common import AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestSettlementImport(AftersalesPartsCommon):
    """A list kept by somebody else is compared with ours, row by row (M8.3, M9.3)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("zh_CN")

    def _listed(self):
        """Return the draft list of a pump (3,146.00) and a seal (120.00)."""
        self._make_record([self._part(self.pump), self._part(self.seal)])
        return self._generate()

    def _book(self, rows, write=None):
        """Return a workbook with ``rows``, base64."""
        file = io.BytesIO()
        with xlsxwriter.Workbook(file) as book:
            page = book.add_worksheet("清单")
            for number, row in enumerate(rows):
                page.write_row(number, 0, row)
            if write:
                write(page)
        return base64.b64encode(file.getvalue())

    def _import(self, settlement, file, role="center", read=True, **vals):
        wizard = (
            self.env["aftersales.settlement.import"]
            .with_user(self.users[role])
            .create(
                {
                    "settlement_id": settlement.id,
                    "file": file,
                    "file_name": "list.xlsx",
                    **vals,
                }
            )
        )
        if read:
            wizard.action_read()
        return wizard

    def _export(self, settlement, **context):
        file = io.BytesIO()
        settlement.with_context(**context)._write_xlsx("list", file)
        return base64.b64encode(file.getvalue())

    def test_own_export(self):
        """M8.3: the downloaded list is read as it is, in both languages: every row agrees."""
        settlement = self._listed()
        for lang in ("en_US", "zh_CN"):
            for role in ("center", "clerk"):
                wizard = self._import(settlement, self._export(settlement, lang=lang), role)
                self.assertEqual(wizard.line_ids.mapped("state"), ["ok", "ok"])
                self.assertEqual(wizard.line_ids.mapped("row"), [5, 6])
                self.assertEqual((wizard.amount_file, wizard.amount_listed), (3266, 3266))
        wizard.action_apply()
        note = settlement.message_ids[0]
        self.assertIn("2 rows agree, 0 differ", note.body)
        self.assertEqual(note.attachment_ids.name, "list.xlsx")

    def test_headings_in_any_order(self):
        """M8.3: the center's own columns, in Chinese, below a title, with figures as text."""
        settlement = self._listed()
        pump, seal = settlement.line_ids.mapped("tag")
        file = self._book(
            [
                ["杭州特约维修部 2026年10月代垫服务费用清单"],
                [],
                ["合计（元）", "配件名称", "备注", "旧件标签号", "管理费", "结算价"],
                ["¥3,146.00", "柱塞泵", "", f" {pump} ", "286", "２８６０"],
                *[[] for _row in range(3000)],
                [120, "密封圈", "", seal, 0, 120],
                [3266, "合计"],
            ]
        )
        wizard = self._import(settlement, file)
        self.assertEqual(wizard.line_ids.mapped("state"), ["ok", "ok"])
        self.assertEqual(wizard.line_ids.mapped("row"), [4, 3005])

    def test_row_errors(self):
        """M8.1, M8.3: each row says where, what is wrong and what to do; nothing is written."""
        settlement = self._listed()
        pump, seal = settlement.line_ids.mapped("tag")
        earlier = self._make_record([self._part(self.pump)], day="2026-09-20").used_part_ids
        self._generate("2026-09-01")
        august = self._make_record([self._part(self.pump)], day="2026-08-20").used_part_ids
        other = self._make_center("Elsewhere", "91330109MA2A00001")
        theirs = self._make_record([self._part(self.pump)], center=other).used_part_ids
        rows = [
            ["Tag", "Price", "Management fee", "Claimed"],
            ["NO-SUCH-01", 2860, 286, 3146],
            [theirs.name, 2860, 286, 3146],
            [earlier.name, 2860, 286, 3146],
            [august.name, 2860, 286, 3146],
            [pump, 2900, 290, 3190],
            [pump, 2860, 286, 3146],
            [seal, 120, 12, 120],
            [seal + " ", "many", 0, 120],
            ["", 120, 0, 120],
        ]
        wizard = self._import(settlement, self._book(rows))
        lines = wizard.line_ids.sorted("row")
        self.assertEqual(wizard.error_count, 9)
        messages = dict(zip(lines.mapped("row"), lines.mapped("message"), strict=True))
        for row, text in (
            (2, "not one of Hangzhou center"),
            (3, "not one of Hangzhou center"),
            (4, "Already on ST"),
            (5, "belongs on the list of that month"),
            (6, "by the year's list"),
            (7, "Twice in the file, also in row 6"),
            (8, "not amount \\+ fee"),
            (9, "Twice in the file"),
            (10, "No line of our list fits"),
        ):
            self.assertRegex(messages[row], text)
        self.assertEqual(lines.filtered(lambda line: line.row == 6).column, "Price")
        before = settlement.read(["state", "amount_claimed"])
        with self.assertRaisesRegex(UserError, "9 rows have errors"), self.cr.savepoint():
            wizard.action_apply()
        with self.assertRaisesRegex(UserError, "no row to be taken over"), self.cr.savepoint():
            wizard.take_good = True
            wizard.action_apply()
        self.assertEqual(settlement.read(["state", "amount_claimed"]), before)

    def test_amount_cells(self):
        """A formula without a result, text, a missing amount, a third decimal: each says so."""
        settlement = self._listed()
        pump, seal = settlement.line_ids.mapped("tag")
        head = ["Tag", "Claimed"]
        for cell, text in (
            ("abc", "is no amount"),
            ("", "amount is missing"),
            (3146.005, "two decimals"),
            ("1e30", "is no amount"),
            ("NaN", "is no amount"),
        ):
            wizard = self._import(settlement, self._book([head, [pump, cell], [seal, 120]]))
            self.assertEqual(wizard.error_count, 1)
            self.assertIn(text, wizard.line_ids[0].message)
        # a calculated amount a little beside the cent is that amount
        wizard = self._import(settlement, self._book([head, [pump, 3145.9999999998], [seal, 120]]))
        self.assertEqual(wizard.ok_count, 2)
        file = self._book(
            [head, [pump, ""], [seal, 120]],
            lambda page: page.write_formula("B2", "=2860+286", None, ""),
        )
        wizard = self._import(settlement, file)
        self.assertIn("formula without a result", wizard.line_ids[0].message)
        file = self._book(
            [head, [pump, ""], [seal, 120]],
            lambda page: page.write_formula("B2", "=2860+286", None, 3146),
        )
        self.assertEqual(self._import(settlement, file).ok_count, 2)

    def test_empty_rows_end_the_list(self):
        """A row a million rows below the list keeps nobody busy: the list has ended before."""
        settlement = self._listed()
        pump, seal = settlement.line_ids.mapped("tag")
        file = self._book(
            [["Tag", "Claimed"], [pump, 3146]],
            lambda page: page.write_row(1000000, 0, [seal, 120]),
        )
        wizard = self._import(settlement, file)
        self.assertEqual((wizard.ok_count, wizard.absent_count), (1, 1))

    def test_long_difference_is_cut(self):
        """The chatter names the first rows that differ and counts the others."""
        settlement = self._listed()
        pump, seal = settlement.line_ids.mapped("tag")
        self.patch(settlement_import, "LOGGED_ROWS", 1)
        wizard = self._import(settlement, self._book([["Tag", "Claimed"], [pump, 1], [seal, 2]]))
        wizard._log_import()
        body = settlement.message_ids[0].body
        self.assertIn("And 1 more", body)
        self.assertEqual(body.count("in the file,"), 1)

    def test_merged_cells(self):
        """Of merged cells the first row counts; the others say what to do."""
        settlement = self._listed()
        pump, _seal = settlement.line_ids.mapped("tag")
        file = self._book(
            [["Tag", "Part", "Claimed"], [pump, "x", 3146], ["", "y", 120]],
            lambda page: page.merge_range("A2:A3", pump),
        )
        wizard = self._import(settlement, file)
        self.assertEqual(wizard.ok_count, 1)
        self.assertEqual(wizard.absent_count, 1)
        self.assertIn("merged cells", wizard.line_ids[0].message)

    def test_absent_and_good_rows(self):
        """M8.3: lines of ours that the file lacks are shown; good rows alone only if wanted."""
        settlement = self._listed()
        pump, seal = settlement.line_ids.mapped("tag")
        file = self._book([["Tag", "Claimed"], [pump, 3146], ["X-1", 5]])
        wizard = self._import(settlement, file, take_good=True)
        states = {line.subject: line.state for line in wizard.line_ids}
        self.assertEqual(states, {"X-1": "error", seal: "absent", pump: "ok"})
        wizard.action_apply()
        self.assertIn("1 lines of ours are not in it, 1 rows", settlement.message_ids[0].body)
        self.assertEqual(len(settlement.line_ids), 2)

    def test_files(self):
        """Files that are no such list: each says what it is and what to do."""
        settlement = self._listed()
        pump, _seal = settlement.line_ids.mapped("tag")
        good = base64.b64decode(self._book([["Tag", "Claimed"], [pump, 3146]]))

        def rezip(replace=None, add=()):
            file = io.BytesIO()
            with (
                zipfile.ZipFile(io.BytesIO(good)) as old,
                zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new,
            ):
                for name in old.namelist():
                    content = old.read(name)
                    if replace and replace[0] in name:
                        content = replace[1](content)
                    new.writestr(name, content)
                for name, content in add:
                    new.writestr(name, content)
            return file.getvalue()

        entity = b'<!DOCTYPE a [<!ENTITY b "b">]>'
        for raw, text in (
            (b"", "Choose the workbook"),
            ("标签号,合计\n1,2".encode("gbk"), "no Excel workbook"),
            (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "old Excel"),
            (b"PK\x03\x04 not really", "no Excel workbook"),
            (rezip(add=[("bomb.xml", b"\0" * 250_000_000)]), "unpacks to too much"),
            (rezip(add=[("xl/theme.xml", os.urandom(9 * 2**20))]), "unpacks to too much"),
            (
                rezip(add=[("xl/worksheets/z.xml", b"<si><t/></si>" * 2**22)]),
                "unpacks to too much",
            ),
            (
                # within the limits of bytes, but of a gigabyte of memory once parsed
                rezip(add=[("xl/worksheets/z.xml", b"<c/>" * 2_100_000 + os.urandom(2**17))]),
                "unpacks to too much",
            ),
            (
                # as many sheets as it takes, none of which is too large by itself
                rezip(
                    add=[
                        (f"xl/worksheets/{n}.xml", b"<c/>" * 1_100_000 + os.urandom(2**17))
                        for n in range(2)
                    ]
                ),
                "unpacks to too much",
            ),
            (rezip(("sheet1", lambda xml: entity + xml)), "declarations"),
            (rezip(("sheet1", lambda xml: xml[:-60])), "damaged"),
            (base64.b64decode(self._book([["Name", "Claimed"], ["x", 1]])), "No sheet has"),
        ):
            with self.assertRaisesRegex(UserError, text), self.cr.savepoint():
                self._import(settlement, base64.b64encode(raw))
        # a row far beyond what a sheet has doesn't keep us busy
        far = rezip(("sheet1", lambda xml: xml.replace(b'<row r="2"', b'<row r="999999999"')))
        self.assertEqual(self._import(settlement, base64.b64encode(far)).absent_count, 2)
        with self.assertRaisesRegex(UserError, "can't be read"), self.cr.savepoint():
            self._import(settlement, "ä")
        parameters = self.env["ir.config_parameter"]
        parameters.set_param("aftersales_parts.import_max_rows", "1")
        with self.assertRaisesRegex(UserError, "more than 1 rows"), self.cr.savepoint():
            self._import(settlement, self._export(settlement))
        parameters.set_param("aftersales_parts.import_max_mb", "1")
        with self.assertRaisesRegex(UserError, "larger than 1 MB"), self.cr.savepoint():
            self._import(settlement, base64.b64encode(b"x" * (2**20 + 1)))

    def test_workbook_of_many_styles(self):
        """Styles are taken in whole: a book of 120,000 is refused before they are read."""
        settlement = self._listed()
        raw = base64.b64decode(self._book([["Tag", "Claimed"], ["x", 1]]))
        file = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(file, "w") as new:
            for name in old.namelist():
                content = old.read(name)
                if name == "xl/styles.xml":
                    formats = b"<cellXfs>%s</cellXfs><old " % (b"<xf/>" * 120_000)
                    content = content.replace(b"<cellXfs ", formats)
                new.writestr(name, content)
        with self.assertRaisesRegex(UserError, "unpacks to too much"):
            self._import(settlement, base64.b64encode(file.getvalue()))

    def test_roles(self):
        """M8.5: the center itself and clerks; others, other centers and forged rows are refused."""
        settlement = self._listed()
        file = self._export(settlement)
        elsewhere = self._make_center("Elsewhere", "91330109MA2A00002")
        self.users["elsewhere"] = self._make_center_user("parts_elsewhere", elsewhere)
        for role in ("elsewhere", "technician", "vp", "accountant", "office_manager"):
            with self.assertRaises(AccessError), self.cr.savepoint():
                self._import(settlement, file, role)
        wizard = self._import(settlement, file)
        for values in ({"is_read": False}, {"line_ids": [(5,)]}):
            with self.assertRaises(AccessError), self.cr.savepoint():
                wizard.write(values)
        with self.assertRaises(AccessError), self.cr.savepoint():
            self.env["aftersales.settlement.import.line"].with_user(self.users["center"]).create(
                {"import_id": wizard.id, "state": "ok"}
            )
        with self.assertRaises(AccessError), self.cr.savepoint():
            wizard.with_user(self.users["clerk"]).read(["file_name"])
        # another file has to be read before it is taken over
        wizard.file = self._book([["Tag", "Claimed"]])
        self.assertFalse(wizard.line_ids)
        with self.assertRaisesRegex(UserError, "Read the file first"), self.cr.savepoint():
            wizard.action_apply()

    def test_queries(self):
        """Speed: the queries don't grow with the rows."""
        counts = []
        for month, pieces in ((6, 3), (7, 6), (8, 30)):
            self._make_record([self._part(self.pump, quantity=pieces)], day=f"2026-{month:02d}-20")
            settlement = self._generate(f"2026-{month:02d}-01")
            wizard = self._import(settlement, self._export(settlement), read=False)
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            wizard.action_read()
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(counts[1], counts[2])

    def test_center_objects(self):
        """M8.5: once the list is sent, other figures of the center become objections."""
        settlement = self._listed()
        pump, seal = settlement.line_ids.mapped("tag")
        self._return_parts(missing=[seal])
        self._submit(settlement)
        settlement.with_user(self.users["clerk"]).action_verify()
        settlement.with_user(self.users["customer_service"]).action_send()
        self.assertEqual(settlement.amount_payable, 3146)
        rows = [["Tag", "Claimed"], [pump, 3000], [seal, 120]]
        wizard = self._import(settlement, self._book(rows))
        # of the seal the file says what we list, so there is nothing to object to
        self.assertEqual((wizard.different_count, wizard.ok_count), (1, 1))
        wizard.action_apply()
        self.assertEqual(settlement.state, "disputed")
        difference = settlement.difference_ids
        self.assertEqual(difference.line_id.tag, pump)
        self.assertEqual((difference.amount_listed, difference.amount_expected), (3146, 3000))
        self.assertIn("list.xlsx, row 2", difference.cause)

    def test_manufacturer_pays(self):
        """M9.3: as a center, the manufacturer's audited list becomes the result of each line."""
        settlement = self._listed()
        pump, seal = settlement.line_ids.mapped("tag")
        self.env.cr.execute(
            "UPDATE aftersales_settlement SET direction = 'receivable' WHERE id = %s",
            [settlement.id],
        )
        settlement.invalidate_recordset()
        self._submit(settlement, self.users["clerk"])
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._import(settlement, self._export(settlement))
        head = ["标签号", "申报金额", "审核金额", "扣款原因"]
        rows = [head, [pump, 3146, 3146, ""], [seal, 120, 100, ""]]
        wizard = self._import(settlement, self._book(rows), "clerk")
        self.assertIn("reason for the other amount", wizard.line_ids[0].message)
        rows[2] = [seal, 120, 200, "Generous"]
        wizard = self._import(settlement, self._book(rows), "clerk")
        self.assertIn("can't pay", wizard.line_ids[0].message)
        rows[2] = [seal, 120, 100, "Scratched"]
        wizard = self._import(settlement, self._book(rows), "clerk")
        wizard.action_apply()
        self.assertEqual(settlement.line_ids.mapped("amount_payable"), [3146, 100])
        self.assertEqual(settlement.state, "disputed")
        self.assertEqual(settlement.difference_ids.cause, "Scratched")
