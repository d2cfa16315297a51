from . import aftersales_entitlement
from . import aftersales_entitlement_line
from . import aftersales_reason
from . import aftersales_sign
from . import aftersales_warranty_policy_version
from . import aftersales_deadline_reschedule
