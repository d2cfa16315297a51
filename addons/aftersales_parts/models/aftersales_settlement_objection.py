from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import format_list

CENTER = "aftersales_service.group_center"
CLERK = "aftersales_service.group_clerk"
CUSTOMER_SERVICE = "aftersales_service.group_customer_service"


class AftersalesSettlement(models.Model):
    """What is found to be wrong with a list, and how it is answered (M8.5, M9.3, L1.7)."""

    _inherit = "aftersales.settlement"  # pylint: disable=consider-merging-classes-inherited

    difference_ids = fields.One2many(
        "aftersales.settlement.difference", "settlement_id", "Differences"
    )
    difference_count = fields.Integer(
        "Open differences", compute="_compute_difference_count", help="Not answered yet."
    )
    change_ids = fields.One2many("aftersales.settlement.change", "settlement_id", "Changes")
    can_object = fields.Boolean(compute="_compute_can_object")
    dispute_note = fields.Char("Formal dispute", compute="_compute_dispute_note")

    @api.depends("difference_ids.state")
    def _compute_difference_count(self):
        for settlement in self:
            settlement.difference_count = len(settlement._get_open_differences())

    def _get_open_differences(self):
        return self.difference_ids.filtered(lambda difference: difference.state == "open")

    @api.depends("state", "direction")
    @api.depends_context("uid")
    def _compute_can_object(self):
        for settlement in self:
            settlement.can_object = settlement._can_object()

    def _can_object(self):
        """Tell whether the current user may say now that a line is wrong (M8.5, M9.3)."""
        self.ensure_one()
        if self.direction == "payable":
            is_role = self.env.user.has_group(CENTER) and self._is_own()
            return is_role and self.state in ("sent", "disputed")
        return self.env.user.has_group(CLERK) and self.state in ("verified", "disputed")

    # --- objecting -------------------------------------------------------------------------

    def _object(self, vals_list):
        """Object to lines, or to what is missing on the list, as who checks it (M8.5, M9.3).

        :param list vals_list: dicts of ``line_id``, or ``record_id`` or ``used_part_id`` of what
            isn't listed, ``amount_expected`` and ``cause``
        :return: the new differences
        """
        self.ensure_one()
        self._check_object()
        # sudo: nobody writes differences by hand; role and state are checked above
        differences = (
            self.env["aftersales.settlement.difference"]
            .sudo()
            .create([self._prepare_difference_vals(vals) for vals in vals_list])
        )
        self._write_protected({"state": "disputed"})
        if self.direction == "payable":
            self._deadline_event("disputed")
            self._deadline_event("answered")
            self._tell_customer_service(differences)
        return differences.with_env(self.env)

    def _check_object(self):
        if self.direction == "payable":
            self._check_group(CENTER)
            self._lock("sent", "disputed")
            self._check_own()
        else:
            self._check_group(CLERK)
            self._lock("verified", "disputed")

    def _prepare_difference_vals(self, vals):
        line = self.env["aftersales.settlement.line"].browse(vals.get("line_id")).exists()
        part = self.env["aftersales.used.part"].browse(vals.get("used_part_id")).exists()
        record = self.env["aftersales.service.record"].browse(vals.get("record_id")).exists()
        record = record or part.sudo().record_id.with_env(self.env)
        cause = (vals.get("cause") or "").strip()
        expected = self.currency_id.round(vals.get("amount_expected") or 0)
        if not cause:
            raise UserError(self.env._("Say why you expect another amount."))
        if line:
            self._check_line_objection(line, expected)
        else:
            self._check_missing_objection(part, record, expected)
        return {
            "settlement_id": self.id,
            "line_id": line.id,
            "used_part_id": (part or line.used_part_id).id,
            "record_id": (record or line.record_id).id,
            "label": line.display_name if line else (part or record).sudo().name,
            "amount_listed": line.amount_payable,
            "amount_expected": expected,
            "cause": cause,
            "user_id": self.env.uid,
        }

    def _check_line_objection(self, line, expected):
        """Raise UserError unless one may object to ``line`` and expect ``expected``."""
        if line.settlement_id != self:
            raise UserError(self.env._("%s isn't on this list.", line.display_name))
        last = line.difference_ids.sorted("id")[-1:]
        if last.state == "open":
            raise UserError(
                self.env._(
                    "There is an objection to %s already that isn't answered yet.",
                    line.display_name,
                )
            )
        same = self.currency_id.compare_amounts
        if last.state == "refused" and not same(last.amount_agreed, line.amount_payable):
            raise UserError(
                self.env._(
                    "An objection to %s has been refused. If you don't accept that, open a "
                    "dispute about the line.",
                    line.display_name,
                )
            )
        if not same(expected, line.amount_payable):
            raise UserError(
                self.env._(
                    "%(line)s pays %(amount)s already. Enter the amount that you expect.",
                    line=line.display_name,
                    amount=self.currency_id.format(line.amount_payable),
                )
            )
        line._check_range(expected, expected)

    def _check_missing_objection(self, part, record, expected):
        """Raise UserError unless ``part`` or ``record`` is the center's and isn't listed."""
        if not (part or record):
            raise UserError(
                self.env._("Choose the line that is wrong, or the part or record that is missing.")
            )
        (part or record).check_access("read")
        if (part or record).sudo().center_id != self.center_id:
            raise UserError(
                self.env._(
                    "%(name)s is not by %(center)s.",
                    name=(part or record).sudo().name,
                    center=self.center_id.name,
                )
            )
        if self._find_listed(part, record).settlement_id & self:
            raise UserError(
                self.env._("%s is on this list. Object to its line.", (part or record).sudo().name)
            )
        if expected <= 0:
            raise UserError(self.env._("Enter the amount that you expect."))
        if self.difference_ids.filtered(
            lambda difference: (
                difference.state == "open"
                and not difference.line_id
                and (difference.used_part_id, difference.record_id)
                == (part, record or part.record_id)
            )
        ):
            raise UserError(
                self.env._(
                    "There is an objection to %s already that isn't answered yet.",
                    (part or record).sudo().name,
                )
            )

    def _find_listed(self, part, record):
        """Return the lines of this kind of list, in any month, that hold the part or record."""
        # sudo: only whether and where it is listed is asked
        subject = (
            Domain("used_part_id", "=", part.id) if part else Domain("record_id", "=", record.id)
        )
        return (
            self.env["aftersales.settlement.line"]
            .sudo()
            .search(
                subject
                & Domain("settlement_id.kind", "=", self.kind)
                & Domain("settlement_id.direction", "=", self.direction)
                & Domain("settlement_id.state", "!=", "cancelled")
            )
        )

    def _tell_customer_service(self, differences):
        """Tell those who answer what the center objects to (M8.5)."""
        group = self.env.ref(CUSTOMER_SERVICE)
        # sudo: those in charge are found, whatever the center may see of users
        users = self.env["aftersales.deadline"].sudo()._get_group_users(group.sudo())
        lang = self.company_id.partner_id.lang or self.env.lang
        document = self.sudo().with_context(lang=lang)
        document.message_post(
            author_id=self.env.user.partner_id.id,
            body=document.env._(
                "%(center)s objects to: %(lines)s",
                center=document.center_id.name,
                lines=format_list(
                    document.env,
                    [
                        document.env._(
                            "%(label)s (%(listed)s listed, %(expected)s expected: %(cause)s)",
                            label=difference.label,
                            listed=document.currency_id.format(difference.amount_listed),
                            expected=document.currency_id.format(difference.amount_expected),
                            cause=difference.cause,
                        )
                        for difference in differences
                    ],
                ),
            ),
            partner_ids=users.filtered(
                lambda user: document.company_id in user.company_ids
            ).partner_id.ids,
            subtype_xmlid="mail.mt_note",
        )

    def action_open_object(self):
        """Open the window that asks what is missing on the list."""
        return self._open_objection({"default_settlement_id": self.id})

    def _open_objection(self, context):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Object"),
            "res_model": "aftersales.settlement.object",
            "views": [(False, "form")],
            "target": "new",
            "context": context,
        }

    def _check_answered(self):
        """Raise UserError while a difference is open."""
        if open_differences := self._get_open_differences():
            raise UserError(
                self.env._(
                    "These differences are not answered yet: %s",
                    format_list(self.env, open_differences.mapped("label")),
                )
            )

    def _end_answers(self):
        """Let what we claim go on when all is answered; to a center, customer service sends it."""
        self.filtered(lambda s: s.direction == "receivable")._advance_receivable()

    def _end_objections(self):
        """Let the lists be confirmed again if no objection is left.

        Where more was agreed to than was claimed, a colleague has to send them (M8.4).
        """
        self._end_answers()
        # sudo: the center took its last objection back, so that it has the result again
        self.sudo().filtered(
            lambda s: (
                s.direction == "payable"
                and not s._get_open_differences()
                and not s.difference_ids._get_raised()
            )
        )._send()

    def _get_reason_actions(self):
        return super()._get_reason_actions() | {
            "action_bounce",
            "action_recall",
            "action_set_aside",
        }

    # --- setting aside ---------------------------------------------------------------------

    def action_open_set_aside(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_set_aside", self.env._("Set aside what is disputed")
        )

    def action_set_aside(self, reason=None):
        """Move the disputed lines to a supplementary list, so that the rest can be confirmed.

        Disputed is what an open objection or a formal dispute (L1.7) is about. Customer service
        answers it there.

        :raises AccessError: not customer service, of the center itself, or who agreed to more
            than was claimed
        :raises UserError: no reason, nothing is disputed, or nothing would be left; or it is
            what we claim, where the manufacturer decides what it pays (M9.3)
        """
        self.ensure_one()
        self._check_group(CUSTOMER_SERVICE)
        self._check_other()
        self._check_direction("payable")
        if not (reason or "").strip():
            raise UserError(self.env._("Say why the lines are set aside."))
        self._lock("sent", "disputed")
        self._check_agreed()
        # sudo: who may see the list sets aside what is disputed on it; no amount changes
        document = self.sudo()
        differences = document._get_open_differences()
        lines = differences.line_id | document._get_formally_disputed_lines()
        if not (differences or lines):
            raise UserError(self.env._("No line of %s is disputed.", self.name))
        if not document.line_ids - lines:
            raise UserError(
                self.env._(
                    "Every line of %s is disputed, so that nothing would be left to confirm. "
                    "Answer the objections instead.",
                    self.name,
                )
            )
        supplement = document._create_supplement()
        lines._write_protected({"settlement_id": supplement.id})
        differences._write_protected({"settlement_id": supplement.id})
        supplement._write_protected(
            {
                "state": "disputed",
                "date_filed": document.date_filed,
                "verifier_id": document.verifier_id.id,
            }
        )
        if document.state == "sent":
            # a formal dispute kept the center from answering: its time begins anew
            document._deadline_event("answered")
        document._write_protected({"state": "sent"})
        document._deadline_event("sent")
        document.line_ids._cap_corrections()
        document._note_set_aside(supplement, lines, differences, reason.strip())
        return True

    def _create_supplement(self):
        """Return a new supplementary list for what is taken off this one."""
        self.ensure_one()
        return self.create(
            {
                "company_id": self.company_id.id,
                "center_id": self.center_id.id,
                "region_id": self.region_id.id,
                "month": self.month,
                "kind": self.kind,
                "direction": self.direction,
                "date_filing": self.date_filing,
                "supplement": self._get_next_supplement(),
            }
        )

    def _get_next_supplement(self):
        """Return the number of the next supplementary list of the same month."""
        [(last,)] = self._read_group(
            [
                (name, "=", self._fields[name].convert_to_write(self[name], self))
                for name in ("company_id", "center_id", "month", "kind", "direction")
            ],
            [],
            ["supplement:max"],
        )
        return (last or 0) + 1

    def _note_set_aside(self, supplement, lines, differences, reason):
        subjects = lines.mapped("display_name")
        subjects += differences.filtered(lambda d: not d.line_id).mapped("label")
        supplement._cancel_deadlines()
        supplement.message_post(
            body=self.env._(
                "Set aside from %(settlement)s: %(lines)s. %(reason)s",
                settlement=self.name,
                lines=format_list(self.env, subjects),
                reason=reason,
            )
        )
        self._inform_center(
            lambda document: document.env._(
                "%(lines)s are set aside to %(supplement)s, where they are decided on. Of the "
                "rest %(payable)s are payable. Please confirm it. %(reason)s",
                lines=format_list(document.env, subjects),
                supplement=supplement.name,
                payable=document.currency_id.format(document.amount_payable),
                reason=reason,
            )
        )

    def _inform_center(self, get_text):
        """Tell the service center and its users, in the language of the center."""
        for settlement in self:
            center = settlement.center_id
            document = settlement.with_context(lang=center.lang or self.env.lang)
            users = center._get_center_users().filtered("active")
            document.message_subscribe(center.ids)
            document.message_post(
                body=get_text(document),
                subtype_xmlid="mail.mt_comment",
                partner_ids=(center | users.partner_id).ids,
            )

    # --- formal disputes (L1.7) ------------------------------------------------------------

    def _get_open_disputes(self):
        # what was set aside with a dispute about it stays disputed on its new list
        return super()._get_open_disputes() | (
            self.env["aftersales.dispute"]
            .sudo()
            .search(
                [
                    ("settlement_line_ids.settlement_id", "in", self.ids),
                    *self._get_open_disputes_domain(),
                ]
            )
        )

    def _get_formally_disputed_lines(self):
        """Return the lines that an open dispute names."""
        lines = self._get_open_disputes().settlement_line_ids
        return lines.filtered(lambda line: line.settlement_id in self)

    def _get_blocking_disputes(self):
        """Return the disputes because of which the lists can't be confirmed (L1.7).

        Those that name lines hold the list that these lines are on, the others the whole list.
        """
        return self._get_open_disputes().filtered(
            lambda dispute: (
                not dispute.settlement_line_ids or dispute.settlement_line_ids.settlement_id & self
            )
        )

    def _check_undisputed_lines(self):
        """Raise UserError while a formal dispute is about what would be confirmed (L1.7)."""
        if dispute := self._get_blocking_disputes()[:1]:
            raise UserError(
                self.env._(
                    "The dispute %(dispute)s is open, so that the list can't be confirmed (L1.7). "
                    "Customer service may set its lines aside, so that the rest is paid.",
                    dispute=dispute.name,
                )
            )

    @api.depends("state")
    @api.depends_context("lang")
    def _compute_dispute_note(self):
        for settlement in self:
            is_held = settlement.state in ("audited", "sent", "disputed")
            disputes = is_held and settlement._get_blocking_disputes()
            settlement.dispute_note = bool(disputes) and self.env._(
                "Under formal dispute (%s): the list can't be confirmed until it is decided, or "
                "until customer service sets the disputed lines aside.",
                format_list(self.env, disputes.mapped("name")),
            )

    # --- who is who ------------------------------------------------------------------------

    def _check_other(self):
        """Raise AccessError if the user belongs to the service center that is paid (M8.4).

        The company's steps are not taken by who is paid, whatever roles he has.
        """
        for settlement in self:
            if settlement._is_own():
                raise AccessError(
                    self.env._(
                        "%(settlement)s pays %(center)s, to which you belong: somebody else has "
                        "to decide on it.",
                        settlement=settlement.name,
                        center=settlement.center_id.name,
                    )
                )
