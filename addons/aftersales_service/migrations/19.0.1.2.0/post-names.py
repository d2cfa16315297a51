"""Name the lines that were made with the shipped surveys and policies, so that they get translated.

The data files name them, too, but only in a fresh database: an update runs no function of data
that users may change. The translations are loaded after this.
"""

from odoo import SUPERUSER_ID, api

NAMES = {
    ("survey_sale", "question_ids"): [f"survey_question_sale_{i}" for i in range(1, 10)],
    ("survey_service", "question_ids"): [
        "survey_question_service_attitude",
        "survey_question_service_skill",
        "survey_question_service_punctuality",
        "survey_question_service_matters",
        "survey_question_service_overall",
    ],
    ("survey_complaint", "question_ids"): [
        "survey_question_complaint_open",
        "survey_question_complaint_overall",
    ],
    ("policy_ceiling_lamp", "line_ids"): [
        "policy_line_ballast",
        "policy_line_tube",
        "policy_line_plastic",
    ],
    ("policy_energy_saving_lamp", "line_ids"): [
        "policy_line_lamp_consumer",
        "policy_line_lamp_dealer",
    ],
}


def migrate(cr, version):
    """Name the lines that are as they were shipped; a second run changes nothing."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    for (owner, field), names in NAMES.items():
        document = env.ref(f"aftersales_service.{owner}", raise_if_not_found=False)
        xmlids = [f"aftersales_service.{name}" for name in names]
        if not document or any(env.ref(xmlid, raise_if_not_found=False) for xmlid in xmlids):
            continue
        lines = document[field]
        # what users changed isn't what the translation says
        if len(lines) == len(names) and all(li.write_date == li.create_date for li in lines):
            env["ir.model.data"]._update_xmlids(
                [
                    {"xml_id": xmlid, "record": line, "noupdate": True}
                    for xmlid, line in zip(xmlids, lines, strict=True)
                ]
            )
