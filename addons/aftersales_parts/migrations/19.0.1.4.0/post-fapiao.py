from odoo import SUPERUSER_ID, api
from odoo.exceptions import UserError


def migrate(cr, version):
    """Read from the stored files what was not kept before: lines, remarks, addresses, and so on.

    What was kept stays as it is; a file that can't be read any more leaves its fapiao unchanged.
    """
    cr.execute("UPDATE aftersales_fapiao SET source = 'xml', number = name WHERE source IS NULL")
    env = api.Environment(cr, SUPERUSER_ID, {})
    fapiaos = env["aftersales.fapiao"].search([("source", "=", "xml"), ("line_ids", "=", False)])
    for fapiao in fapiaos:
        try:
            vals = fapiao._read_document(fapiao.with_context(bin_size=False).document)
        except UserError:
            continue
        added = {name: value for name, value in vals.items() if value and not fapiao[name]}
        fapiao.write(added)
    # a partner that has the tax number by now is found, posted or not
    fapiaos._add_own_parties()
