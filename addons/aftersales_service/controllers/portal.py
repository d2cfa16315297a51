from odoo import http
from odoo.addons.portal.controllers.portal import CustomerPortal, pager
from odoo.exceptions import UserError
from odoo.http import request

_LONGEST = 10000
_MOST_BYTES = 32 * 1024 * 1024


class AftersalesPortal(CustomerPortal):
    """What a customer sees of his own requests. He has no rights on the model itself."""

    def _get_requests(self):
        # sudo: customers have no rights on requests; each page shows the few fields meant for
        # them, of the requests of their own company only
        return request.env["aftersales.request"].sudo()

    def _get_domain(self):
        return self._get_requests()._get_portal_domain(request.env.user.partner_id)

    def _get_cards(self):
        """Return the valid cards of the customer."""
        # sudo: as for the requests
        cards = request.env["aftersales.warranty.card"].sudo()
        partner = request.env.user.partner_id.commercial_partner_id
        return cards.search(
            [("partner_id", "child_of", partner.ids), ("state", "=", "open")], order="id desc"
        )

    def _get_complaints(self):
        """Return the complaints of the customer, the latest first."""
        # sudo: as for the requests; number, date and whether it is closed is all that is shown
        complaints = request.env["aftersales.complaint"].sudo()
        partner = request.env.user.partner_id
        return complaints.search(
            complaints._get_portal_complaint_domain(partner), limit=self._items_per_page
        )

    def _find_request(self, request_id):
        """Return the customer's request, or raise as if there were none."""
        found = self._get_requests().search([("id", "=", request_id), *self._get_domain()])
        if not found:
            raise request.not_found()
        return found

    def _prepare_home_portal_values(self, counters):
        values = super()._prepare_home_portal_values(counters)
        if "aftersales_request_count" in counters:
            values["aftersales_request_count"] = self._get_requests().search_count(
                self._get_domain()
            )
        return values

    @http.route(
        ["/my/service", "/my/service/page/<int:page>"], type="http", auth="user", website=True
    )
    def portal_service(self, page=1, **kwargs):
        """Show the customer's requests, the open ones first."""
        requests, domain = self._get_requests(), self._get_domain()
        paging = pager(
            url="/my/service",
            total=requests.search_count(domain),
            page=page,
            step=self._items_per_page,
        )
        found = requests.search(
            domain,
            order="request_date desc, id desc",
            limit=self._items_per_page,
            offset=paging["offset"],
        )
        values = {
            **self._prepare_portal_layout_values(),
            "requests": found,
            "complaints": self._get_complaints() if page == 1 else (),
            "page_name": "aftersales_request",
            "pager": paging,
            "default_url": "/my/service",
        }
        return request.render("aftersales_service.portal_my_requests", values)

    @http.route(
        "/my/service/<int:request_id>", type="http", auth="user", website=True, methods=["GET"]
    )
    def portal_service_request(self, request_id, **kwargs):
        """Show one request: state, appointment, next step and messages."""
        return self._render_request(self._find_request(request_id))

    def _render_request(self, service_request, **values):
        values = {
            **self._prepare_portal_layout_values(),
            "service_request": service_request,
            "next_step": service_request._get_next_step(),
            "messages": service_request._get_portal_messages(),
            "page_name": "aftersales_request",
            **values,
        }
        return request.render("aftersales_service.portal_my_request", values)

    @http.route(
        "/my/service/<int:request_id>/message",
        type="http",
        auth="user",
        website=True,
        methods=["POST"],
    )
    def portal_service_message(self, request_id, message="", **kwargs):
        """Add what the customer writes; on a closed request a clerk is told."""
        found = self._find_request(request_id)
        text = message.replace("\x00", "").strip()[:_LONGEST]
        if text:
            found._post_portal_message(text, request.env.user.partner_id)
        return request.redirect(f"/my/service/{found.id}")

    @http.route("/my/service/new", type="http", auth="user", website=True, methods=["GET"])
    def portal_service_new(self, **kwargs):
        """Show the form for one of the customer's own machines."""
        return self._render_new({}, {})

    def _check_form(self, form):
        """Return the errors of the form by field, the customer's card it names, and the photos."""
        requests = self._get_requests()
        errors = requests._get_web_errors(form, ("description",))
        card_id = int(form["card_id"]) if form["card_id"].isdecimal() else 0
        card = self._get_cards().filtered(lambda card: card.id == card_id)
        if form["card_id"] and not card:
            errors["card_id"] = requests.env._("Please choose one of your machines.")
        photos = []
        try:
            photos = requests._check_photos(request.httprequest.files.getlist("photos"))
        except UserError as error:
            errors["photos"] = str(error)
        return errors, card, photos

    def _render_new(self, form, errors):
        values = {
            **self._prepare_portal_layout_values(),
            "cards": self._get_cards(),
            "form": form,
            "errors": errors,
            **self._get_requests()._get_photo_limits(),
            "page_name": "aftersales_request",
        }
        return request.render("aftersales_service.portal_new_request", values)

    @http.route(
        "/my/service/new",
        type="http",
        auth="user",
        website=True,
        methods=["POST"],
        max_content_length=_MOST_BYTES,
    )
    def portal_service_create(self, **post):
        """Register the request on the customer's own card, or without one."""
        requests = self._get_requests()
        form = {
            name: str(post.get(name) or "")[:_LONGEST]
            for name in ("card_id", "phone", "serial", "description", "danger")
        }
        errors, card, photos = self._check_form(form)
        if errors:
            return self._render_new(form, errors)
        vals = requests._prepare_portal_vals(form, card, request.env.user.partner_id)
        registered = requests._register_web(vals, photos)
        return request.redirect(f"/my/service/{registered.id}")

    # --- complaints (C1, H12) --------------------------------------------------------------

    @http.route("/my/service/complaint", type="http", auth="user", website=True, methods=["GET"])
    def portal_complaint_new(self, request_id="", **kwargs):
        """Show the form to complain, about one of the customer's own requests or in general."""
        return self._render_complaint({"request_id": str(request_id)}, {})

    def _find_own_request(self, form):
        """Return the customer's request that the form names, or none."""
        if not form.get("request_id"):
            return self._get_requests()
        if not form["request_id"].isdecimal():
            raise request.not_found()
        return self._find_request(int(form["request_id"]))

    def _render_complaint(self, form, errors):
        values = {
            **self._prepare_portal_layout_values(),
            "about": self._find_own_request(form),
            "cards": self._get_cards(),
            "form": form,
            "errors": errors,
            "kinds": request.env["aftersales.complaint"]._get_web_kinds(),
            **self._get_requests()._get_photo_limits(),
            "page_name": "aftersales_request",
        }
        return request.render("aftersales_service.portal_new_complaint", values)

    @http.route(
        "/my/service/complaint",
        type="http",
        auth="user",
        website=True,
        methods=["POST"],
        max_content_length=_MOST_BYTES,
    )
    def portal_complaint_create(self, **post):
        """Register the customer's complaint; his own requests and machines only."""
        complaints = request.env["aftersales.complaint"]
        form = {
            name: str(post.get(name) or "")[:_LONGEST]
            for name in ("request_id", "card_id", "kind", "phone", "description", "demand")
        }
        about = self._find_own_request(form)
        errors, card, photos = self._check_form(form)
        if form["kind"] not in dict(complaints._get_web_kinds()):
            errors["kind"] = complaints.env._("Please choose what it is about.")
        if errors:
            return self._render_complaint(form, errors)
        vals = complaints.sudo()._prepare_portal_complaint_vals(
            form, card, about, request.env.user.partner_id
        )
        registered = complaints._register_web_complaint(vals, photos)
        values = {
            **self._prepare_portal_layout_values(),
            "number": registered.name,
            "next_step": registered._get_web_next_step(),
        }
        return request.render("aftersales_service.complaint_thanks", values)
