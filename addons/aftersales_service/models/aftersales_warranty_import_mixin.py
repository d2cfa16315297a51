from odoo import api, models
from odoo.exceptions import ValidationError


class AftersalesWarrantyImportMixin(models.AbstractModel):
    """The import of warranty cards: fast, all or nothing, with a sentence for every bad row."""

    _name = "aftersales.warranty.import.mixin"
    _description = "Import of warranty cards"

    @api.model
    def get_import_templates(self):
        return [
            {
                "label": self.env._("Import template for warranty cards"),
                "template": "/aftersales_service/static/xlsx/warranty_cards_%s.xlsx"
                % ("zh_CN" if (self.env.lang or "").startswith("zh") else "en"),
            }
        ]

    @api.model
    def load(self, fields, data):
        """Import the rows: all of them, or none and a sentence for every row that is wrong."""
        # a file isn't cut into parts, of which some would stay when a later one is refused
        return super(
            AftersalesWarrantyImportMixin,
            self.with_context(_import_limit=None, aftersales_import_ids={}),
        ).load(fields, data)

    @api.model
    def _convert_records(self, records, *, log=lambda a: None, savepoint):
        # core creates row by row after the first error and stops after ten of them
        failed = set()

        def note(message):
            if message["type"] == "error":
                failed.add(message["record"])
            log(message)

        records = list(records)
        self._recognise_customers(record for record, _extras in records)
        converted = list(super()._convert_records(iter(records), log=note, savepoint=savepoint))
        new = {
            position: vals
            for position, (dbid, xid, vals, _info) in enumerate(converted)
            if not dbid and not xid and position not in failed
        }
        linked = self._link_serials(new.values())
        conflicts = self._find_serial_conflicts(linked)
        for index, (position, vals) in enumerate(zip(new, linked, strict=True)):
            for message in self._find_faults(vals) or filter(None, [conflicts.get(index)]):
                note({**converted[position][3], "type": "error", "message": message})
        if not failed:
            yield from converted

    @api.model
    def _recognise_customers(self, records):
        """Note the ids of customers that rows name in full; others are looked up one by one."""
        known = self.env.context.get("aftersales_import_ids")
        if known is None:
            return
        names = {
            cell[None]
            for record in records
            for cell in record.get("partner_id") or ()
            if cell.get(None)
        }
        partners = self.env["res.partner"].search_fetch(
            [("complete_name", "in", list(names))], ["complete_name"]
        )
        for name, found in partners.grouped("complete_name").items():
            if len(found) == 1:
                known["partner_id", None, name] = (found.id, [])

    @api.model
    def _find_faults(self, vals):
        """Return what is wrong with the values of a new card, as sentences for the user."""
        faults = [
            self.env._("“%s” is missing.", self._fields[name]._description_string(self.env))
            for name in ("partner_id", "product_id")
            if not vals.get(name)
        ]
        if faults:
            return faults
        card = self.new({"company_id": self.env.company.id, **vals})
        for check in (card._check_dates, card._check_lot_id, card._check_policy_id):
            try:
                check()
            except ValidationError as error:
                faults.append(str(error))
        return faults
