import io
import tracemalloc
from datetime import date
from itertools import repeat
from tempfile import TemporaryFile

from openpyxl import load_workbook

from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, TransactionCase, tagged

from ..models.aftersales_xlsx_mixin import XlsxColumn, XlsxSheet
from ..report.paper import HEIGHT, Table, paginate
from .common import PIXEL, AftersalesPartsCommon, freeze

LIST = "aftersales_parts.report_settlement"
USED_PARTS = "aftersales_parts.report_settlement_used_part"
EVIL = '=HYPERLINK("http://evil","x")'


@freeze
@tagged("post_install", "-at_install")
class TestSettlementPrint(AftersalesPartsCommon):
    """代垫服务费用清单 and 服务旧件退回明细表 on paper and as workbooks (M8.3)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("zh_CN")

    def _verified(self):
        """Return the list of a pump, accepted, a gearbox, deducted, and a seal that is missing."""
        record = self._make_record(
            [self._part(self.pump), self._part(self.gearbox), self._part(self.seal)]
        )
        tags = record.used_part_ids.sorted("name")
        self.reason = self.env["aftersales.deduction.reason"].search([], limit=1)
        self._return_parts(
            missing=tags[2].mapped("name"), deductions={tags[1].name: self.reason.id}
        )
        settlement = self._generate()
        self._submit(settlement)
        settlement.with_user(self.users["clerk"]).action_verify()
        return settlement

    def _render(self, xmlid, records, role):
        reports = self.env["ir.actions.report"].with_user(self.users[role])
        html, _kind = reports._render_qweb_html(xmlid, records.ids)
        return html.decode()

    def _load(self, records, code, **kwargs):
        file = io.BytesIO()
        records._write_xlsx(code, file)
        return load_workbook(file, **kwargs)

    def test_list_on_paper(self):
        """M8.3, M8.4: every line with its figures, sums, capitals, codes and what isn't paid.

        2,860.00 + 10 % = 3,146.00 is payable; 20,600.00 deducted and 120.00 missing are not.
        """
        settlement = self._verified()
        html = self._render(LIST, settlement, "center")
        tags = settlement.line_ids.mapped("tag")
        for text in (
            settlement.name,
            "2026-10",
            "Hangzhou center",
            "91330109MA2AYBC366",
            *tags,
            "2,860.00",
            "286.00",
            "3,146.00",
            "20,600.00",
            "23,866.00",
            "叁仟壹佰肆拾陆元整",
            self.reason.code,
            self.reason.name,
            "20,720.00",
            "What is not paid, and why",
        ):
            self.assertIn(text, html)
        for role in ("clerk", "accountant", "vp", "office_manager", "customer_service"):
            self.assertIn(settlement.name, self._render(LIST, settlement, role))

    def test_list_before_it_is_verified(self):
        """M8.3: what is not verified yet says what is claimed, and no payable amount."""
        self._make_record([self._part(self.pump)])
        html = self._render(LIST, self._generate(), "center")
        self.assertIn("Claimed, in capitals: 叁仟壹佰肆拾陆元整", html)
        self.assertNotIn("Payable, in capitals", html)
        self.assertNotIn("What is not paid, and why", html)

    def test_used_parts_on_paper(self):
        """M8.3: 服务旧件退回明细表 with crate, return, days and codes; the missing one open."""
        settlement = self._verified()
        html = self._render(USED_PARTS, settlement, "center")
        document = settlement.line_ids.used_part_id.return_line_ids.return_id
        for text in (*settlement.line_ids.mapped("tag"), document.name, self.reason.code):
            self.assertIn(text, html)
        self.assertIn("Parts: 3    Shipped: 3    Received: 2", html)

    def test_prints_of_others(self):
        """M8.5: another center neither prints nor downloads what isn't its own."""
        self._make_record([self._part(self.pump)])
        settlement = self._generate()
        elsewhere = self._make_center("Elsewhere", "91330109MA2A00001")
        user = self._make_center_user("parts_elsewhere", elsewhere)
        for xmlid in (LIST, USED_PARTS):
            with self.assertRaises(AccessError), self.cr.savepoint():
                self.env["ir.actions.report"].with_user(user)._render_qweb_html(
                    xmlid, settlement.ids
                )
        with self.assertRaises(AccessError), self.cr.savepoint():
            settlement.with_user(user)._action_xlsx("list")
        with self.assertRaises(AccessError), self.cr.savepoint():
            self.env["aftersales.xlsx"].with_user(user).create(
                {"res_model": settlement._name, "code": "list", "res_ids": settlement.ids}
            )._get_records()

    def test_workbook_of_the_list(self):
        """M8.3: the workbook holds the figures of the document as numbers, and sums as formulas."""
        settlement = self._verified()
        for lang, sheet in (("en_US", "List of Service Expenses Paid i"), ("zh_CN", None)):
            records = settlement.with_user(self.users["accountant"]).with_context(lang=lang)
            page = self._load(records, "list").worksheets[0]
            self.assertLessEqual(len(page.title), 31)
            if sheet:
                self.assertEqual(page.title, sheet)
            self.assertEqual(page.freeze_panes, "A5")
            self.assertEqual(page.auto_filter.ref, "A4:Q7")
            self.assertEqual(page.print_title_rows, "$4:$4")
            self.assertEqual(page.page_setup.orientation, "landscape")
            self.assertTrue(page.sheet_properties.pageSetUpPr.fitToPage)
            self.assertEqual(page.page_setup.fitToHeight, 0)
            pump = [cell.value for cell in page[5]]
            self.assertEqual(pump[0], 1)
            self.assertEqual(pump[1], settlement.line_ids[0].tag)
            self.assertEqual([*pump[5:7], *pump[8:12]], [2860, 1, 2860, 10, 286, 3146])
            self.assertEqual([page.cell(row, 16).value for row in (5, 6, 7)], [3146, 0, 0])
            self.assertEqual(page["F5"].number_format, "#,##0.00")
            self.assertEqual(page["B5"].number_format, "@")
            self.assertEqual(page["I8"].value, "=SUBTOTAL(9,I5:I7)")
            self.assertEqual(page["P8"].value, "=SUBTOTAL(9,P5:P7)")
            values = self._load(records, "list", data_only=True).worksheets[0]
            self.assertEqual(values["I8"].value, settlement.amount_parts)
            self.assertEqual(values["K8"].value, settlement.amount_fee)
            self.assertEqual(values["L8"].value, settlement.amount_claimed)
            self.assertEqual(values["P8"].value, settlement.amount_payable)

    def test_workbook_of_used_parts(self):
        """M8.3: days are days, and the parts without a return have none."""
        settlement = self._verified()
        for records, code in (
            (settlement, "used_parts"),
            (settlement.line_ids.used_part_id, "list"),
        ):
            page = self._load(records.with_user(self.users["center"]), code).worksheets[0]
            heads = {cell.value: cell.column for row in page["A2:S4"] for cell in row}
            row = next(row for row in page.iter_rows() if row[0].value == 1)[0].row
            self.assertEqual(page.cell(row, heads["Taken off"]).value.date(), date(2026, 10, 20))
            self.assertEqual(page.cell(row, heads["Taken off"]).number_format, "yyyy-mm-dd")
            self.assertEqual(page.cell(row, heads["Shipped on"]).value.date(), date(2026, 11, 20))

    def test_text_is_no_formula(self):
        """What somebody wrote into a name is text in a workbook, whatever it begins with."""
        for name in (EVIL, "+1", "-1", "@SUM(A1)", "26332000000012345678", "bell \x07", "\ud83d"):
            with self.subTest(name=name):
                sheet = XlsxSheet("S", name, [name], [XlsxColumn("a", name)], [{"a": name}], [name])
                page = self._write([sheet]).worksheets[0]
                for cell in ("A1", "A2", "A3", "A4", "A7"):
                    self.assertEqual(page[cell].data_type, "s", cell)
                if name.isascii() and name.isprintable():
                    self.assertEqual(page["A4"].value, name)
                self.assertEqual(page["A4"].number_format, "@")

    def test_sheet_names(self):
        """Sheets of several settlements have names that Excel takes, each one once."""
        mixin = self.env["aftersales.xlsx.mixin"]
        names = set()
        got = [
            mixin._get_sheet_name(XlsxSheet(name, "", [], [], []), names)
            for name in ("A/B:C*[x]?", "a" * 40, "A" * 40, "'", "清单")
        ]
        self.assertEqual(got, ["A-B-C--x--", "a" * 31, "A" * 29 + " 2", "1", "清单"])
        lists = self._verified()
        self._make_record([self._part(self.seal)], day="2026-09-20")
        lists |= self._generate("2026-09-01")
        self.assertEqual(len(self._load(lists, "list").sheetnames), 2)

    def _write(self, sheets):
        mixin = self.env["aftersales.xlsx.mixin"]
        self.patch(type(mixin), "_get_xlsx_sheets", lambda _self, code: iter(sheets))
        file = io.BytesIO()
        mixin._write_xlsx("any", file)
        return load_workbook(file)

    def test_memory(self):
        """Speed: 50,000 rows of 12 columns take a few megabytes of memory, not hundreds."""
        columns = [XlsxColumn(f"c{i}", f"C{i}", "amount", True) for i in range(11)]
        columns.append(XlsxColumn("tag", "Tag"))
        row = {column.name: 1234.56 for column in columns} | {"tag": "FSR2611-01"}
        mixin = self.env["aftersales.xlsx.mixin"]
        sheet = XlsxSheet("S", "S", [], columns, repeat(row, 50000))
        self.patch(type(mixin), "_get_xlsx_sheets", lambda _self, code: iter([sheet]))
        with TemporaryFile() as target:
            tracemalloc.start()
            try:
                mixin._write_xlsx("any", target)
                _now, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        self.assertLess(peak, 8 * 1024 * 1024)

    def test_queries(self):
        """Speed: the queries of a list don't grow with its lines."""
        counts = []
        for month, pieces in ((6, 5), (7, 20), (8, 40)):
            self._make_record([self._part(self.pump, quantity=pieces)], day=f"2026-{month:02d}-20")
            settlement = self._generate(f"2026-{month:02d}-01").with_user(self.users["center"])
            for code in ("list", "used_parts"):
                self._load(settlement, code)  # what is cached for all
                self.env.invalidate_all()
                before = self.env.cr.sql_log_count
                self._load(settlement, code)
                counts.append((code, self.env.cr.sql_log_count - before))
        # what was new before the first ones was written, too
        self.assertEqual(counts[2:4], counts[4:6])

    def test_nothing_chosen_and_no_such_list(self):
        """A list of nothing, of another model or by another name says so."""
        with self.assertRaisesRegex(UserError, "Choose first"):
            self.env["aftersales.settlement"]._action_xlsx("list")
        for model, code in (("res.partner", "list"), ("nothing", "list"), (LIST, "list")):
            download = self.env["aftersales.xlsx"].create(
                {"res_model": model, "code": code, "res_ids": [1]}
            )
            with self.assertRaisesRegex(UserError, "no such list"):
                download._get_records()
        download = self.env["aftersales.xlsx"].create(
            {"res_model": "aftersales.settlement", "code": "salaries", "res_ids": [1]}
        )
        with self.assertRaisesRegex(UserError, "no such list"):
            download._get_records()
        for res_ids in (["1"], [[1]], [{}], {"id": 1}, "1", 1, [True], [1.5]):
            download = self.env["aftersales.xlsx"].create(
                {"res_model": "aftersales.settlement", "code": "list", "res_ids": res_ids}
            )
            with self.subTest(res_ids=res_ids), self.assertRaisesRegex(UserError, "no such list"):
                download._get_records()


@tagged("post_install", "-at_install")
class TestCapitals(TransactionCase):
    """大写: the amounts on documents in Chinese capitals."""

    def test_capitals(self):
        """M8.3: as banks write them, by hand."""
        currency = self.env.ref("base.CNY")
        for amount, words in (
            (0, "零元整"),
            (0.01, "壹分"),
            (0.1, "壹角整"),
            (0.56, "伍角陆分"),
            (1, "壹元整"),
            (10.05, "壹拾元零伍分"),
            (15.5, "壹拾伍元伍角整"),
            (105, "壹佰零伍元整"),
            (110, "壹佰壹拾元整"),
            (1001.01, "壹仟零壹元零壹分"),
            (1409.5, "壹仟肆佰零玖元伍角整"),
            (6007.14, "陆仟零柒元壹角肆分"),
            (1680.32, "壹仟陆佰捌拾元叁角贰分"),
            (10000, "壹万元整"),
            (10001, "壹万零壹元整"),
            (16409.02, "壹万陆仟肆佰零玖元零贰分"),
            (107000.53, "壹拾万柒仟元伍角叁分"),
            (100000000, "壹亿元整"),
            (100000001, "壹亿零壹元整"),
            (1002003004.05, "壹拾亿零贰佰万叁仟零肆元零伍分"),
            (10**12, "壹万亿元整"),
            (2890.27, "贰仟捌佰玖拾元贰角柒分"),
            (-3146, "负叁仟壹佰肆拾陆元整"),
            (1.005, "壹元整"),
        ):
            self.assertEqual(currency._aftersales_to_capitals(amount), words, amount)

    def test_other_currencies(self):
        """Other currencies are written in the user's language."""
        self.assertIn("Dollars", self.env.ref("base.USD")._aftersales_to_capitals(12))


@tagged("post_install", "-at_install")
class TestPaper(TransactionCase):
    """Lists are cut into pages where a row ends, each page with the headings."""

    def _table(self, count, text="x", **kwargs):
        columns = [XlsxColumn("n", "#", "number"), XlsxColumn("text", "Text", "long")]
        rows = [{"n": number, "text": text} for number in range(count)]
        return Table(columns, {"n": 10, "text": 90}, rows, {}, **kwargs)

    def test_pages(self):
        """Every row is on exactly one page, in order, and no page is higher than the paper."""
        for count in (0, 1, 30, 40, 41, 300):
            for text in ("x", "配件" * 200):
                tables = [self._table(count, text), self._table(7, text, caption="Second")]
                pages = paginate(tables, 96, 100)
                for number, page in enumerate(pages):
                    height = 0 if number else 96
                    height += 100 if number == len(pages) - 1 else 0
                    for segment in page:
                        height += 37 + (26 if segment.table.caption else 0)
                        height += sum(map(segment.table.get_height, segment.rows))
                    self.assertLessEqual(height, HEIGHT)
                for index, table in enumerate(tables):
                    rows = [
                        row["n"]
                        for page in pages
                        for segment in page
                        if segment.table is table
                        for row in segment.rows
                    ]
                    self.assertEqual(rows, list(range(len(tables[index].rows))))
                    ends = [s.is_last for page in pages for s in page if s.table is table]
                    self.assertEqual(sum(ends), bool(rows))
                    self.assertEqual(ends[-1:], [True] if rows else [])


@tagged("post_install", "-at_install")
class TestXlsxDownload(HttpCase):
    """Workbooks come by HTTP, to who asked for them only."""

    def test_download(self):
        """M8.3: the center downloads its list; nobody else gets it by its address."""

        class Data(AftersalesPartsCommon):
            env = self.env

        Data._set_up_data()
        data = Data()
        with freeze:
            data._make_record([data._part(data.pump)])
            settlement = data._generate()
        url = settlement.with_user(data.users["center"])._action_xlsx("list")["url"]
        self.assertNotEqual(self.url_open(url).headers["Content-Type"][:15], "application/vnd")
        self.authenticate("parts_clerk", "parts_clerk")
        self.assertNotEqual(self.url_open(url).status_code, 200)
        self.authenticate("parts_center", "parts_center")
        response = self.url_open(url)
        self.assertEqual(response.status_code, 200)
        self.assertIn(settlement.name, response.headers["Content-Disposition"])
        self.assertEqual(int(response.headers["Content-Length"]), len(response.content))
        page = load_workbook(io.BytesIO(response.content)).worksheets[0]
        self.assertEqual(page["B5"].value, settlement.line_ids.tag)
        self.assertEqual(self.url_open("/aftersales_parts/xlsx/999999999").status_code, 404)


@freeze
@tagged("post_install", "-at_install")
class TestDisputePack(AftersalesPartsCommon):
    """The dispute pack: record, signature, photos, inspection, price and difference in one."""

    PACK = "aftersales_parts.report_dispute_pack"

    def _disputed(self):
        """Return a settlement to whose deducted pump the center objects, with photos."""
        record = self._make_record([self._part(self.pump), self._part(self.pump)])
        tags = record.used_part_ids.sorted("name")
        reason = self.env["aftersales.deduction.reason"].search([("rate", "=", 100)], limit=1)
        document = self._make_return()
        self._approve(document)
        document.action_ship()
        document.with_user(self.users["logistics"]).action_receive(tags.mapped("name"))
        line = document.line_ids.filtered(lambda line: line.used_part_id == tags[1])
        line.with_user(self.users["quality"]).write(
            {"verdict": "deduct", "deduction_reason_id": reason.id}
        )
        self.env["aftersales.return.photo"].with_user(self.users["quality"]).create(
            {"line_id": line.id, "image": PIXEL, "note": "Broken flange"}
        )
        self._verify_return(document)
        settlement = self._generate()
        self._submit(settlement)
        settlement.with_user(self.users["clerk"]).action_verify()
        settlement.with_user(self.users["customer_service"]).action_send()
        settlement.with_user(self.users["center"])._object(
            [
                {
                    "line_id": settlement.line_ids[1].id,
                    "amount_expected": 3146,
                    "cause": "It was whole when it left us",
                }
            ]
        )
        return settlement

    def _render(self, settlement, user):
        reports = self.env["ir.actions.report"].with_user(user)
        return reports._render_qweb_html(self.PACK, settlement.ids)[0].decode()

    def test_pack(self):
        """M8.5, L1.7: everything about the objected line, nothing about the others."""
        settlement = self._disputed()
        line, other = settlement.line_ids[1], settlement.line_ids[0]
        for role in ("center", "clerk", "customer_service", "accountant", "vp", "office_manager"):
            html = self._render(settlement, self.users[role])
            for text in (
                line.tag,
                "It was whole when it left us",
                "3,146.00",
                "Wholesale 2026",
                line.record_id.name,
                line.record_id.fault,
                line.record_id.signature_digest,
                line.deduction_reason_id.name,
                "Broken flange",
                "Dispute Pack",
            ):
                self.assertIn(text, html, role)
            self.assertNotIn(other.tag, html)
            # signature, two of the visit, one of the inspection
            self.assertEqual(html.count('src="data:image'), 4, role)

    def test_nothing_objected(self):
        """Without an objection there is no pack, and it says so; another center gets none."""
        settlement = self._disputed()
        elsewhere = self._make_center("Elsewhere", "91330109MA2A00001")
        user = self._make_center_user("parts_elsewhere", elsewhere)
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._render(settlement, user)
        self._make_record([self._part(self.pump)], day="2026-09-20")
        with self.assertRaisesRegex(UserError, "Nothing is objected to"), self.cr.savepoint():
            self._render(self._generate("2026-09-01"), self.users["center"])
