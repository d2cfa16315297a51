from . import test_access
from . import test_approval
from . import test_fapiao
from . import test_report
from . import test_return
from . import test_settlement
from . import test_ui
from . import test_used_part
