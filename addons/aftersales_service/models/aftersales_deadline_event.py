from odoo import api, fields, models, tools


class AftersalesDeadlineEvent(models.Model):
    """Something that happens to a document and that a clock may go by, such as “assigned”.

    The code of a model raises its events by their codes (`_deadline_event`); users choose them by
    their names. Events of models that come with a later addon ship all the same, so that the
    rules on them can be read.
    """

    _name = "aftersales.deadline.event"
    _description = "Event of a deadline"
    _inherit = "aftersales.workflow.mixin"
    _order = "document, sequence, id"
    _rec_names_search = ["name", "document"]

    name = fields.Char(required=True, translate=True)
    document = fields.Char(
        required=True, translate=True, help="The kind of document that it happens to."
    )
    model = fields.Char("Model name", required=True, readonly=True)
    code = fields.Char(required=True, readonly=True)
    sequence = fields.Integer(default=10)

    _code_unique = models.Constraint(
        "UNIQUE(model, code)", "There is already an event of this code on this kind of document."
    )

    def _get_protected_fields(self):
        return {"model", "code"}

    @api.depends("name", "document")
    @api.depends_context("lang", "deadline_event_short")
    def _compute_display_name(self):
        for event in self:
            event.display_name = (
                event.name
                if self.env.context.get("deadline_event_short")
                else f"{event.document}: {event.name}"
            )

    @api.model
    @tools.ormcache("self.env.lang")
    def _get_documents(self):
        """Return [(model, name)] of the kinds of documents that have events."""
        return list(
            {
                event.model: event.document
                # sudo: the names of kinds of documents are no secret
                for event in self.sudo().search([], order="model, sequence desc, id desc")
            }.items()
        )

    @api.model_create_multi
    def create(self, vals_list):
        events = super().create(vals_list)
        self.env.registry.clear_cache()
        return events

    def write(self, vals):
        result = super().write(vals)
        self.env.registry.clear_cache()
        return result

    def unlink(self):
        result = super().unlink()
        self.env.registry.clear_cache()
        return result
