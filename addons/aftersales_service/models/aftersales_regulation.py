from markupsafe import Markup

from odoo import api, fields, models


class AftersalesRegulation(models.Model):
    """One article of a company's regulations, which rules and decisions point to."""

    _name = "aftersales.regulation"
    _description = "Regulation"
    _order = "sequence, code"
    _rec_names_search = ["code", "name"]

    code = fields.Char(required=True, help="The article's number, as used all over the system.")
    name = fields.Char("Title", required=True, translate=True)
    text = fields.Text(
        translate=True, help="What the article demands, in short and in our own words."
    )
    source = fields.Char(translate=True, help="The document that the article comes from.")
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)

    enforcement = fields.Html(
        "Enforced by",
        compute="_compute_enforcement",
        sanitize=False,
        help="The rules that name the article, and the documents that cannot do without it.",
    )

    _code_unique = models.Constraint("UNIQUE(code)", "There is already an article of this code.")

    @api.depends("code", "name")
    def _compute_display_name(self):
        for regulation in self:
            regulation.display_name = f"{regulation.code} {regulation.name or ''}".strip()

    @api.model
    def _get_rule_models(self):
        """Return the names of the models whose records name the article that they rest on."""
        return [
            "aftersales.deadline.rule",
            "aftersales.warranty.policy",
            "aftersales.warranty.policy.line",
            "aftersales.center.criterion",
            "aftersales.complaint.cause",
            "aftersales.complaint.criterion",
            "aftersales.complaint.follow.up",
            "aftersales.scorecard.criterion",
            "aftersales.record.requirement",
        ]

    @api.depends("code")
    @api.depends_context("uid", "lang")
    def _compute_enforcement(self):
        rules = self._get_rules()
        models = self._get_documents()
        names = {*self._get_rule_models()}.union(*models.values())
        # sudo: only the words by which users know the models are read
        labels = dict(
            self.env["ir.model"]
            .sudo()
            .search([("model", "in", [*names])])
            .mapped(lambda model: (model.model, model.name))
        )
        for regulation in self:
            items = [
                Markup("<li>%s: %s</li>") % (labels[name], Markup(", ").join(links))
                for name, links in rules.get(regulation, {}).items()
            ]
            items += [
                Markup("<li>%s</li>") % labels[name] for name in models.get(regulation.code, ())
            ]
            regulation.enforcement = items and Markup("<ul>%s</ul>") % Markup().join(items)

    def _get_rules(self):
        """Return links to the rules that name the articles, by article and model."""
        result = {}
        for name in self._get_rule_models():
            if not self.env[name].has_access("read"):
                continue
            for rule in self.env[name].search([("regulation_id", "in", self.ids)]):
                link = Markup('<a href="/odoo/%s/%s">%s</a>') % (name, rule.id, rule.display_name)
                result.setdefault(rule.regulation_id, {}).setdefault(name, []).append(link)
        return result

    @api.model
    def _get_documents(self):
        """Return the names of the models that enforce an article by themselves, by its code.

        A model names its articles in the attribute ``_regulations``.
        """
        result = {}
        for name, model in sorted(self.pool.items()):
            for code in getattr(model, "_regulations", ()):
                result.setdefault(code, []).append(name)
        return result
