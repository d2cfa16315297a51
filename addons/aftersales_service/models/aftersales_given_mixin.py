from odoo import api, models


class AftersalesGivenMixin(models.AbstractModel):
    """Fields that are given by actions and documents, so that no default of a caller counts.

    Whoever calls may put ``default_…`` into the context, and every user may keep defaults of his
    own. Both would reach also what an action creates on his behalf by sudo, where no guard asks.
    """

    _name = "aftersales.given.mixin"
    _description = "Fields without defaults of callers"

    def _get_given_fields(self):
        """Return the names of the fields; by default those that no form lets anybody enter."""
        return {name for name, field in self._fields.items() if field.store and field.readonly}

    @api.model
    def default_get(self, fields):
        given = self._get_given_fields().intersection(fields)
        defaults = super().default_get([name for name in fields if name not in given])
        return {**defaults, **self._get_own_defaults(given)}

    @api.model
    def _get_own_defaults(self, names):
        """Return the defaults that the model itself gives to the fields ``names``."""
        defaults = {}
        for name in names:
            field = self._fields[name]
            if field.default:
                value = field.convert_to_cache(field.default(self), self, validate=False)
                defaults[name] = field.convert_to_write(field.convert_to_record(value, self), self)
        return defaults
