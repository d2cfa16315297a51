from odoo import api, models
from odoo.exceptions import ValidationError
from odoo.tools import format_list
from odoo.tools.misc import format_date


class AftersalesTechnicianMixin(models.AbstractModel):
    """Documents that send a technician: only one who holds the trades that the work needs (H2)."""

    _name = "aftersales.technician.mixin"
    _description = "Document that sends a technician"

    def _get_dispatched_request(self):
        """Return the request that the technician is sent to."""
        self.ensure_one()
        return self.request_id

    def _get_trade_day(self):
        """Return the day in the company's time zone on which the technician works."""
        raise NotImplementedError

    def _is_dispatch_open(self):
        """Tell whether somebody is still to be sent, so that he has to be qualified."""
        self.ensure_one()
        return True

    def _check_technician(self):
        """Raise unless each technician belongs to the center and holds the trades needed (H2).

        :raises ValidationError: names the trade, the day and who is certified for it
        """
        # sudo: a colleague may write the document without seeing its request
        documents = self.sudo().filtered(lambda d: d.technician_id and d._is_dispatch_open())
        certificates = documents.mapped("technician_id.partner_id")._get_certificates()
        for document in documents:
            request = document._get_dispatched_request()
            technician = document.technician_id
            if not technician._is_of_center(request.center_id):
                raise ValidationError(
                    self.env._(
                        "%(technician)s belongs to %(own)s, not to %(center)s. Choose a technician "
                        "of the center that does the work.",
                        technician=technician.name,
                        own=technician.commercial_partner_id.display_name,
                        center=request.center_id.display_name,
                    )
                )
            day = document._get_trade_day()
            trades = request.product_id._get_trades()
            for trade in trades:
                if not certificates._is_certified(technician.partner_id, trade, day):
                    raise ValidationError(document._get_uncertified_message(trade, day))

    @api.model
    def _get_certified_names(self, request, trade, day):
        """Return the names of those who could be sent, in words."""
        users = request._get_technicians()[request]
        certificates = users.partner_id._get_certificates()
        certified = users.filtered(
            lambda user: certificates._is_certified(user.partner_id, trade, day)
        )
        return format_list(self.env, certified.mapped("name")) if certified else ""

    def _get_uncertified_message(self, trade, day):
        self.ensure_one()
        request = self._get_dispatched_request()
        values = {
            "technician": self.technician_id.name,
            "product": request.product_id.display_name,
            "trade": trade.name,
            "day": format_date(self.env, day),
        }
        if names := self._get_certified_names(request, trade, day):
            return self.env._(
                "%(technician)s can't be sent to %(product)s: it needs “%(trade)s”, and he holds "
                "none that is valid on %(day)s (H2). Certified are: %(names)s.",
                names=names,
                **values,
            )
        return self.env._(
            "%(technician)s can't be sent to %(product)s: it needs “%(trade)s”, and he holds none "
            "that is valid on %(day)s (H2). Nobody of this center is certified for it: register "
            "the certificate first, or choose another center.",
            **values,
        )
