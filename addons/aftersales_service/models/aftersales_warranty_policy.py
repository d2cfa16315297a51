from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError


class AftersalesWarrantyPolicy(models.Model):
    """What a product's warranty promises; each sold unit gets a frozen copy on its card."""

    _name = "aftersales.warranty.policy"
    _description = "Warranty policy"
    _inherit = ["mail.thread"]
    _order = "name"

    name = fields.Char(required=True, translate=True, tracking=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", default=lambda self: self.env.company)
    line_ids = fields.One2many("aftersales.warranty.policy.line", "policy_id", "Cover", copy=True)
    product_tmpl_ids = fields.One2many("product.template", "warranty_policy_id", "Products")
    regulation_id = fields.Many2one(
        "aftersales.regulation", "Article", help="The article that promises this warranty."
    )
    card_count = fields.Integer(compute="_compute_card_count")

    @api.constrains("name", "line_ids")
    def _check_line_ids(self):
        for policy in self:
            if not policy.line_ids:
                raise ValidationError(
                    self.env._("“%s” covers nothing: add at least one line.", policy.name)
                )

    def _compute_card_count(self):
        counts = dict(
            self.env["aftersales.warranty.card"]._read_group(
                [("policy_id", "in", self.ids)], ["policy_id"], ["__count"]
            )
        )
        for policy in self:
            policy.card_count = counts.get(policy, 0)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        if any(policy.card_count for policy in self):
            raise UserError(
                self.env._("A policy that cards were issued from can't be deleted. Archive it.")
            )

    def _prepare_coverage_vals(self, start):
        """Return the cover of a unit whose warranty starts on ``start``, as values to copy."""
        self.ensure_one()
        return [line._prepare_coverage_vals(start) for line in self.line_ids]
