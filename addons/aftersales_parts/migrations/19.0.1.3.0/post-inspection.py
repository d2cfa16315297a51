"""Verdicts of returns that were verified before stay fixed when a missing tag arrives."""


def migrate(cr, version):
    if not version:
        return
    cr.execute(
        """
        UPDATE aftersales_return_line line
           SET is_verified = true
          FROM aftersales_return document
         WHERE document.id = line.return_id
           AND line.is_received
           AND line.is_verified IS NOT TRUE
           AND (document.state IN ('verified', 'done')
                OR EXISTS (SELECT 1
                             FROM aftersales_used_part part
                            WHERE part.id = line.used_part_id
                              AND part.state IN ('accepted', 'deducted', 'rejected')))
        """
    )
