from itertools import count

from odoo import models

from .aftersales_xlsx_mixin import XlsxColumn, XlsxSheet, iter_batches


class AftersalesUsedPart(models.Model):
    """The list of used parts, with where each was returned and what the inspection said (M8.3)."""

    _name = "aftersales.used.part"
    _inherit = ["aftersales.used.part", "aftersales.xlsx.mixin"]

    def _get_return_columns(self):
        """Return the columns of 服务旧件退回明细表."""
        env = self.env
        return [
            XlsxColumn("tag", env._("Tag")),
            XlsxColumn("part", env._("Part"), "long"),
            XlsxColumn("serial", env._("Serial number")),
            XlsxColumn("part_class", env._("Class")),
            XlsxColumn("machine", env._("Machine")),
            XlsxColumn("record", env._("Service record")),
            XlsxColumn("date_removed", env._("Taken off"), "date"),
            XlsxColumn("crate", env._("Crate")),
            XlsxColumn("return", env._("Return")),
            XlsxColumn("date_shipped", env._("Shipped on"), "date"),
            XlsxColumn("date_received", env._("Received on"), "date"),
            XlsxColumn("date_inspected", env._("Inspected on"), "date"),
            XlsxColumn("result", env._("Inspection")),
            XlsxColumn("code", env._("Deduction code")),
            XlsxColumn("deduction", env._("Deduction"), "long"),
        ]

    def _get_xlsx_titles(self):
        return {**super()._get_xlsx_titles(), "list": self.env._("Used parts")}

    def _get_xlsx_sheets(self, code):
        env = self.env
        title = self._get_xlsx_titles()[code]
        yield XlsxSheet(
            name=title,
            title=title,
            facts=[env._("Parts: %s", len(self))],
            columns=[
                XlsxColumn("number", env._("#"), "number"),
                *self._get_return_columns(),
                XlsxColumn("center", env._("Service center"), "long"),
                XlsxColumn("keeper", env._("Kept by"), "long"),
                XlsxColumn("state", env._("Status")),
            ],
            rows=self._iter_list_rows(),
        )

    def _iter_list_rows(self):
        """Yield the row of each part, in this order."""
        results = dict(self._fields["result"]._description_selection(self.env))
        states = dict(self._fields["state"]._description_selection(self.env))
        number = count(1)
        for parts in iter_batches(self):
            lines = parts._get_last_return_lines()
            for part in parts:
                # sudo: names of what belongs to a part that the user may read
                named, line = part.sudo(), lines.get(part.id)
                day = part._get_local_day
                yield {
                    "number": next(number),
                    "tag": part.name,
                    "part": named.product_id.display_name,
                    "serial": part.serial,
                    "part_class": named.part_class_id.name,
                    "machine": part.machine_serial,
                    "record": named.record_id.name,
                    "date_removed": part.date_removed,
                    "crate": named.package_id.name,
                    "return": line and line.return_id.name,
                    "date_shipped": line and day(line.return_id.date_shipped),
                    "date_received": line and day(line.date_received),
                    "date_inspected": line and line.is_verified and day(line.date_inspected),
                    "result": results.get(part.result),
                    "code": named.deduction_reason_id.code,
                    "deduction": named.deduction_reason_id.name,
                    "center": named.center_id.name,
                    "keeper": named.keeper_id.name,
                    "state": states[part.state],
                }

    def _get_last_return_lines(self):
        """Return {id of a part: line of the last return that it was on}."""
        # sudo: the number and the days of the return of a part that the user may read; an office
        # may have returned it for the center
        lines = (
            self.env["aftersales.return.line"]
            .sudo()
            .search(
                [("used_part_id", "in", self.ids), ("return_id.state", "!=", "cancelled")],
                order="id",
            )
        )
        return {line.used_part_id.id: line for line in lines}
