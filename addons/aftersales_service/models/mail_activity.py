from odoo import fields, models


class MailActivity(models.Model):
    _inherit = "mail.activity"

    aftersales_deadline_id = fields.Many2one(
        "aftersales.deadline",
        "Deadline",
        readonly=True,
        ondelete="cascade",
        index="btree_not_null",
        help="The deadline that somebody was told about; it ends with it.",
    )
