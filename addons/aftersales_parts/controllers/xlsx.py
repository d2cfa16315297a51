from contextlib import ExitStack
from tempfile import TemporaryFile

from werkzeug.wsgi import FileWrapper

from odoo import http
from odoo.http import content_disposition, request

MIMETYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class AftersalesXlsx(http.Controller):
    """Workbooks, written to a file and sent from it, so that none has to fit into the memory."""

    @http.route("/aftersales_parts/xlsx/<int:download_id>", type="http", auth="user", readonly=True)
    def download(self, download_id):
        """Send the list that the user has asked for; the records are checked once more."""
        download = request.env["aftersales.xlsx"].browse(download_id).exists()
        if not download:
            raise request.not_found()
        records = download._get_records()
        name = f"{records._get_xlsx_name(download.code)}.xlsx"
        with ExitStack() as stack:
            file = stack.enter_context(TemporaryFile())
            records._write_xlsx(download.code, file)
            size = file.tell()
            file.seek(0)
            response = request.make_response(
                FileWrapper(file),
                headers=[
                    ("Content-Type", MIMETYPE),
                    ("Content-Length", size),
                    ("Content-Disposition", content_disposition(name)),
                    ("X-Content-Type-Options", "nosniff"),
                ],
            )
            # sent after this method ends
            response.call_on_close(stack.pop_all().close)
        return response
