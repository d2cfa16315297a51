from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tools.misc import format_date


class AftersalesExchangeAssessment(models.Model):
    """换货鉴定: whether a faulty product is exchanged, by the questions of its policy (L1.2, L2.1).

    The questions are answered one after the other; the last answer gives the verdict. Confirmed,
    it is locked with everything that it rests on.
    """

    _name = "aftersales.exchange.assessment"
    _description = "Exchange assessment"
    _regulations = ("L1.2", "L2.1", "L2.2", "H11")
    _inherit = [
        "aftersales.network.mixin",
        "aftersales.retention.mixin",
        "aftersales.dispute.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _sequence_code = "aftersales.exchange.assessment"
    _dispute_field = "assessment_id"
    _order = "id desc"
    _check_company_auto = True
    _rec_names_search = ["name", "serial_number"]

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    state = fields.Selection(
        [("draft", "In progress"), ("done", "Decided"), ("cancelled", "Cancelled")],
        "Status",
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )
    request_id = fields.Many2one(
        "aftersales.request", "Request", check_company=True, index="btree_not_null"
    )
    card_id = fields.Many2one(
        "aftersales.warranty.card",
        "Warranty card",
        compute="_compute_card_id",
        store=True,
        readonly=False,
        precompute=True,
        check_company=True,
        index="btree_not_null",
        help="Type the card or serial number. Empty: a unit without card, by its receipt or the "
        "code printed on it.",
    )
    partner_id = fields.Many2one(
        "res.partner",
        "Customer",
        compute="_compute_from_card",
        store=True,
        readonly=False,
        required=True,
        precompute=True,
        check_company=True,
        index=True,
    )
    product_id = fields.Many2one(
        "product.product",
        "Product",
        compute="_compute_from_card",
        store=True,
        readonly=False,
        required=True,
        precompute=True,
        check_company=True,
    )
    serial_number = fields.Char(related="card_id.serial_number", store=True)
    claimant = fields.Selection(
        [("consumer", "Consumer"), ("dealer", "Dealer")],
        "Claimed by",
        required=True,
        default="consumer",
        help="Dealers and consumers have periods of their own (L1.2).",
    )
    date = fields.Date(
        "Claimed on",
        required=True,
        readonly=True,
        copy=False,
        default=lambda self: self.env.company._aftersales_local(fields.Datetime.now()).date(),
        help="The day on which the assessment began, in the company's time zone; the periods are "
        "checked for this day.",
    )
    date_purchase = fields.Date(
        "Bought on",
        compute="_compute_dates",
        store=True,
        readonly=False,
        precompute=True,
        help="As the receipt says.",
    )
    date_manufacture = fields.Date(
        "Made on",
        compute="_compute_dates",
        store=True,
        readonly=False,
        precompute=True,
        help="By the code printed on the product.",
    )
    policy_id = fields.Many2one(
        "aftersales.warranty.policy",
        "Policy",
        compute="_compute_policy_id",
        store=True,
        precompute=True,
        help="The card's own, or the version in force on the day of purchase.",
    )
    center_id = fields.Many2one(
        "res.partner",
        "Service center",
        domain="[('is_service_center', '=', True)]",
        compute="_compute_center_id",
        store=True,
        readonly=False,
        precompute=True,
        check_company=True,
        index="btree_not_null",
        help="Which looks at the product. Empty: our own staff.",
    )
    region_id = fields.Many2one(
        "aftersales.region", compute="_compute_region_id", store=True, index="btree_not_null"
    )
    user_id = fields.Many2one(
        "res.users",
        "Assessed by",
        required=True,
        readonly=True,
        default=lambda self: self.env.user,
        index=True,
    )
    line_ids = fields.One2many(
        "aftersales.exchange.assessment.line", "assessment_id", "Answers", readonly=True
    )
    question_id = fields.Many2one(
        "aftersales.exchange.question", "Question", compute="_compute_question_id"
    )
    question_hint = fields.Text(compute="_compute_question_id")
    question_photo_required = fields.Boolean(compute="_compute_question_id")
    question_number = fields.Integer("Question number", compute="_compute_question_id")
    answer_id = fields.Many2one(
        "aftersales.exchange.answer",
        "Answer",
        domain="[('question_id', '=', question_id)]",
        copy=False,
    )
    answer_photo = fields.Image(
        "Photo of what was found", copy=False, max_width=1920, max_height=1920
    )
    photo = fields.Image(
        "Photo of the product",
        copy=False,
        max_width=1920,
        max_height=1920,
        help="As evidence; it shows the fault or the printed code.",
    )
    proof_needed = fields.Boolean(compute="_compute_proof_needed")
    proof = fields.Image(
        "Proof of purchase",
        copy=False,
        max_width=1920,
        max_height=1920,
        help="Picture of the customer's receipt or invoice (L2.2).",
    )
    verdict = fields.Selection(
        [("exchange", "Exchange"), ("repair", "Repair"), ("refuse", "No exchange")],
        readonly=True,
        copy=False,
        tracking=True,
    )
    reason = fields.Text(readonly=True, copy=False)
    regulation_id = fields.Many2one(
        "aftersales.regulation", "Article", readonly=True, copy=False, ondelete="restrict"
    )
    date_done = fields.Datetime("Decided on", readonly=True, copy=False)
    picking_ids = fields.One2many(
        "stock.picking",
        "aftersales_assessment_id",
        "Transfers",
        readonly=True,
        copy=False,
        groups="stock.group_stock_user",
    )
    picking_count = fields.Integer(compute="_compute_exchange_state")
    exchange_state = fields.Selection(
        [
            ("none", "Not started"),
            ("waiting", "Waiting"),
            ("returned", "Faulty unit is back"),
            ("delivered", "Replacement delivered"),
            ("done", "Exchanged"),
        ],
        "Exchange",
        compute="_compute_exchange_state",
        help="How far the faulty unit has come back and the replacement gone out.",
    )
    replacement_card_ids = fields.One2many(
        "aftersales.warranty.card", "exchange_assessment_id", "Card of the replacement"
    )

    _card_exchanged_once = models.UniqueIndex(
        "(card_id) WHERE state = 'done' AND verdict = 'exchange'",
        "This unit has been granted an exchange already.",
    )

    # --- what it is about ------------------------------------------------------------------

    @api.depends("request_id")
    def _compute_card_id(self):
        for assessment in self:
            assessment.card_id = assessment.request_id.card_id or assessment.card_id

    @api.depends("card_id", "request_id")
    def _compute_from_card(self):
        for assessment in self:
            source = assessment.card_id or assessment.request_id
            assessment.partner_id = source.partner_id or assessment.partner_id
            assessment.product_id = source.product_id or assessment.product_id

    @api.depends("card_id")
    def _compute_dates(self):
        for assessment in self:
            card = assessment.card_id
            assessment.date_purchase = (
                card.date_purchase or card.date_delivery or assessment.date_purchase
            )
            assessment.date_manufacture = card.date_manufacture or assessment.date_manufacture

    @api.depends("card_id", "product_id", "date_purchase")
    def _compute_policy_id(self):
        for assessment in self:
            if assessment.card_id:
                assessment.policy_id = assessment.card_id.policy_id
                continue
            policy = assessment.product_id.warranty_policy_id
            date = assessment.date_purchase or assessment.date
            assessment.policy_id = policy and date and policy._get_version(date)

    @api.depends("request_id")
    def _compute_center_id(self):
        own = self.env.user.commercial_partner_id
        for assessment in self:
            assessment.center_id = (
                assessment.request_id.center_id
                or assessment.center_id
                or (own if own.is_service_center else False)
            )

    @api.depends("center_id.aftersales_region_id", "partner_id", "company_id")
    def _compute_region_id(self):
        regions = self.env["aftersales.region"]
        for assessment in self:
            assessment.region_id = assessment.center_id.aftersales_region_id or regions._get_region(
                assessment.partner_id, assessment.company_id or self.env.company
            )

    @api.depends("claimant", "policy_id", "card_id")
    def _compute_proof_needed(self):
        for assessment in self:
            assessment.proof_needed = (
                assessment.claimant == "consumer"
                and assessment.policy_id.proof_required
                and not assessment.card_id.has_proof
            )

    @api.depends("policy_id", "line_ids.answer_id", "verdict")
    def _compute_question_id(self):
        for assessment in self:
            last = assessment.line_ids[-1:]
            assessment.question_number = len(assessment.line_ids) + 1
            if assessment.verdict:
                assessment.question_id = False
            elif last:
                assessment.question_id = last.answer_id.next_question_id
            else:
                assessment.question_id = assessment.policy_id._get_first_question()
            assessment.question_hint = assessment.question_id.hint
            assessment.question_photo_required = assessment.question_id.photo_required

    @api.constrains("card_id", "product_id", "partner_id", "date_purchase", "date_manufacture")
    def _check_card(self):
        for assessment in self:
            card = assessment.card_id
            if not card:
                continue
            for name in ("product_id", "partner_id", "date_purchase", "date_manufacture"):
                if card[name] and card[name] != assessment[name]:
                    raise ValidationError(
                        self.env._(
                            "“%(label)s” isn't what the warranty card %(card)s says. Correct it, "
                            "or leave the card out if it isn't the card of this unit.",
                            label=self._fields[name]._description_string(self.env),
                            card=card.name,
                        )
                    )

    @api.constrains("date_purchase", "date_manufacture", "date")
    def _check_dates(self):
        for assessment in self:
            for name in ("date_purchase", "date_manufacture"):
                if assessment[name] and assessment[name] > assessment.date:
                    raise ValidationError(
                        self.env._(
                            "“%(label)s” (%(day)s) lies after the day of the claim (%(date)s).",
                            label=self._fields[name]._description_string(self.env),
                            day=format_date(self.env, assessment[name]),
                            date=format_date(self.env, assessment.date),
                        )
                    )
            bought, made = assessment.date_purchase, assessment.date_manufacture
            if bought and made and bought < made:
                raise ValidationError(
                    self.env._("Nobody can have bought the product before it was made.")
                )

    # --- what may be changed ---------------------------------------------------------------

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {
            "date",
            "date_done",
            "policy_id",
            "reason",
            "regulation_id",
            "region_id",
            "serial_number",
            "user_id",
            "verdict",
        }

    @api.model
    def _get_basis_fields(self):
        """Return the names of the fields that the verdict rests on, beside the answers."""
        return {
            "card_id",
            "claimant",
            "company_id",
            "date_manufacture",
            "date_purchase",
            "partner_id",
            "product_id",
        }

    @api.model
    def _get_locked_fields(self):
        """Return the names of the fields that stay once the verdict is confirmed."""
        return self._get_basis_fields() | {
            "answer_id",
            "answer_photo",
            "center_id",
            "photo",
            "proof",
            "request_id",
        }

    @api.model_create_multi
    def create(self, vals_list):
        assessments = super().create(vals_list)
        if not self.env.su:
            # rules let one's own assessment through also on a request or card of others
            assessments.request_id.check_access("read")
            assessments.card_id.check_access("read")
        return assessments

    def write(self, vals):
        changed = self._get_changed_names(vals, self._get_locked_fields())
        if changed and any(assessment.state != "draft" for assessment in self):
            raise UserError(
                self.env._(
                    "The verdict is confirmed and locked with what it rests on. Customer service "
                    "can cancel it with a reason; then assess anew."
                )
            )
        policies = {assessment: assessment.policy_id for assessment in self}
        result = super().write(vals)
        if not self.env.su and changed & {"card_id", "request_id"}:
            self.request_id.check_access("read")
            self.card_id.check_access("read")
        if changed & self._get_basis_fields():
            for assessment, policy in policies.items():
                if assessment.policy_id != policy:
                    assessment._take_back(assessment.line_ids)
                elif assessment.verdict:
                    # what it was judged by has changed: the last question is asked again
                    assessment._take_back(assessment.line_ids[-1:])
        return result

    def _get_retention_depends(self):
        return [*super()._get_retention_depends(), "state", "date", "card_id.date_end"]

    def _get_retention_start(self):
        if self.state == "draft":
            return False
        return max(filter(None, (self.date, self.card_id.date_end)))

    # --- questions -------------------------------------------------------------------------

    def _check_draft(self):
        self.check_access("write")
        for assessment in self:
            if assessment.state != "draft":
                raise UserError(self.env._("%s is decided or cancelled.", assessment.name))

    def action_next(self):
        """Take the answer chosen and go on, to the next question or to the verdict (L1.2).

        :raises UserError: no answer or photo, a day is missing, or the questions are incomplete
        """
        for assessment in self:
            assessment._check_draft()
            question, answer = assessment.question_id, assessment.answer_id
            if not assessment.policy_id:
                raise UserError(
                    self.env._(
                        "No warranty policy held for “%s” on the day of purchase, so there is "
                        "nothing to judge by.",
                        assessment.product_id.display_name,
                    )
                )
            assessment.policy_id._check_exchange_questions()
            if not question:
                raise UserError(
                    self.env._("All questions are answered. Confirm the verdict or go back.")
                )
            if not answer or answer.question_id != question:
                raise UserError(self.env._("Choose an answer to “%s” first.", question.name))
            if question.photo_required and not assessment.answer_photo:
                raise UserError(
                    self.env._("“%s”: add a photo of what was found, as evidence.", question.name)
                )
            verdict = {} if answer.outcome == "next" else assessment._judge(answer)
            assessment._write_protected(
                {
                    "line_ids": [Command.create(assessment._prepare_line_vals(answer))],
                    "answer_id": False,
                    "answer_photo": False,
                    **verdict,
                }
            )
        return True

    def _prepare_line_vals(self, answer):
        return {
            "answer_id": answer.id,
            "question": answer.question_id.name,
            "answer": answer.name,
            "photo": self.answer_photo,
        }

    def action_back(self):
        """Take the last answer back."""
        for assessment in self:
            assessment._check_draft()
            assessment._take_back(assessment.line_ids[-1:])
        return True

    def _take_back(self, lines):
        """Remove ``lines`` and the verdict that rests on them."""
        # sudo: nobody writes answers directly; that this user may change the assessment, and that
        # it is a draft, was checked before
        lines.sudo().unlink()
        self._write_protected(
            {
                "verdict": False,
                "reason": False,
                "regulation_id": False,
                "answer_id": False,
                "answer_photo": False,
            }
        )

    # --- verdict ---------------------------------------------------------------------------

    def _judge(self, answer):
        """Return the verdict that ``answer`` leads to, as values to write."""
        self.ensure_one()
        article = answer.regulation_id or self.policy_id.regulation_id
        if answer.outcome in ("exchange", "window") and (invalid := self._get_invalid_reason()):
            return {"verdict": "refuse", "reason": invalid, "regulation_id": article.id}
        if answer.outcome != "window":
            return {
                "verdict": answer.outcome,
                "reason": answer.reason,
                "regulation_id": article.id,
            }
        verdict, reason, terms = self._judge_window()
        return {
            "verdict": verdict,
            "reason": reason,
            "regulation_id": (terms.regulation_id or article).id,
        }

    def _get_invalid_reason(self):
        """Return why the warranty card gives no right to an exchange, or False."""
        card = self.card_id
        if not card or card.state == "open":
            return False
        state = dict(card._fields["state"]._description_selection(self.env))[card.state]
        return self.env._(
            "The warranty card %(card)s isn't valid: %(state)s.", card=card.name, state=state
        )

    def _get_basis_dates(self):
        """Return the days that the cover can run from, by start basis."""
        return {
            **self.card_id._get_basis_dates(),
            "purchase": self.date_purchase,
            "manufacture": self.date_manufacture,
        }

    def _judge_window(self):
        """Return (verdict, reason, terms) by the period of the cover for this claimant (L1.2).

        :raises UserError: the day that the period runs from isn't known, or the proof is missing
        """
        self.ensure_one()
        card = self.card_id
        terms = (card.coverage_ids or self.policy_id.line_ids)._find_terms(
            self.product_id, self.claimant
        )
        if not terms or terms.kind == "none":
            return "refuse", self.env._("The warranty doesn't cover this product."), terms
        start, end = terms._get_window(self._get_basis_dates())
        if not start:
            label = {
                "manufacture": self._fields["date_manufacture"],
            }.get(terms.start_basis, self._fields["date_purchase"])
            raise UserError(
                self.env._(
                    "“%(field)s” is missing: the period for this claimant runs from that day. Read "
                    "it off the code printed on the product or off the receipt, and enter it.",
                    field=label._description_string(self.env),
                )
            )
        if self.proof_needed and not self.proof:
            raise UserError(
                self.env._(
                    "There is no proof of purchase (L2.2). Add a picture of the customer's receipt "
                    "or invoice and go on."
                )
            )
        values = {
            "component": terms.component,
            "months": terms.duration,
            "start": format_date(self.env, start),
            "end": format_date(self.env, end),
        }
        if self.date > end:
            return (
                "refuse",
                self.env._(
                    "%(component)s: the %(months)s months from %(start)s ended on %(end)s.",
                    **values,
                ),
                terms,
            )
        return (
            "exchange",
            self.env._(
                "%(component)s: within %(months)s months from %(start)s, that is until %(end)s.",
                **values,
            ),
            terms,
        )

    def action_done(self):
        """Confirm the verdict; it is locked with everything that it rests on (L1.2).

        :raises UserError: there is no verdict yet, or the photo that an exchange needs is missing
        """
        for assessment in self:
            assessment._check_draft()
            assessment.lock_for_update(allow_referencing=True)
            if not assessment.verdict:
                raise UserError(self.env._("There is no verdict yet: answer the questions first."))
            if (
                assessment.verdict == "exchange"
                and assessment.policy_id.exchange_photo_required
                and not assessment.photo
            ):
                raise UserError(
                    self.env._("Add a photo of the product as evidence before it is exchanged.")
                )
            assessment._write_protected({"state": "done", "date_done": fields.Datetime.now()})
            assessment.flush_recordset(["state", "verdict"])  # the unique index counts decided ones
        return True

    def action_cancel(self, reason=None):
        """Cancel the assessment with a reason; transfers not done yet are cancelled with it."""
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the assessment is cancelled."))
        self._check_undisputed()
        self._check_group("aftersales_service.group_clerk")
        for assessment in self:
            assessment.check_access("write")
            # sudo: transfers follow from the assessment; a clerk has no rights on stock
            pickings = assessment.sudo().picking_ids
            if "done" in pickings.mapped("state"):
                raise UserError(
                    self.env._(
                        "%s: the unit has been taken back or replaced already, so the verdict "
                        "stays.",
                        assessment.name,
                    )
                )
            pickings.action_cancel()
            assessment._write_protected({"state": "cancelled"})
            assessment.flush_recordset(["state"])
            assessment.message_post(body=self.env._("Cancelled: %s", reason))
        return True

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_cancel", self.env._("Cancel assessment")
        )

    # --- exchange (L2.1) -------------------------------------------------------------------

    @api.depends("picking_ids.state")
    def _compute_exchange_state(self):
        # sudo: whoever sees the assessment may know how far the exchange is
        for assessment in self.sudo():
            pickings = assessment.picking_ids.filtered(lambda p: p.state != "cancel")
            done = pickings.filtered(lambda p: p.state == "done")
            back = any(picking.location_id.usage == "customer" for picking in done)
            out = any(picking.location_dest_id.usage == "customer" for picking in done)
            assessment.picking_count = len(pickings)
            assessment.exchange_state = (
                ("done" if back and out else "returned" if back else "delivered")
                if done
                else "waiting"
                if pickings
                else "none"
            )

    def action_exchange(self):
        """Order the exchange: the faulty unit is taken back, another one of its kind goes out.

        :raises UserError: the verdict isn't a confirmed exchange, or it was ordered already
        """
        self._check_group("aftersales_service.group_clerk")
        for assessment in self:
            assessment.check_access("write")
            assessment.lock_for_update(allow_referencing=True)
            if assessment.state != "done" or assessment.verdict != "exchange":
                raise UserError(
                    self.env._("%s has no confirmed verdict to exchange.", assessment.name)
                )
            # sudo: a clerk has no rights on stock; the transfers follow from the verdict alone
            own = assessment.sudo()
            if own.picking_ids.filtered(lambda picking: picking.state != "cancel"):
                raise UserError(
                    self.env._("The exchange of %s has been ordered already.", assessment.name)
                )
            if own.product_id.type != "consu":
                raise UserError(
                    self.env._("“%s” isn't kept in stock.", own.product_id.display_name)
                )
            own._create_exchange_pickings()
        return True

    def _create_exchange_pickings(self):
        self.ensure_one()
        warehouse = self.env["stock.warehouse"].search(
            [("company_id", "=", self.company_id.id)], limit=1
        )
        customers = self.partner_id.with_company(self.company_id).property_stock_customer
        pickings = self.env["stock.picking"].create(
            [
                self._prepare_picking_vals(
                    warehouse.in_type_id, customers, warehouse._get_defective_location()
                ),
                self._prepare_picking_vals(
                    warehouse.out_type_id, warehouse.lot_stock_id, customers
                ),
            ]
        )
        pickings.action_confirm()
        back, out = pickings
        if self.card_id.lot_id:
            move = back.move_ids
            move.move_line_ids.unlink()
            move.move_line_ids = [
                Command.create(
                    {
                        "product_id": move.product_id.id,
                        "lot_id": self.card_id.lot_id.id,
                        "quantity": 1,
                        "location_id": move.location_id.id,
                        "location_dest_id": move.location_dest_id.id,
                        "picking_id": back.id,
                    }
                )
            ]
        out.action_assign()

    def _prepare_picking_vals(self, picking_type, source, destination):
        return {
            "picking_type_id": picking_type.id,
            "partner_id": self.partner_id.id,
            "location_id": source.id,
            "location_dest_id": destination.id,
            "origin": self.name,
            "company_id": self.company_id.id,
            "aftersales_assessment_id": self.id,
            "move_ids": [
                Command.create(
                    {
                        "product_id": self.product_id.id,
                        "product_uom": self.product_id.uom_id.id,
                        "product_uom_qty": 1,
                        "location_id": source.id,
                        "location_dest_id": destination.id,
                        "company_id": self.company_id.id,
                    }
                )
            ],
        }

    def _follow_transfer(self, picking):
        """Close the card of the unit that came back; open one for a unit without serial number.

        Units with a serial number get their card by the delivery itself.
        """
        for assessment in self.filtered("card_id"):
            card = assessment.card_id
            if picking.location_id.usage == "customer":
                if card.state == "open":
                    card._close(
                        self.env._("the unit was exchanged by %s.", assessment.display_name),
                        assessment._get_local_day(picking.date_done),
                    )
            elif assessment.product_id.tracking == "none" and not assessment.replacement_card_ids:
                day = assessment._get_local_day(picking.date_done)
                self.env["aftersales.warranty.card"].with_company(assessment.company_id).create(
                    {
                        "company_id": assessment.company_id.id,
                        "partner_id": assessment.partner_id.id,
                        "product_id": assessment.product_id.id,
                        "date_delivery": day,
                        "exchange_assessment_id": assessment.id,
                    }
                )

    # --- other screens ---------------------------------------------------------------------

    def action_view_pickings(self):
        """Show the transfers of the exchange."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("stock.action_picking_tree_all")
        return {
            **action,
            "domain": [("aftersales_assessment_id", "=", self.id)],
            "context": {},
        }

    def action_new_request(self):
        """Open a new request for the repair that the verdict asks for."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New request"),
            "res_model": "aftersales.request",
            "views": [(False, "form")],
            "context": {
                "default_card_id": self.card_id.id,
                "default_partner_id": self.partner_id.id,
                "default_product_id": self.product_id.id,
                "default_description": self.reason,
            },
        }

    def _get_slip_center(self):
        """Return the service center that the customer is told on the slip (L2.1)."""
        self.ensure_one()
        # sudo: name, address and phone of a center are what customers are given
        return self.center_id or self.sudo().partner_id._get_slip_center()
