from . import res_partner
from . import aftersales_audit_plan
from . import aftersales_audit_check
