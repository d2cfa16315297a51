from odoo import api, models
from odoo.fields import Command


class AftersalesReferenceMixin(models.AbstractModel):
    """Records whose links lead to nothing that their user may not see.

    Constraints, stored computes and related fields follow links by sudo, and everybody who sees a
    link sees the name behind it. So whoever names a record is asked for it before anything is
    read from there, also while he fills in a form.
    """

    _name = "aftersales.reference.mixin"
    _description = "Links to what the user may see"

    def _get_reference_fields(self):
        """Return the names of the links by which a user could see more than he may."""
        return set()

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            defaults = self.default_get(list(self._get_reference_fields()))
            self._check_references([{**defaults, **vals} for vals in vals_list])
        return super().create(vals_list)

    def write(self, vals):
        if not self.env.su:
            self._check_references([vals])
        return super().write(vals)

    def onchange(self, values, field_names, fields_spec):
        if not self.env.su:
            self._check_entered([values])
        return super().onchange(values, field_names, fields_spec)

    def _check_references(self, vals_list):
        """Raise AccessError if a link of ``vals_list`` leads to what the user may not read."""
        for name in self._get_reference_fields():
            field = self._fields[name]
            records = self.env[field.comodel_name].union(
                *(self._get_reference(field, vals[name]) for vals in vals_list if vals.get(name))
            )
            records.check_access("read")

    @api.model
    def _get_reference(self, field, value):
        """Return the records that ``value`` of a link stands for, in whatever form it comes."""
        cached = field.convert_to_cache(value, self.browse(), validate=False)
        records = field.convert_to_record(cached, self.browse())
        return records.browse(records.ids)

    def _check_entered(self, values_list):
        """Check the links entered in a form, and those in its lines."""
        defaults = self.default_get(list(self._get_reference_fields()))
        self._check_references([{**defaults, **values} for values in values_list])
        for name, field in self._fields.items():
            if field.type != "one2many" or not issubclass(
                self.pool[field.comodel_name], self.pool["aftersales.reference.mixin"]
            ):
                continue
            entered = [
                command[2]
                for values in values_list
                for command in values.get(name) or ()
                if command[0] in (Command.CREATE, Command.UPDATE)
            ]
            if entered:
                self.env[field.comodel_name]._check_entered(entered)
