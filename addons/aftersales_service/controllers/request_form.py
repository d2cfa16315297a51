from odoo import http
from odoo.exceptions import UserError
from odoo.http import request

_FIELDS = ("name", "phone", "email", "serial", "product", "description", "danger")
_COMPLAINT_FIELDS = ("name", "phone", "email", "serial", "product", "description", "demand", "kind")
_LONGEST = 10000
# five photos of five megabytes and the text
_MOST_BYTES = 32 * 1024 * 1024


class AftersalesRequestForm(http.Controller):
    """The public page on which anybody asks for service; it tells nothing that isn't told it."""

    @http.route(
        "/aftersales/request",
        type="http",
        auth="public",
        website=True,
        methods=["GET"],
        sitemap=True,
    )
    def request_form(self, **kwargs):
        """Show the empty form; a customer who is signed in goes on in the portal."""
        if not request.env.user._is_public() and request.env.user.share:
            return request.redirect("/my/service/new")
        return self._render({}, {})

    @http.route(
        "/aftersales/request",
        type="http",
        auth="public",
        website=True,
        methods=["POST"],
        csrf=True,
        max_content_length=_MOST_BYTES,
    )
    def request_send(self, **post):
        """Register the request; a machine that fills everything is thanked and forgotten."""
        requests = request.env["aftersales.request"]
        form = {name: str(post.get(name) or "")[:_LONGEST] for name in _FIELDS}
        if post.get("website"):
            # no person sees this field
            return self._thank(None)
        if self._is_too_often():
            return self._render(form, self._get_too_often(), status=429)
        errors, photos = self._check(form)
        if errors:
            return self._render(form, errors, status=422)
        # sudo: the form is sent by nobody in particular; what is written was checked
        vals = requests.sudo()._prepare_web_vals(form)
        requests = requests._limit_acknowledgements(form["email"])
        return self._thank(requests._register_web(vals, photos))

    @http.route(
        "/aftersales/complaint",
        type="http",
        auth="public",
        website=True,
        methods=["GET"],
        sitemap=True,
    )
    def complaint_form(self, **kwargs):
        """Show the empty form to complain (C1, H12); a customer goes on in the portal."""
        if not request.env.user._is_public() and request.env.user.share:
            return request.redirect("/my/service/complaint")
        return self._render({}, {}, template="complaint_form")

    @http.route(
        "/aftersales/complaint",
        type="http",
        auth="public",
        website=True,
        methods=["POST"],
        csrf=True,
        max_content_length=_MOST_BYTES,
    )
    def complaint_send(self, **post):
        """Register the complaint, with the same limits as requests."""
        complaints = request.env["aftersales.complaint"]
        form = {name: str(post.get(name) or "")[:_LONGEST] for name in _COMPLAINT_FIELDS}
        if post.get("website"):
            # no person sees this field
            return self._thank_complaint(None)
        if self._is_too_often():
            return self._render(form, self._get_too_often(), status=429, template="complaint_form")
        errors, photos = self._check(form)
        if form["kind"] not in dict(complaints._get_web_kinds()):
            errors["kind"] = complaints.env._("Please choose what it is about.")
        if errors:
            return self._render(form, errors, status=422, template="complaint_form")
        # sudo: as for requests
        vals = complaints.sudo()._prepare_web_complaint_vals(form)
        return self._thank_complaint(complaints._register_web_complaint(vals, photos))

    def _is_too_often(self):
        """Tell whether more was sent from this connection than is taken in an hour."""
        limit = request.env["aftersales.request"]._get_intake_limit("web_requests_per_hour", 5)
        attempts = request.env["aftersales.request.attempt"]
        return attempts._count_attempt(request.httprequest.remote_addr) > limit

    def _get_too_often(self):
        return {
            "all": request.env["aftersales.request"].env._(
                "There were too many requests from your connection. Please call us, or try again "
                "in an hour."
            )
        }

    def _check(self, form):
        """Return the errors of the form by field, and the photos that were sent."""
        requests = request.env["aftersales.request"]
        errors = requests._get_web_errors(form, ("name", "phone", "description"))
        try:
            return errors, requests._check_photos(request.httprequest.files.getlist("photos"))
        except UserError as error:
            return {**errors, "photos": str(error)}, []

    def _render(self, form, errors, status=200, template="request_form"):
        values = {
            "form": form,
            "errors": errors,
            "kinds": request.env["aftersales.complaint"]._get_web_kinds(),
            **request.env["aftersales.request"]._get_photo_limits(),
        }
        response = request.render(f"aftersales_service.{template}", values)
        response.status_code = status
        response.headers["Cache-Control"] = "no-store"
        return response

    def _thank(self, service_request):
        return self._render_thanks(
            "request_thanks",
            service_request,
            # without card and center: whose machine it is, the clerk finds out
            service_request._get_next_step() if service_request else False,
        )

    def _thank_complaint(self, complaint):
        return self._render_thanks(
            "complaint_thanks", complaint, complaint._get_web_next_step() if complaint else False
        )

    def _render_thanks(self, template, document, next_step):
        values = {"number": document.name if document else False, "next_step": next_step}
        response = request.render(f"aftersales_service.{template}", values)
        response.headers["Cache-Control"] = "no-store"
        return response
