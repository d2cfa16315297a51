from . import test_approval_concurrency
from . import test_aftersales_audit_plan
from . import test_aftersales_audit_secrecy
from . import test_deadline
from . import test_ui
