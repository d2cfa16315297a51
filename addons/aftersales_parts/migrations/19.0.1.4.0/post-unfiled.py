from dateutil.relativedelta import relativedelta

from odoo import SUPERUSER_ID, api, fields


def migrate(cr, version):
    """Give each list its filing day; drafts whose day is over get the next one (M8.9).

    They were late before anything was forfeited for that, so nobody loses them by the upgrade
    without having been warned. What no list holds of the months before is put on one for the same
    reason. Centers that were sent their result have the time from now on to confirm it (M8.5).
    """
    env = api.Environment(cr, SUPERUSER_ID, {"tracking_disable": True})
    model = env["aftersales.settlement"]
    _list_before_it_is_late(model)
    model.search([("state", "=", "sent")])._deadline_event("sent")
    settlements = model.search([("date_filing", "=", False), ("kind", "=", "parts")])
    terms = env["aftersales.settlement.terms"]
    now = fields.Datetime.now()
    for (company, month), group in settlements.grouped(lambda s: (s.company_id, s.month)).items():
        domain = [("company_id", "in", [company.id, False]), ("date_from", "<=", month)]
        if not terms.search_count(domain, limit=1):
            continue
        day = model._get_filing_day(company, month)
        group.date_filing = day
        if day >= now or not (drafts := group.filtered(lambda s: s.state == "draft")):
            continue
        today = company._aftersales_local(now).date()
        coming = model._get_filing_day(company, today.replace(day=1) - relativedelta(months=1))
        if coming < now:
            coming = model._get_filing_day(company, today.replace(day=1))
        drafts.date_filing = coming
        for draft in drafts.with_context(lang=company.partner_id.lang or env.lang):
            draft.message_post(
                body=draft.env._(
                    "What is not filed by its filing day is forfeited from now on (M8.9). This "
                    "list was a draft when that began: it can be filed until %s.",
                    company._aftersales_format(coming),
                )
            )


def _list_before_it_is_late(model):
    """Make drafts of what is on no list, as somebody could have done before the filing day."""
    if not model.env["aftersales.settlement.terms"].search_count([], limit=1):
        return
    for company, month, centers in model._find_unlisted(fields.Datetime.now()):
        own = model.with_company(company)
        if not own._get_filing_terms(company, month):
            continue
        day = own._get_filing_day(company, month)
        lists = own._generate(month, centers, ["parts"], moment=day, problems={})
        # their day is set as that of the drafts that were there
        lists.filtered(lambda s: s.state == "draft").date_filing = False
