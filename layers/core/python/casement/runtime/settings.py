"""What an operator sets, read once from the environment that `template.yaml` gives every function."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from casement.domain.window import WindowRules

ALLOW_PRIVATE_TARGETS = "ALLOW_PRIVATE_TARGETS"


@dataclass(frozen=True)
class Settings:
    """Every setting there is."""

    table_name: str
    secret_id: str
    graph_base_url: str = "https://graph.facebook.com"
    graph_version: str = "v25.0"
    window_margin_seconds: int = 60
    closing_lead_seconds: int = 7200
    retention_days: int = 365  # 0 keeps for ever
    secret_max_age_seconds: int = 300
    metrics_namespace: str = "Casement"
    service: str = "casement"
    outbox_url: str = ""
    allow_private_targets: bool = False  # other people's servers on loopback: for the local stack, never deployed
    deliveries_url: str = ""
    event_bus_name: str = ""
    pause_after_hours: int = 24

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the settings. Raises KeyError for a name that must be there and ValueError for no number."""
        return cls(
            table_name=env["TABLE_NAME"],
            secret_id=env["SECRET_ID"],
            graph_base_url=env.get("GRAPH_BASE_URL") or cls.graph_base_url,
            graph_version=env.get("GRAPH_VERSION") or cls.graph_version,
            window_margin_seconds=int(env.get("WINDOW_MARGIN_SECONDS") or cls.window_margin_seconds),
            closing_lead_seconds=int(env.get("CLOSING_LEAD_SECONDS") or cls.closing_lead_seconds),
            retention_days=int(env.get("RETENTION_DAYS") or cls.retention_days),
            secret_max_age_seconds=int(env.get("SECRET_MAX_AGE_SECONDS") or cls.secret_max_age_seconds),
            service=env.get("POWERTOOLS_SERVICE_NAME") or cls.service,
            allow_private_targets=env.get(ALLOW_PRIVATE_TARGETS) == "true",
            outbox_url=env.get("OUTBOX_URL") or cls.outbox_url,
            deliveries_url=env.get("DELIVERIES_URL") or cls.deliveries_url,
            event_bus_name=env.get("EVENT_BUS_NAME") or cls.event_bus_name,
            pause_after_hours=int(env.get("PAUSE_AFTER_HOURS") or cls.pause_after_hours),
            metrics_namespace=env.get("POWERTOOLS_METRICS_NAMESPACE") or cls.metrics_namespace,
        )

    @property
    def window_rules(self) -> WindowRules:
        """The margins as the window rule takes them."""
        return WindowRules(self.window_margin_seconds * 1000, self.closing_lead_seconds * 1000)
