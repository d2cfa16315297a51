from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError

CUSTOMER_SERVICE = "aftersales_service.group_customer_service"
OFFICE_MANAGER = "aftersales_service.group_office_manager"
# the causes of a dispute are for those who have to learn from it, not for the center
ANALYSTS = ",".join(
    f"aftersales_service.group_{role}" for role in ("office_manager", "clerk", "quality", "vp")
)


class AftersalesDispute(models.Model):
    """用户纠纷: mediated by office and regional manager, else ruled on for good (L1.7, L3.5).

    An office or regional manager takes it up within the time that a deadline rule sets and
    mediates; what each side answers is logged. Where both agree it is settled. Otherwise it goes
    up to customer service, whose ruling is final. Its causes are analysed before it is closed.
    """

    _name = "aftersales.dispute"
    _description = "Dispute"
    _regulations = ("L1.7", "L3.5", "C9", "H11")
    _inherit = [
        "aftersales.retention.mixin",
        "aftersales.deadline.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _sequence_code = "aftersales.dispute"
    _order = "id desc"
    _check_company_auto = True

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    state = fields.Selection(
        [
            ("new", "Opened"),
            ("mediation", "In mediation"),
            ("escalated", "With customer service"),
            ("settled", "Settled"),
            ("ruled", "Ruled"),
            ("closed", "Closed"),
            ("cancelled", "Withdrawn"),
        ],
        "Status",
        default="new",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )
    request_id = fields.Many2one(
        "aftersales.request",
        "Request",
        compute="_compute_request_id",
        store=True,
        readonly=False,
        precompute=True,
        check_company=True,
        ondelete="restrict",
        index="btree_not_null",
        help="The service that is disputed.",
    )
    record_id = fields.Many2one(
        "aftersales.service.record",
        "Service record",
        check_company=True,
        ondelete="restrict",
        index="btree_not_null",
    )
    assessment_id = fields.Many2one(
        "aftersales.exchange.assessment",
        "Exchange assessment",
        check_company=True,
        ondelete="restrict",
        index="btree_not_null",
    )
    complaint_id = fields.Many2one(
        "aftersales.complaint",
        "Complaint",
        check_company=True,
        ondelete="restrict",
        index="btree_not_null",
    )
    partner_id = fields.Many2one(
        "res.partner",
        "Customer",
        compute="_compute_parties",
        store=True,
        precompute=True,
        index=True,
        help="Who disputes: the customer of the document, or the center in its own matters.",
    )
    center_id = fields.Many2one(
        "res.partner",
        "Service center",
        compute="_compute_parties",
        store=True,
        precompute=True,
        index="btree_not_null",
        help="The other party. Empty: the company itself.",
    )
    region_id = fields.Many2one(
        "aftersales.region",
        compute="_compute_parties",
        store=True,
        precompute=True,
        index="btree_not_null",
    )
    office_id = fields.Many2one(
        "res.partner",
        "Office in charge",
        compute="_compute_parties",
        store=True,
        precompute=True,
        help="The office or logistics partner above the center in the network, which has to take "
        "the dispute up quickly (L1.5, L3.5).",
    )
    date_opened = fields.Datetime(
        "Opened on", required=True, readonly=True, copy=False, default=fields.Datetime.now
    )
    reason = fields.Text(
        "What is disputed", required=True, help="What the customer says, in his own words."
    )
    claimed_amount = fields.Monetary(
        "Amount claimed", help="Empty: the dispute isn't about an amount."
    )
    terms = fields.Text(
        "Contract terms",
        help="The terms of the contract or the warranty that the dispute turns on (C9).",
    )
    date_answered = fields.Datetime(
        "Taken up on",
        readonly=True,
        copy=False,
        help="When the office or the regional manager took it up (L3.5).",
    )
    mediation_ids = fields.One2many(
        "aftersales.dispute.mediation", "dispute_id", "Mediation log", readonly=True, copy=False
    )
    escalation_reason = fields.Text("Why it went up", readonly=True, copy=False)
    date_escalated = fields.Datetime("Went up on", readonly=True, copy=False)
    result = fields.Selection(
        [("settled", "Settled"), ("ruled", "Ruled"), ("withdrawn", "Withdrawn")],
        readonly=True,
        copy=False,
    )
    date_decided = fields.Datetime("Decided on", readonly=True, copy=False)
    settlement = fields.Text("Agreement", readonly=True, copy=False)
    settled_by = fields.Char(
        "Agreed by", readonly=True, copy=False, help="Who agreed, for either side."
    )
    ruling_favor = fields.Selection(
        [
            ("customer", "The customer"),
            ("center", "The service center"),
            ("partly", "Both in part"),
        ],
        "In favor of",
        readonly=True,
        copy=False,
    )
    ruling = fields.Text("What has to be done", readonly=True, copy=False)
    ruling_reason = fields.Text("Reasons of the ruling", readonly=True, copy=False)
    ruling_regulation_id = fields.Many2one(
        "aftersales.regulation", "Article", readonly=True, copy=False, ondelete="restrict"
    )
    ruler_id = fields.Many2one("res.users", "Ruled by", readonly=True, copy=False)
    can_rule = fields.Boolean(compute="_compute_can_rule")
    ruling_obstacle = fields.Char(
        "Why I can't rule",
        compute="_compute_can_rule",
        help="Nobody rules who mediated or is a party.",
    )
    cause_id = fields.Many2one(
        "aftersales.dispute.cause",
        "Cause",
        copy=False,
        index="btree_not_null",
        groups=ANALYSTS,
        help="Why the dispute arose; needed before it is closed (L3.5).",
    )
    cause_note = fields.Text("Analysis of the cause", copy=False, groups=ANALYSTS)
    prevention = fields.Text(
        "Against repetition",
        copy=False,
        groups=ANALYSTS,
        help="What is done so that it doesn't happen again.",
    )
    closer_id = fields.Many2one("res.users", "Reported by", readonly=True, copy=False)
    date_closed = fields.Datetime(
        "Reported on",
        readonly=True,
        copy=False,
        help="When it was closed and its cause reported to customer service (L3.5).",
    )

    _claimed_amount_positive = models.Constraint(
        "CHECK(claimed_amount >= 0)", "The amount claimed can't be negative."
    )

    # --- what it is about ------------------------------------------------------------------

    @api.model
    def _get_subject_fields(self):
        """Return the names of the fields that say what is disputed, the most exact first."""
        return ["record_id", "assessment_id", "complaint_id", "request_id"]

    def _get_subject(self):
        """Return the most exact of the documents that are disputed, or an empty request."""
        self.ensure_one()
        return next(
            (self[name] for name in self._get_subject_fields() if self[name]), self.request_id
        )

    @api.depends("record_id", "assessment_id", "complaint_id")
    def _compute_request_id(self):
        for dispute in self:
            dispute.request_id = (
                dispute.record_id.request_id
                or dispute.assessment_id.request_id
                or dispute.complaint_id.request_id
                or dispute.request_id
            )

    @api.depends(lambda self: self._get_subject_fields())
    def _compute_parties(self):
        for dispute in self:
            subject = dispute._get_subject()
            center = subject.center_id
            dispute.center_id = center
            dispute.partner_id = dispute._get_claimant()
            dispute.region_id = subject.region_id or center.aftersales_region_id
            office = center and center._get_responsible_office()
            dispute.office_id = office or dispute.region_id.office_id

    def _get_claimant(self):
        """Return the partner who disputes."""
        return self._get_subject().partner_id

    @api.constrains(lambda self: self._get_subject_fields())
    def _check_subject(self):
        for dispute in self:
            if not dispute._get_subject():
                raise ValidationError(
                    self.env._("Say what is disputed: choose the request or document.")
                )
            for name in ("record_id", "assessment_id", "complaint_id"):
                request = dispute[name].request_id
                if request and request != dispute.request_id:
                    raise ValidationError(
                        self.env._(
                            "%(document)s doesn't belong to the request %(request)s.",
                            document=dispute[name].display_name,
                            request=dispute.request_id.display_name,
                        )
                    )

    @api.model_create_multi
    def create(self, vals_list):
        disputes = super().create(vals_list)
        if not self.env.su:
            # a dispute shows the parties of its document
            for name in self._get_subject_fields():
                disputes[name].check_access("read")
        for moment, opened in disputes.grouped("date_opened").items():
            opened._deadline_event("opened", moment)
        return disputes

    # --- what may be changed ---------------------------------------------------------------

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {
            "center_id",
            "closer_id",
            "date_answered",
            "date_closed",
            "date_decided",
            "date_escalated",
            "date_opened",
            "escalation_reason",
            "mediation_ids",
            "office_id",
            "partner_id",
            "region_id",
            "result",
            "ruler_id",
            "ruling",
            "ruling_favor",
            "ruling_reason",
            "ruling_regulation_id",
            "settled_by",
            "settlement",
        }

    @api.model
    def _get_analysis_fields(self):
        """Return the names of the fields that are filled after the decision, until it is closed."""
        return {"cause_id", "cause_note", "prevention"}

    @api.model
    def _get_locked_fields(self):
        """Return the names of the fields that stay as they are once it is decided, for anybody."""
        return {"claimed_amount", "reason", "terms"} | (
            self._get_protected_fields() - {"state", "closer_id", "date_closed", "retain_until"}
        )

    def write(self, vals):
        if self._get_changed_names(vals, {*self._get_subject_fields(), "company_id"}):
            raise UserError(
                self.env._("A dispute stays with its document. Withdraw it and open another one.")
            )
        # not even for the system: a ruling is final
        for dispute in self.filtered("result"):
            changed = dispute._get_changed_names(vals, set(vals))
            if changed & dispute._get_locked_fields() or (
                dispute.state in ("closed", "cancelled")
                and changed & (dispute._get_analysis_fields() | {"state"})
            ):
                raise UserError(
                    self.env._(
                        "%s is decided, which is final: it can't be changed or reopened (L1.7).",
                        dispute.name,
                    )
                )
            if "state" in changed and vals["state"] != "closed":
                raise UserError(self.env._("%s is decided, which is final (L1.7).", dispute.name))
        return super().write(vals)

    def _get_reason_actions(self):
        return super()._get_reason_actions() | {"action_state", "action_escalate"}

    def _get_retention_depends(self):
        return [*super()._get_retention_depends(), "date_opened", "request_id.card_id.date_end"]

    def _get_retention_start(self):
        return max(
            filter(None, (self.request_id.card_id.date_end, self._get_local_day(self.date_opened)))
        )

    # --- deadlines -------------------------------------------------------------------------

    def _get_deadline_partner(self):
        return self.office_id or self.center_id

    def _get_deadline_region(self):
        return self.region_id

    def _get_deadline_assignee(self):
        return self.region_id.manager_id

    # --- mediation (L1.7, L3.5) ------------------------------------------------------------

    def _check_undecided(self):
        for dispute in self:
            if dispute.state not in ("new", "mediation", "escalated"):
                raise UserError(self.env._("%s is decided, so nothing can be added.", dispute.name))

    def _check_mediator(self):
        """Raise unless the user mediates: the office or regional manager, or customer service."""
        if not self.env.user.has_group(CUSTOMER_SERVICE):
            self._check_group(OFFICE_MANAGER)
        for dispute in self:
            dispute.check_access("write")
        self._check_undecided()

    def action_take_up(self):
        """Take the dispute up, which keeps the deadline of the quick response (L3.5).

        :raises AccessError: neither the manager of its region nor customer service
        """
        self._check_mediator()
        for dispute in self:
            if dispute.state != "new":
                raise UserError(self.env._("%s has been taken up already.", dispute.name))
            dispute._take_up()
        return True

    def _take_up(self):
        for dispute in self.filtered(lambda d: d.state == "new"):
            now = fields.Datetime.now()
            dispute._write_protected({"state": "mediation", "date_answered": now})
            dispute._deadline_event("answered", now)

    def action_state(self, reason=None):
        """Log what the service center has to say to the dispute.

        :param str reason: the statement, in the center's own words
        :raises AccessError: neither the center itself, nor who may write on the dispute
        """
        text = (reason or "").strip()
        if not text:
            raise UserError(self.env._("Write down what the service center says."))
        is_center = self.env.user.has_group("aftersales_service.group_center")
        for dispute in self:
            dispute.check_access("read" if is_center else "write")
        self._check_undecided()
        self._add_entries({"kind": "statement", "text": text})
        return True

    def action_open_state(self):
        """Open the window for the statement of the center."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_state", self.env._("Statement of the center")
        )

    def _add_entries(self, vals):
        # sudo: nobody writes entries of the log directly; the caller has checked who adds one
        return (
            self.env["aftersales.dispute.mediation"]
            .sudo()
            .create(
                [
                    {
                        "dispute_id": dispute.id,
                        "user_id": self.env.uid,
                        "date": fields.Datetime.now(),
                        **vals,
                    }
                    for dispute in self
                ]
            )
        )

    def action_mediate(
        self,
        offer,
        customer_answer="open",
        center_answer="open",
        customer_person=False,
        center_person=False,
        date=None,
    ):
        """Log a mediation; an offer that both sides agree to settles the dispute (L1.7).

        :param str offer: what was offered
        :param str customer_answer: ``agreed``, ``refused`` or ``open``; as ``center_answer``
        :param str customer_person: who spoke for the customer; as ``center_person``
        :param date: when it took place, in UTC; default now
        :raises UserError: no offer, in the future, before the dispute, or agreed by nobody named
        """
        self.ensure_one()
        self._check_mediator()
        self.lock_for_update(allow_referencing=True)
        offer = (offer or "").strip()
        if not offer:
            raise UserError(self.env._("Write down what was offered."))
        date = fields.Datetime.to_datetime(date) or fields.Datetime.now()
        if not self.date_opened <= date <= fields.Datetime.now():
            raise UserError(
                self.env._("A mediation takes place after the dispute was opened, and before now.")
            )
        for answer, person in ((customer_answer, customer_person), (center_answer, center_person)):
            if answer == "agreed" and not (person or "").strip():
                raise UserError(self.env._("Say who agreed, for either side."))
        self._take_up()
        entry = self._add_entries(
            {
                "kind": "mediation",
                "date": date,
                "text": offer,
                "customer_answer": customer_answer,
                "center_answer": center_answer,
                "customer_person": customer_person,
                "center_person": center_person,
            }
        )
        if entry.outcome == "agreed":
            self._settle(entry)
        return True

    def action_open_mediate(self):
        """Open the window for what was offered and answered."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Mediation"),
            "res_model": "aftersales.dispute.mediate",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_dispute_id": self.id},
        }

    def _settle(self, entry):
        self._write_protected(
            {
                "state": "settled",
                "result": "settled",
                "date_decided": fields.Datetime.now(),
                "settlement": entry.text,
                "settled_by": f"{entry.customer_person}, {entry.center_person}",
            }
        )
        self._drop_ruling_activities()
        self._inform_parties(
            lambda dispute: dispute.env._(
                "The dispute %(dispute)s is settled. Agreed: %(text)s",
                dispute=dispute.name,
                text=dispute.settlement,
            )
        )

    def _inform_parties(self, get_text):
        """Tell both sides the result, by mail to the customer and the center."""
        for dispute in self:
            dispute = dispute.with_context(lang=dispute.company_id.partner_id.lang or self.env.lang)
            # sudo: both sides are told whatever right the decider has on their contacts
            center = dispute.sudo().center_id
            users = center._get_center_users().filtered("active") if center else center.user_ids
            partners = dispute.sudo().partner_id | center | users.partner_id
            dispute.sudo().message_post(
                body=get_text(dispute),
                partner_ids=partners.ids,
                subtype_xmlid="mail.mt_comment",
            )

    # --- ruling (L1.7) ---------------------------------------------------------------------

    def action_escalate(self, reason=None):
        """Hand the dispute up to customer service, with the reason (L1.7).

        Office and regional manager mediate first. Customer service may take an exception, or a
        case of unclear responsibility, over at once.
        """
        if not (reason or "").strip():
            raise UserError(self.env._("Say why the dispute has to be ruled on."))
        self._check_mediator()
        for dispute in self:
            if dispute.state == "escalated":
                raise UserError(self.env._("%s is with customer service already.", dispute.name))
            if not dispute._get_mediators() and not self.env.user.has_group(CUSTOMER_SERVICE):
                raise UserError(
                    self.env._(
                        "Office and regional manager mediate first (L1.7): log what was offered "
                        "and answered, then hand %s up.",
                        dispute.name,
                    )
                )
            dispute._take_up()
            dispute._write_protected(
                {
                    "state": "escalated",
                    "escalation_reason": reason.strip(),
                    "date_escalated": fields.Datetime.now(),
                }
            )
            dispute._ask_for_ruling()
        return True

    def action_open_escalate(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_escalate", self.env._("Hand up to customer service")
        )

    def _ask_for_ruling(self):
        """Plan the ruling for those of customer service who may give it."""
        # sudo: users of the role are read to find those in charge, and get an activity
        group = self.env.ref(CUSTOMER_SERVICE).sudo()
        for dispute in self.sudo():
            for user in (group.user_ids or group.all_user_ids).filtered("active"):
                if not dispute.with_user(user)._get_ruling_obstacle():
                    dispute.activity_schedule(
                        "aftersales_service.mail_activity_type_approval",
                        summary=dispute.with_context(lang=user.lang).env._("Final ruling"),
                        user_id=user.id,
                    )

    def _drop_ruling_activities(self):
        # sudo: the activities were planned by the system, for whomever
        self.sudo().activity_unlink(["aftersales_service.mail_activity_type_approval"])

    def _get_mediators(self):
        """Return the users who mediated."""
        # sudo: whoever sees the dispute sees its log
        entries = self.sudo().mediation_ids
        return entries.filtered(lambda entry: entry.kind == "mediation").user_id

    def _get_ruling_obstacle(self):
        """Return why the current user may not rule on the dispute, or False."""
        self.ensure_one()
        user = self.env.user
        if user in self._get_mediators():
            return self.env._("You mediated this dispute: somebody else has to rule on it.")
        # sudo: only compared with the user
        dispute = self.sudo()
        parties = (dispute.partner_id | dispute.center_id).commercial_partner_id
        technicians = dispute.record_id.technician_id | dispute.request_id.technician_id
        if user.sudo().partner_id.commercial_partner_id in parties or user in technicians:
            return self.env._("You are a party to this dispute: somebody else has to rule on it.")
        return False

    @api.depends("state", "mediation_ids")
    @api.depends_context("uid", "lang")
    def _compute_can_rule(self):
        is_role = self.env.user.has_group(CUSTOMER_SERVICE)
        for dispute in self:
            is_open = is_role and dispute.state == "escalated"
            dispute.ruling_obstacle = is_open and dispute._get_ruling_obstacle()
            dispute.can_rule = is_open and not dispute.ruling_obstacle

    def action_rule(self, favor, ruling, reason, regulation_id):
        """Give the final ruling of customer service; it is locked and both sides are told (L1.7).

        :param str favor: ``customer``, ``center`` or ``partly``
        :param str ruling: what has to be done
        :param str reason: the reasons
        :param int regulation_id: the article that the ruling rests on
        :raises AccessError: not customer service, a mediator of the dispute, or a party to it
        :raises UserError: it isn't with customer service, or something is left out
        """
        self.ensure_one()
        # a ruling is a person's: what the code that calls may do doesn't count
        self = self.sudo(False)
        self._check_group(CUSTOMER_SERVICE)
        self.check_access("write")
        self.lock_for_update(allow_referencing=True)
        self.invalidate_recordset()
        if self.state != "escalated":
            raise UserError(
                self.env._("%s doesn't wait for the ruling of customer service.", self.name)
            )
        if obstacle := self._get_ruling_obstacle():
            raise AccessError(obstacle)
        article = self.env["aftersales.regulation"].browse(regulation_id or []).exists()
        texts = [(text or "").strip() for text in (ruling, reason)]
        if not (favor and article and all(texts)):
            raise UserError(
                self.env._(
                    "A ruling says in whose favor it is, what has to be done, why, and by which "
                    "article."
                )
            )
        self._write_protected(
            {
                "state": "ruled",
                "result": "ruled",
                "date_decided": fields.Datetime.now(),
                "ruling_favor": favor,
                "ruling": texts[0],
                "ruling_reason": texts[1],
                "ruling_regulation_id": article.id,
                "ruler_id": self.env.uid,
            }
        )
        self._drop_ruling_activities()
        self._inform_parties(
            lambda dispute: dispute.env._(
                "Final ruling on the dispute %(dispute)s, in favor of: %(favor)s. %(ruling)s "
                "Reasons: %(reason)s (%(article)s)",
                dispute=dispute.name,
                favor=dict(dispute._fields["ruling_favor"]._description_selection(dispute.env))[
                    dispute.ruling_favor
                ],
                ruling=dispute.ruling,
                reason=dispute.ruling_reason,
                article=dispute.ruling_regulation_id.display_name,
            )
        )
        return True

    def action_open_rule(self):
        """Open the window for the ruling."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Final ruling"),
            "res_model": "aftersales.dispute.ruling",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_dispute_id": self.id},
        }

    # --- end -------------------------------------------------------------------------------

    def action_cancel(self, reason=None):
        """Note that the customer withdrew the dispute, with the reason.

        Only by customer service: a center or its office can't make a dispute disappear.
        """
        if not (reason or "").strip():
            raise UserError(self.env._("Say why the customer withdrew it."))
        self._check_group(CUSTOMER_SERVICE)
        for dispute in self:
            dispute.check_access("write")
        self._check_undecided()
        for dispute in self:
            dispute._write_protected(
                {
                    "state": "cancelled",
                    "result": "withdrawn",
                    "date_decided": fields.Datetime.now(),
                }
            )
            dispute._cancel_deadlines()
            dispute._drop_ruling_activities()
            dispute.message_post(body=self.env._("Withdrawn by the customer: %s", reason.strip()))
        return True

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_cancel", self.env._("Withdraw dispute")
        )

    def action_close(self):
        """Close the dispute, and so report its cause to customer service (L3.5).

        :raises UserError: it isn't decided yet, or its cause wasn't analysed
        """
        if not self.env.user.has_group(CUSTOMER_SERVICE):
            self._check_group(OFFICE_MANAGER)
        for dispute in self:
            dispute.check_access("write")
            if dispute.state not in ("settled", "ruled"):
                raise UserError(
                    self.env._(
                        "%s is closed when it is settled or ruled on, and only once.", dispute.name
                    )
                )
            if not dispute.cause_id or not (dispute.cause_note or "").strip():
                raise UserError(
                    self.env._(
                        "Analyse the cause of %s first, it is reported to customer service (L3.5): "
                        "fill in “Cause” and “Analysis of the cause”.",
                        dispute.name,
                    )
                )
            dispute._write_protected(
                {
                    "state": "closed",
                    "closer_id": self.env.uid,
                    "date_closed": fields.Datetime.now(),
                }
            )
        return True
