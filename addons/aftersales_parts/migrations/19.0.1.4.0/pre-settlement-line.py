"""Fill the amount before the fee, from which the totals of settlements are computed anew."""


def migrate(cr, version):
    """Let each line keep what it claimed; run once or again."""
    cr.execute(
        "ALTER TABLE aftersales_settlement_line ADD COLUMN IF NOT EXISTS amount_base numeric"
    )
    cr.execute(
        "UPDATE aftersales_settlement_line SET amount_base = price_unit WHERE amount_base IS NULL"
    )
