from odoo import api, fields, models
from odoo.exceptions import UserError


class AftersalesWarrantyCard(models.Model):
    """The warranty of one sold unit, with the cover as it was promised on the day of sale."""

    _name = "aftersales.warranty.card"
    _description = "Warranty card"
    _inherit = ["aftersales.workflow.mixin", "mail.thread", "mail.activity.mixin"]
    _sequence_code = "aftersales.warranty.card"
    _order = "id desc"
    _check_company_auto = True
    _rec_names_search = ["name", "serial_number"]

    name = fields.Char("Card number", required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    partner_id = fields.Many2one(
        "res.partner", "Customer", required=True, tracking=True, index=True, check_company=True
    )
    product_id = fields.Many2one(
        "product.product", "Product", required=True, index=True, check_company=True
    )
    lot_id = fields.Many2one(
        "stock.lot",
        "Serial number",
        domain="[('product_id', '=', product_id)]",
        index="btree_not_null",
        check_company=True,
    )
    # many roles know the machine without access to stock
    serial_number = fields.Char(
        "Serial", related="lot_id.name", store=True, index="trigram", help="Of the unit sold."
    )
    policy_id = fields.Many2one(
        "aftersales.warranty.policy", "Policy", required=True, ondelete="restrict", index=True
    )
    date_start = fields.Date(
        "Warranty from",
        required=True,
        default=fields.Date.context_today,
        help="The day on which the unit was delivered to the customer.",
    )
    date_end = fields.Date("Warranty until", compute="_compute_date_end", store=True)
    coverage_ids = fields.One2many(
        "aftersales.warranty.coverage", "card_id", "Cover", readonly=True
    )
    sale_line_id = fields.Many2one(
        "sale.order.line", "Sold on", readonly=True, help="Proof of purchase.", check_company=True
    )
    move_id = fields.Many2one("stock.move", "Delivered by", readonly=True, check_company=True)
    state = fields.Selection(
        [("open", "Valid"), ("closed", "Closed"), ("void", "Void")],
        "Status",
        default="open",
        required=True,
        readonly=True,
        tracking=True,
        copy=False,
    )
    request_ids = fields.One2many("aftersales.request", "card_id", "Requests")
    record_ids = fields.One2many("aftersales.service.record", "card_id", "Service records")
    request_count = fields.Integer(compute="_compute_history_counts")
    record_count = fields.Integer(compute="_compute_history_counts")

    _live_lot_uniq = models.UniqueIndex(
        "(lot_id) WHERE state = 'open'",
        "This serial number already has a valid warranty card.",
    )

    @api.depends("coverage_ids.date_end")
    def _compute_date_end(self):
        for card in self:
            card.date_end = max(filter(None, card.coverage_ids.mapped("date_end")), default=False)

    def _compute_history_counts(self):
        for field, model in (
            ("request_count", "aftersales.request"),
            ("record_count", "aftersales.service.record"),
        ):
            counts = dict(
                self.env[model]._read_group([("card_id", "in", self.ids)], ["card_id"], ["__count"])
            )
            for card in self:
                card[field] = counts.get(card, 0)

    @api.depends("name", "serial_number")
    def _compute_display_name(self):
        for card in self:
            serial = f" ({card.serial_number})" if card.serial_number else ""
            card.display_name = f"{card.name}{serial}"

    @api.model_create_multi
    def create(self, vals_list):
        cards = super().create(
            [{k: v for k, v in vals.items() if k != "coverage_ids"} for vals in vals_list]
        )
        # sudo: the cover is a copy of the policy that nobody may write, whoever issues the card.
        self.env["aftersales.warranty.coverage"].sudo().create(
            [
                {**vals, "card_id": card.id}
                for card in cards
                for vals in card.policy_id._prepare_coverage_vals(card.date_start)
            ]
        )
        return cards

    def write(self, vals):
        if self._get_changed_names(vals, self._get_frozen_fields()):
            raise UserError(
                self.env._(
                    "A warranty card stays as it was issued. Void it with a reason and issue a "
                    "new one."
                )
            )
        return super().write(vals)

    @api.model
    def _get_frozen_fields(self):
        """Return the fields that stay as they were when the card was issued."""
        return {
            "company_id",
            "date_end",
            "date_start",
            "lot_id",
            "move_id",
            "policy_id",
            "product_id",
            "sale_line_id",
            "serial_number",
        }

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise UserError(self.env._("A warranty card can't be deleted. Void it with a reason."))

    def _get_coverage(self, product, date, hours=0.0):
        """Return the line that covers ``product`` as a part of the unit, or none.

        The line of the nearest category outranks the line for the whole unit.

        :param date: day of the fault
        :param float hours: the hour meter on that day
        """
        self.ensure_one()
        if self.state != "open":
            return self.env["aftersales.warranty.coverage"]
        categories = [int(i) for i in (product.categ_id.parent_path or "").split("/") if i]
        by_category = {line.categ_id.id: line for line in reversed(self.coverage_ids)}
        line = next(
            (by_category[i] for i in reversed(categories) if i in by_category),
            by_category.get(False, self.env["aftersales.warranty.coverage"]),
        )
        return line.filtered(lambda c: c._covers(date, hours))

    def action_void(self, reason=None):
        """Void the card, with a reason."""
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the card is void."))
        for card in self:
            card.check_access("write")
            card._write_protected({"state": "void"})
            card.flush_recordset(["state"])  # the unique index counts valid cards only
            card.message_post(body=self.env._("Void: %s", reason))
        return True

    def action_open_void(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(self, "action_void", self.env._("Void"))

    def action_new_request(self):
        """Open a new request on this card."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New request"),
            "res_model": "aftersales.request",
            "views": [(False, "form")],
            "context": {"default_card_id": self.id},
        }

    def action_view_requests(self):
        return self._action_view_history("aftersales_service.action_request")

    def action_view_records(self):
        return self._action_view_history("aftersales_service.action_service_record")

    def _action_view_history(self, xmlid):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(xmlid)
        return {
            **action,
            "domain": [("card_id", "=", self.id)],
            "context": {"default_card_id": self.id},
        }
