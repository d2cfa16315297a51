def migrate(cr, version):
    """Keep the last result of each check of a fapiao, of which there is only one from now on."""
    cr.execute(
        """
        DELETE FROM aftersales_fapiao_check AS old
              USING aftersales_fapiao_check AS new
              WHERE new.fapiao_id = old.fapiao_id
                AND new.code = old.code
                AND new.id > old.id
        """
    )
