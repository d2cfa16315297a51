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
    aftersales_task_id = fields.Many2one(
        "aftersales.complaint.task",
        "Task on a complaint",
        readonly=True,
        ondelete="cascade",
        index="btree_not_null",
        help="The task that the activity stands for; it ends with it.",
    )
    aftersales_action_id = fields.Many2one(
        "aftersales.complaint.action",
        "Action on a complaint",
        readonly=True,
        ondelete="cascade",
        index="btree_not_null",
        help="The corrective or preventive action that the activity stands for; it ends with it.",
    )
