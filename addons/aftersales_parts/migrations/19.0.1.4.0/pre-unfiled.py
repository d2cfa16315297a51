def migrate(cr, version):
    """Add the filing day empty: it is set by what each list still has to expect."""
    cr.execute("ALTER TABLE aftersales_settlement ADD COLUMN IF NOT EXISTS date_filing timestamp")
