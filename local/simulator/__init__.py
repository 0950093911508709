"""A stand-in for Meta's WhatsApp Cloud API, for tests and the local stack: see README.md."""

from local.simulator.app import Simulator
from local.simulator.config import LOCAL_NUMBER, Number, Options
from local.simulator.messages import Sent

__all__ = ["LOCAL_NUMBER", "Number", "Options", "Sent", "Simulator"]
