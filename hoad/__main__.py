"""``python -m hoad`` is the ``hoad`` command."""

import sys

from hoad.cli import main

sys.exit(main())
