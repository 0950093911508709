"""Log lines and metrics for `receive_webhook`, whose cold start has no room for Powertools (docs/adr/0003).

The keys are those that Powertools writes, so that one query reads all functions' logs. Metrics are CloudWatch's
embedded metric format: a log line, and no call.
"""

import json
import time
from typing import Any


def line(level: str, message: str, service: str, **fields: Any) -> None:
    """Print one structured line. Never give it message text, phone numbers or tokens."""
    print(json.dumps({"level": level, "message": message, "service": service, **fields}))


def metric(name: str, value: float, service: str, namespace: str) -> None:
    """Count `value` of `name` in `namespace`, with the dimension `service`."""
    about = {
        "Timestamp": time.time_ns() // 1_000_000,
        "CloudWatchMetrics": [
            {"Namespace": namespace, "Dimensions": [["service"]], "Metrics": [{"Name": name, "Unit": "Count"}]}
        ],
    }
    print(json.dumps({"_aws": about, "service": service, name: value}))
