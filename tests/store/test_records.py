import pytest

from bounced.store import DeliveryState, Settlement


def test_only_a_retry_has_a_time():
    with pytest.raises(ValueError, match="retry_after"):
        Settlement("evt_1", "app", 1, DeliveryState.PENDING)
