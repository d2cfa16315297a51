from . import aftersales_dispute_pack_report
from . import aftersales_settlement_report
from . import aftersales_statement_report
from . import aftersales_used_part_report
