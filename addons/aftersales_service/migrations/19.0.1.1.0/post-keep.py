"""Lead rules and regions over to what this release ships, without touching what users made.

Runs after the data were loaded: the events are there, and rules that were shipped before are as
the users left them.
"""

import ast
import logging

from odoo import SUPERUSER_ID, api
from odoo.exceptions import ValidationError
from odoo.tools import SQL, sql
from odoo.tools.safe_eval import safe_eval

_logger = logging.getLogger(__name__)

# rules of the previous release: old and new sequence, hours to warn before and to escalate after
RULES = {
    "arrival_city": (10, 40, 0.5, 4),
    "arrival_200": (11, 50, 1, 4),
    "arrival_300": (12, 60, 1.5, 4),
    "arrival_400": (13, 70, 2, 4),
    "running_again": (20, 100, 4, 12),
}
# regions of L2.11: name, sequence, week of the returns, provinces
REGIONS = {
    "north": ("North and Northeast China", 10, "1", "HL LN TJ BJ SX NM HE"),
    "west": ("West China", 20, "1", "SC GZ SN GS QH NX XJ CQ YN"),
    "east": ("East China", 10, "2", "AH JS SH ZJ"),
    "fujian_jiangxi": ("Fujian coast and Jiangxi", 20, "2", "JX"),
    "central": ("Central China and Shandong", 10, "3", "HB HN SD HA"),
    "south": ("South China", 20, "3", "GD GX HI"),
}
CITIES = {
    "fuzhou": ("Fuzhou", "福州"),
    "xiamen": ("Xiamen", "厦门,Amoy"),
    "quanzhou": ("Quanzhou", "泉州"),
}


def migrate(cr, version):
    """Carry over what is still in the columns of the previous release; run once or again."""
    env = api.Environment(cr, SUPERUSER_ID, {"lang": "en_US"})
    if sql.column_exists(cr, "aftersales_deadline_rule", "start_event"):
        rules = _name_events(env)
        _quote_today(rules)
        _renew_shipped_rules(env)
        _archive_doubles(env, rules)
        _plan_warnings(env)
    _note_hours(env)
    _add_regions(env)
    _sweep_more_often(env)


def _name_events(env):
    """Let the rules name their events by records, and return these rules.

    What no event is shipped for gets one of its own, under the code that users knew it by.
    """
    env.flush_all()
    env.cr.execute(
        SQL(
            "SELECT id, model, start_event, stop_event FROM aftersales_deadline_rule "
            "WHERE start_event_id IS NULL ORDER BY id"
        )
    )
    rows = env.cr.fetchall()
    events = env["aftersales.deadline.event"]
    by_code = {(event.model, event.code): event for event in events.search([])}
    documents = dict(events._get_documents())
    live = env["aftersales.deadline.rule"]._get_live_models()
    for rule_id, model, *codes in rows:
        for column, code in zip(("start_event_id", "stop_event_id"), codes, strict=True):
            # another addon may ship this code right after; nothing has ever raised it
            own_code = code if model in live else f"own_{code}"
            event = by_code.get((model, code)) or by_code.get((model, own_code))
            if not event:
                event = by_code[model, own_code] = events.create(
                    {
                        "name": code,
                        "document": documents.get(model) or env["ir.model"]._get(model).name,
                        "model": model,
                        "code": own_code,
                    }
                )
            env.cr.execute(
                SQL(
                    "UPDATE aftersales_deadline_rule SET %s = %s WHERE id = %s",
                    SQL.identifier(column),
                    event.id,
                    rule_id,
                )
            )
    env.invalidate_all()
    env.registry.clear_cache()
    return env["aftersales.deadline.rule"].browse(row[0] for row in rows)


class _Quote(ast.NodeTransformer):
    def visit_Name(self, node):
        return ast.Constant("today") if node.id == "today" else node


def _quote_today(rules):
    """Write the day of the event as core does in conditions: “today”, as a text.

    A condition that calculates with it can't be carried over. Such a rule is archived, because
    it would keep every request from being handled, and the log tells so.
    """
    for rule in rules:
        try:
            tree = ast.parse(rule.domain.strip(), mode="eval")
            if not any(isinstance(n, ast.Name) and n.id == "today" for n in ast.walk(tree)):
                continue
            domain = ast.unparse(_Quote().visit(tree))
            safe_eval(domain)
            with rule.env.cr.savepoint():
                rule.domain = domain
        except (SyntaxError, ValueError, ValidationError):
            rule.env.invalidate_all()
            rule.active = False
            _logger.warning(
                "Deadline rule “%s” was archived: enter its condition anew, it was %s",
                rule.name,
                rule.domain,
            )


def _renew_shipped_rules(env):
    """Give the rules that were shipped before what the users could not choose yet."""
    for name, (old_sequence, sequence, warning, escalation) in RULES.items():
        rule = env.ref(f"aftersales_service.deadline_rule_{name}", False)
        if not rule or rule.warning_hours:
            continue
        vals = {"warning_hours": warning, "escalation_hours": escalation}
        if rule.sequence == old_sequence:
            vals["sequence"] = sequence
        if name == "running_again" and rule.unit != "month_day":
            vals["pause_event_id"] = _get_event_id(env, "waiting")
            vals["resume_event_id"] = _get_event_id(env, "resumed")
        rule.write(vals)


def _get_event_id(env, code):
    return env.ref(f"aftersales_service.deadline_event_request_{code}").id


def _archive_doubles(env, rules):
    """Archive a rule that is new with this release, where users had made the same before.

    The same are events and condition; the time that the users chose stays in force.
    """
    known = {f"deadline_rule_{name}" for name in RULES}
    shipped = env["ir.model.data"].search(
        [
            ("module", "=", "aftersales_service"),
            ("model", "=", "aftersales.deadline.rule"),
            ("name", "not in", list(known)),
        ]
    )
    new = env["aftersales.deadline.rule"].browse(shipped.mapped("res_id")).exists()
    is_single = env["res.company"].with_context(active_test=False).search_count([]) == 1
    own = rules.filtered(lambda rule: rule.active and (is_single or not rule.company_id))
    meanings = {_get_meaning(rule) for rule in own - new}
    for rule in new.filtered(lambda rule: rule.active and _get_meaning(rule) in meanings):
        rule.active = False
        _logger.info("Deadline rule “%s” was archived: there is one of your own", rule.name)


def _get_meaning(rule):
    return rule.start_event_id, rule.stop_event_id, repr(rule._eval_domain())


def _plan_warnings(env):
    """Warn of the promises that run already, too."""
    env.flush_all()
    env.cr.execute(
        SQL(
            """
            UPDATE aftersales_deadline deadline
               SET date_warning = date_due - rule.warning_hours * interval '1 hour'
              FROM aftersales_deadline_rule rule
             WHERE rule.id = deadline.rule_id
               AND deadline.state = 'running'
               AND deadline.date_warning IS NULL
               AND rule.warning_hours > 0
            """
        )
    )
    env.invalidate_all()


def _note_hours(env):
    """Note on the cards what the hour meters showed on valid service records (M5).

    Not where the hours go back: a meter was replaced or misread, which nobody said then, and every
    later reading would be refused. Cards that have readings were begun with this release.
    """
    env.flush_all()
    env.cr.execute(
        SQL(
            """
            WITH record AS (
                SELECT id, card_id, company_id, service_date, hour_meter
                  FROM aftersales_service_record
                 WHERE state = 'done' AND hour_meter > 0 AND card_id IS NOT NULL
                   AND service_date IS NOT NULL
            ), step AS (
                SELECT card_id,
                       hour_meter - lag(hour_meter) OVER (
                           PARTITION BY card_id ORDER BY service_date, hour_meter
                       ) AS hours
                  FROM record
            )
            INSERT INTO aftersales_meter_reading
                        (card_id, company_id, date, meter, "offset", hours, source, record_id,
                         create_uid, write_uid, create_date, write_date)
                 SELECT card_id, company_id, service_date, hour_meter, 0, hour_meter, 'record', id,
                        %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
                   FROM record
                  WHERE card_id NOT IN (SELECT card_id FROM aftersales_meter_reading)
                    AND card_id NOT IN (SELECT card_id FROM step WHERE hours < 0)
            """,
            uid=SUPERUSER_ID,
        )
    )
    env.invalidate_all()


def _add_regions(env):
    """Add the regions of L2.11 with the provinces that no region serves yet.

    The regions that users made keep theirs, with all their cities; a region of which nothing is
    left isn't added.
    """
    regions = env["aftersales.region"]
    taken = regions.search([]).state_ids
    for name, (label, sequence, week, codes) in REGIONS.items():
        xmlid = f"aftersales_service.region_{name}"
        states = env["res.country.state"].union(
            *(env.ref(f"base.state_cn_{code}") for code in codes.split())
        )
        free = states - taken
        if env.ref(xmlid, False) or not free:
            continue
        if free != states:
            _logger.info("Region “%s” without %s", label, (states - free).mapped("name"))
        vals = {
            "name": label,
            "sequence": sequence,
            "company_id": False,
            "return_week": week,
            "state_ids": [(6, 0, free.ids)],
        }
        regions._load_records([{"xml_id": xmlid, "values": vals, "noupdate": True}])
    fujian = env.ref("base.state_cn_FJ")
    region = env.ref("aftersales_service.region_fujian_jiangxi", False)
    if not region or fujian in taken:
        return
    for name, (label, other_names) in CITIES.items():
        xmlid = f"aftersales_service.region_city_{name}"
        if not env.ref(xmlid, False):
            vals = {
                "name": label,
                "other_names": other_names,
                "region_id": region.id,
                "state_id": fujian.id,
            }
            env["aftersales.region.city"]._load_records(
                [{"xml_id": xmlid, "values": vals, "noupdate": True}]
            )


def _sweep_more_often(env):
    """Look every five minutes, as warnings of half an hour need, unless users chose otherwise."""
    cron = env.ref("aftersales_service.cron_deadline_sweep", False)
    if cron and (cron.interval_number, cron.interval_type) == (15, "minutes"):
        cron.interval_number = 5
