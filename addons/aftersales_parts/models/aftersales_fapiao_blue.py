from odoo import models


class AftersalesFapiao(models.Model):
    """Which blue fapiao a red one takes back, in whole or in part (M8.6)."""

    _inherit = "aftersales.fapiao"  # pylint: disable=consider-merging-classes-inherited

    def _tie_red(self):
        """Tie red fapiao among these to their blue ones, and red ones that waited for these."""
        waiting = self.filtered(lambda f: f.is_red and not f.blue_id and f.blue_number)
        blue = self - waiting
        # sudo: by number and parties, whoever entered them; whoever sees one sees the other
        known = self.sudo()
        waiting = waiting.sudo() | known.search(
            [
                ("is_red", "=", True),
                ("blue_id", "=", False),
                ("blue_number", "in", blue.mapped("name")),
                ("company_id", "in", blue.company_id.ids),
            ]
        )
        found = known.search(
            [
                ("name", "in", waiting.mapped("blue_number")),
                ("company_id", "in", waiting.company_id.ids),
                ("is_red", "=", False),
            ]
        ).grouped(lambda f: (f.company_id, f.name, f.seller_vat, f.buyer_vat))
        tied = self.browse()
        for red in waiting:
            key = (red.company_id, red.blue_number, red.seller_vat, red.buyer_vat)
            if blue := found.get(key):
                red._write_protected({"blue_id": blue[0].id})
                tied |= red
        return tied.sudo(self.env.su)

    def action_apply_red(self):
        """Take back by these red fapiao what their blue ones invoiced, as an accountant (M8.6).

        :raises UserError: not tied to a blue one, applied already, or a check failed
        """
        return self._apply_red()

    def _get_red_reason(self):
        """Return in words what a red fapiao waits for."""
        self.ensure_one()
        if not self.blue_id:
            return self._get_missing_blue_message()
        return self.env._("Takes back %(blue)s. Apply it.", blue=self.blue_id.name)

    def _get_left(self):
        """Return what red fapiao have left of the blue one, in the company's currency."""
        self.ensure_one()
        # sudo: a sum over all red ones of a fapiao that the user sees
        return self.currency_id.round(
            self.amount_total + sum(self.sudo().red_ids.mapped("amount_total"))
        )

    def _check_red(self):
        if not self.is_red:
            return ("passed", "")
        if not self.blue_id:
            return ("failed", self._get_missing_blue_message())
        blue = self.blue_id
        if (blue.seller_vat, blue.buyer_vat) != (self.seller_vat, self.buyer_vat):
            return ("failed", self.env._("Seller or buyer are others than on %s.", blue.name))
        if blue.currency_id.compare_amounts(blue._get_left(), 0) < 0:
            return (
                "failed",
                self.env._(
                    "Red fapiao in all take back more than the %(amount)s of %(blue)s.",
                    amount=blue.currency_id.format(blue.amount_total),
                    blue=blue.name,
                ),
            )
        if not self.confirmation_number:
            return (
                "passed",
                self.env._(
                    "The number of the confirmation form (红字发票信息确认单) is not given."
                ),
            )
        return ("passed", "")

    def _get_missing_blue_message(self):
        if not self.blue_number:
            return self.env._("The file doesn't name its blue fapiao. Choose it on the form.")
        return self.env._(
            "Its blue fapiao %s has not been entered, or seller and buyer are others there.",
            self.blue_number,
        )
