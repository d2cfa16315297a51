"""The whole journey on the real thing: from a sale to a reconciled fapiao and an approved audit.

Every date and amount is worked out by hand here, none by the code under test:

    hydraulic pump    2 860.00 + 10 % fee 286.00 = 3 146.00   returned and accepted
    gearbox assembly 20 600.00, no fee (M8.7)    = 20 600.00  missing, so not payable
    seal kit            120.00, no dedicated part =   120.00  scrapped on the spot
    claimed 23 866.00, payable 3 266.00

    net at 13 %: 3 266 / 1.13 = 2 890.2654… → 2 890.27; VAT 375.73 (13 % of the net would give
    375.74, one cent too much: the bill takes the fapiao's own figure)
"""

import base64

from freezegun import freeze_time
from lxml import etree

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import TransactionCase, new_test_user, tagged
from odoo.tools import file_open

SAMPLE = "aftersales_parts/tests/data/official-special.xml"
PIXEL = (
    b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)
GROUPS = {
    "clerk": "aftersales_service.group_clerk,sales_team.group_sale_salesman_all_leads,"
    "stock.group_stock_user",
    "technician": "aftersales_service.group_technician",
    "center": "aftersales_service.group_center",
    "manager": "aftersales_service.group_office_manager",
    "cs": "aftersales_service.group_customer_service",
    "logistics": "aftersales_service.group_logistics",
    "quality": "aftersales_service.group_quality",
    "accountant": "account.group_account_invoice",
    "auditor": "aftersales_audit.group_auditor",
    "vp": "aftersales_service.group_vp",
}


@tagged("post_install", "-at_install")
class TestJourney(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company
        cls.company.partner_id.tz = "Asia/Shanghai"
        cls.company.write({"vat": "91350800MA2XNB3K2H"})
        cls.users = {
            role: new_test_user(cls.env, f"journey_{role}", groups=groups)
            for role, groups in GROUPS.items()
        }
        partners = cls.env["res.partner"]
        zhejiang = cls.env.ref("base.state_cn_ZJ")
        cls.office = partners.create(
            {"name": "华东办事处", "is_company": True, "is_regional_office": True}
        )
        cls.env["aftersales.region"].search([]).active = False
        cls.region = cls.env["aftersales.region"].create(
            {
                "name": "East China",
                "state_ids": [Command.set(zhejiang.ids)],
                "office_id": cls.office.id,
                "manager_id": cls.users["manager"].id,
                "return_week": "2",
            }
        )
        cls.center = partners.create(
            {
                "name": "杭州服务中心",
                "is_company": True,
                "is_service_center": True,
                "aftersales_region_id": cls.region.id,
                "vat": "91330109MA2AYBC366",
            }
        )
        for role in ("center", "technician"):
            cls.users[role].partner_id.parent_id = cls.center
        cls.customer = partners.create(
            {"name": "宁波港湾建设", "is_company": True, "state_id": zhejiang.id}
        )
        cls.policy = cls.env["aftersales.warranty.policy"].create(
            {
                "name": "Wheel loader, one year",
                "line_ids": [
                    Command.create({"component": "整机", "duration": 12, "hour_limit": 2400})
                ],
            }
        )
        cls.loader = cls.env["product.product"].create(
            {
                "name": "Wheel loader",
                "is_storable": True,
                "tracking": "serial",
                "list_price": 320000,
                "warranty_policy_id": cls.policy.id,
            }
        )
        cls.pricelist = cls.env["product.pricelist"].create(
            {"name": "2026", "currency_id": cls.company.currency_id.id}
        )
        cls.company.aftersales_pricelist_id = cls.pricelist
        cls.pump = cls._make_part("Hydraulic pump", "hydraulic", True, 2860)
        cls.gearbox = cls._make_part("Gearbox assembly", "gearbox", True, 20600)
        cls.seal = cls._make_part("Seal kit", "seal", False, 120)

    @classmethod
    def _make_part(cls, name, part_class, dedicated, price):
        product = cls.env["product.product"].create(
            {
                "name": name,
                "part_class_id": cls.env.ref(f"aftersales_parts.part_class_{part_class}").id,
                "is_dedicated_part": dedicated,
            }
        )
        cls.env["product.pricelist.item"].create(
            {
                "pricelist_id": cls.pricelist.id,
                "applied_on": "0_product_variant",
                "product_id": product.id,
                "compute_price": "fixed",
                "fixed_price": price,
                "date_start": "2025-12-31 16:00:00",
                "date_end": "2026-12-31 15:59:59",
            }
        )
        return product

    def as_(self, role, record):
        return record.with_user(self.users[role])

    def test_journey(self):
        """L2.4, L2.5, L2.8, L4.3, M3.1, M3.4, M8.1–M8.7, M10.1, M10.3 in one go."""
        card = self._sell()
        request = self._request(card)
        record = self._serve(request)
        tags = self._check_tags(record)
        settlement = self._claim()
        self._return(tags)
        self._settle(settlement, tags)
        self._reconcile(settlement)
        self._audit()

    @freeze_time("2026-09-10 06:00:00")
    def _sell(self):
        """1. A wheel loader is sold and delivered; its warranty card opens from the policy."""
        warehouse = self.env["stock.warehouse"].search(
            [("company_id", "=", self.company.id)], limit=1
        )
        lot = self.env["stock.lot"].create({"name": "ZL50-0387", "product_id": self.loader.id})
        self.env["stock.quant"]._update_available_quantity(
            self.loader, warehouse.lot_stock_id, 1, lot_id=lot
        )
        order = self.as_("clerk", self.env["sale.order"]).create(
            {
                "partner_id": self.customer.id,
                "order_line": [Command.create({"product_id": self.loader.id})],
            }
        )
        order.action_confirm()
        self.assertFalse(lot.warranty_card_ids, "no card before delivery")
        order.picking_ids.move_ids.picked = True
        order.picking_ids.button_validate()
        card = lot.warranty_card_ids
        self.assertEqual((card.state, card.partner_id), ("open", self.customer))
        self.assertEqual(str(card.date_start), "2026-09-10")
        self.assertEqual(str(card.date_end), "2027-09-10")
        self.assertEqual(card.sale_line_id, order.order_line)
        return card

    @freeze_time("2026-10-18 01:10:00")
    def _request(self, card):
        """2. The customer calls; the region's center is assigned; the arrival time runs."""
        request = self.as_("clerk", self.env["aftersales.request"]).create(
            {"card_id": card.id, "description": "动臂举升无力", "distance": 150}
        )
        self.assertEqual(request.partner_id, self.customer)
        self.assertEqual(request.region_id, self.region)
        # the only center of the province is proposed (L2.1)
        self.assertEqual(request.center_id, self.center)
        request.technician_id = self.users["technician"]
        request.action_assign()
        # 150 km: on site within 6 hours, running again within 24 (M3.1)
        self.assertEqual(
            sorted(str(due) for due in request.deadline_ids.mapped("date_due")),
            ["2026-10-18 07:10:00", "2026-10-19 01:10:00"],
        )
        self.assertEqual(set(request.deadline_ids.mapped("state")), {"running"})
        return request

    @freeze_time("2026-10-18 08:00:00")
    def _serve(self, request):
        """3. Three parts are replaced; unsigned or incomplete the record can't be validated."""
        request = self.as_("technician", request)
        record = self.as_("technician", self.env["aftersales.service.record"]).browse(
            request.action_create_record()["res_id"]
        )
        with self.assertRaisesRegex(UserError, "not complete(?s:.*)Cause"):
            record.action_done()
        record.write(
            {
                "arrival": "2026-10-18 05:40:00",
                "departure": "2026-10-18 07:50:00",
                "nameplate": "ZL50-0387",
                "hour_meter": 210,
                "fault": "举升无力",
                "cause": "液压泵内泄",
                "responsibility": "product",
                "work_done": "更换液压泵、变速箱总成、密封件",
                "machine_checked": True,
                "explained": True,
                "part_ids": [
                    Command.create({"product_id": self.pump.id}),
                    Command.create({"product_id": self.gearbox.id}),
                    Command.create(
                        {
                            "product_id": self.seal.id,
                            "disposition": "scrap",
                            "scrap_photo": PIXEL,
                        }
                    ),
                ],
                "photo_ids": [
                    Command.create({"kind": "1_before", "image": PIXEL}),
                    Command.create({"kind": "2_after", "image": PIXEL}),
                ],
            }
        )
        with self.assertRaisesRegex(UserError, "not complete(?s:.*)Checklist"):
            record.action_done()
        record.check_ids.result = "ok"
        with self.assertRaisesRegex(UserError, "not signed by the customer"):
            record.action_done()
        wizard = self.as_("technician", self.env["aftersales.sign"]).create(
            {
                "record_id": record.id,
                "content_rating": "5",
                "quality_rating": "4",
                "attitude_rating": "5",
                "signed_by": "刘师傅",
                "signature": PIXEL,
            }
        )
        wizard.action_sign()
        record.action_done()
        self.assertEqual((record.state, record.signed_by), ("done", "刘师傅"))
        self.assertEqual(set(record.part_ids.mapped("coverage_id.component")), {"整机"})
        self.assertEqual(request.state, "done")
        self.assertEqual(set(request.deadline_ids.mapped("state")), {"met"})
        return record

    def _location_of(self, tag):
        return (
            self.env["stock.quant"]
            .search([("lot_id", "=", tag.lot_id.id), ("quantity", ">", 0)])
            .location_id
        )

    def _check_tags(self, record):
        """4. Each part is a tag bearing the record's number, in the center's location."""
        tags = record.sudo().used_part_ids.sorted("name")
        self.assertEqual(tags.mapped("name"), [f"{record.name}-0{n}" for n in (1, 2, 3)])
        self.assertEqual(tags.product_id, self.pump | self.gearbox | self.seal)
        location = self.center._get_used_part_location(self.company)
        self.assertEqual(self._location_of(tags[0]), location)
        self.assertEqual(self._location_of(tags[1]), location)
        self.assertEqual(self._location_of(tags[2]).usage, "inventory")
        return tags

    @freeze_time("2026-11-04 02:00:00")
    def _claim(self):
        """5. The list of October is generated and filed by the fifth of November."""
        wizard = self.as_("clerk", self.env["aftersales.settlement.generate"]).create(
            {"month": "2026-10-31", "center_ids": self.center.ids}
        )
        wizard.action_start()
        self.assertEqual(wizard.run_step()["problems"], [])
        settlement = self.env["aftersales.settlement"].search([("center_id", "=", self.center.id)])
        self.assertEqual(
            [
                (line.price_unit, line.amount_fee, line.amount_claimed)
                for line in settlement.line_ids
            ],
            [(2860, 286, 3146), (20600, 0, 20600), (120, 0, 120)],
        )
        self.as_("center", settlement).action_submit()
        return settlement

    @freeze_time("2026-11-09 02:00:00")
    def _return(self, tags):
        """6. The monthly return is approved twice, shipped and received; one tag is missing."""
        document = self.as_("center", self.env["aftersales.return"]).create(
            {"center_id": self.center.id}
        )
        document.action_collect()
        self.assertEqual(document.sudo().line_ids.used_part_id, tags[0] | tags[1])
        document.action_submit()
        with self.assertRaisesRegex(UserError, "approved first"):
            document.action_ship()
        self.as_("manager", document).action_approve()
        self.as_("cs", document).action_approve()
        # pump and gearbox of one repair go in a crate of their own (M10.4)
        with self.assertRaisesRegex(UserError, "one crate of its own"):
            document.action_ship()
        wizard = self.as_("center", self.env["aftersales.used.part.pack"])
        wizard.create({"used_part_ids": tags[0].ids}).action_pack()
        self.assertEqual(tags[0].package_id, tags[1].package_id)
        self.assertTrue(tags[0].package_id)
        document.action_ship()
        logistics = self.as_("logistics", document)
        logistics.action_receive([tags[0].name])
        self.as_("quality", document).action_verify()
        self.assertEqual(tags.mapped("state"), ["accepted", "shipped", "scrapped"])
        self.assertEqual(
            document.sudo().backorder_id.move_line_ids.lot_id.mapped("name"), [tags[1].name]
        )
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company)
        self.assertEqual(self._location_of(tags[0]), warehouse.used_part_loc_id)

    @freeze_time("2026-11-14 02:00:00")
    def _settle(self, settlement, tags):
        """7. Verified, audited, confirmed, and credited to the center's parts account."""
        self.as_("clerk", settlement).action_verify()
        self.assertEqual(
            [(line.tag, line.result, line.amount_payable) for line in settlement.line_ids],
            [
                (tags[0].name, "payable", 3146),
                (tags[1].name, "missing", 0),
                (tags[2].name, "payable", 120),
            ],
        )
        self.assertEqual((settlement.amount_claimed, settlement.amount_payable), (23866, 3266))
        self.as_("cs", settlement).action_send()
        self.as_("center", settlement).action_confirm()
        receivable = self.center.property_account_receivable_id
        balances = {line.account_id: line.balance for line in settlement.move_id.line_ids}
        self.assertEqual(
            balances,
            {
                self.company.aftersales_expense_account_id: 2890.27,
                self.company.aftersales_claims_account_id: 3266.00,
                self.company.aftersales_accrued_account_id: -2890.27,
                receivable: -3266.00,
            },
        )
        self.assertEqual(settlement.move_id.state, "posted")

    def _make_fapiao_file(self):
        """Return a file of the official sample's form, with this settlement's parties."""
        with file_open(SAMPLE, "rb") as file:
            root = etree.fromstring(file.read())
        values = {
            "Header/EIid": "26332000000012345678",
            "TaxSupervisionInfo/InvoiceNumber": "26332000000012345678",
            "TaxSupervisionInfo/IssueTime": "2026-11-20 09:30:00",
            "EInvoiceData/SellerInformation/SellerIdNum": "91330109MA2AYBC366",
            "EInvoiceData/SellerInformation/SellerName": "杭州服务中心",
            "EInvoiceData/BuyerInformation/BuyerIdNum": "91350800MA2XNB3K2H",
            "EInvoiceData/BuyerInformation/BuyerName": self.company.name,
            "EInvoiceData/BasicInformation/TotalAmWithoutTax": "2890.27",
            "EInvoiceData/BasicInformation/TotalTaxAm": "375.73",
            "EInvoiceData/BasicInformation/TotalTax-includedAmount": "3266.00",
            "EInvoiceData/BasicInformation/TotalTax-includedAmountInChinese": "叁仟贰佰陆拾陆圆整",
            "EInvoiceData/IssuItemInformation/Quantity": "1",
            "EInvoiceData/IssuItemInformation/UnPrice": "2890.27",
            "EInvoiceData/IssuItemInformation/Amount": "2890.27",
            "EInvoiceData/IssuItemInformation/TaxRate": "0.13",
            "EInvoiceData/IssuItemInformation/ComTaxAm": "375.73",
            "TaxSupervisionInfo/TaxBureauCode": "13300000000",
        }
        for path, value in values.items():
            root.find(path).text = value
        return base64.b64encode(etree.tostring(root, xml_declaration=True, encoding="utf-8"))

    @freeze_time("2026-11-20 02:00:00")
    def _reconcile(self, settlement):
        """8. The fapiao is read, checked, matched; bill paid, both clearing accounts at zero."""
        fapiao = self.as_("accountant", self.env["aftersales.fapiao"]).create(
            {"document": self._make_fapiao_file(), "document_name": "fapiao.xml"}
        )
        self.assertFalse(fapiao.failed_count, fapiao.check_ids.mapped("detail"))
        fapiao.action_match()
        self.assertEqual(fapiao.settlement_ids, settlement)
        fapiao.action_reconcile()
        bill = settlement.bill_ids
        self.assertEqual((bill.state, bill.payment_state), ("posted", "paid"))
        self.assertEqual(
            (bill.amount_untaxed, bill.amount_tax, bill.amount_total), (2890.27, 375.73, 3266.00)
        )
        for account in (
            self.company.aftersales_claims_account_id,
            self.company.aftersales_accrued_account_id,
        ):
            lines = self.env["account.move.line"].search(
                [("account_id", "=", account.id), ("partner_id", "=", self.center.id)]
            )
            self.assertEqual(len(lines), 2)
            self.assertEqual(sum(lines.mapped("balance")), 0)
            self.assertEqual(sum(lines.mapped("amount_residual")), 0)
        self.assertEqual(settlement.state, "reconciled")
        # the center's parts account stands 3 266.00 in its favour
        self.assertEqual(self.center.credit, -3266)

    @freeze_time("2026-11-21 02:00:00")
    def _audit(self):
        """9. An audit plan can't start before the VP approved it (L4.3)."""
        plan = self.as_("auditor", self.env["aftersales.audit.plan"]).create(
            {
                "office_id": self.office.id,
                "date_from": "2026-10-01",
                "date_to": "2026-10-31",
                "date_completion": "2026-12-15",
                "method": "On site",
                "content": "Returns and settlements",
                "cost": 3000,
                "lead_id": self.users["auditor"].id,
                "regulation_ids": [
                    Command.set(
                        self.env["aftersales.regulation"]
                        .search([("code", "in", ("L2.6", "M8.3"))])
                        .ids
                    )
                ],
            }
        )
        with self.assertRaisesRegex(UserError, "VP"):
            plan.action_start()
        plan.action_submit()
        with self.assertRaisesRegex(UserError, "VP"):
            plan.action_start()
        with self.assertRaises(AccessError):
            plan.action_approve()
        self.as_("vp", plan).action_approve()
        plan.action_start()
        self.assertEqual(plan.state, "in_progress")
        self.assertEqual(len(plan.check_ids), 2)
