"""Worlds for tests, as in tests/clients."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "clients"))

from fixtures import *  # noqa: E402, F401, F403
from engines import pytest_collection_modifyitems, pytest_configure  # noqa: E402, F401
