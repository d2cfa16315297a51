from odoo import http
from odoo.exceptions import UserError
from odoo.http import request

_FIELDS = ("name", "phone", "email", "serial", "product", "description", "danger")
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
        attempts = request.env["aftersales.request.attempt"]
        limit = requests._get_intake_limit("web_requests_per_hour", 5)
        if attempts._count_attempt(request.httprequest.remote_addr) > limit:
            text = requests.env._(
                "There were too many requests from your connection. Please call us, or try again "
                "in an hour."
            )
            return self._render(form, {"all": text}, status=429)
        errors = requests._get_web_errors(form, ("name", "phone", "description"))
        photos = []
        try:
            photos = requests._check_photos(request.httprequest.files.getlist("photos"))
        except UserError as error:
            errors["photos"] = str(error)
        if errors:
            return self._render(form, errors, status=422)
        # sudo: the form is sent by nobody in particular; what is written was checked
        vals = requests.sudo()._prepare_web_vals(form)
        return self._thank(requests._register_web(vals, photos))

    def _render(self, form, errors, status=200):
        requests = request.env["aftersales.request"]
        values = {
            "form": form,
            "errors": errors,
            "photo_max_count": requests._get_intake_limit("photo_max_count", 5),
            "photo_max_mb": requests._get_intake_limit("photo_max_mb", 5),
        }
        response = request.render("aftersales_service.request_form", values)
        response.status_code = status
        response.headers["Cache-Control"] = "no-store"
        return response

    def _thank(self, service_request):
        values = {
            "number": service_request.name if service_request else False,
            # without card and center: whose machine it is, the clerk finds out
            "next_step": service_request._get_next_step() if service_request else False,
        }
        response = request.render("aftersales_service.request_thanks", values)
        response.headers["Cache-Control"] = "no-store"
        return response
