def migrate(cr, version):
    """Tell apart what was verified and audited, and what was confirmed, credited and invoiced."""
    cr.execute("UPDATE aftersales_settlement SET state = 'audited' WHERE state = 'verified'")
    cr.execute(
        """
        UPDATE aftersales_settlement AS settlement
           SET state = CASE WHEN EXISTS (SELECT FROM aftersales_fapiao
                                          WHERE settlement_id = settlement.id)
                            THEN 'invoiced' ELSE 'posted' END
         WHERE state = 'confirmed' AND move_id IS NOT NULL
        """
    )
