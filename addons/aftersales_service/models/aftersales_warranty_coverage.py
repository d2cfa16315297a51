from odoo import api, fields, models


class AftersalesWarrantyCoverage(models.Model):
    """A line of cover, frozen on the card when it was issued."""

    _name = "aftersales.warranty.coverage"
    _description = "Warranty cover"
    _inherit = "aftersales.warranty.terms.mixin"
    _order = "card_id, sequence, id"
    _rec_name = "component"

    card_id = fields.Many2one(
        "aftersales.warranty.card", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="card_id.company_id", store=True)
    policy_line_id = fields.Many2one(
        "aftersales.warranty.policy.line", "Copied from", ondelete="set null"
    )
    sequence = fields.Integer()
    regulation_id = fields.Many2one("aftersales.regulation", "Article")
    date_start = fields.Date("From", help="Empty: the day that it runs from isn't known yet.")
    date_end = fields.Date("Until", help="The last day that is covered.")

    @api.model_create_multi
    def create(self, vals_list):
        coverages = super().create(vals_list)
        coverages._translate_components()
        return coverages

    def _translate_components(self):
        """Copy the words of the policy in every language, whoever issued the card."""
        languages = {code for code, _name in self.env["res.lang"].get_installed()}
        for language in languages - {self.env.lang or "en_US"}:
            for line, coverages in (
                self.with_context(lang=language).grouped("policy_line_id").items()
            ):
                if line:
                    coverages.component = line.component

    def _set_window(self):
        """Take over the days of the card, of which one has become known."""
        for coverage in self:
            date_start, date_end = coverage._get_window(coverage.card_id._get_basis_dates())
            coverage.write({"date_start": date_start, "date_end": date_end})

    def _covers(self, date, hours=0.0):
        """Tell whether a fault on ``date`` at ``hours`` of operation is covered."""
        self.ensure_one()
        return (
            self.kind != "none"
            and bool(self.date_start)
            and self.date_start <= date <= self.date_end
            and (not self.hour_limit or hours <= self.hour_limit)
        )
