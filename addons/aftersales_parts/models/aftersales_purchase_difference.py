from odoo import api, fields, models
from odoo.exceptions import UserError

CLERK = "aftersales_service.group_clerk"


class AftersalesPurchaseDifference(models.Model):
    """到货误差: what arrived otherwise than ordered, followed up to its settlement (M7)."""

    _name = "aftersales.purchase.difference"
    _description = "Arrival difference"
    _regulations = ("M7",)
    _inherit = "aftersales.workflow.mixin"
    _order = "state, id desc"
    _rec_name = "product_id"
    _check_company_auto = True

    comparison_id = fields.Many2one(related="line_id.comparison_id", store=True, index=True)
    company_id = fields.Many2one(related="line_id.company_id", store=True)
    line_id = fields.Many2one(
        "aftersales.purchase.comparison.line",
        "Part",
        required=True,
        index=True,
        ondelete="restrict",
        domain="[('order_name', '!=', False)]",
    )
    product_id = fields.Many2one(related="line_id.product_id", store=True, string="Product")
    supplier_id = fields.Many2one(
        related="line_id.quote_id.partner_id", store=True, index=True, string="Supplier"
    )
    kind = fields.Selection(
        [
            ("short", "Too few"),
            ("excess", "Too many"),
            ("wrong", "Wrong part"),
            ("damaged", "Damaged or of poor quality"),
            ("other", "Other"),
        ],
        "Difference",
        required=True,
        default="damaged",
    )
    quantity = fields.Float(required=True, default=1, digits="Product Unit")
    note = fields.Char("Description", help="What the warehouse found.")
    date = fields.Date("Found on", required=True, default=fields.Date.context_today)
    agreement = fields.Text(
        "Agreed with the supplier",
        help="What, when and with whom: delivered later, taken back, credited, price reduced …",
    )
    settled_by_id = fields.Many2one("res.users", "Settled by", readonly=True, copy=False)
    settled_on = fields.Datetime(readonly=True, copy=False)
    state = fields.Selection(
        [("open", "Open"), ("settled", "Settled")],
        "Status",
        default="open",
        required=True,
        readonly=True,
        copy=False,
    )

    _quantity_positive = models.Constraint(
        "CHECK(quantity > 0)", "The quantity of a difference has to be more than zero."
    )

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"settled_by_id", "settled_on"}

    @api.model_create_multi
    def create(self, vals_list):
        differences = super().create(vals_list)
        differences._check_ordered()
        differences.comparison_id._ask_to_settle()
        return differences

    def write(self, vals):
        if not self.env.su and any(difference.state == "settled" for difference in self):
            raise UserError(self.env._("What is settled with the supplier can't be changed."))
        result = super().write(vals)
        if "line_id" in vals:
            self._check_ordered()
        return result

    def _check_ordered(self):
        for difference in self:
            if difference.comparison_id.state != "ordered":
                raise UserError(
                    self.env._(
                        "Differences are recorded on what is ordered and not closed yet: "
                        "%(comparison)s is not.",
                        comparison=difference.comparison_id.name,
                    )
                )

    def action_settle(self):
        """Note that the difference is settled with the supplier as agreed (M7).

        :raises UserError: settled already, or it isn't said what was agreed
        """
        for difference in self:
            difference._check_group(CLERK)
            difference.check_access("write")
            difference._lock_for_action()
            if difference.state != "open":
                raise UserError(self.env._("This difference is settled already."))
            if not (difference.agreement or "").strip():
                raise UserError(
                    self.env._(
                        "Write down what was agreed with the supplier about %s.",
                        difference.product_id.display_name,
                    )
                )
            difference._write_protected(
                {
                    "state": "settled",
                    "settled_by_id": self.env.uid,
                    "settled_on": fields.Datetime.now(),
                }
            )
            difference.comparison_id.message_post(
                body=self.env._(
                    "Difference settled with %(supplier)s: %(part)s, %(agreement)s",
                    supplier=difference.supplier_id.display_name,
                    part=difference.product_id.display_name,
                    agreement=difference.agreement,
                )
            )
        self.comparison_id._ask_to_settle()
        return True
