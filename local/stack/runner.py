"""The stack itself: brings everything up in the right order, and takes it down again."""

import json
import logging
import os
import shutil
import socket
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from local.stack import aws, children, functions, template
from local.stack.asgi import Api
from local.stack.aws import Aws
from local.stack.children import HOST, ROOT, Child
from local.stack.errors import StackError
from local.stack.functions import LoadedFunction
from local.stack.queues import QueueConsumer
from local.stack.routing import Router
from local.stack.seed import seed
from local.stack.sources import Clock, Sources
from local.stack.streams import StreamConsumer, StreamReader
from local.stack.template import Deployment, Table

log = logging.getLogger("local.stack")

DEFAULT_PORT = 8080
DEFAULT_SIMULATOR_PORT = 8090
REQUEST_THREADS = 16  # handlers that run at one time for HTTP; more only wait for each other's turn at the interpreter
EVENT_THREADS = 8  # the same for each queue, and for schedules: one that waits for others holds up no other function
DRAIN_SECONDS = 30.0


@dataclass(frozen=True)
class Options:
    """How a stack is started. A port of 0 takes a free one."""

    template: Path = ROOT / "template.yaml"
    port: int = DEFAULT_PORT
    simulator_port: int | None = DEFAULT_SIMULATOR_PORT  # None: no simulator
    graph_url: str | None = None  # where functions find Graph when there is no simulator
    aws_url: str | None = None  # an engine that is up already, and stays up afterwards
    state: Path = ROOT / ".local"
    keep: bool = False  # keep the table, queues and secrets from one run to the next


class Stack:
    """A running stack, in this process.

    It fills `os.environ` for the functions and imports their modules, so a process holds one stack, and no
    second one after it. Tests and benches want `LocalStack`, which is a stack in a process of its own.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.api_url = ""
        self.aws_url = ""
        self.simulator_url: str | None = None
        self._open = ExitStack()  # what is up, to be taken down in reverse
        self._deployment: Deployment
        self._aws: Aws
        self._functions: dict[str, LoadedFunction] = {}
        self._sources: Sources
        self._tables: tuple[Table, ...] = ()
        self._ready = threading.Event()

    def __enter__(self) -> "Stack":
        try:
            self._start()
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def info(self) -> dict[str, Any]:
        """Where everything is, for those who want to talk to it."""
        return {
            "api_url": self.api_url,
            "simulator_url": self.simulator_url,
            "aws_url": self.aws_url,
            "region": aws.REGION,
            "table": self._tables[0].name if self._tables else None,
            "pid": os.getpid(),
        }

    def announce(self) -> None:
        """Say that all is ready: in `/_local/health`, and in `stack.json`, which says where everything is."""
        path = self.options.state / "stack.json"
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(self.info(), indent=2) + "\n")
        partial.replace(path)
        self._open.callback(path.unlink, missing_ok=True)
        self._ready.set()

    def wait_idle(self, timeout: float = DRAIN_SECONDS) -> bool:
        return self._sources.wait_idle(timeout)

    def _start(self) -> None:
        options = self.options
        listener = children.listening_socket(options.port, "the API")  # first: a second stack must not wipe our state
        self._open.callback(listener.close)
        self.api_url = f"http://{HOST}:{listener.getsockname()[1]}"
        _prepare(options.state, keep=options.keep)
        printed = self._open.enter_context((options.state / "functions.log").open("w", buffering=1))
        self._open.enter_context(redirect_stdout(printed))  # functions log to their standard output

        engine, engine_port = self._start_engine()
        self.aws_url = options.aws_url or f"http://{HOST}:{engine_port}"
        self._deployment = template.load(options.template, region=aws.REGION, aws_url=self.aws_url)
        self._tables = self._deployment.tables
        simulator, simulator_port = self._start_simulator()

        variables = functions.environment(self._deployment.functions, self._local_values(simulator_port))
        functions.install(variables)
        self._functions = functions.load(self._deployment.functions, aws.REGION)
        for words in self._deployment.left_out:
            log.warning("not run locally: %s", words)

        if engine:
            engine.wait_until_answers(engine_port, "/_ministack/health")
        self._aws = Aws.at(self.aws_url)
        aws.create_resources(self._aws, self._deployment)
        seed(self._aws, table=variables.get("TABLE_NAME"), secret=variables.get("SECRET_ID"))
        if simulator:
            simulator.wait_until_answers(simulator_port, "/_control/health")

        self._sources = self._make_sources()
        self._serve(listener)
        self._sources.start()
        self._open.callback(self._sources.stop)

    def _start_engine(self) -> tuple[Child | None, int]:
        if self.options.aws_url:
            return None, 0
        port = children.free_port()
        engine = children.engine(port, self.options.state, keep=self.options.keep)
        self._open.callback(engine.stop)
        return engine, port

    def _start_simulator(self) -> tuple[Child | None, int]:
        wanted = self.options.simulator_port
        if wanted is None:
            return None, 0
        with children.listening_socket(wanted, "the Meta simulator") as probe:
            port = int(probe.getsockname()[1])
        simulator = children.simulator(port, self.options.state, webhook_url=f"{self.api_url}/webhook")
        self._open.callback(simulator.stop)
        self.simulator_url = f"http://{HOST}:{port}"
        return simulator, port

    def _local_values(self, simulator_port: int) -> dict[str, str]:
        """What differs from the template here: where AWS and Meta are, and how long things last."""
        graph_url = self.options.graph_url or (f"http://{HOST}:{simulator_port}" if simulator_port else None)
        return {
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_REGION": aws.REGION,
            "AWS_DEFAULT_REGION": aws.REGION,
            "AWS_ACCESS_KEY_ID": aws.ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": aws.ACCESS_KEY,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "RETENTION_DAYS": "0",  # webhooks of any age can be replayed, and are all still there afterwards
            "SECRET_MAX_AGE_SECONDS": "2",  # a rotation shows while one watches
            "ALLOW_PRIVATE_TARGETS": "true",  # subscribers are on this machine, and speak plain HTTP
            **({"GRAPH_BASE_URL": graph_url} if graph_url else {}),
        }

    def _make_sources(self) -> Sources:
        queues = [
            QueueConsumer(
                self._aws.sqs,
                aws.queue_url(self._aws, mapping.queue_name),
                function,
                mapping,
                self._threads(min(mapping.maximum_concurrency, EVENT_THREADS), function.function.name),
            )
            for function in self._functions.values()
            for mapping in function.function.queues
        ]
        rules = [(rule, fn) for fn in self._functions.values() for rule in fn.function.schedules]
        clock = Clock(rules, self._threads(EVENT_THREADS, "clock"), region=aws.REGION)
        return Sources(self._make_readers(), queues, clock)

    def _threads(self, count: int, name: str) -> ThreadPoolExecutor:
        pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._open.callback(pool.shutdown, wait=False, cancel_futures=True)
        return pool

    def _make_readers(self) -> list[StreamReader]:
        """One reader for each stream and starting position; a stream that nobody reads is counted."""
        wanted: dict[tuple[str, str], list[StreamConsumer]] = {}
        for function in self._functions.values():
            for mapping in function.function.streams:
                wanted.setdefault((mapping.table_name, mapping.starting_position), []).append(
                    StreamConsumer(function, mapping, self._put_on_queue)
                )
        self._refuse_unknown_streams(wanted)
        readers = []
        for table in self._tables:
            arn = aws.stream_arn(self._aws, table)
            if arn is None:
                continue
            positions = [position for name, position in wanted if name == table.name] or ["TRIM_HORIZON"]
            readers += [
                StreamReader(self._aws.streams, arn, position, wanted.get((table.name, position), []))
                for position in positions
            ]
        return readers

    def _refuse_unknown_streams(self, wanted: Mapping[tuple[str, str], list[StreamConsumer]]) -> None:
        with_streams = {table.name for table in self._tables if aws.stream_arn(self._aws, table)}
        for name, _ in wanted:
            if name not in with_streams:
                raise StackError(f"a function wants the stream of the table {name}, which has none")

    def _put_on_queue(self, arn: str, message: Mapping[str, Any]) -> None:
        aws.put_on_queue(self._aws, arn, message)

    def _serve(self, listener: socket.socket) -> None:
        requests = ThreadPoolExecutor(REQUEST_THREADS, thread_name_prefix="request")
        routes = [(route, fn) for fn in self._functions.values() for route in fn.function.routes]
        api = Api(
            Router(routes),
            {
                "/_local/health": self._health,
                "/_local/idle": self._idle,
                "/_local/items": self._items,
                "/_local/state": self._state,
            },
            requests,
            after_call=self._sources.wake,
        )
        server = uvicorn.Server(
            uvicorn.Config(
                api,
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=1,
            )
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="http", daemon=True)
        thread.start()  # not the main thread, so signals stay ours
        while not server.started:
            if not thread.is_alive():
                raise StackError("the HTTP server did not start; its error is above")
            time.sleep(0.005)

        def stop() -> None:
            server.should_exit = True
            thread.join()
            requests.shutdown(wait=False, cancel_futures=True)

        self._open.callback(stop)

    def _health(self, _: Mapping[str, str]) -> tuple[int, Any]:
        if not self._ready.is_set():  # still starting, or telling its first conversation
            return 503, {"status": "starting", **self.info()}
        return 200, {"status": "ok", **self.info()}

    def _idle(self, query: Mapping[str, str]) -> tuple[int, Any]:
        """200 once all that was stored so far has been reacted to; 503 if that takes over `timeout`."""
        try:
            timeout = float(query.get("timeout", DRAIN_SECONDS))
        except ValueError:
            return 400, {"message": "timeout is a number of seconds"}
        idle = self.wait_idle(timeout)
        return (200 if idle else 503), {"idle": idle, **self._sources.state()}

    def _state(self, _: Mapping[str, str]) -> tuple[int, Any]:
        return 200, {
            **self.info(),
            **self._sources.state(),
            "failure_queues": {
                queue.name: aws.messages_on(self._aws, queue) for queue in aws.failure_queues(self._deployment)
            },
            "functions": {
                name: {
                    "invocations": function.tally.invocations,
                    "errors": function.tally.errors,
                    "last_error": function.tally.last_error,
                }
                for name, function in self._functions.items()
            },
        }

    def _items(self, query: Mapping[str, str]) -> tuple[int, Any]:
        """Every item of a table (`table`, by default the template's first), in DynamoDB's JSON, by key."""
        names = [table.name for table in self._tables]
        name = query.get("table", names[0] if names else "")
        if name not in names:
            return 404, {"message": f"there is {', '.join(names) or 'no table'}"}
        return 200, {"table": name, "items": aws.items(self._aws, name)}


def _prepare(state: Path, *, keep: bool) -> None:
    """An empty folder for this run's logs and data; with `keep`, the data of the last one stays."""
    state.mkdir(parents=True, exist_ok=True)
    (state / "stack.json").unlink(missing_ok=True)
    for log_file in state.glob("*.log"):
        log_file.unlink()
    if not keep:
        shutil.rmtree(state / "ministack", ignore_errors=True)
