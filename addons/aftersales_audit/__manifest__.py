{
    "name": "After-sales Audit",
    "version": "19.0.1.4.0",
    "category": "Services/After-sales",
    "summary": "Audit plans of regional offices, approved by the marketing VP",
    "author": "After-sales on Odoo",
    "license": "LGPL-3",
    "depends": ["aftersales_parts"],
    "data": [
        "security/aftersales_audit_security.xml",
        "security/ir.model.access.csv",
        "data/ir_sequence_data.xml",
        "data/aftersales_deadline_event_data.xml",
        "data/aftersales_deadline_rule_data.xml",
        "report/aftersales_audit_plan_report.xml",
        "views/aftersales_menus.xml",
        "views/aftersales_audit_plan_views.xml",
    ],
    "demo": ["demo/aftersales_audit_demo.xml"],
    "assets": {
        "web.assets_tests": ["aftersales_audit/static/tests/tours/*.js"],
    },
}
