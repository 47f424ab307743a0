"""How plans, runs and explanations look on a terminal, and as JSON."""

from gentle_nudge.views.case_view import RUN_HEADERS, case_lines, run_rows
from gentle_nudge.views.night_view import changes, plan_json, plan_lines
from gentle_nudge.views.structured import as_json
from gentle_nudge.views.terminal import name, table

__all__ = ["RUN_HEADERS", "as_json", "case_lines", "changes", "name", "plan_json", "plan_lines", "run_rows", "table"]
