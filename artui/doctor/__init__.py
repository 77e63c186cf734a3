"""What ``artui doctor`` finds: one free pass over this machine, the settings, and every read-only route of an account.

Nothing is written, uploaded or bought. Each check is one :class:`Finding`, and none of them ends another.
"""

from artui.doctor.finding import Area, Finding, Level
from artui.doctor.machine import examine_machine
from artui.doctor.rules import examine_rules
from artui.doctor.service import examine_account
from artui.doctor.trial import examine_job, reach

__all__ = ["Area", "Finding", "Level", "examine_account", "examine_job", "examine_machine", "examine_rules", "reach"]
