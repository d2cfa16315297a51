from lxml import etree

from odoo import api, models


class AftersalesProductCostMixin(models.AbstractModel):
    """Hides what the company pays for products from service centers and technicians (M7).

    With average or last cost, it is what suppliers are paid. Nobody else is affected: core lets
    every employee read it, and the code of other applications relies on that.
    """

    _name = "aftersales.product.cost.mixin"
    _description = "Product with a cost that centers don't see"

    def _has_field_access(self, field, operation):
        if field.name == "standard_price" and not self.env.su:
            return not self.env.user._is_of_center_only() and super()._has_field_access(
                field, operation
            )
        return super()._has_field_access(field, operation)

    @api.model
    def get_view(self, view_id=None, view_type="form", **options):
        # core leaves fields out of a view by groups, which can't say “only”
        result = super().get_view(view_id, view_type, **options)
        if self.env.user._is_of_center_only():
            arch = etree.fromstring(result["arch"])
            for node in arch.xpath("//*[@name='standard_price' or @for='standard_price']"):
                node.getparent().remove(node)
            result["arch"] = etree.tostring(arch, encoding="unicode")
        return result
