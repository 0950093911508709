"""The Lambda functions, called in this process, and the environment they share."""

import importlib
import json
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from local.stack.errors import StackError
from local.stack.template import STACK_NAME, Function, function_arn

log = logging.getLogger("local.stack")

# A value that only names the function in its logs may differ; one process cannot hold both, and need not.
_MAY_DIFFER = frozenset({"POWERTOOLS_SERVICE_NAME"})

# What would let a call meant for the local engine go to a real account, or somewhere else.
_NEVER_INHERITED = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
)


@dataclass(frozen=True)
class LambdaContext:
    """What Lambda gives a handler beside the event."""

    function_name: str
    memory_limit_in_mb: int
    invoked_function_arn: str
    aws_request_id: str
    deadline: float  # of time.monotonic()
    function_version: str = "$LATEST"
    log_stream_name: str = "local"
    identity: None = None
    client_context: None = None

    @property
    def log_group_name(self) -> str:
        return f"/aws/lambda/{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.deadline - time.monotonic()) * 1000))


@dataclass
class Tally:
    """How a function has fared since the stack started."""

    invocations: int = 0
    errors: int = 0
    last_error: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)


class LoadedFunction:
    """A function whose handler is imported and ready to be called, from any thread."""

    def __init__(self, function: Function, handler: Callable[[Any, LambdaContext], Any], region: str) -> None:
        self.function = function
        self.tally = Tally()
        self._handler = handler
        self._arn = function_arn(region, function.name)

    @property
    def arn(self) -> str:
        return self._arn

    def invoke(self, event: Any, request_id: str | None = None) -> Any:
        """Call the handler. What it raises is logged with its traceback, counted, and raised again."""
        context = LambdaContext(
            function_name=f"{STACK_NAME}-{self.function.name}",
            memory_limit_in_mb=self.function.memory_mb,
            invoked_function_arn=self._arn,
            aws_request_id=request_id or str(uuid.uuid4()),
            deadline=time.monotonic() + self.function.timeout_seconds,
        )
        try:
            result = self._handler(event, context)
        except Exception as error:
            with self.tally.lock:
                self.tally.invocations += 1
                self.tally.errors += 1
                self.tally.last_error = f"{type(error).__name__}: {error}"
            log.exception("%s raised", self.function.name)
            raise
        with self.tally.lock:
            self.tally.invocations += 1
        return result


def load(functions: Iterable[Function], region: str) -> dict[str, LoadedFunction]:
    """Import every handler, by function name."""
    return {function.name: LoadedFunction(function, _handler(function), region) for function in functions}


def _handler(function: Function) -> Callable[[Any, LambdaContext], Any]:
    module_name, _, attribute = function.handler.rpartition(".")
    try:
        handler = getattr(importlib.import_module(module_name), attribute)
    except Exception as error:
        raise StackError(f"{function.name}: cannot load {function.handler}: {type(error).__name__}: {error}") from error
    if not callable(handler):
        raise StackError(f"{function.name}: {function.handler} is not a function")
    return handler  # type: ignore[no-any-return]


def environment(functions: Iterable[Function], local: Mapping[str, str]) -> dict[str, str]:
    """One environment for all functions: the template's variables, with `local` values in place of some.

    In AWS each function has its own. Here they share a process, so that two of them want different values for
    one name is refused rather than decided by chance.
    """
    shared: dict[str, str] = {}
    wanted_by: dict[str, str] = {}
    for function in functions:
        for name, value in function.environment.items():
            if name in local or name in _MAY_DIFFER:
                continue
            if shared.setdefault(name, value) != value:
                raise StackError(
                    f"{wanted_by[name]} wants {name}={shared[name]!r} and {function.name} wants {value!r}; "
                    "locally, all functions share one environment"
                )
            wanted_by.setdefault(name, function.name)
    return {**shared, **local}


def install(variables: Mapping[str, str], into: MutableMapping[str, str] = os.environ) -> None:
    """Put the functions' environment in place, and take out what could lead a call to a real AWS account."""
    for name in [*_NEVER_INHERITED, *(n for n in into if n.startswith("AWS_ENDPOINT_URL_"))]:
        into.pop(name, None)
    into.update(variables)


def as_json(event: Any) -> Any:
    """A copy of an event as it comes out of JSON, which is all that a real invocation lets through."""
    return json.loads(json.dumps(event))
