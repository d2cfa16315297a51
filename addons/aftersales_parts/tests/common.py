import base64
from contextlib import closing

from dateutil.relativedelta import relativedelta
from freezegun import freeze_time
from psycopg2 import IntegrityError

from odoo import SUPERUSER_ID, api, fields
from odoo.fields import Command
from odoo.sql_db import db_connect
from odoo.tests import BaseCase, TransactionCase, get_db_name, new_test_user
from odoo.tools import SQL, mute_logger

PIXEL = (
    b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)
SERVICE = "aftersales_service.group_"

EINVOICE = """<?xml version="1.0" encoding="utf-8" standalone="yes"?>
<EInvoice>
  <Header>
    <EIid>{number}</EIid>
    <InherentLabel>
      <InIssuType><LabelCode>{blue}</LabelCode></InIssuType>
      <GeneralOrSpecialVAT><LabelCode>{kind}</LabelCode></GeneralOrSpecialVAT>
    </InherentLabel>
  </Header>
  <EInvoiceData>
    <SellerInformation>
      <SellerIdNum>{seller}</SellerIdNum><SellerName>杭州服务</SellerName>
    </SellerInformation>
    <BuyerInformation>
      <BuyerIdNum>{buyer}</BuyerIdNum><BuyerName>{buyer_name}</BuyerName>
    </BuyerInformation>
    <BasicInformation>
      <TotalAmWithoutTax>{net:.2f}</TotalAmWithoutTax>
      <TotalTaxAm>{tax:.2f}</TotalTaxAm>
      <TotalTax-includedAmount>{gross:.2f}</TotalTax-includedAmount>
    </BasicInformation>
    <IssuItemInformation>
      <ItemName>*工程机械配件*服务配件</ItemName>
      <Amount>{net:.2f}</Amount>
      <TaxRate>{rate}</TaxRate>
      <ComTaxAm>{tax:.2f}</ComTaxAm>
    </IssuItemInformation>
    <AdditionalInformation><Remark>{remark}</Remark></AdditionalInformation>
  </EInvoiceData>
  <TaxSupervisionInfo>
    <InvoiceNumber>{number}</InvoiceNumber><IssueTime>{date} 10:08:05</IssueTime>
  </TaxSupervisionInfo>
</EInvoice>"""


class AftersalesPartsCommon(TransactionCase):
    """A center in a region, a user for each role, priced parts, and a record that used them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_up_data()

    @classmethod
    def _set_up_data(cls):
        cls.company = cls.env.company
        cls.company.partner_id.write({"tz": "Asia/Shanghai", "lang": "en_US"})
        cls.company.vat = "91350800MA2XNB3K2H"
        cls.office = cls.env["res.partner"].create(
            {"name": "Office", "is_company": True, "is_regional_office": True}
        )
        cls.users = {
            role: new_test_user(cls.env, f"parts_{role}", groups=f"{SERVICE}{role}")
            for role in (
                "technician",
                "clerk",
                "office_manager",
                "customer_service",
                "logistics",
                "quality",
                "vp",
            )
        }
        cls.users["accountant"] = new_test_user(
            cls.env, "parts_accountant", groups="account.group_account_invoice"
        )
        cls.region = cls.env["aftersales.region"].create(
            {
                "name": "Test region",
                "office_id": cls.office.id,
                "manager_id": cls.users["office_manager"].id,
            }
        )
        cls.center = cls._make_center("Hangzhou center", "91330109MA2AYBC366")
        cls.users["center"] = cls._make_center_user("parts_center", cls.center)
        cls.customer = cls.env["res.partner"].create({"name": "Customer", "is_company": True})
        part_class = cls.env.ref
        cls.pump = cls._make_part("Pump", part_class("aftersales_parts.part_class_hydraulic"))
        cls.gearbox = cls._make_part("Gearbox", part_class("aftersales_parts.part_class_gearbox"))
        cls.seal = cls._make_part(
            "Seal", part_class("aftersales_parts.part_class_seal"), dedicated=False
        )
        cls.pricelist = cls.env["product.pricelist"].create(
            {"name": "Wholesale 2026", "currency_id": cls.company.currency_id.id}
        )
        cls.company.aftersales_pricelist_id = cls.pricelist
        for product, price in ((cls.pump, 2860), (cls.gearbox, 20600), (cls.seal, 120)):
            cls._make_price(product, price)
        cls.policy = cls.env["aftersales.warranty.policy"].create(
            {
                "name": "One year",
                "line_ids": [Command.create({"component": "All", "duration": 12})],
            }
        )
        cls.loader = cls.env["product.product"].create(
            {
                "name": "Loader",
                "is_storable": True,
                "tracking": "serial",
                "warranty_policy_id": cls.policy.id,
            }
        )
        cls.lot = cls.env["stock.lot"].create({"name": "SN-001", "product_id": cls.loader.id})
        cls.card = cls.env["aftersales.warranty.card"].create(
            {
                "partner_id": cls.customer.id,
                "product_id": cls.loader.id,
                "lot_id": cls.lot.id,
                "policy_id": cls.policy.id,
                "date_delivery": "2026-06-01",
                "receipt": PIXEL,
            }
        )

    @classmethod
    def _make_center(cls, name, vat):
        return cls.env["res.partner"].create(
            {
                "name": name,
                "is_company": True,
                "is_service_center": True,
                "aftersales_region_id": cls.region.id,
                "vat": vat,
            }
        )

    @classmethod
    def _make_center_user(cls, login, center):
        user = new_test_user(cls.env, login, groups=f"{SERVICE}center")
        user.partner_id.parent_id = center
        return user

    @classmethod
    def _make_part(cls, name, part_class, dedicated=True):
        return cls.env["product.product"].create(
            {
                "name": name,
                "part_class_id": part_class.id,
                "is_dedicated_part": dedicated,
                # a sales price that must never be taken for a wholesale price
                "list_price": 99999,
            }
        )

    @classmethod
    def _make_price(cls, product, price, **vals):
        return cls.env["product.pricelist.item"].create(
            {
                "pricelist_id": cls.pricelist.id,
                "applied_on": "0_product_variant",
                "product_id": product.id,
                "compute_price": "fixed",
                "fixed_price": price,
                "date_start": "2025-12-31 16:00:00",
                "date_end": "2026-12-31 15:59:59",
                **vals,
            }
        )

    def _make_record(self, parts, center=None, day="2026-10-20", done=True, request=None):
        """Return a service record of ``center`` with ``parts``, each a dict of line values.

        :param request: that a further visit is made for; default a new one
        """
        if not request:
            request = self.env["aftersales.request"].create(
                {
                    "card_id": self.card.id,
                    "description": "Fault",
                    "region_id": self.region.id,
                    "center_id": (center or self.center).id,
                    "technician_id": self.users["technician"].id,
                    "request_date": f"{day} 00:30:00",
                }
            )
            request.action_assign()
        record = self.env["aftersales.service.record"].create(
            {
                "request_id": request.id,
                "technician_id": self.users["technician"].id,
                "arrival": f"{day} 02:00:00",
                "nameplate": "SN-001",
                "fault": "Fault",
                "cause": "Cause",
                "responsibility": "product",
                "work_done": "Work",
                "machine_checked": True,
                "explained": True,
                "part_ids": [Command.create(vals) for vals in parts],
            }
        )
        record.check_ids.result = "ok"
        record.departure = f"{day} 02:00:00"
        if parts:
            record.photo_ids = [
                Command.create({"kind": kind, "image": PIXEL}) for kind in ("1_before", "2_after")
            ]
        if done:
            self._validate(record)
        return record

    def _validate(self, record):
        self._consent(record)
        record = record.with_user(self.users["technician"])
        record.action_sign("Customer", PIXEL)
        record.action_done()

    def _consent(self, record):
        """Let everybody agree to what the record needs their consent for (H7, M8.8)."""
        request = record.request_id.with_user(self.users["customer_service"])
        vals = {
            "how": "phone",
            "explanation": "The parts",
            "given_by": "Customer",
            "given_on": fields.Datetime.now(),
        }
        if (more := request._get_charge_amount() - request._get_agreed_amount()) > 0:
            request._add_consent({**vals, "kind": "extra", "amount": more})
        if outside := record.part_ids.filtered(lambda part: part.source == "outside").product_id:
            request._add_consent(
                {**vals, "kind": "outside", "how": "system", "product_ids": outside.ids}
            )

    def _scrap(self, product, **vals):
        return {"product_id": product.id, "disposition": "scrap", "scrap_photo": PIXEL, **vals}

    def _part(self, product, **vals):
        return {"product_id": product.id, **vals}

    def _order_urgently(self, product, quantity=1, deliver=True, **vals):
        """Return the confirmed urgent order of the center for ``product``, delivered or not."""
        order = self.env["sale.order"].create(
            {
                "partner_id": self.center.id,
                "is_aftersales_urgent": True,
                "order_line": [
                    Command.create({"product_id": product.id, "product_uom_qty": quantity})
                ],
                **vals,
            }
        )
        order.action_confirm()
        if deliver:
            order.picking_ids.move_ids.quantity = quantity
            order.picking_ids.move_ids.picked = True
            order.picking_ids._action_done()
        return order

    def _make_return(self, center=None, user=None, month="2026-11-01"):
        document = (
            self.env["aftersales.return"]
            .with_user(user or self.users["center"])
            .create({"center_id": (center or self.center).id, "month": month})
        )
        document.action_collect()
        return document

    def _pack_repairs(self, parts):
        """Pack what has to be packed by repair (M10.4)."""
        if apart := parts.filtered("is_packed_apart"):
            apart.with_user(self.users["clerk"])._pack_by_repair()

    def _approve(self, document):
        self._pack_repairs(document.line_ids.used_part_id)
        document.action_submit()
        document.with_user(self.users["office_manager"]).action_approve()
        document.with_user(self.users["customer_service"]).action_approve()

    def _return_parts(self, missing=(), deductions=None, verdict="deduct"):
        """Return everything that the center keeps but the ``missing`` tags, and verify."""
        document = self._make_return()
        self._approve(document)
        document.action_ship()
        names = set(document.line_ids.used_part_id.mapped("name")) - set(missing)
        document.with_user(self.users["logistics"]).action_receive(sorted(names))
        for line in document.line_ids:
            reason = (deductions or {}).get(line.used_part_id.name)
            if reason:
                line.with_user(self.users["quality"]).write(
                    {"verdict": verdict, "deduction_reason_id": reason}
                )
        self._verify_return(document)
        return document

    def _verify_return(self, document):
        """Confirm that the assemblies are complete, as the inspector does, and verify."""
        document = document.with_user(self.users["quality"])
        document.line_ids.filtered(
            lambda line: line._is_inspectable() and line.is_assembly
        ).is_complete = True
        document.action_verify()

    def _in_time(self, month="2026-10-01"):
        """Return a moment at which the lists of ``month`` can be filed: the 2nd, at 10:00."""
        return fields.Datetime.to_datetime(month) + relativedelta(months=1, day=2, hour=2)

    def _generate(self, month="2026-10-01", centers=None, kinds=("parts",)):
        """Return the settlements of ``month`` as of a day on which they can be filed."""
        return self.env["aftersales.settlement"]._generate(
            fields.Date.to_date(month), centers or self.center, kinds, self._in_time(month)
        )

    def _submit(self, settlement, user=None):
        """File the settlement in time, as a user of the center by default."""
        with freeze_time(self._in_time(settlement.month)):
            return settlement.with_user(user or self.users["center"]).action_submit()

    def _settle(self, settlement):
        """Take a settlement from draft to confirmed."""
        self._submit(settlement)
        settlement.with_user(self.users["clerk"]).action_verify()
        settlement.with_user(self.users["customer_service"]).action_send()
        settlement.with_user(self.users["center"]).action_confirm()

    def _make_document(self, **vals):
        """Return the file of a fapiao, base64."""
        values = {
            "number": "26332000000012345678",
            "kind": "01",
            "seller": "91330109MA2AYBC366",
            "buyer": "91350800MA2XNB3K2H",
            "net": 2890.27,
            "tax": 375.73,
            "gross": 3266.00,
            "date": "2026-11-20",
            "rate": "0.13",
            "buyer_name": self.company.name,
            "remark": "",
            **vals,
        }
        values.setdefault("blue", "Y" if values["gross"] > 0 else "N")
        return base64.b64encode(EINVOICE.format(**values).encode())

    def _make_fapiao(self, **vals):
        return (
            self.env["aftersales.fapiao"]
            .with_user(self.users["accountant"])
            .create({"document": self._make_document(**vals), "document_name": "fapiao.xml"})
        )

    def _dispute(self, **vals):
        return (
            self.env["aftersales.dispute"]
            .with_user(self.users["clerk"])
            .create({"reason": "Two tags were not counted", **vals})
        )

    def _ruled(self, favor="center", **vals):
        """Return a dispute that customer service has ruled on."""
        dispute = self._dispute(**vals)
        cs = dispute.with_user(self.users["customer_service"])
        cs.action_escalate("Responsibility is unclear")
        cs.action_rule(
            favor,
            "The pump is to be paid",
            "It was complete",
            self.env["aftersales.regulation"].search([], limit=1).id,
        )
        return cs

    def _location_of(self, tag):
        return (
            self.env["stock.quant"]
            .search([("lot_id", "=", tag.lot_id.id), ("quantity", ">", 0)])
            .location_id
        )


class ConcurrencyCommon(BaseCase):
    """People at the same moment: a connection for each, with the common data committed."""

    def setUp(self):
        super().setUp()
        self.cr = self._connect()
        self.env = api.Environment(self.cr, SUPERUSER_ID, {"tracking_disable": True})
        company = self.env.company
        self._company_vals = company.read(["aftersales_pricelist_id", "vat"], load="")[0]
        self._company_tz = company.partner_id.tz
        self._marks = self._get_marks(self.cr)
        self.addCleanup(self._remove)

        class Data(AftersalesPartsCommon):
            env = self.env

        Data._set_up_data()
        self.data = Data()
        self.users = Data.users

    def _connect(self):
        cr = db_connect(get_db_name()).cursor()
        self.addCleanup(cr.close)
        # what would wait for ever fails
        cr.execute("SET lock_timeout = '5s'")
        cr.commit()  # pylint: disable=invalid-commit
        return cr

    def _commit(self):
        self.env.flush_all()
        self.cr.commit()  # pylint: disable=invalid-commit

    def _as(self, role, record):
        """Return ``record`` as that user sees it by a connection whose snapshot is taken now."""
        record = record.with_env(api.Environment(self._connect(), self.users[role].id, {}))
        record.read(["display_name"])
        return record

    def _get_marks(self, cr):
        """Return {table: its highest id}."""
        cr.execute(
            "SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t"
            " USING (table_schema, table_name) WHERE t.table_type = 'BASE TABLE'"
            " AND c.table_schema = current_schema AND c.column_name = 'id'"
            " AND c.data_type = 'integer'"
        )
        marks = {}
        for (table,) in cr.fetchall():
            cr.execute(SQL("SELECT coalesce(max(id), 0) FROM %s", SQL.identifier(table)))
            marks[table] = cr.fetchone()[0]
        return marks

    @mute_logger("odoo.sql_db")
    def _remove(self):
        """Take out what was committed, in the database: what is valid can't be deleted."""
        self.cr.rollback()
        with closing(db_connect(get_db_name()).cursor()) as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            vals = dict(self._company_vals)
            company = env["res.company"].browse(vals.pop("id"))
            company.write(vals)
            company.partner_id.tz = self._company_tz
            env.flush_all()
            # a tag and its swap refer to each other
            cr.execute(
                "UPDATE aftersales_used_part SET swap_line_id = NULL WHERE id > %s",
                [self._marks["aftersales_used_part"]],
            )
            # as do a correction, the line that it corrects and the one that pays it
            cr.execute(
                "UPDATE aftersales_settlement_line SET correction_id = NULL WHERE id > %s",
                [self._marks["aftersales_settlement_line"]],
            )
            marks = self._get_marks(cr)
            left = {table for table, mark in self._marks.items() if marks[table] > mark}
            while left:
                before = set(left)
                for table in before:
                    try:
                        with cr.savepoint():
                            cr.execute(
                                SQL(
                                    "DELETE FROM %s WHERE id > %s",
                                    SQL.identifier(table),
                                    self._marks[table],
                                )
                            )
                        left.discard(table)
                    except IntegrityError:
                        continue  # others that refer to it go first
                self.assertLess(len(left), len(before), f"can't be removed: {left}")
            cr.commit()  # pylint: disable=invalid-commit


freeze = freeze_time("2026-11-20 02:00:00")
