from odoo import api, fields, models


class AftersalesComplaintWebMixin(models.AbstractModel):
    """Complaints from the public page and the customer portal (C1, H12).

    They are registered in the customer's own words, and somebody of customer service has to
    contact him at once (C9). What a complaint needs besides, the register asks for.
    """

    _name = "aftersales.complaint.web.mixin"
    _description = "Complaints from the web"

    @api.model
    def _get_web_kinds(self):
        """Return what a customer may complain of, as [(key, label)]."""
        labels = dict(
            self.env["aftersales.complaint"]._fields["kind"]._description_selection(self.env)
        )
        names = ("quality", "service_late", "conduct", "transport", "suggestion", "other")
        return [(name, labels[name]) for name in names]

    @api.model
    def _prepare_web_complaint_vals(self, form):
        """Return the values of a complaint from the public page, sent by anybody.

        As with requests, nobody is believed to be who he says.
        """
        requests = self.env["aftersales.request"]
        company = self.env.company
        line = requests._clean_line
        details = [
            (self.env._("Product"), line(form.get("product"))),
            (self.env._("Serial number"), line(form.get("serial"))),
        ]
        text = self._clean_text(form.get("description"))
        return {
            "company_id": company.id,
            "channel": "web",
            "kind": form["kind"],
            "contact_name": line(form.get("name")),
            "demand": self._clean_text(form.get("demand")),
            "description": "\n".join(
                [text, *(f"{label}: {value}" for label, value in details if value)]
            ),
            "partner_id": requests._find_web_partner(form, company).id,
            "phone": line(form.get("phone"), 40),
            "user_id": self._get_web_handler(company).id,
        }

    @api.model
    def _prepare_portal_complaint_vals(self, form, card, request, partner):
        """Return the values of a complaint of the customer ``partner``.

        :param card: his own card, or none
        :param request: his own request that he complains about, or none
        """
        requests = self.env["aftersales.request"]
        company = card.company_id or request.company_id or self.env.company
        vals = {
            "company_id": company.id,
            "channel": "portal",
            "kind": form["kind"],
            "contact_name": partner.name,
            "demand": self._clean_text(form.get("demand")),
            "description": self._clean_text(form.get("description")),
            "request_id": request.id,
            "card_id": request.card_id.id or card.id,
            "partner_id": (request.partner_id or card.partner_id or partner).id,
            "user_id": self._get_web_handler(company).id,
        }
        if phone := requests._clean_line(form.get("phone"), 40):
            vals["phone"] = phone
        return vals

    @api.model
    def _clean_text(self, text):
        limit = self.env["aftersales.request"]._get_intake_limit("description_max_length", 4000)
        return (text or "").replace("\x00", "").strip()[:limit]

    @api.model
    def _get_web_handler(self, company):
        """Return who of customer service has the fewest open complaints to see through."""
        # sudo: whoever complains has no rights on users and complaints
        users = self.env["aftersales.deadline"]._get_group_users(
            self.env.ref("aftersales_service.group_customer_service").sudo()
        )
        users = users.filtered(lambda user: company in user.company_ids)
        busy = dict(
            self.env["aftersales.complaint"]
            .sudo()
            ._read_group(
                [("user_id", "in", users.ids), ("state", "not in", ("closed", "cancelled"))],
                ["user_id"],
                ["__count"],
            )
        )
        if not users:
            # nobody yet: it stays with the system until somebody takes it over
            return self.env.ref("base.user_root")
        return min(users, key=lambda user: (busy.get(user, 0), user.id))

    @api.model
    def _register_web_complaint(self, vals, photos):
        """Create the complaint with its photos and return it, with all rights; vals are checked.

        The customer doesn't follow it: what departments write to each other isn't sent to him.
        """
        # sudo: whoever sends the form has no rights on complaints; what is written was checked
        complaint = (
            self.env["aftersales.complaint"]
            .sudo()
            .with_context(mail_create_nosubscribe=True)
            .create(vals)
        )
        self.env["aftersales.request"]._attach_photos(complaint, photos)
        user = complaint.user_id
        if not user.share and user.active:
            own = complaint.with_context(lang=user.lang, mail_activity_quick_update=True)
            own.activity_schedule(
                "mail.mail_activity_data_todo",
                date_deadline=complaint._get_local_day(fields.Datetime.now()),
                summary=own.env._("A complaint from the web: contact the customer at once (C9)."),
                user_id=user.id,
            )
        return complaint

    def _get_web_next_step(self):
        """Return a sentence that says by when the customer is contacted (C9)."""
        self.ensure_one()
        # sudo: a promise to the customer is no secret from him
        promised = self.sudo().deadline_ids.filtered(
            lambda d: d.state == "running" and d.rule_id.stop_event_id.code == "contacted"
        )
        if not promised:
            return self.env._("We contact you as soon as possible.")
        moment = min(promised.mapped("date_due"))
        return self.env._("We contact you by %s.", self.company_id._aftersales_format(moment))

    def _get_portal_complaint_domain(self, partner):
        """Return the domain of the complaints that the customer ``partner`` may see.

        What is handled because he doesn't pay (M12) isn't his complaint, unless he sent it.
        """
        return [
            ("partner_id", "child_of", partner.commercial_partner_id.ids),
            "|",
            ("kind", "!=", "payment"),
            ("channel", "in", ("web", "portal")),
        ]
