from odoo import api, fields, models
from odoo.exceptions import UserError


class AftersalesAcknowledgementMixin(models.AbstractModel):
    """Tells the customer number, next step and expected time of a request (H4).

    By e-mail when it is registered, if the customer has an address; otherwise the clerk reads the
    same text out on the phone.
    """

    _name = "aftersales.acknowledgement.mixin"
    _inherit = "aftersales.workflow.mixin"
    _description = "Acknowledgement of a service request"

    date_acknowledged = fields.Datetime(
        "Acknowledged on",
        readonly=True,
        copy=False,
        tracking=True,
        help="When the customer was told number, next step and expected time (H4).",
    )
    acknowledgement = fields.Text(
        "Tell the customer",
        compute="_compute_acknowledgement",
        help="Number, next step and expected time, as the running deadlines say (H4).",
    )
    can_mail_acknowledgement = fields.Boolean(compute="_compute_can_mail_acknowledgement")

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"date_acknowledged"}

    @api.model_create_multi
    def create(self, vals_list):
        requests = super().create(vals_list)
        # old requests that are imported were acknowledged long ago
        silent = ("import_file", "install_mode", "aftersales_no_acknowledgement")
        if not any(self.env.context.get(key) for key in silent):
            requests._mail_acknowledgement()
        return requests

    @api.depends("partner_id.email")
    def _compute_can_mail_acknowledgement(self):
        for request in self:
            request.can_mail_acknowledgement = bool(request.partner_id.email_normalized)

    @api.depends(
        "state",
        "urgency",
        "center_id",
        "card_id",
        "distance",
        "date_visit_promised",
        "date_due",
        "date_callback",
    )
    @api.depends_context("lang", "aftersales_dropped_files")
    def _compute_acknowledgement(self):
        for request in self:
            request.acknowledgement = request._get_acknowledgement() if request._origin else False

    def _get_acknowledgement(self):
        """Return the text for the customer in the language of the context."""
        self.ensure_one()
        lines = [
            self.env._("Your service request has the number %s.", self.name),
            self._get_next_step(),
        ]
        center = self.center_id
        if center and self.state != "cancelled":
            contact = [center.name, center._get_address_line(), center.phone]
            lines.append(
                self.env._("Your service center: %s", ", ".join(filter(None, contact))),
            )
        if dropped := self.env.context.get("aftersales_dropped_files"):
            lines.append(
                self.env._("These files were too large, and we couldn't take them: %s", dropped)
            )
        return "\n".join(lines)

    def _get_next_step(self):
        """Return a sentence that says what happens next and by when, for the customer (H4).

        Moments are those of the company's clock. Nothing internal is told.
        """
        self.ensure_one()
        if self.state == "done":
            return self.env._("The service is finished.")
        if self.state == "cancelled":
            return self.env._("The request was cancelled.")
        moments = self._get_promised_moments()
        by = {code: self._format_moment(moment) for code, moment in moments.items()}
        if self.urgency == "2" and "assigned" in by:
            return self.env._(
                "Please stop the machine and keep away from it. We send somebody at once; a "
                "technician is named by %s.",
                by["assigned"],
            )
        if self.state == "callback":
            return self.env._(
                "We call you at %s to hear whether our advice helped.",
                self._format_moment(self.date_callback),
            )
        if self.is_waiting:
            return self.env._("We go on as soon as you have done what we asked you for.")
        if "answered" in by:
            return self.env._("We answer you by %s.", by["answered"])
        if self.date_visit_promised and self.state != "in_progress":
            return self.env._(
                "A technician calls on you at %s.", self._format_moment(self.date_visit_promised)
            )
        if "arrived" in by:
            return self.env._("A technician is with you by %s.", by["arrived"])
        if self.state == "new" and "done" in by:
            return self.env._(
                "We call you to make an appointment; we expect to be done by %s.", by["done"]
            )
        if "done" in by:
            return self.env._("We expect to be done by %s.", by["done"])
        return self.env._("We call you to make an appointment.")

    def _get_promised_moments(self):
        """Return what is promised to the customer, as {code of what is awaited: naive UTC}.

        What is open already, and for a request that isn't assigned yet also what its assignment
        would promise now. Overdue moments aren't told.
        """
        self.ensure_one()
        now = fields.Datetime.now()
        moments = {}
        # sudo: a promise to the customer is no secret from whoever tells him
        request = self.sudo()
        for deadline in request.deadline_ids:
            if deadline.state == "running" and deadline.date_due >= now:
                code = deadline.rule_id.stop_event_id.code
                moments[code] = min(deadline.date_due, moments.get(code, deadline.date_due))
        if self.state == "new":
            no_company = self.env["res.company"]
            rules = self.env["aftersales.deadline.rule"].sudo()
            rules = rules.browse(rules._get_rule_ids(self._name, "assigned"))
            for rule in rules.filtered(lambda r: r.start_event_id.code == "assigned"):
                code = rule.stop_event_id.code
                if code in moments or rule.company_id not in (self.company_id, no_company):
                    continue
                # an arrival time can't be told before the way is known
                if (code != "arrived" or self.distance) and rule._applies_to(request):
                    moments[code] = rule._get_due(now, request)
        return {code: moment for code, moment in moments.items() if moment}

    def _format_moment(self, moment):
        """Return ``moment`` (naive UTC) as the company's clock shows it."""
        return self.company_id._aftersales_format(moment)

    def action_acknowledge(self):
        """Note that the customer was told number, next step and expected time (H4)."""
        self._check_open()
        for request in self:
            text = request.acknowledgement
            request._note_acknowledgement()
            request.message_post(body=self.env._("Told the customer: %s", text))
        return True

    def action_mail_acknowledgement(self):
        """Send the customer number, next step and expected time by e-mail (H4).

        :raises UserError: the customer has no e-mail address
        """
        self._check_open()
        for request in self:
            if not request.can_mail_acknowledgement:
                raise UserError(
                    self.env._(
                        "%s has no e-mail address: tell the customer on the phone.",
                        request.partner_id.display_name,
                    )
                )
        self._mail_acknowledgement()
        return True

    def _mail_acknowledgement(self):
        """Send the acknowledgement to those customers who have an e-mail address."""
        # a machine that answers a machine never ends
        if self.env.context.get("aftersales_automatic_mail"):
            return
        template = self.env.ref(
            "aftersales_service.mail_template_request_acknowledgement", raise_if_not_found=False
        )
        if not template:
            return
        for request in self.filtered("can_mail_acknowledgement"):
            company = request.company_id
            request.with_context(aftersales_acknowledgement=True).message_post_with_source(
                # sudo: the template is rendered for whoever registers a request
                template.sudo(),
                subtype_xmlid="mail.mt_comment",
                # not the customer himself, who wouldn't get his own message
                author_id=company.partner_id.id,
                email_from=company.email_formatted or self.env.user.email_formatted,
            )
            request._note_acknowledgement()

    def _note_acknowledgement(self):
        for request in self.filtered(lambda request: not request.date_acknowledged):
            request._write_protected({"date_acknowledged": fields.Datetime.now()})

    def _notify_by_email_get_headers(self, headers=None):
        headers = super()._notify_by_email_get_headers(headers=headers)
        if self.env.context.get("aftersales_acknowledgement"):
            # other machines don't answer this (RFC 3834)
            headers["Auto-Submitted"] = "auto-replied"
        return headers
