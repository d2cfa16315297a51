def post_init_hook(env):
    """Equip warehouses and charts of accounts that were there before the addon."""
    env["stock.warehouse"].search([])._aftersales_equip()
    for company in env["res.company"].search([("chart_template", "!=", False)]):
        company._aftersales_set_accounts()
