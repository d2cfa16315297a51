from . import aftersales_return_receive
from . import aftersales_settlement_generate
from . import aftersales_used_part_supply
from . import aftersales_used_part_write_off
from . import aftersales_used_part_check
from . import aftersales_used_part_check_line
from . import aftersales_used_part_pack
from . import aftersales_used_part_store
