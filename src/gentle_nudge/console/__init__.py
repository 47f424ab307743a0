"""How plans, runs and explanations look on a terminal, and as JSON."""

from gentle_nudge.console.past import RUN_HEADERS, case_lines, run_rows
from gentle_nudge.console.plain import as_json, name, table
from gentle_nudge.console.plans import plan_json, plan_lines

__all__ = ["RUN_HEADERS", "as_json", "case_lines", "name", "plan_json", "plan_lines", "run_rows", "table"]
