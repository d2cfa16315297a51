from odoo import api, fields, models
from odoo.exceptions import UserError


class AftersalesMeterReading(models.Model):
    """What the hour meter of a unit showed on a day, and how long the unit had run by then."""

    _name = "aftersales.meter.reading"
    _description = "Hour-meter reading"
    _regulations = ("M5",)
    _inherit = ["aftersales.workflow.mixin"]
    _order = "date desc, hours desc, id desc"
    _rec_name = "card_id"

    card_id = fields.Many2one(
        "aftersales.warranty.card", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="card_id.company_id", store=True)
    date = fields.Date(
        required=True,
        default=lambda self: self.env.company._aftersales_local(fields.Datetime.now()).date(),
        help="The day on which the meter was read, in the company's time zone.",
    )
    meter = fields.Float("Meter (h)", required=True, help="What the hour meter showed.")
    offset = fields.Float(
        "Earlier meters (h)",
        compute="_compute_offset",
        store=True,
        readonly=False,
        precompute=True,
        help="What meters that were replaced had shown, less what this one began with.",
    )
    hours = fields.Float(
        "Operating hours",
        compute="_compute_hours",
        store=True,
        aggregator="max",
        help="How long the unit has run, whichever meter it carries. The warranty goes by it.",
    )
    source = fields.Selection(
        [
            ("record", "Service record"),
            ("manual", "By hand"),
            ("replacement", "Meter replaced"),
        ],
        required=True,
        readonly=True,
        default="manual",
    )
    record_id = fields.Many2one(
        "aftersales.service.record", readonly=True, ondelete="set null", index="btree_not_null"
    )
    reason = fields.Text(readonly=True)

    _meter_positive = models.Constraint(
        "CHECK(meter >= 0)", "An hour meter can't show less than nothing."
    )

    @api.depends("meter", "offset")
    def _compute_hours(self):
        for reading in self:
            reading.hours = reading.meter + reading.offset

    @api.constrains("card_id", "date", "meter", "offset")
    def _check_possible(self):
        for reading in self:
            others = reading.card_id.reading_ids - reading
            reading.card_id._check_hours(reading.date, reading.hours, others)

    @api.depends("card_id", "date")
    def _compute_offset(self):
        for reading in self:
            reading.offset = reading.card_id._get_meter_offset(reading.date)

    def write(self, vals):
        if self._get_changed_names(vals, {"card_id", "date", "meter"}):
            raise UserError(
                self.env._(
                    "A reading is kept as it was taken. Customer service may delete one that was "
                    "mistyped."
                )
            )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_taken(self):
        for reading in self:
            if reading.source == "record":
                raise UserError(
                    self.env._(
                        "The reading of %(date)s stands on the service record %(record)s and stays "
                        "with it.",
                        date=reading.date,
                        record=reading.record_id.name,
                    )
                )
            later = reading.card_id.reading_ids.filtered(lambda r, own=reading: r.id > own.id)
            if reading.source == "replacement" and later - self:
                raise UserError(
                    self.env._(
                        "Later readings of %s count from the new meter: delete those first.",
                        reading.card_id.display_name,
                    )
                )

    def unlink(self):
        told = [(reading.card_id, reading.date, reading.meter) for reading in self]
        result = super().unlink()
        for card, date, meter in told:
            card.message_post(
                body=self.env._("Reading deleted: %(meter)s h on %(date)s", meter=meter, date=date)
            )
        return result

    def _get_protected_fields(self):
        return {"offset", "hours", "source", "record_id", "reason"}
