import hashlib
import hmac

from odoo import api, fields, models


class AftersalesRequestAttempt(models.TransientModel):
    """One sending of the public request form; counted per address, forgotten after a day.

    The address itself isn't kept, only a keyed hash of it.
    """

    _name = "aftersales.request.attempt"
    _description = "Sending of the public request form"
    _transient_max_hours = 24

    address = fields.Char(required=True, index=True, readonly=True)

    @api.model
    def _count_attempt(self, address):
        """Note a sending from ``address`` and return how many came from it within the hour."""
        # sudo: the public form is sent by nobody in particular; only a number is told
        parameters = self.env["ir.config_parameter"].sudo()
        secret = parameters.get_param("database.secret").encode()
        digest = hmac.new(secret, (address or "").encode(), hashlib.sha256).hexdigest()
        attempts = self.sudo()
        attempts.create({"address": digest})
        hour_ago = fields.Datetime.subtract(fields.Datetime.now(), hours=1)
        return attempts.search_count([("address", "=", digest), ("create_date", ">", hour_ago)])
