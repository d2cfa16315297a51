from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..tools import fapiao_data


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
    code = fields.Char(
        "Invoice code",
        help="10 or 12 digits on a fapiao that isn't fully digital; empty on one that is.",
    )
    number = fields.Char(
        "Invoice number",
        help="20 digits on a fully digital fapiao, 8 on an older one. Never shortened.",
    )
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    source = fields.Selection(
        [("xml", "XML file"), ("ofd", "OFD file"), ("manual", "Entered by hand")],
        help="Where the figures come from. Those of a file can't be changed.",
    )
    entered_by_ids = fields.Many2many(
        "res.users",
        string="Figures changed by",
        readonly=True,
        copy=False,
        help="Who has changed figures that were entered by hand. Somebody else accepts them.",
    )
    kind = fields.Selection(
        [("special", "Special VAT invoice"), ("ordinary", "Ordinary VAT invoice")],
        help="Only a special invoice lets us deduct input VAT.",
    )
    direction = fields.Selection(
        [("received", "Received"), ("issued", "Issued")],
        "Received or issued",
        compute="_compute_direction",
        store=True,
        help="Issued: we are the seller, and claim from the manufacturer.",
    )
    is_red = fields.Boolean(
        "Red",
        compute="_compute_is_red",
        store=True,
        help="A red fapiao (红字发票) is negative and takes back a blue one.",
    )
    blue_number = fields.Char(
        "Takes back fapiao", help="The number of the blue fapiao that a red one takes back."
    )
    blue_id = fields.Many2one(
        "aftersales.fapiao",
        "Blue fapiao",
        check_company=True,
        ondelete="restrict",
        index="btree_not_null",
        tracking=True,
    )
    red_ids = fields.One2many("aftersales.fapiao", "blue_id", "Red fapiao", readonly=True)
    confirmation_number = fields.Char(
        "Red confirmation form",
        help="Number of the form (红字发票信息确认单编号) by which both parties agreed on the red "
        "fapiao.",
    )
    date = fields.Date("Issued on", required=True)
    seller_name = fields.Char("Seller")
    seller_vat = fields.Char("Seller's tax number")
    seller_address = fields.Char("Seller's address and phone")
    seller_bank = fields.Char("Seller's bank and account")
    buyer_name = fields.Char("Buyer")
    buyer_vat = fields.Char("Buyer's tax number")
    buyer_address = fields.Char("Buyer's address and phone")
    buyer_bank = fields.Char("Buyer's bank and account")
    center_id = fields.Many2one(
        "res.partner",
        "Service center",
        readonly=True,
        index="btree_not_null",
        help="The service center that has the seller's tax number.",
    )
    partner_id = fields.Many2one(
        "res.partner",
        "Other party",
        readonly=True,
        index="btree_not_null",
        help="Seller of a received fapiao, buyer of an issued one, found by the tax number.",
    )
    line_ids = fields.One2many("aftersales.fapiao.line", "fapiao_id", "Lines")
    amount_untaxed = fields.Monetary("Net")
    amount_tax = fields.Monetary("VAT")
    amount_total = fields.Monetary("Gross")
    capitals = fields.Char("Gross in capitals", help="价税合计（大写）as the fapiao gives it.")
    remark = fields.Char()
    drawer = fields.Char(help="Who drew up the fapiao at the seller (开票人).")
    header_number = fields.Char(
        "Number in the file's header",
        readonly=True,
        help="The tax system writes the number twice; both have to agree.",
    )
    bureau_code = fields.Char("Tax bureau", readonly=True)
    file_places = fields.Char(
        "Places in the file",
        readonly=True,
        help="An OFD file gives the data in up to three places, which may disagree.",
    )
    file_differences = fields.Char("Places that disagree", readonly=True)
    document = fields.Binary("Original file", attachment=True, help="The XML or OFD file.")
    document_name = fields.Char("File name")
    digest = fields.Char(
        "File hash", readonly=True, help="SHA-256 of the original file, to show it is unchanged."
    )
    pdf = fields.Binary(
        "PDF", attachment=True, help="What the fapiao looks like. Figures are never read from it."
    )
    pdf_name = fields.Char("Name of the PDF")
    pdf_digest = fields.Char("PDF hash", readonly=True, help="SHA-256 of the PDF.")
    conflict_digest = fields.Char(
        "Hash of another file",
        readonly=True,
        help="SHA-256 of a file with the same number that says something else.",
    )
    check_ids = fields.One2many("aftersales.fapiao.check", "fapiao_id", "Checks", readonly=True)
    failed_count = fields.Integer("Failed checks", compute="_compute_failed_count")
    bill_id = fields.Many2one(
        "account.move",
        "Vendor bill",
        readonly=True,
        check_company=True,
        ondelete="restrict",
        index="btree_not_null",
    )
    state = fields.Selection(
        [
            ("read", "Read"),
            ("partly", "Partly matched"),
            ("matched", "Matched"),
            ("posted", "Posted"),
            ("reversed", "Reversed"),
        ],
        "Status",
        default="read",
        required=True,
        readonly=True,
        tracking=True,
    )

    # by seller, too: who puts another's number into his own file doesn't keep the true one out
    _name_company_uniq = models.Constraint(
        "UNIQUE(name, seller_vat, company_id)", "This fapiao has already been entered."
    )

    @api.depends("check_ids.result")
    def _compute_failed_count(self):
        for fapiao in self:
            fapiao.failed_count = len(fapiao.check_ids.filtered(lambda c: c.result == "failed"))

    # not by the tax number of the company, so that a new one leaves old fapiao as they are
    @api.depends("seller_vat", "buyer_vat", "company_id")
    def _compute_direction(self):
        for fapiao in self:
            vat = fapiao.company_id.vat
            issued = vat and fapiao.seller_vat == vat and fapiao.buyer_vat != vat
            fapiao.direction = "issued" if issued else "received"

    @api.depends("amount_total")
    def _compute_is_red(self):
        for fapiao in self:
            fapiao.is_red = fapiao.amount_total < 0

    def _get_retention_depends(self):
        return [
            *super()._get_retention_depends(),
            "state",
            "date",
            "match_ids.settlement_id.retain_until",
        ]

    def _get_retention_start(self):
        # until it is posted, a match can be undone
        return self.date if self.state in ("posted", "reversed") else False

    def _get_retained_with(self):
        return self.match_ids.settlement_id

    # --- who may write what ----------------------------------------------------------------

    @api.model
    def _get_entry_fields(self):
        """Return the names of the fields that are read from a file, or else entered by hand."""
        return {
            *("code", "number", "kind", "date", "blue_number", "confirmation_number"),
            *("seller_name", "seller_vat", "seller_address", "seller_bank"),
            *("buyer_name", "buyer_vat", "buyer_address", "buyer_bank"),
            *("amount_untaxed", "amount_tax", "amount_total", "capitals", "remark", "drawer"),
        }

    @api.model
    def _get_file_fields(self):
        """Return the names of the fields that hold original files."""
        return {"document", "document_name", "pdf", "pdf_name"}

    def _get_protected_fields(self):
        return {
            name
            for name, field in self._fields.items()
            if field.store and field.type != "one2many" and name not in models.MAGIC_COLUMNS
        } - self._get_free_fields()

    def _get_given_fields(self):
        # also lists of others: by a default, one's own would take in the fapiao of somebody else;
        # the button that enters one by hand opens the form with its source and its PDF
        return set(self._fields) - self._get_file_fields() - {"source"}

    def _get_free_fields(self):
        """Return the names of the fields that may be written at this moment."""
        free = {"message_main_attachment_id", "document", "document_name", "pdf", "pdf_name"}
        if self and self._is_entered_by_hand():
            free |= self._get_entry_fields()
        if self and all(fapiao._is_blue_choosable() for fapiao in self):
            free.add("blue_id")
        return free

    def _is_blue_choosable(self):
        """Tell whether an accountant may choose the blue fapiao: where no file names it."""
        named = self.blue_number and self.source != "manual"
        return self.is_red and self.state == "read" and not named

    def _is_entered_by_hand(self):
        """Tell whether the figures are an accountant's own, and not matched to anything yet."""
        return all(fapiao.source == "manual" and fapiao.state == "read" for fapiao in self)

    def _check_entered_by_hand(self):
        """Raise AccessError unless the user may change the figures and lines."""
        if self.env.su:
            return
        # against a match at the same moment, which reads the lines
        self._lock_for_books()
        if not self._is_entered_by_hand():
            raise AccessError(
                self.env._(
                    "The figures of a fapiao come from its file, and stay as they were when it "
                    "was matched: they can't be changed by hand."
                )
            )

    def _note_who_entered(self):
        """Keep who changed the figures: who did doesn't accept what they fail (M8.6)."""
        if self.env.su:
            return
        # sudo: nobody writes this by hand; that the user may change the figures was checked
        for fapiao in self.sudo():
            if fapiao.source == "manual" and self.env.user not in fapiao.entered_by_ids:
                fapiao.entered_by_ids = [fields.Command.link(self.env.uid)]

    @api.model_create_multi
    def create(self, vals_list):
        """Read each file; what the fapiao says comes from its file, never from the caller.

        Accountants may give all figures themselves with `source` “manual”; a service center may
        hand in the file of its own fapiao.

        :raises UserError: not a fapiao, not a safe file, or entered already (M8.6)
        """
        if not self.env.su:
            self.check_access("create")
            vals_list = [self._get_own_vals(vals) for vals in vals_list]
        # what is no file of these values is none: no default of a caller comes in unread
        no_files = dict.fromkeys(self._get_file_fields(), False)
        vals_list = [self._prepare_entry_vals({**no_files, **vals}) for vals in vals_list]
        self._check_not_known(vals_list)
        self._add_parties(vals_list)
        self._check_own_center(vals_list)
        # sudo: the values were read from the file just now, and the right to create checked above
        fapiaos = super(AftersalesFapiao, self.sudo()).create(vals_list).sudo(self.env.su)
        # the rules can only tell once the records are there
        fapiaos.check_access("create")
        fapiaos._run_checks()
        return fapiaos

    @api.model
    def _get_own_vals(self, vals):
        """Return what a caller may give of ``vals``: files, and a company that he works in."""
        known = self._get_file_fields()
        if vals.get("source") == "manual" and self._is_accountant():
            known |= self._get_entry_fields() | {"source", "line_ids"}
        if vals.get("company_id") in self.env.companies.ids:
            known.add("company_id")
        return {name: value for name, value in vals.items() if name in known}

    @api.model
    def _is_accountant(self):
        return self.env.user.has_group("account.group_account_invoice")

    @api.model
    def _prepare_entry_vals(self, vals):
        """Return the values of a new fapiao: those of its file, or those entered by hand."""
        if vals.get("source") == "manual":
            values = {**vals, **self._prepare_number_vals(vals.get("code"), vals.get("number"))}
            values["document"] = False
        else:
            values = {**vals, **self._read_document(vals.get("document"))}
        if vals.get("pdf"):
            values["pdf_digest"] = self._read_pdf(vals["pdf"])
        return values

    @api.model
    def _prepare_number_vals(self, code, number):
        """Return the values of the number as entered.

        :raises UserError: it isn't one
        """
        code, number = ("".join((text or "").split()) for text in (code, number))
        try:
            fapiao_data.check_number(code, number)
        except fapiao_data.FapiaoError as error:
            raise self._get_file_error(error) from error
        name = fapiao_data.join_number(code, number)
        return {"code": code, "number": number, "name": name}

    def write(self, vals):
        files = {"document", "pdf"} & vals.keys()
        if files and not self.env.su and any(fapiao[name] for fapiao in self for name in files):
            raise UserError(
                self.env._("The original file of a fapiao can't be exchanged. Enter a new one.")
            )
        if "document" in files and not self.env.su:
            raise UserError(
                self.env._("Read the file by “Import fapiao”: it backs what was entered by hand.")
            )
        if "line_ids" in vals:
            self._check_entered_by_hand()
        entered = vals.keys() & (self._get_entry_fields() | {"line_ids", "blue_id", "pdf"})
        if vals.get("pdf") and not self.env.su:
            digest = self._read_pdf(vals["pdf"])
            self._write_protected({"pdf_digest": digest})
        result = super().write(vals)
        if entered and not self.env.su:
            if entered - {"pdf"}:
                self._note_who_entered()
            if {"code", "number"} & vals.keys():
                for fapiao in self:
                    fapiao._check_renamed()
            self._run_checks()
        return result

    def _check_renamed(self):
        """Take over the number entered anew, unless it is another fapiao's."""
        vals = self._prepare_number_vals(self.code, self.number)
        if vals["name"] != self.name:
            known = {"company_id": self.company_id.id, "seller_vat": self.seller_vat}
            self._check_not_known([{**vals, **known}])
            self._write_protected(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_read(self):
        for fapiao in self:
            if fapiao.state in ("posted", "reversed"):
                raise UserError(self.env._("A posted fapiao is kept."))
            if fapiao.state != "read":
                raise UserError(
                    self.env._(
                        "Fapiao %s is matched to a settlement. Undo the match before you delete "
                        "it.",
                        fapiao.name,
                    )
                )

    @api.model
    def _check_not_known(self, vals_list):
        """Raise UserError if a seller's number is known in the company, or is given twice.

        The same number of another seller is another record; the checks hold up both.

        A service center isn't told about the fapiao of others: not even that there is one.
        """
        keys = [
            (v.get("company_id") or self.env.company.id, v["name"], v.get("seller_vat") or False)
            for v in vals_list
        ]
        # sudo: a number is taken whoever entered it; what is told about it is decided below
        known = self.sudo().search(
            [
                ("name", "in", [name for _company, name, _seller in keys]),
                ("company_id", "in", [company for company, _name, _seller in keys]),
            ]
        )
        taken = {(f.company_id.id, f.name, f.seller_vat): f.sudo(False) for f in known}
        for key in keys:
            if keys.count(key) > 1 or (key in taken and self.env.su):
                raise UserError(self.env._("Fapiao %s has already been entered.", key[1]))
            if key not in taken:
                continue
            if taken[key].has_access("read"):
                raise UserError(self.env._("Fapiao %s has already been entered.", key[1]))
            raise UserError(
                self.env._(
                    "Fapiao %s can't be taken in here. Send its file to the accounting department.",
                    key[1],
                )
            )

    @api.model
    def _check_own_center(self, vals_list):
        """Raise UserError if a service center hands in the fapiao of somebody else (M8.6)."""
        if self.env.su or self._is_accountant():
            return
        own = self.env.user.commercial_partner_id
        for vals in vals_list:
            # sudo: whose center it is, which the user needn't be able to read
            center = self.env["res.partner"].sudo().browse(vals["center_id"])
            if not center or center.commercial_partner_id != own:
                raise UserError(
                    self.env._(
                        "You can only hand in fapiao that your service center has issued. The "
                        "seller on %(number)s is %(seller)s (%(vat)s).",
                        number=vals["name"],
                        seller=vals.get("seller_name") or "?",
                        vat=vals.get("seller_vat") or "?",
                    )
                )

    # --- parties ---------------------------------------------------------------------------

    @api.model
    def _add_parties(self, vals_list):
        """Add to each of ``vals_list`` the service center and the other party, by tax number."""
        vats = {vals.get(f"{side}_vat") for vals in vals_list for side in ("seller", "buyer")}
        # sudo: a partner is looked up by the tax number that the fapiao itself gives
        partners = (
            self.env["res.partner"].sudo().search([("vat", "in", list(filter(None, vats)))])
        ).grouped("vat")
        for vals in vals_list:
            company = self.env["res.company"].browse(vals.get("company_id"))
            company = company or self.env.company
            own_vat = company.sudo().vat
            seller, buyer = vals.get("seller_vat"), vals.get("buyer_vat")
            issued = own_vat and seller == own_vat and buyer != own_vat
            found = {
                side: partners.get(vat, self.env["res.partner"]).filtered(
                    lambda p, c=company: p.company_id in (c, self.env["res.company"])
                )
                for side, vat in (("seller", seller), ("buyer", buyer))
            }
            centers = found["seller"].filtered("is_service_center")
            other = (found["buyer"] if issued else centers or found["seller"]).commercial_partner_id
            # branches share the tax number of their company, and it is the company that invoices
            known = len(centers.commercial_partner_id) == 1
            vals["center_id"] = centers[0].id if known else False
            vals["partner_id"] = other.id if len(other) == 1 else False

    def _add_own_parties(self):
        """Look the parties up again: they may have been entered or put right since."""
        vals_list = [
            {
                "company_id": fapiao.company_id.id,
                "seller_vat": fapiao.seller_vat,
                "buyer_vat": fapiao.buyer_vat,
            }
            for fapiao in self
        ]
        self._add_parties(vals_list)
        for fapiao, vals in zip(self, vals_list, strict=True):
            parties = {name: vals[name] for name in ("center_id", "partner_id")}
            if fapiao._get_changed_names(parties, set(parties)):
                fapiao._write_protected(parties)

    # --- figures ---------------------------------------------------------------------------

    def action_enter_by_hand(self):
        """Open the form to enter a fapiao of which there is no XML or OFD file."""
        return self._get_manual_action()

    @api.onchange("line_ids")
    def _onchange_line_ids(self):
        if self.source == "manual" and self.line_ids:
            self.amount_untaxed = sum(self.line_ids.mapped("amount_untaxed"))
            self.amount_tax = sum(self.line_ids.mapped("amount_tax"))
            self.amount_total = self.currency_id.round(self.amount_untaxed + self.amount_tax)

    def _get_tax_groups(self):
        """Return {VAT rate in per cent: (net, VAT)} in the company's currency, from the lines.

        The groups add up to net and VAT of the fapiao to the cent: where the tax system rounded
        its lines apart, the cents belong to the largest group. The rate is None where the file
        gives none, so that it isn't guessed.
        """
        self.ensure_one()
        groups = {}
        for line in self.line_ids:
            rate = line.tax_rate if line.has_rate else None
            net, tax = groups.get(rate, (0, 0))
            groups[rate] = (net + line.amount_untaxed, tax + line.amount_tax)
        if not groups:
            return {None: (self.amount_untaxed, self.amount_tax)}
        largest = max(groups, key=lambda rate: abs(groups[rate][0]))
        rest = [
            total - sum(group[index] for group in groups.values())
            for index, total in enumerate((self.amount_untaxed, self.amount_tax))
        ]
        groups[largest] = tuple(a + b for a, b in zip(groups[largest], rest, strict=True))
        return {
            rate: tuple(self.currency_id.round(amount) for amount in amounts)
            for rate, amounts in groups.items()
        }
