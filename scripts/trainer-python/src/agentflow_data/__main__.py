"""`python -m agentflow_data`, where the command is not on the PATH."""

import sys

from .cli import main

sys.exit(main())
