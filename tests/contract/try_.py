"""REPL helper (not committed)."""
import sys, time, shutil, subprocess, os, sqlite3
from pathlib import Path
import tempfile
from tests.contract.autoretouch import *
from tests.contract.retouch4me import Retouch4me
from tests.contract.filestack import Filestack
from tests.contract.desk import *
from tests.contract.pictures import *
T = Path(tempfile.mkdtemp(prefix="ct-"))
def show(ran): print(ran); print()
