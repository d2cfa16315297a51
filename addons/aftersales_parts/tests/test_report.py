from datetime import date

from odoo.tests import tagged
from odoo.tools.misc import format_date

from .common import AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestReport(AftersalesPartsCommon):
    """Each printed form renders for the roles that print it, with what it has to show."""

    def _render(self, xmlid, records, role):
        html, _kind = (
            self.env["ir.actions.report"]
            .with_user(self.users[role])
            ._render_qweb_html(xmlid, records.ids)
        )
        return html.decode()

    def test_service_record(self):
        """M3.4: 现场服务记录表 with fault, cause, parts and the signature."""
        record = self._make_record(
            [self._part(self.pump, serial_removed="P-77", serial_fitted="P-78")]
        )
        html = self._render("aftersales_service.report_service_record", record, "technician")
        for text in (record.name, "SN-001", "Cause", "Pump", "P-77", "data:image/png"):
            self.assertIn(text, html)

    def test_return_register(self):
        """L2.4: 产品返厂登记表 with QR code, tags and both decisions."""
        record = self._make_record([self._part(self.pump)])
        document = self._make_return()
        self._approve(document)
        html = self._render("aftersales_parts.report_return_register", document, "center")
        for text in (
            document.name,
            record.used_part_ids.name,
            document._get_qr_code(),
            self.users["office_manager"].name,
            self.users["customer_service"].name,
        ):
            self.assertIn(text, html)

    def test_tag_label(self):
        """M10.3: 专用标签: number, part, machine, day and center are filled."""
        tag = self._make_record(
            [self._part(self.pump, serial_removed="P-77", serial_fitted="P-78")]
        ).used_part_ids
        html = self._render("aftersales_parts.report_used_part_label", tag, "center")
        day = format_date(self.env(user=self.users["center"]), date(2026, 10, 20))
        for text in (
            tag._get_qr_code(),
            tag.name,
            "Pump",
            "P-77",
            "SN-001",
            day,
            "Hangzhou center",
        ):
            self.assertIn(text, html)

    def test_settlement_list(self):
        """M8.3: 代垫服务费用清单 with the figures of each line and their sums."""
        self._make_record([self._part(self.pump), self._part(self.gearbox)])
        settlement = self._generate()
        html = self._render("aftersales_parts.report_settlement", settlement, "center")
        for text in ("2,860.00", "286.00", "3,146.00", "20,600.00", "23,746.00"):
            self.assertIn(text, html)
