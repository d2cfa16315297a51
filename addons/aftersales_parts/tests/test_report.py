from datetime import date

from odoo.exceptions import AccessError, UserError
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

    LABELS = (
        "aftersales_parts.report_used_part_label",
        "aftersales_parts.report_used_part_label_single",
    )

    def test_tag_label(self):
        """M10.3: 专用标签 in both formats: every item of the tag is filled."""
        self.pump.default_code = "CB-3100"
        record = self._make_record(
            [self._part(self.pump, serial_removed="P-77", serial_fitted="P-78")], done=False
        )
        record.write({"hour_meter": 642.5, "fault": "Boom is\nweak"})
        self._validate(record)
        tag = record.used_part_ids
        day = format_date(self.env(user=self.users["center"]), date(2026, 10, 20))
        for xmlid in self.LABELS:
            html = self._render(xmlid, tag, "center")
            for text in (
                tag._get_qr_code(),
                tag.name,
                record.name,
                "Pump",
                "CB-3100",
                "P-77",
                "Loader",
                "SN-001",
                "642.5",
                "Boom is weak",
                day,
                "Hangzhou center",
                "Customer",
                self.users["technician"].name,
                "Hydraulic part · Indoors",
            ):
                self.assertIn(text, html)
            self.assertNotIn("—", html)

    def test_tag_label_leaves_no_blank(self):
        """M10.3: what a part doesn't have is crossed out on its tag."""
        tag = self._make_record([self._part(self.pump)]).used_part_ids
        (label,) = tag._prepare_labels()
        self.assertEqual([name for name, value in label.items() if value == "—"], self._blank)
        self.assertTrue(all(value for name, value in label.items() if name != "reprint"))

    # neither the part's number nor its serial nor the hours were entered
    _blank = ["part_code", "serial", "hours"]

    def test_printing_is_logged(self):
        """M10.3: each print is noted in the life of the part, a reprint as such; no more."""
        first, second = self._make_record(
            [self._part(self.pump), self._part(self.pump)]
        ).used_part_ids.sorted("name")
        before = first.read([n for n in first._fields if not n.startswith(("write", "__last"))])
        self._render(self.LABELS[0], first, "center")
        html = self._render(self.LABELS[1], first | second, "technician")
        self.assertEqual((first | second).mapped("print_count"), [2, 1])
        self.assertEqual(html.count("Reprint"), 1)
        events = first.event_ids.filtered(lambda e: e.event == "printed")
        self.assertEqual(events.mapped("note"), [False, "Reprint 1"])
        self.assertEqual(events.user_id, self.users["center"] | self.users["technician"])
        after = first.read([n for n in first._fields if not n.startswith(("write", "__last"))])
        changed = {name for name, value in after[0].items() if value != before[0][name]}
        self.assertEqual(changed, {"print_count", "event_ids"})

    def test_labels_of_others(self):
        """M10.3: who may not see a tag doesn't print it; and nothing is noted."""
        tag = self._make_record([self._part(self.pump)]).used_part_ids
        elsewhere = self._make_center("Elsewhere", "91330109MA2A00001")
        user = self._make_center_user("parts_elsewhere", elsewhere)
        for xmlid in self.LABELS:
            with self.assertRaises(AccessError), self.cr.savepoint():
                self.env["ir.actions.report"].with_user(user)._render_qweb_html(xmlid, tag.ids)
        self.assertFalse(tag.print_count)

    def test_buttons_print(self):
        """M10.3: from the record all its tags; one as a label, several on a sheet; none: why."""
        record = self._make_record([self._part(self.pump), self._part(self.pump)])
        action = record.with_user(self.users["technician"]).action_print_tags()
        self.assertEqual(action["report_name"], f"{self.LABELS[0]}_document")
        self.assertEqual(set(action["context"]["active_ids"]), set(record.used_part_ids.ids))
        action = record.used_part_ids[0].with_user(self.users["center"]).action_print_tags()
        self.assertEqual(action["report_name"], f"{self.LABELS[1]}_document")
        with self.assertRaisesRegex(UserError, "no tag to print"):
            self._make_record([self._part(self.pump)], done=False).action_print_tags()

    def test_labels_in_bulk(self):
        """Speed: the queries of printing don't grow with the number of tags."""
        record = self._make_record([self._part(self.pump, quantity=30)])
        tags = record.used_part_ids
        counts = []
        for parts in (tags[:2], tags[2:4], tags[4:]):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self._render(self.LABELS[0], parts, "center")
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(counts[1], counts[2])

    def test_settlement_list(self):
        """M8.3: 代垫服务费用清单 with the figures of each line and their sums."""
        self._make_record([self._part(self.pump), self._part(self.gearbox)])
        settlement = self._generate()
        html = self._render("aftersales_parts.report_settlement", settlement, "center")
        for text in ("2,860.00", "286.00", "3,146.00", "20,600.00", "23,746.00"):
            self.assertIn(text, html)
