from odoo import api, fields, models


class AftersalesChecklist(models.Model):
    """What is checked on the whole machine after a repair, by kind of product (M3.3)."""

    _name = "aftersales.checklist"
    _description = "Checklist"
    _order = "sequence, id"

    name = fields.Char("Checklist", required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", help="Empty: for every company.")
    categ_id = fields.Many2one(
        "product.category",
        "Product category",
        index="btree_not_null",
        help="For products of this category and the ones below it, unless these have a checklist "
        "of their own. Empty: for all that have none.",
    )
    item_ids = fields.One2many("aftersales.checklist.item", "checklist_id", "Items", copy=True)

    @api.model
    def _get_checklists(self, products, company):
        """Return the checklist of each of ``products``: that of the nearest category.

        :return: checklists by product; an empty product gets the one for all
        """
        # sudo: checklists are followed by whoever serves the product, see `_get_requirements`
        checklists = self.sudo().search([("company_id", "in", (company.id, False))])
        by_categ = {}
        # a company's own come first
        for checklist in checklists.sorted(lambda c: not c.company_id):
            by_categ.setdefault(checklist.categ_id.id, checklist)
        result = {}
        for product in [*products, products.browse()]:
            path = product.sudo().categ_id.parent_path or ""
            nearest = [int(node) for node in path.split("/") if node][::-1]
            found = next((by_categ[node] for node in nearest if node in by_categ), None)
            result[product] = found or by_categ.get(False, self.browse())
        return result
