"""The queue of deliveries: claimed by a conditional UPDATE, tried until they succeed.

Updates and syncs of one section to one recipient are one stream (`Delivery.keeps_order`): an older one never
leaves after a newer one. Submissions, repeats and copies for the archive belong to no stream.
"""

from gentle_nudge.store.deliveries.delivery_order import overtaken_by as overtaken_by
from gentle_nudge.store.deliveries.delivery_order import since as since
from gentle_nudge.store.deliveries.delivery_order import waits_for as waits_for
from gentle_nudge.store.deliveries.delivery_states import attempt_failed as attempt_failed
from gentle_nudge.store.deliveries.delivery_states import cancel as cancel
from gentle_nudge.store.deliveries.delivery_states import claim as claim
from gentle_nudge.store.deliveries.delivery_states import enqueue as enqueue
from gentle_nudge.store.deliveries.delivery_states import fall_back as fall_back
from gentle_nudge.store.deliveries.delivery_states import retry as retry
from gentle_nudge.store.deliveries.delivery_states import sent as sent
from gentle_nudge.store.deliveries.delivery_states import set_aside as set_aside
from gentle_nudge.store.deliveries.delivery_states import supersede as supersede
from gentle_nudge.store.deliveries.lateness import late_deliveries as late_deliveries
from gentle_nudge.store.deliveries.lateness import sent_among as sent_among
from gentle_nudge.store.deliveries.lateness import sent_since as sent_since
from gentle_nudge.store.deliveries.waiting import attempts_of as attempts_of
from gentle_nudge.store.deliveries.waiting import by_state as by_state
from gentle_nudge.store.deliveries.waiting import cancelled_submissions as cancelled_submissions
from gentle_nudge.store.deliveries.waiting import counts as counts
from gentle_nudge.store.deliveries.waiting import due as due
from gentle_nudge.store.deliveries.waiting import get as get
from gentle_nudge.store.deliveries.waiting import had_report as had_report
from gentle_nudge.store.deliveries.waiting import of_report as of_report
from gentle_nudge.store.deliveries.waiting import unsure as unsure
