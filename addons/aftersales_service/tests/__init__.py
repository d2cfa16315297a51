from . import (
    test_access,
    test_approval,
    test_center,
    test_center_application,
    test_deadline,
    test_deadline_rule,
    test_region,
    test_request,
    test_service_record,
    test_ui,
    test_warranty_card,
    test_warranty_policy,
)
