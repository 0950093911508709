import pytest

from tests.support.memory import memory
from tests.support.post_office import PostOffice


@pytest.fixture
def office() -> PostOffice:
    """Deliveries from end to end, with nobody subscribed."""
    return PostOffice(memory())
