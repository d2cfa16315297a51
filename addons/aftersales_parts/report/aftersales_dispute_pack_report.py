import base64

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools.image import ImageProcess, image_data_uri

# photos are evidence, not posters: large ones would make the file too large to be sent
PHOTO_SIZE = (640, 640)
QUALITY = 80


class AftersalesDisputePackPrint(models.AbstractModel):
    """All that speaks for and against the objected lines of a settlement, in one file (M8.5, L1.7).

    Whoever may read the settlement prints it; what he may not read of records and returns, such
    as another's photos, isn't in it.
    """

    _name = "report.aftersales_parts.report_dispute_pack_document"
    _description = "Print of a dispute pack"

    @api.model
    def _get_report_values(self, docids, data=None):
        """Return what the print says.

        :raises AccessError: a settlement that the user may not read
        :raises UserError: nothing of it was objected to
        """
        docs = self.env["aftersales.settlement"].browse(docids).exists()
        docs.check_access("read")
        differences = self.env["aftersales.settlement.difference"].search(
            [("settlement_id", "in", docs.ids)], order="settlement_id, id"
        )
        if not differences:
            raise UserError(
                self.env._("Nothing is objected to, so there is nothing to put together.")
            )
        return {
            "doc_ids": docs.ids,
            "doc_model": docs._name,
            "docs": docs,
            "cases": [self._prepare_case(difference) for difference in differences],
            "photo": self._get_photo,
        }

    @api.model
    def _prepare_case(self, difference):
        part = difference.used_part_id._filtered_access("read")
        returned = part.return_line_ids._filtered_access("read")
        record = difference.record_id._filtered_access("read")
        return {
            "difference": difference,
            "settlement": difference.settlement_id,
            "line": difference.line_id,
            "changes": self.env["aftersales.settlement.change"].search(
                [("line_id", "=", difference.line_id.id), ("line_id", "!=", False)], order="id"
            ),
            "part": part,
            "record": record,
            "record_photos": record.photo_ids._filtered_access("read"),
            "return_lines": returned,
            "inspections": returned.inspection_ids._filtered_access("read"),
            "return_photos": returned.photo_ids._filtered_access("read"),
        }

    @api.model
    def _get_photo(self, content):
        """Return a photo as the source of an image on the print, not larger than needed."""
        image = ImageProcess(base64.b64decode(content), verify_resolution=False)
        image.resize(*PHOTO_SIZE)
        return image_data_uri(base64.b64encode(image.image_quality(quality=QUALITY)))
