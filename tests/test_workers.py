from odoo.tests import TransactionCase, tagged


@tagged("post_install", "-at_install")
class TestWorkers(TransactionCase):
    def test_files_stay(self):
        """A file that no committed row names stays: it may be that of another worker's test."""
        attachment = self.env["ir.attachment"].create({"name": "photo", "raw": b"just taken"})
        self._gc_filestore()
        attachment.invalidate_recordset()
        self.assertEqual(attachment.raw, b"just taken")
