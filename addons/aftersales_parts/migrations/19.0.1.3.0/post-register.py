"""Shipping issued the register of the returns that went before it was noted (L2.5)."""


def migrate(cr, version):
    cr.execute(
        """
        UPDATE aftersales_return
           SET date_register = date_shipped
         WHERE date_register IS NULL AND date_shipped IS NOT NULL
        """
    )
