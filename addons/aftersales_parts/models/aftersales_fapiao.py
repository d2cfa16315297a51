import base64
import binascii
import hashlib
import math
from datetime import datetime

from lxml import etree
from stdnum.cn import uscc

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_list

MAX_FILE_SIZE = 5 * 1024 * 1024


class AftersalesFapiao(models.Model):
    """A VAT invoice (发票) as the tax system issued it, read from its file and checked.

    The checks compare what the file says; none of them can show that an invoice is genuine,
    which only the tax authority's own service does.
    """

    _name = "aftersales.fapiao"
    _description = "Fapiao"
    _regulations = ("M8.6", "H11")
    _inherit = ["aftersales.retention.mixin", "mail.thread", "mail.activity.mixin"]
    _order = "date desc, id desc"
    _check_company_auto = True

    name = fields.Char(
        "Fapiao number",
        required=True,
        readonly=True,
        tracking=True,
        help="20 digits for a fully digital fapiao; code and number for an older one.",
    )
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    kind = fields.Selection(
        [("special", "Special VAT invoice"), ("ordinary", "Ordinary VAT invoice")],
        required=True,
        readonly=True,
        help="Only a special invoice lets us deduct input VAT.",
    )
    date = fields.Date("Issued on", required=True, readonly=True)
    seller_name = fields.Char("Seller", readonly=True)
    seller_vat = fields.Char("Seller's tax number", readonly=True)
    buyer_name = fields.Char("Buyer", readonly=True)
    buyer_vat = fields.Char("Buyer's tax number", readonly=True)
    center_id = fields.Many2one(
        "res.partner",
        "Service center",
        readonly=True,
        index="btree_not_null",
        help="The service center that has the seller's tax number.",
    )
    amount_untaxed = fields.Monetary("Net", readonly=True)
    amount_tax = fields.Monetary("VAT", readonly=True)
    amount_total = fields.Monetary("Gross", readonly=True)
    document = fields.Binary("XML file", required=True, attachment=True, help="The original file.")
    document_name = fields.Char("File name")
    digest = fields.Char(
        "File hash", readonly=True, help="SHA-256 of the original file, to show it is unchanged."
    )
    check_ids = fields.One2many("aftersales.fapiao.check", "fapiao_id", "Checks", readonly=True)
    failed_count = fields.Integer("Failed checks", compute="_compute_failed_count")
    settlement_id = fields.Many2one("aftersales.settlement", "Settlement", readonly=True)
    bill_id = fields.Many2one(
        "account.move",
        "Vendor bill",
        readonly=True,
        check_company=True,
        ondelete="restrict",
        index="btree_not_null",
    )
    state = fields.Selection(
        [("read", "Read"), ("matched", "Matched"), ("posted", "Posted")],
        "Status",
        default="read",
        required=True,
        readonly=True,
        tracking=True,
    )

    _name_company_uniq = models.Constraint(
        "UNIQUE(name, company_id)", "This fapiao has already been entered."
    )
    _settlement_uniq = models.UniqueIndex(
        "(settlement_id) WHERE settlement_id IS NOT NULL",
        "Another fapiao is matched to this settlement already.",
    )

    @api.depends("check_ids.result")
    def _compute_failed_count(self):
        for fapiao in self:
            fapiao.failed_count = len(fapiao.check_ids.filtered(lambda c: c.result == "failed"))

    def _get_retention_depends(self):
        return [
            *super()._get_retention_depends(),
            "state",
            "date",
            "settlement_id.retain_until",
        ]

    def _get_retention_start(self):
        # until it is posted, a match can be undone
        return self.date if self.state == "posted" else False

    def _get_retained_with(self):
        return self.settlement_id

    def _get_protected_fields(self):
        return {
            name
            for name, field in self._fields.items()
            if field.store and field.readonly and name not in models.MAGIC_COLUMNS
        }

    @api.model_create_multi
    def create(self, vals_list):
        """Read each file; what the fapiao says comes from its file, never from the caller."""
        if not self.env.su:
            self.check_access("create")
            vals_list = [self._get_own_vals(vals) for vals in vals_list]
        vals_list = [{**vals, **self._read_document(vals.get("document"))} for vals in vals_list]
        self._check_not_known(vals_list)
        # sudo: the values were read from the file just now, and the right to create checked above
        fapiaos = super(AftersalesFapiao, self.sudo()).create(vals_list).sudo(self.env.su)
        # the rules can only tell once the records are there
        fapiaos.check_access("create")
        fapiaos._run_checks()
        return fapiaos

    @api.model
    def _get_own_vals(self, vals):
        """Return what a caller may give of ``vals``: the file, and a company that he works in."""
        known = {"document", "document_name"}
        if vals.get("company_id") in self.env.companies.ids:
            known.add("company_id")
        return {name: value for name, value in vals.items() if name in known}

    def write(self, vals):
        if {"document", "document_name"} & vals.keys():
            raise UserError(
                self.env._("The original file of a fapiao can't be exchanged. Enter a new one.")
            )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_read(self):
        for fapiao in self:
            if fapiao.state == "posted":
                raise UserError(self.env._("A posted fapiao is kept."))
            if fapiao.state != "read":
                raise UserError(
                    self.env._(
                        "Fapiao %s is matched to a settlement. Undo the match before you delete "
                        "it.",
                        fapiao.name,
                    )
                )

    def _check_not_known(self, vals_list):
        names = [vals["name"] for vals in vals_list]
        known = self.search(
            [("name", "in", names), ("company_id", "in", self.env.companies.ids)], limit=1
        )
        name = known.name or next((n for n in names if names.count(n) > 1), False)
        if name:
            raise UserError(self.env._("Fapiao %s has already been entered.", name))

    # --- reading ---------------------------------------------------------------------------

    @api.model
    def _read_document(self, document):
        """Return the values that the XML of a fully digital fapiao holds.

        :param document: the file, base64
        :raises UserError: not a fapiao, or not a safe file
        """
        try:
            raw = base64.b64decode(document or b"", validate=True)
        except (binascii.Error, ValueError) as error:
            raise UserError(self.env._("The file can't be read.")) from error
        if not raw:
            raise UserError(self.env._("Choose the XML file of the fapiao."))
        root = self._parse_xml(raw)
        data = root.find("EInvoiceData")
        if root.tag != "EInvoice" or data is None:
            raise UserError(self.env._("The file is not the XML of an electronic fapiao."))
        text = self._get_text
        special = text(root, "Header/InherentLabel/GeneralOrSpecialVAT/LabelCode") == "01"
        totals = "EInvoiceData/BasicInformation/"
        return {
            "name": text(root, "TaxSupervisionInfo/InvoiceNumber", required=True),
            "kind": "special" if special else "ordinary",
            "date": self._get_issue_date(root),
            "seller_name": text(root, "EInvoiceData/SellerInformation/SellerName"),
            "seller_vat": text(root, "EInvoiceData/SellerInformation/SellerIdNum"),
            "buyer_name": text(root, "EInvoiceData/BuyerInformation/BuyerName"),
            "buyer_vat": text(root, "EInvoiceData/BuyerInformation/BuyerIdNum"),
            "amount_untaxed": self._get_amount(root, totals + "TotalAmWithoutTax"),
            "amount_tax": self._get_amount(root, totals + "TotalTaxAm"),
            "amount_total": self._get_amount(root, totals + "TotalTax-includedAmount"),
            "digest": hashlib.sha256(raw).hexdigest(),
        }

    @api.model
    def _parse_xml(self, raw):
        if len(raw) > MAX_FILE_SIZE:
            raise UserError(
                self.env._("The file is larger than %s MB.", MAX_FILE_SIZE // 1024 // 1024)
            )
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
        )
        try:
            root = etree.fromstring(raw, parser)
        except (etree.XMLSyntaxError, ValueError) as error:
            raise UserError(self.env._("The file is damaged, or no XML file.")) from error
        if root.getroottree().docinfo.doctype:
            raise UserError(
                self.env._("The file declares a document type, which no fapiao does: refused.")
            )
        return root

    @api.model
    def _get_text(self, root, path, required=False):
        value = (root.findtext(path) or "").strip()
        if required and not value:
            raise UserError(
                self.env._("The file lacks “%s”, which every fapiao has.", path.split("/")[-1])
            )
        return value

    @api.model
    def _get_amount(self, root, path):
        value = self._get_text(root, path, required=True)
        try:
            amount = float(value)
        except ValueError:
            amount = math.nan
        if not math.isfinite(amount):
            raise UserError(self.env._("“%s” is no amount.", value))
        return amount

    @api.model
    def _get_issue_date(self, root):
        value = self._get_text(root, "TaxSupervisionInfo/IssueTime", required=True)
        try:
            # the tax system writes Chinese local time; its date is the fapiao's date
            return datetime.strptime(value[:10], "%Y-%m-%d").date()
        except ValueError as error:
            raise UserError(self.env._("“%s” is no date.", value)) from error

    @api.constrains("amount_untaxed", "amount_tax", "amount_total")
    def _check_amounts(self):
        for fapiao in self:
            if fapiao.amount_total <= 0:
                raise ValidationError(
                    self.env._(
                        "%s is a red (negative) fapiao, which can't be entered here yet.",
                        fapiao.name,
                    )
                )

    # --- checks ----------------------------------------------------------------------------

    def _run_checks(self):
        """Compare what the file says; each check passed, failed, or was not possible."""
        centers = (
            self.env["res.partner"]
            .search(
                [
                    ("is_service_center", "=", True),
                    ("vat", "in", list(filter(None, self.mapped("seller_vat")))),
                ]
            )
            .grouped("vat")
        )
        checks = self.env["aftersales.fapiao.check"]
        vals_list = []
        for fapiao in self:
            center = centers.get(fapiao.seller_vat, self.env["res.partner"])
            # branches share the tax number of their company, and it is the company that invoices
            is_known = len(center.commercial_partner_id) == 1
            fapiao._write_protected({"center_id": center[:1].id if is_known else False})
            vals_list += [
                {"fapiao_id": fapiao.id, "code": code, "result": result}
                for code, result in fapiao._get_check_results().items()
            ]
        # sudo: results of checks are the system's; nobody enters them
        self.sudo().check_ids.unlink()
        checks.sudo().create(vals_list)
        self.invalidate_recordset(["check_ids"])

    def _get_check_results(self):
        """Return {code: result} of each check."""
        self.ensure_one()
        year = self.date.strftime("%y")
        today = self.company_id._aftersales_local(fields.Datetime.now()).date()
        net_tax = self.currency_id.round(self.amount_untaxed + self.amount_tax)
        passed = {
            "number": len(self.name) == 20 and self.name.isdigit() and self.name[:2] == year,
            "date": self.date <= today,
            "sums": self.currency_id.compare_amounts(net_tax, self.amount_total) == 0,
            "kind": self.kind == "special",
            "seller": bool(self.center_id),
            "buyer": self.buyer_vat == self.company_id.vat,
        }
        results = {code: "passed" if good else "failed" for code, good in passed.items()}
        if not self.company_id.vat:
            results["buyer"] = "impossible"
        # codes with letters in the first eight places exist that the check digit rule refuses
        results["uscc"] = "passed" if uscc.is_valid(self.seller_vat or "") else "impossible"
        return results

    def _check_postable(self):
        """Raise UserError unless every check allows the fapiao to be posted."""
        for fapiao in self:
            failed = fapiao.check_ids.filtered(lambda c: c.result == "failed")
            if failed or not fapiao.check_ids:
                raise UserError(
                    self.env._(
                        "Fapiao %(number)s failed a check:\n%(checks)s\nAsk the service center "
                        "for a correct one.",
                        number=fapiao.name,
                        checks="\n".join(f"• {name}" for name in failed.mapped("display_name")),
                    )
                )

    def _check_tax(self, expected):
        """Raise UserError if the VAT is not ``expected``, but for roundings of the tax system."""
        self.ensure_one()
        tolerance = self.company_id.aftersales_tax_tolerance
        if self.currency_id.compare_amounts(abs(self.amount_tax - expected), tolerance) > 0:
            raise UserError(
                self.env._(
                    "The VAT of fapiao %(number)s is %(actual)s, but %(expected)s at the rate of "
                    "%(tax)s. Ask the service center for a fapiao with the right rate.",
                    number=self.name,
                    actual=self.currency_id.format(self.amount_tax),
                    expected=self.currency_id.format(expected),
                    tax=self.company_id.aftersales_purchase_tax_id.name,
                )
            )

    def _check_bill(self, bill):
        """Raise UserError unless the bill equals the fapiao to the cent."""
        self.ensure_one()
        pairs = (
            (bill.amount_untaxed, self.amount_untaxed),
            (bill.amount_tax, self.amount_tax),
            (bill.amount_total, self.amount_total),
        )
        if any(self.currency_id.compare_amounts(a, b) for a, b in pairs):
            raise UserError(
                self.env._(
                    "The vendor bill would not equal fapiao %(number)s to the cent: %(bill)s "
                    "against %(fapiao)s. Is the VAT rate the one in the settings?",
                    number=self.name,
                    bill=format_list(self.env, [self.currency_id.format(a) for a, _b in pairs]),
                    fapiao=format_list(self.env, [self.currency_id.format(b) for _a, b in pairs]),
                )
            )

    # --- matching --------------------------------------------------------------------------

    def action_match(self):
        """Match to the confirmed settlement of the same center and amount."""
        for fapiao in self:
            fapiao.check_access("write")
            fapiao.lock_for_update(allow_referencing=True)
            if fapiao.state != "read":
                raise UserError(self.env._("Fapiao %s is matched already.", fapiao.name))
            # what failed when it was entered may have been put right since
            fapiao._run_checks()
            seller = fapiao.center_id.commercial_partner_id
            candidates = self.env["aftersales.settlement"].search(
                [
                    ("company_id", "=", fapiao.company_id.id),
                    ("center_id.commercial_partner_id", "in", seller.ids),
                    ("state", "=", "posted"),
                    ("fapiao_ids", "=", False),
                ],
                order="month",
            )
            exact = candidates.filtered(
                lambda s, f=fapiao: s.currency_id.compare_amounts(s.amount_payable, f.amount_total)
                == 0
            )
            if not exact:
                raise UserError(fapiao._get_no_match_message(candidates))
            # one at a time: whoever waited here finds it taken, by the unique index at last
            exact[0]._lock("posted")
            fapiao._write_protected({"settlement_id": exact[0].id, "state": "matched"})
            exact[0]._write_protected({"state": "invoiced"})
            exact[0]._deadline_event("invoiced")
        return True

    def _get_no_match_message(self, candidates):
        if not self.center_id:
            return self.env._(
                "No service center has the tax number %s. Enter it on the center's form.",
                self.seller_vat,
            )
        if not candidates:
            return self.env._(
                "%s has no confirmed settlement that waits for a fapiao.", self.center_id.name
            )
        return self.env._(
            "No confirmed settlement of %(center)s amounts to %(amount)s. Waiting: %(waiting)s",
            center=self.center_id.name,
            amount=self.currency_id.format(self.amount_total),
            waiting=format_list(
                self.env,
                [f"{s.name} {s.currency_id.format(s.amount_payable)}" for s in candidates],
            ),
        )

    def action_unmatch(self):
        """Undo the match of a fapiao that isn't posted."""
        for fapiao in self:
            fapiao.check_access("write")
            if fapiao.state != "matched":
                raise UserError(self.env._("Fapiao %s is not matched.", fapiao.name))
            fapiao.settlement_id._write_protected({"state": "posted"})
            fapiao._write_protected({"settlement_id": False, "state": "read"})
        return True

    def action_reconcile(self):
        """Post the vendor bill of the matched settlement and reconcile."""
        for fapiao in self:
            if not fapiao.settlement_id:
                raise UserError(self.env._("Match fapiao %s first.", fapiao.name))
        return self.settlement_id.action_reconcile()

    def action_view_bill(self):
        self.ensure_one()
        return self.settlement_id.action_view_bill()
