from itertools import count

from odoo import models

from ..report.paper import Table
from .aftersales_xlsx_mixin import XlsxColumn, XlsxSheet, iter_batches

# shares of the paper in per cent; what has none is in the workbook only
LIST_WIDTHS = {
    "parts": {
        "number": 4,
        "tag": 12,
        "record": 9,
        "machine": 9,
        "subject": 17,
        "price": 7,
        "base": 7,
        "fee_rate": 5,
        "fee": 6,
        "claimed": 8,
        "result": 8,
        "payable": 8,
    },
    "service": {
        "number": 4,
        "record": 11,
        "machine": 11,
        "subject": 18,
        "price": 8,
        "quantity": 6,
        "unit": 6,
        "base": 9,
        "claimed": 9,
        "result": 9,
        "payable": 9,
    },
}
UNPAID_WIDTHS = {
    "number": 4,
    "subject": 12,
    "code": 5,
    "deduction": 22,
    "unpaid": 9,
    "explanation": 48,
}
USED_PART_WIDTHS = {
    "number": 4,
    "tag": 12,
    "part": 20,
    "serial": 10,
    "part_class": 8,
    "crate": 8,
    "return": 8,
    "date_shipped": 7,
    "date_received": 7,
    "result": 7,
    "deduction": 9,
}


class AftersalesSettlement(models.Model):
    """代垫服务费用清单 and 服务旧件退回明细表, on paper and as workbooks (M8.3, M9.3)."""

    _name = "aftersales.settlement"
    _inherit = ["aftersales.settlement", "aftersales.xlsx.mixin"]

    def _get_list_title(self):
        """Return the title of the list: parts paid in advance, or service fees (M8.3, M9.3)."""
        self.ensure_one()
        if self.kind == "service":
            return self.env._("List of Service Fees")
        return self.env._("List of Service Expenses Paid in Advance")

    def _get_print_name(self, form):
        """Return the name of the file that a form of this settlement is printed to."""
        self.ensure_one()
        titles = {
            **self._get_xlsx_titles(),
            "list": self._get_list_title(),
            "dispute_pack": self.env._("Dispute pack"),
        }
        return f"{titles[form]} {self.name}"

    def _get_print_facts(self):
        """Return what the head of each print says, as pairs of a label and a text."""
        self.ensure_one()
        states = dict(self._fields["state"]._description_selection(self.env))
        # sudo: names and tax number of the two whom the document is between
        center, company = self.center_id.sudo(), self.company_id.sudo()
        return [
            (self.env._("Number"), self.name),
            (self.env._("List"), self._get_supplement_label()),
            (self.env._("Month"), self.period),
            (self.env._("Status"), states[self.state]),
            (self.env._("Service center"), center.name),
            (self.env._("Tax number"), center.commercial_partner_id.vat or "—"),
            (self.env._("Company"), company.name),
        ]

    def _get_supplement_label(self):
        """Return the words for the main list of the month, or the supplementary one (M8.3)."""
        self.ensure_one()
        if self.supplement:
            return self.env._("Supplementary list %s", self.supplement)
        return self.env._("Main list")

    def _is_verified(self):
        """Tell whether it is known what is payable."""
        self.ensure_one()
        return self.state not in ("draft", "submitted")

    def _get_print_amount(self):
        """Return the amount that the print is about: what is payable, once that is known."""
        return self.amount_payable if self._is_verified() else self.amount_claimed

    # --- on paper --------------------------------------------------------------------------

    def _prepare_table(self, columns, widths, rows, **kwargs):
        columns = [column for column in columns if column.name in widths]
        totals = {
            column.name: sum(row[column.name] or 0 for row in rows)
            for column in columns
            if column.is_total and any(row[column.name] is not None for row in rows)
        }
        return Table(columns, widths, rows, totals, **kwargs)

    def _prepare_list_table(self):
        """Return the lines of the list, with what they sum up to in capitals (大写)."""
        rows = list(self._iter_list_rows())
        for row in rows:
            row["result"] = " ".join(filter(None, [row["result"], row["code"]]))
        return self._prepare_table(
            self._get_list_columns(), LIST_WIDTHS[self.kind], rows, note=self._get_amount_note()
        )

    def _prepare_unpaid_table(self):
        """Return what is verified and not paid in full, by its number on the list, and why."""
        self.ensure_one()
        env = self.env
        columns = [
            *self._get_list_columns(),
            XlsxColumn("unpaid", env._("Not paid"), "amount", True),
        ]
        rows = []
        for row in self._iter_list_rows():
            if row["payable"] is None:
                continue
            unpaid = self.currency_id.round(row["claimed"] - row["payable"])
            if not self.currency_id.is_zero(unpaid):
                deduction = row["deduction"] or row["result"]
                subject = row["tag"] or row["subject"]
                rows.append({**row, "unpaid": unpaid, "deduction": deduction, "subject": subject})
        columns.sort(key=lambda column: [*UNPAID_WIDTHS, column.name].index(column.name))
        return self._prepare_table(
            columns, UNPAID_WIDTHS, rows, caption=env._("What is not paid, and why")
        )

    def _prepare_used_part_table(self):
        """Return the used parts of the lines, with where each was returned."""
        parts = self.line_ids.used_part_id.sorted("name")
        rows = list(parts._iter_list_rows())
        for row in rows:
            row["result"] = row["result"] or row["state"]
            row["deduction"] = " ".join(filter(None, [row["code"], row["deduction"]]))
        days = ("date_shipped", "date_received")
        return Table(
            [
                column
                for column in self._prepare_used_part_sheet(self).columns
                if column.name in USED_PART_WIDTHS
            ],
            USED_PART_WIDTHS,
            rows,
            {},
            note=self.env._(
                "Parts: %(parts)s    Shipped: %(shipped)s    Received: %(received)s",
                parts=len(rows),
                **{
                    name.removeprefix("date_"): sum(1 for row in rows if row[name]) for name in days
                },
            ),
        )

    def _get_amount_note(self):
        """Return what the list is about, in Chinese capitals (大写) and figures."""
        amount = self._get_print_amount()
        values = {
            "words": self.currency_id._aftersales_to_capitals(amount),
            "amount": self.currency_id.format(amount),
        }
        if self._is_verified():
            return self.env._("Payable, in capitals: %(words)s (%(amount)s)", **values)
        return self.env._("Claimed, in capitals: %(words)s (%(amount)s)", **values)

    # --- workbooks -------------------------------------------------------------------------

    def _get_xlsx_titles(self):
        return {
            **super()._get_xlsx_titles(),
            "list": self.env._("List of Service Expenses Paid in Advance"),
            "used_parts": self.env._("Used-Part Return List"),
        }

    def _get_xlsx_name(self, code):
        return self._get_print_name(code) if len(self) == 1 else super()._get_xlsx_name(code)

    def _get_xlsx_sheets(self, code):
        prepare = {
            "list": self._prepare_list_sheet,
            "used_parts": self._prepare_used_part_sheet,
        }[code]
        for settlement_id in self.ids:
            yield prepare(self.browse(settlement_id))

    def _prepare_sheet(self, settlement, title, columns, rows, notes=()):
        facts = [f"{label}: {value}" for label, value in settlement._get_print_facts()]
        return XlsxSheet(
            name=title if len(self) == 1 else f"{settlement.name} {title}",
            title=title,
            facts=["    ".join(facts[:4]), "    ".join(facts[4:])],
            columns=columns,
            rows=rows,
            notes=notes,
        )

    def _get_list_columns(self):
        """Return the columns of the list, by whose headings it is read again, too."""
        env = self.env
        return [
            XlsxColumn("number", env._("#"), "number"),
            XlsxColumn("tag", env._("Tag")),
            XlsxColumn("record", env._("Service record")),
            XlsxColumn("machine", env._("Machine")),
            XlsxColumn("subject", env._("Part or service"), "long"),
            XlsxColumn("price", env._("Price"), "amount"),
            XlsxColumn("quantity", env._("Quantity"), "number"),
            XlsxColumn("unit", env._("Unit")),
            XlsxColumn("base", env._("Amount before fee"), "amount", True),
            XlsxColumn("fee_rate", env._("Fee rate (%)"), "rate"),
            XlsxColumn("fee", env._("Management fee"), "amount", True),
            XlsxColumn("claimed", env._("Claimed"), "amount", True),
            XlsxColumn("result", env._("Result")),
            XlsxColumn("code", env._("Deduction code")),
            XlsxColumn("deduction", env._("Deduction"), "long"),
            XlsxColumn("payable", env._("Payable"), "amount", True),
            XlsxColumn("explanation", env._("How it came about"), "long"),
        ]

    def _prepare_list_sheet(self, settlement):
        env = self.env
        return self._prepare_sheet(
            settlement,
            settlement._get_list_title(),
            self._get_list_columns(),
            settlement._iter_list_rows(),
            [
                settlement._get_amount_note(),
                env._("Service center: ____________________"),
                env._("Audited by: ____________________"),
                env._("Finance: ____________________"),
            ],
        )

    def _iter_list_rows(self):
        self.ensure_one()
        results, kinds, units = (
            dict(self.line_ids._fields[name]._description_selection(self.env))
            for name in ("result", "kind", "unit")
        )
        number = count(1)
        for lines in iter_batches(self.line_ids):
            for line in lines:
                # sudo: names of what the line settles belong to the list
                named = line.sudo()
                reason = named.deduction_reason_id
                yield {
                    "number": next(number),
                    "tag": line.tag,
                    "record": named.record_id.name,
                    "machine": named.record_id.serial_number,
                    "subject": named.product_id.display_name
                    or " ".join(filter(None, [kinds[line.kind], line.note])),
                    "price": line.price_unit,
                    "quantity": line.quantity,
                    "unit": units.get(line.unit),
                    "base": line.amount_base,
                    "fee_rate": line.fee_rate,
                    "fee": line.amount_fee,
                    "claimed": line.amount_claimed,
                    "result": results[line.result],
                    "code": reason.code,
                    "deduction": reason.name,
                    "payable": None if line.result == "open" else line.amount_payable,
                    "explanation": line.explanation,
                }

    def _prepare_used_part_sheet(self, settlement):
        parts = settlement.line_ids.used_part_id.sorted("name")
        wanted = parts._get_return_columns()
        return self._prepare_sheet(
            settlement,
            self._get_xlsx_titles()["used_parts"],
            [XlsxColumn("number", self.env._("#"), "number"), *wanted],
            parts._iter_list_rows(),
        )
