from datetime import datetime

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command, Domain
from odoo.tools import format_list

# so many names in a sentence; a return may have a thousand
NAMED = 10


class AftersalesReturn(models.Model):
    """What follows a verified return, and the answer to its sender (L2.9, L2.10)."""

    _inherit = "aftersales.return"

    can_answer = fields.Boolean(compute="_compute_can_answer")
    has_excess = fields.Boolean(compute="_compute_has_excess")
    missing_answer = fields.Text(
        "Still missing",
        compute="_compute_missing_answer",
        help="What has to be done before the sender can be answered (L2.10).",
    )
    answer_move_ids = fields.One2many(
        "account.move",
        "aftersales_return_id",
        "Credit notes",
        groups="account.group_account_invoice,account.group_account_readonly",
    )
    credit_count = fields.Integer(
        compute="_compute_credit_count",
        groups="account.group_account_invoice,account.group_account_readonly",
    )
    delivery_count = fields.Integer(
        compute="_compute_delivery_count", groups="stock.group_stock_user"
    )
    is_answer_undone = fields.Boolean(
        "Answer undone",
        compute="_compute_is_answer_undone",
        search="_search_is_answer_undone",
        help="A credit note or transfer of the answer was deleted or cancelled.",
    )

    @api.depends("state")
    @api.depends_context("uid")
    def _compute_can_answer(self):
        is_role = self.env.user.has_group("aftersales_service.group_customer_service")
        for document in self:
            document.can_answer = is_role and document.state == "verified"

    @api.depends("line_ids.quantity_accepted", "line_ids.quantity_shipped")
    def _compute_has_excess(self):
        for document in self:
            document.has_excess = any(
                line._exceeds(line.quantity_accepted) for line in document._get_goods_lines()
            )

    @api.depends(
        "state",
        "line_ids.outcome",
        "line_ids.outcome_refused",
        "line_ids.scrap_agreement",
        "line_ids.excess_reason",
    )
    @api.depends_context("lang")
    def _compute_missing_answer(self):
        for document in self:
            missing = document._get_missing_answer() if document.state == "verified" else []
            document.missing_answer = "\n".join(missing)

    def _compute_credit_count(self):
        counts = dict(
            self.env["account.move"]._read_group(
                [("aftersales_return_id", "in", self.ids)], ["aftersales_return_id"], ["__count"]
            )
        )
        for document in self:
            document.credit_count = counts.get(document, 0)

    def _compute_delivery_count(self):
        for document in self:
            document.delivery_count = len(document._get_answer_pickings())

    def _compute_is_answer_undone(self):
        undone = self.search(Domain("id", "in", self.ids) & self._get_undone_domain())
        for document in self:
            document.is_answer_undone = document in undone

    @api.model
    def _search_is_answer_undone(self, operator, value):
        if operator != "in":
            return NotImplemented
        undone = self._get_undone_domain()
        return undone if True in value else ~undone

    @api.model
    def _get_undone_domain(self):
        lines = self.env["aftersales.return.line"]
        # sudo: the state of credit notes and transfers counts, which not everybody may read
        query = lines.sudo()._search(lines._get_undone_domain())
        return Domain("id", "in", query.subselect("return_id"))

    # --- what is still missing -------------------------------------------------------------

    def _get_lines_to_answer(self):
        """Return what has arrived and its sender was not answered about yet.

        What arrives after an answer gets a further one.
        """
        return self.line_ids.filtered(
            lambda line: (
                (line.is_received or line.part_state == "lost") and not line.date_answered
            )
        )

    def _get_missing_answer(self):
        """Return sentences that say what has to be done before the sender can be answered."""
        self.ensure_one()
        lines = self._get_lines_to_answer()
        undecided = lines.filtered(
            lambda line: (
                (line.quantity_accepted and not line.outcome)
                or (line.quantity_refused and not line.outcome_refused)
            )
        )
        unagreed = lines.filtered(lambda line: line._lacks_scrap_agreement())
        missing = []
        if objection := self.line_ids._get_objection_message():
            missing.append(objection)
        if undecided:
            missing.append(self.env._("Decide what follows for: %s", self._format_names(undecided)))
        if unagreed:
            missing.append(
                self.env._(
                    "Note who of the sender agreed that these goods are scrapped: %s",
                    self._format_names(unagreed),
                )
            )
        if unexplained := lines.filtered(lambda line: line._lacks_excess_reason()):
            missing.append(
                self.env._(
                    "Say why more is exchanged or credited than was shipped: %s",
                    self._format_names(unexplained),
                )
            )
        return missing

    def _format_names(self, lines):
        names = lines[:NAMED].mapped("display_name")
        if len(lines) > NAMED:
            names.append(self.env._("%s more", len(lines) - NAMED))
        return format_list(self.env, names)

    # --- answer ----------------------------------------------------------------------------

    def action_verify(self):
        """Close the inspection, and propose what follows (L2.8, L2.9)."""
        result = super().action_verify()
        for document in self:
            # sudo: a proposal; customer service decides
            document.sudo()._get_lines_to_answer()._propose_outcome()
        return result

    def action_done(self):
        """Answer the sender as customer service: do what was decided, send the slip.

        Deliveries for what is exchanged, a draft credit note for what is credited, and what
        was refused goes back or is scrapped: all of it or nothing (L2.9, L2.10).

        :raises UserError: not verified, or something is missing or can't be done
        """
        self._check_group("aftersales_service.group_customer_service")
        for document in self:
            document.check_access("write")
            document._lock_for_action()
            if document.state != "verified":
                raise UserError(
                    self.env._("%s has to be verified before it is answered.", document.name)
                )
            if missing := document._get_missing_answer():
                raise UserError(
                    self.env._(
                        "%(document)s can't be answered yet:\n%(missing)s",
                        document=document.name,
                        missing="\n".join(missing),
                    )
                )
            # sudo: customer service has no rights on stock and accounting; transfers and credit
            # note are exactly what the lines say
            document.sudo().with_company(document.company_id)._answer()
        return True

    def _answer(self):
        self.ensure_one()
        lines = self._get_lines_to_answer()
        lines._carry_out()
        moment = fields.Datetime.now()
        lines._write_protected({"date_answered": moment})
        self._write_protected({"state": "done", "date_answered": moment})
        self._deadline_event("answered")
        self._send_slip()

    def _note_written_off(self, lines, note):
        """Answer at once about what is written off on a return that is answered (L2.10)."""
        result = super()._note_written_off(lines, note)
        for document, own in lines.grouped("return_id").items():
            if document.state == "done":
                own._write_protected({"date_answered": fields.Datetime.now()})
                document._send_slip()
        return result

    def _note_ruled(self, lines, dispute):
        """Tell the sender what counts as accepted; what is answered gets a new slip (L2.10)."""
        self._tell_sender(
            lambda d: d._get_ruling_message(lines.with_env(d.env), dispute), customer_service=True
        )
        if answered := lines.filtered("date_answered"):
            answered._write_protected({"date_answered": fields.Datetime.now()})
            self._send_slip()

    def _get_ruling_message(self, lines, dispute):
        sentences = [
            self.env._(
                "By the final ruling of %(dispute)s, these count as accepted: %(lines)s",
                dispute=dispute.name,
                lines=self._format_tags(lines.mapped("display_name")),
            )
        ]
        if kept := lines.filtered(lambda line: line.part_state == "held"):
            sentences.append(
                self.env._(
                    "They are with you again, but belong to the manufacturer: return them with "
                    "your next return (M10.1): %s",
                    self._format_tags(kept.mapped("display_name")),
                )
            )
        return sentences

    def action_carry_out(self):
        """Make credit note and transfers again that were deleted or cancelled, as customer service.

        :raises UserError: all that was answered stands
        """
        self._check_group("aftersales_service.group_customer_service")
        for document in self:
            document.check_access("write")
            document._lock_for_action()
            own = document.sudo().with_company(document.company_id)
            lines = own.line_ids._get_undone()
            if not lines:
                raise UserError(
                    self.env._("Nothing of what %s was answered is undone.", document.name)
                )
            # sudo: as in `action_done`
            lines._carry_out()
            document.message_post(
                body=self.env._(
                    "Made again what was deleted or cancelled: %s",
                    document._format_names(lines),
                )
            )
        return True

    def _get_answer_pickings(self):
        """Return the transfers to the sender: exchange and refused goods, with backorders."""
        # sudo: asked for by stock users on their own returns only
        lines = self.sudo().line_ids
        pickings = new = (lines.exchange_move_id | lines.back_move_id).picking_id
        while new := new.backorder_ids - pickings:
            pickings |= new
        return pickings.with_env(self.env)

    def _prepare_credit_vals(self, partner, currency, lines, invoices):
        """Return the draft credit note of ``lines``, which credit the ``invoices``."""
        self.ensure_one()
        return {
            "move_type": "out_refund",
            "company_id": self.company_id.id,
            "partner_id": partner.id,
            "currency_id": currency.id,
            "ref": self.name,
            "invoice_origin": self.name,
            # core sets a credit note off against the invoice that it reverses
            "reversed_entry_id": invoices.id if len(invoices) == 1 else False,
            "aftersales_return_id": self.id,
            "invoice_line_ids": [Command.create(vals) for vals in lines],
        }

    # --- receipt slip ----------------------------------------------------------------------

    def _get_slip_answers(self):
        """Return [(moment of the answer, lines)], newest first; what was not answered comes last.

        What arrives after the first answer gets one of its own.
        """
        self.ensure_one()
        by_answer = self.line_ids.grouped("date_answered")
        return sorted(by_answer.items(), key=lambda item: item[0] or datetime.min, reverse=True)

    def _send_slip(self):
        """Send the receipt slip to the sender, as a file that stays as it was then (L2.9)."""
        self.ensure_one()
        document = self.with_context(
            lang=self.center_id.lang or self.env.lang, tz=self.company_id._aftersales_tz().zone
        )
        content, kind = document._render_slip()
        partners = self._get_sender_partners()
        self.message_subscribe(partners.ids)
        document.message_post(
            body=document.env._(
                "Your return %(document)s has been dealt with. The receipt slip says what was "
                "accepted and refused, why, and what follows.",
                document=self.name,
            ),
            subtype_xmlid="mail.mt_comment",
            partner_ids=partners.ids,
            attachments=[
                (f"{document.env._('Receipt slip')} {self.name}.{kind}", content),
            ],
        )

    def _render_slip(self):
        """Return (content, file extension) of the slip: PDF, as far as the server can make it."""
        report = self.env["ir.actions.report"]
        can_print = report.get_wkhtmltopdf_state() not in ("install", "broken")
        render = report._render_qweb_pdf if can_print else report._render_qweb_html
        return render("aftersales_parts.report_return_slip", self.ids)

    # --- screens ---------------------------------------------------------------------------

    def action_view_deliveries(self):
        """Show the transfers to the sender."""
        self.ensure_one()
        return self._get_answer_pickings()._get_records_action(name=self.env._("Deliveries"))

    def action_view_credits(self):
        """Show the credit notes."""
        self.ensure_one()
        return self.answer_move_ids._get_records_action(name=self.env._("Credit notes"))

    def action_view_lines(self):
        """Show all goods of the return in a list of their own, for many at once."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_parts.action_return_line"
        )
        return {**action, "domain": [("return_id", "=", self.id)], "context": {}}
