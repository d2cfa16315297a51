"""Steps of the set-up that run inside Odoo: ``python -m scripts.in_odoo CONF DATABASE ACTION``.

Run by the virtual environment's Python with Odoo on its path, never by the scripts directly.
"""

import sys

from odoo import SUPERUSER_ID, api
from odoo.modules.loading import load_demo
from odoo.modules.module_graph import ModuleGraph
from odoo.modules.registry import Registry
from odoo.tools import config

CHART = "cn"
BUNDLES = (
    "web.assets_web",
    "web.assets_frontend",
    "web.assets_frontend_minimal",
    "web.assets_frontend_lazy",
    "web.assets_tests",
    "web.report_assets_common",
)
TIME_ZONE = "Asia/Shanghai"


def be_in_china(env):
    """Country, currency, time zone and both languages; before accounting chooses its chart."""
    country = env.ref("base.cn")
    country.currency_id.active = True
    companies = env["res.company"].search([])
    companies.write({"country_id": country.id, "currency_id": country.currency_id.id})
    companies.partner_id.tz = TIME_ZONE
    _set_time_zone(env)
    missing = {"en_US", "zh_CN"} - {code for code, _name in env["res.lang"].get_installed()}
    if missing:
        raise RuntimeError(f"languages not installed: {missing}")


def _set_time_zone(env):
    users = env["res.users"].with_context(active_test=False).search([])
    users.filtered(lambda user: not user.tz).tz = TIME_ZONE


def load_chart(env):
    """The Chinese chart of accounts, unless accounting chose it by the company's country."""
    company = env.ref("base.main_company")
    if company.chart_template != CHART:
        env["account.chart.template"].try_loading(CHART, company=company, install_demo=False)
    if company.chart_template != CHART or company.currency_id.name != "CNY":
        raise RuntimeError(
            f"chart {company.chart_template!r} in {company.currency_id.name}, not the Chinese one"
        )


def check_installed(env, names):
    """Odoo only warns of a module that it cannot find, and goes on without."""
    domain = [("name", "in", names.split(",")), ("state", "=", "installed")]
    missing = set(names.split(",")) - set(env["ir.module.module"].search(domain).mapped("name"))
    if missing:
        raise RuntimeError(f"not installed: {', '.join(sorted(missing))}")


def demonstrate(env, names):
    """Load the demo data of the modules ``names``, and of no other.

    Odoo loads a module's demo data only if it also loaded those of all its dependencies. Those
    of its own modules bring American companies, charts and hundreds of documents. This does
    what Odoo's own `Load demo data` does, for the modules named. They are then marked as having
    demo data, as usual, so that an update renews it.
    """
    company = env.ref("base.main_company")
    company.write({"name": "华岭机械制造有限公司", "vat": "91350800MA2XNB3K2H"})
    # a demonstration sends no text messages to its customers
    company.stock_text_confirmation = False
    graph = ModuleGraph(env.cr, mode="load")
    graph.extend(env["ir.module.module"].search([("state", "=", "installed")]).mapped("name"))
    for package in graph:
        if package.name in names.split(","):
            if not load_demo(env, package, {}, "init"):
                raise RuntimeError(f"the demo data of {package.name} did not load")
            module = env["ir.module.module"].browse(package.id)
            module.demo = True
            module._update_translations()
    _set_time_zone(env)
    # most users read Chinese; the administrator can switch in the preferences
    users = env["res.users"].search([("share", "=", False)])
    (users - env.ref("base.user_admin")).lang = "zh_CN"
    if "odoobot_state" in users._fields:
        users.odoobot_state = "disabled"  # its greeting would cover a phone's whole screen


def be_at(env, address):
    """Tell Odoo its address, from which PDF documents load their style sheets."""
    parameters = env["ir.config_parameter"]
    parameters.set_param("web.base.url", address)
    parameters.set_param("web.base.url.freeze", "True")


def generate_assets(env):
    """Compile what the usual pages load, which the first of them would otherwise wait for."""
    for name in BUNDLES:
        env["ir.qweb"]._get_asset_bundle(name, css=False).js()
        env["ir.qweb"]._get_asset_bundle(name, js=False).css()


ACTIONS = {
    function.__name__: function
    for function in (
        be_in_china,
        load_chart,
        check_installed,
        demonstrate,
        generate_assets,
        be_at,
    )
}


def main(configuration, database, action, *arguments):
    """Run one action in one transaction."""
    config.parse_config(["-c", configuration, "-d", database, "--no-http"], setup_logging=True)
    with Registry(database).cursor() as cr:
        ACTIONS[action](api.Environment(cr, SUPERUSER_ID, {}), *arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
