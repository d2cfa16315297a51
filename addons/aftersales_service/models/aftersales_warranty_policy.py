from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_list


class AftersalesWarrantyPolicy(models.Model):
    """What a product's warranty promises; each sold unit gets a frozen copy on its card.

    A policy changes by a new version from a date on. Products name the first version; the version
    in force on the day of delivery or purchase is the one that is promised (L1.1).
    """

    _name = "aftersales.warranty.policy"
    _description = "Warranty policy"
    _inherit = ["mail.thread"]
    _order = "name, valid_from desc, id desc"

    name = fields.Char(required=True, translate=True, tracking=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", default=lambda self: self.env.company)
    valid_from = fields.Date(
        tracking=True, help="For units delivered or bought from this day on. Empty: since ever."
    )
    valid_to = fields.Date(
        tracking=True, help="For units delivered or bought up to this day. Empty: until further."
    )
    origin_id = fields.Many2one(
        "aftersales.warranty.policy",
        "First version",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        help="The policy that this is a later version of.",
    )
    version_ids = fields.One2many("aftersales.warranty.policy", "origin_id", "Later versions")
    version_count = fields.Integer("Versions", compute="_compute_version_count")
    line_ids = fields.One2many("aftersales.warranty.policy.line", "policy_id", "Cover", copy=True)
    product_tmpl_ids = fields.One2many("product.template", "warranty_policy_id", "Products")
    regulation_id = fields.Many2one(
        "aftersales.regulation", "Article", help="The article that promises this warranty."
    )
    proof_required = fields.Boolean(
        "Proof of purchase needed",
        default=True,
        help="Warranty service is given against a sale, an invoice or a receipt only (L2.2).",
    )
    return_visits_per_year = fields.Integer(
        "Return visits a year",
        tracking=True,
        help="How often customers are visited each year of the warranty, to learn how the unit is "
        "used (R1). 0: the policy promises no return visits.",
    )
    card_count = fields.Integer(compute="_compute_card_count")
    question_ids = fields.One2many(
        "aftersales.exchange.question",
        "policy_id",
        "Exchange questions",
        copy=False,
        help="By which it is found out whether a faulty product is exchanged (L1.2).",
    )
    exchange_photo_required = fields.Boolean(
        "Photo needed for an exchange",
        default=True,
        help="No product is exchanged without a photo of it as evidence.",
    )
    exchange_problem = fields.Text("To be completed", compute="_compute_exchange_problem")

    _period_order = models.Constraint(
        "CHECK(valid_from <= valid_to)", "A policy can't end before it begins."
    )

    @api.depends("version_ids", "origin_id.version_ids")
    def _compute_version_count(self):
        for policy in self:
            policy.version_count = len(policy._get_family())

    def _compute_card_count(self):
        counts = dict(
            self.env["aftersales.warranty.card"]._read_group(
                [("policy_id", "in", self.ids)], ["policy_id"], ["__count"]
            )
        )
        for policy in self:
            policy.card_count = counts.get(policy, 0)

    @api.depends("name", "valid_from", "origin_id")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for policy in self:
            policy.display_name = policy.name
            if policy.origin_id and policy.valid_from:
                policy.display_name = self.env._(
                    "%(policy)s (from %(date)s)",
                    policy=policy.name,
                    date=fields.Date.to_string(policy.valid_from),
                )

    @api.depends(
        "question_ids.answer_ids.outcome",
        "question_ids.answer_ids.next_question_id",
        "line_ids.kind",
    )
    @api.depends_context("lang")
    def _compute_exchange_problem(self):
        for policy in self:
            problems = policy._get_exchange_problems() if policy.question_ids else []
            policy.exchange_problem = "\n".join(problems) or False

    @api.constrains("name", "line_ids")
    def _check_line_ids(self):
        for policy in self:
            if not policy.line_ids:
                raise ValidationError(
                    self.env._("“%s” covers nothing: add at least one line.", policy.name)
                )
            policy.line_ids._check_component_once()

    @api.constrains("valid_from", "valid_to", "origin_id", "active")
    def _check_versions(self):
        for policy in self.filtered("active"):
            for other in policy._get_family() - policy:
                if policy._overlaps(other):
                    raise ValidationError(
                        self.env._(
                            "Two versions of “%(policy)s” would hold on the same day: "
                            "%(first)s and %(second)s. End the earlier one first.",
                            policy=policy.name,
                            first=policy._get_period_label(),
                            second=other._get_period_label(),
                        )
                    )

    @api.constrains("return_visits_per_year")
    def _check_return_visits(self):
        minimum = self.env["res.company"]._get_aftersales_minimum("return_visits_minimum")
        for policy in self:
            if policy.return_visits_per_year and policy.return_visits_per_year < minimum:
                raise ValidationError(
                    self.env._(
                        "“%(policy)s”: return visits are made %(count)s times a year at least, or "
                        "not promised at all (R1).",
                        policy=policy.name,
                        count=minimum,
                    )
                )

    @api.constrains("origin_id")
    def _check_origin_id(self):
        if any(policy.origin_id.origin_id or policy.origin_id == policy for policy in self):
            raise ValidationError(self.env._("A version belongs to the first one."))

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        if any(policy.card_count for policy in self):
            raise UserError(
                self.env._("A policy that cards were issued from can't be deleted. Archive it.")
            )

    def _overlaps(self, other):
        """Tell whether both are in force on some day."""
        return (
            not self.valid_to or not other.valid_from or other.valid_from <= self.valid_to
        ) and (not other.valid_to or not self.valid_from or self.valid_from <= other.valid_to)

    def _get_period_label(self):
        return f"{self.valid_from or '…'} – {self.valid_to or '…'}"

    def _get_family(self):
        """Return all active versions of the policies, the first ones included."""
        origin = self.origin_id | self.filtered(lambda policy: not policy.origin_id)
        return (origin | origin.version_ids).filtered("active")

    def _get_version(self, date):
        """Return the version that is in force on ``date``, or none.

        :param date: day of delivery or purchase, in the company's time zone
        """
        self.ensure_one()
        return self._get_family().filtered(
            lambda policy: (
                (not policy.valid_from or policy.valid_from <= date)
                and (not policy.valid_to or date <= policy.valid_to)
            )
        )[:1]

    def _start_version(self, date):
        """Return a copy that holds from ``date`` on; the version in force ends the day before."""
        self.ensure_one()
        current = self._get_version(date)
        if not current or current.valid_from == date:
            raise UserError(
                self.env._(
                    "There is no version of “%s” that could end on the day before. Choose another "
                    "day.",
                    self.name,
                )
            )
        valid_to = current.valid_to
        current.valid_to = fields.Date.subtract(date, days=1)
        return current.copy(
            {
                "name": current.name,
                "origin_id": (current.origin_id or current).id,
                "valid_from": date,
                "valid_to": valid_to,
            }
        )

    # --- exchange (L1.2) -------------------------------------------------------------------

    def copy(self, default=None):
        copies = super().copy(default)
        for policy, copied in zip(self, copies, strict=True):
            policy._copy_questions(copied)
        return copies

    def _copy_questions(self, target):
        """Copy the exchange questions to ``target``, each answer leading to the copied question."""
        copied = {
            question: question.copy({"policy_id": target.id}) for question in self.question_ids
        }
        for question, new in copied.items():
            for answer in question.answer_ids:
                following = answer.next_question_id
                answer.copy(
                    {
                        "question_id": new.id,
                        "next_question_id": following and copied[following].id,
                    }
                )

    def _get_first_questions(self):
        """Return the questions that no answer leads to: the first one, if all is as it should."""
        return self.question_ids - self.question_ids.answer_ids.next_question_id

    def _has_exchange_questions(self):
        """Tell whether there are questions by which an exchange is judged (L1.2)."""
        # sudo: whoever sees a product may know whether it can be exchanged at all
        return bool(self.sudo().question_ids)

    def _get_first_question(self):
        return self._get_first_questions()[:1]

    def _get_exchange_problems(self):
        """Return why the questions don't always lead to a verdict, each as a sentence."""
        self.ensure_one()
        if not self.question_ids:
            return [self.env._("“%s” has no questions to judge an exchange by.", self.name)]
        problems = [
            self.env._("“%s” has no answers.", question.name)
            for question in self.question_ids
            if not question.answer_ids
        ]
        first = self._get_first_questions()
        if len(first) > 1:
            problems.append(
                self.env._(
                    "More than one question could be the first, because no answer leads to it: %s.",
                    format_list(self.env, first.mapped("name")),
                )
            )
        if "window" in self.question_ids.answer_ids.mapped("outcome") and not any(
            line.kind == "exchange" for line in self.line_ids
        ):
            problems.append(
                self.env._("No line of the cover says how long the product is exchanged.")
            )
        return problems

    def _check_exchange_questions(self):
        """Raise UserError unless every way through the questions leads to a verdict."""
        for policy in self:
            if problems := policy._get_exchange_problems():
                raise UserError(
                    self.env._(
                        "The exchange questions of “%(policy)s” have to be completed first:"
                        "\n%(problems)s",
                        policy=policy.name,
                        problems="\n".join(f"• {problem}" for problem in problems),
                    )
                )

    def action_open_version(self):
        """Open the window that asks from when the new version holds."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New version"),
            "res_model": "aftersales.warranty.policy.version",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_policy_id": self.id},
        }

    def action_view_versions(self):
        """Show all versions of the policy."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_service.action_warranty_policy"
        )
        return {**action, "domain": [("id", "in", self._get_family().ids)], "context": {}}

    def _prepare_coverage_vals(self, card):
        """Return the cover that ``card`` promises, as values to copy."""
        self.ensure_one()
        return [line._prepare_coverage_vals(card) for line in self.line_ids]
