"""Say of finished requests how they were solved, so that the share solved remotely counts them."""


def migrate(cr, version):
    """Before this release every request was solved by a visit; a second run changes nothing."""
    cr.execute(
        """
        UPDATE aftersales_request request
           SET resolution = 'on_site',
               date_done = (
                   SELECT MAX(record.signed_on)
                     FROM aftersales_service_record record
                    WHERE record.request_id = request.id
                      AND record.state = 'done'
               )
         WHERE request.state = 'done'
           AND request.resolution IS NULL
        """
    )
