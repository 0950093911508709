"""The simulator's controls about Flows: what customers and their WhatsApp do with them."""

import threading
from collections.abc import Mapping
from random import Random
from typing import Any

from local.simulator.config import Ask, Json, Number
from local.simulator.flow_keys import FlowKeys
from local.simulator.flows import reply, response_of
from local.simulator.inbound import AUTO, Auto, Customers, Id
from local.simulator.messages import Messages


class FlowControls:
    """A part of `Simulator`, which makes what this works on."""

    _messages: Messages
    _customers: Customers
    _flow_keys: FlowKeys
    _app_secret: str
    _ask: Ask | None
    _rng: Random
    _lock: threading.RLock

    def number(self, phone_number_id: str | None = None) -> Number:
        """See `Simulator`."""
        raise NotImplementedError

    def complete_flow(
        self,
        answers: Mapping[str, Any] | None = None,
        *,
        wamid: str | None = None,
        response_json: str | Auto | None = AUTO,
        flow_token: str | Auto | None = AUTO,
        sender: Id = AUTO,
        user_id: Id = AUTO,
    ) -> str:
        """A customer hands in the Flow of this message (None: of the newest that has one). Returns the reply's wamid.

        `answers` are what the form named; the token of the message is put before them, or `flow_token` (None: none).
        `response_json` is handed in as it is instead (None: left out). `sender` or `user_id` is who does it, if not the
        recipient.
        """
        with self._lock:
            sent, recipient, token = self._messages.flow(wamid)
            given = token if flow_token is AUTO else flow_token
            told = response_of(answers or {}, given) if response_json is AUTO else response_json
            if sender is AUTO and user_id is AUTO:
                if recipient is None:
                    raise ValueError("a Flow in a group needs somebody who hands it in")
                sender, user_id = None if recipient.phone_hidden else recipient.wa_id, recipient.user_id or AUTO
            number = self.number(sent.phone_number_id)
            message = reply(number, sent.wamid, told)
            return self._customers.write(number, message, sender=sender, user_id=user_id, group_id=sent.group_id)

    def exchange_flow_data(
        self,
        url: str,
        action: str = "data_exchange",
        *,
        screen: str | None = None,
        data: Mapping[str, Any] | None = None,
        wamid: str | None = None,
        flow_token: str | None = None,
        version: str = "3.0",
        spoil: str | None = None,
        phone_number_id: str | None = None,
    ) -> Json:
        """A customer's WhatsApp asks a Flow's endpoint what comes next: `INIT`, `BACK`, `data_exchange`, or `ping`,
        Meta's health check. What came of it: see `flow_client.Exchanged`; `id` is the wamid of the reply, if it ended
        the Flow. The token is that of the message, see `complete_flow`, or `flow_token`.
        """
        from local.simulator.flow_client import exchange  # cryptography, which few simulators need

        if self._ask is None:
            raise ValueError("this simulator was not told how to reach an endpoint")
        with self._lock:
            number = self.number(phone_number_id)
            request: Json = {"version": version, "action": action}
            if action != "ping":
                request["flow_token"] = flow_token or self._messages.flow(wamid)[2]
            request |= {} if screen is None else {"screen": screen}
            request |= {} if data is None else {"data": dict(data)}
        exchanged = exchange(  # outside the lock: it may take its time
            url,
            request,
            key=lambda: self._flow_keys.of(number),
            app_secret=self._app_secret,
            ask=self._ask,
            rng=self._rng,
            spoil=spoil,
        )
        ended = exchanged.completes
        reply_id = None if ended is None else self.complete_flow(ended, wamid=wamid)
        return exchanged.as_json() | {"id": reply_id}
