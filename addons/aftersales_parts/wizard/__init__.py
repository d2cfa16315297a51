from . import aftersales_return_receive
from . import aftersales_settlement_generate
