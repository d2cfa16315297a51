from . import aftersales_reason
from . import aftersales_sign
