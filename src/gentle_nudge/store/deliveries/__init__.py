"""The queue of deliveries: claimed by a conditional UPDATE, tried until they succeed.

Updates and syncs of one section to one recipient are one stream (`Delivery.keeps_order`): an older one never
leaves after a newer one. Submissions, repeats and copies for the archive belong to no stream.
"""

from gentle_nudge.store.deliveries.delivery_order import overtaken_by, since, supersede, waits_for
from gentle_nudge.store.deliveries.delivery_states import (
    cancel,
    claim,
    enqueue,
    fall_back,
    retry,
    sent,
    set_aside,
    tried_in_vain,
)
from gentle_nudge.store.deliveries.lateness import late_deliveries, sent_since
from gentle_nudge.store.deliveries.waiting import attempts_of, by_state, counts, due, get, of_report, unsure

__all__ = [
    "attempts_of",
    "by_state",
    "cancel",
    "claim",
    "counts",
    "due",
    "enqueue",
    "fall_back",
    "get",
    "late_deliveries",
    "of_report",
    "overtaken_by",
    "retry",
    "sent",
    "sent_since",
    "set_aside",
    "since",
    "supersede",
    "tried_in_vain",
    "unsure",
    "waits_for",
]
