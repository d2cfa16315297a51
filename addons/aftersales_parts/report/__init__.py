from . import aftersales_used_part_report
