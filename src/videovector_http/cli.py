"""The command line, `videovector COMMAND`: each command is a function here, and its docstring is its help."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from tqdm import tqdm

from videovector_adapters import extras, wiring
from videovector_adapters.settings import Settings, WrongSetting
from videovector_core.access.model import Caller
from videovector_core.errors import VideoVectorError
from videovector_http import evaluations, listen, logs, measured, serving

Command: TypeAlias = Callable[[Settings, argparse.Namespace], Coroutine[Any, Any, int]]
Names: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - argparse names it no other way


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; the exit status is 0 when it did what it was asked for."""
    given = commands().parse_args(arguments)
    try:
        settings = Settings.load()
        logs.configure(settings.log_level, settings.log_format)
        for chatty in ("httpx", "httpx2"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        command: Command = given.command
        sys.exit(asyncio.run(command(settings, given)))
    except (WrongSetting, VideoVectorError) as error:
        sys.exit(f"videovector: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


async def serve(settings: Settings, _: argparse.Namespace) -> int:
    """Serve the API, with a worker beside it unless workers are started by a broker."""
    return await serving.serve(settings)


async def worker(settings: Settings, given: argparse.Namespace) -> int:
    """Do background work until told to stop; with a broker, in processes that dramatiq manages."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stop.set)
    if settings.broker_url is not None:
        async with serving.managed_workers(settings):
            await stop.wait()
        return 0
    if given.child:
        wiring.die_with_parent()
        loop.add_reader(sys.stdin, _end_with_input, loop, stop)
    async with wiring.build(settings, owns_engine=False) as vv:
        wiring.settle_down()
        await vv.engine(wiring.pace(settings)).run(stop)
    return 0


def _end_with_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Stop when the server's end of the pipe is closed: it may have ended before it could ask us to."""
    if not os.read(sys.stdin.fileno(), 1):
        loop.remove_reader(sys.stdin)
        stop.set()


async def migrate(settings: Settings, _: argparse.Namespace) -> int:
    """Bring the tables up to date."""
    async with wiring.database(settings):
        print(f"the tables are at version {wiring.shipped()[-1].number}")  # noqa: T201 - the answer of the command
    return 0


async def keys_create(settings: Settings, given: argparse.Namespace) -> int:
    """Make an API key and print it, and nothing else."""
    async with wiring.accounts(settings) as access:
        user = await access.ensure_user(given.user)
        _, secret = await access.create_key(
            Caller(user.user_id), name=given.name, scopes=given.scopes.split(","), expires_in_days=given.expires_in_days
        )
    print(secret.reveal())  # noqa: T201 - the answer of the command
    return 0


async def token(settings: Settings, given: argparse.Namespace) -> int:
    """Print a bearer token that speaks for a user, and nothing else."""
    async with wiring.accounts(settings) as access:
        user = await access.ensure_user(given.user)
        print(wiring.tokens(settings).issue(user.user_id))  # noqa: T201 - the answer of the command
    return 0


async def check(settings: Settings, _: argparse.Namespace) -> int:
    """Compare embedding rows with the points of the engine, both ways."""
    async with wiring.build(settings, owns_engine=None) as vv:
        report = await vv.checker.check()
    print(report.sentence)  # noqa: T201 - the answer of the command
    return 0 if report.clean else 1


async def reindex(settings: Settings, _: argparse.Namespace) -> int:
    """Tell the vector engine everything anew from the embedding rows; no model is called."""
    async with wiring.build(settings, owns_engine=None) as vv:
        owed = await vv.checker.reindex()
        with tqdm(total=owed, unit="point", disable=not sys.stderr.isatty()) as bar:
            async for paid in vv.relay.pay_all():
                bar.update(paid)
        report = await vv.checker.check()
    print(report.sentence)  # noqa: T201 - the answer of the command
    return 0 if report.clean else 1


async def reembed(settings: Settings, given: argparse.Namespace) -> int:
    """Give every text a vector of another model, beside the one it has; searches go on as before."""
    async with contextlib.AsyncExitStack() as stack:
        vv = await stack.enter_async_context(wiring.build(settings, owns_engine=None))
        model = wiring.text_embedder(settings, given.model, stack)
        if given.forget in {model.space, vv.search.models.text.space}:
            raise WrongSetting(f"The space {given.forget} is in use; forget the one that was moved from.")
        if given.forget and given.forget in vv.search.models.picture_spaces:
            raise WrongSetting(f"The space {given.forget} has the vectors of pictures; name the old space of texts.")
        filled = forgotten = 0
        with tqdm(unit="text", disable=not sys.stderr.isatty()) as bar:
            async for done in vv.reembedding.fill(model):
                filled += done
                bar.update(done)
        if given.forget:
            async for done in vv.reembedding.forget(given.forget):
                forgotten += done
        async for _ in vv.relay.pay_all():
            pass
    print(f"reembed: {filled} texts embedded into {model.space}, {forgotten} vectors forgotten")  # noqa: T201 - the answer
    return 0


async def models_fetch(settings: Settings, given: argparse.Namespace) -> int:
    """Download the weights of the models of this machine that are missing, and check them."""
    from videovector_adapters.local.catalog import CATALOG  # noqa: PLC0415 - needs the extra `local`, which it names
    from videovector_adapters.local.fetch import fetch  # noqa: PLC0415 - as above
    from videovector_adapters.local.weights import Weights  # noqa: PLC0415 - as above

    known = {weight.model for weight in CATALOG}
    if unknown := set(given.models) - known:
        raise WrongSetting(f"There is no model {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}.")
    brought = fetch(Weights(settings.model_dir), models=given.models, say=print)
    print(f"models: {len(brought)} files brought")  # noqa: T201 - the answer of the command
    return 0


async def evaluate(settings: Settings, given: argparse.Namespace) -> int:
    """Measure search with labelled queries; status 1 when a bound is not kept."""
    asked, wanted = measured.read(Path(given.file)), measured.bounds(given.bounds)
    async with wiring.build(settings, owns_engine=None) as vv:
        user = await vv.access.ensure_user(given.user)
        found = await evaluations.evaluated(vv, Caller(user.user_id), asked)
    answer = msgspec.json.format(msgspec.json.encode(found)).decode() if given.json else measured.table(found)
    print(answer)  # noqa: T201 - the answer of the command
    missed = measured.missed(found, wanted)
    for sentence in missed:
        print(f"videovector: {sentence}", file=sys.stderr)  # noqa: T201 - as above
    return 1 if missed else 0


async def openapi(_: Settings, __: argparse.Namespace) -> int:
    """Print the OpenAPI document."""
    print(serving.openapi())  # noqa: T201 - the answer of the command
    return 0


async def demo(_: Settings, given: argparse.Namespace) -> int:
    """Show the whole way from a file to a moment on a server of its own."""
    from videovector_http.demo import show  # noqa: PLC0415 - needs the published client, which only the demo does

    return await show.demo([Path(file) for file in given.files], stub_model=given.stub_model)


async def mcp(_: Settings, given: argparse.Namespace) -> int:
    """Offer the tools of a server to an MCP client, over standard input and output."""
    if not given.key:
        raise WrongSetting("VIDEOVECTOR_API_KEY is missing: give a key of the server in it or with --key.")
    extras.requires("mcp", "mcp", "httpx2")
    from videovector_http.mcp import stdio  # noqa: PLC0415 - needs the extra that was just asked for

    return await stdio.speak(given.url, given.key)


async def webhooks_listen(_: Settings, given: argparse.Namespace) -> int:
    """Receive deliveries of a webhook, verify them and print them."""
    if not given.secret:
        raise WrongSetting("VIDEOVECTOR_WEBHOOK_SECRET is missing: give the webhook's secret in it or with --secret.")
    return await listen.listen(given.host, given.port, given.secret)


def commands() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        "videovector",
        description="An open video-understanding server. Settings are environment variables VIDEOVECTOR_*.",
    )
    names = parser.add_subparsers(required=True, metavar="COMMAND")
    _of_the_server(names)
    _of_search(names)
    _of_clients(names)
    _of_accounts(names)
    group = names.add_parser("models", help="Manage the weights of models on this machine.")
    bring = _add(group.add_subparsers(required=True, metavar="COMMAND"), "fetch", models_fetch)
    bring.add_argument("models", nargs="*", metavar="MODEL", help="only these, such as all-MiniLM-L6-v2")
    return parser


def _add(names: Names, name: str, command: Command) -> argparse.ArgumentParser:
    found = names.add_parser(name, help=(command.__doc__ or "").strip().split("\n")[0])
    found.set_defaults(command=command)
    return found


def _of_the_server(names: Names) -> None:
    _add(names, "serve", serve)
    _add(names, "worker", worker).add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    _add(names, "migrate", migrate)
    _add(names, "openapi", openapi)


def _of_search(names: Names) -> None:
    _add(names, "check", check)
    _add(names, "reindex", reindex)
    again = _add(names, "reembed", reembed)
    again.add_argument("--model", required=True, help="local or openai:NAME")
    again.add_argument("--forget", metavar="SPACE", help="then take the vectors of this space away; see check")
    measure = _add(names, "eval", evaluate)
    measure.add_argument("file", metavar="FILE", help="JSON as POST /api/v2/evaluations takes it")
    bound = "such as recall@10=0.9 or p95_ms=50"
    measure.add_argument("--bound", action="append", default=[], dest="bounds", help=bound)
    measure.add_argument("--json", action="store_true", help="print all measures as JSON")
    _takes_a_user(measure)


def _of_clients(names: Names) -> None:
    shown = _add(names, "demo", demo)
    shown.add_argument("files", nargs="*", metavar="FILE", help="your own video, audio or image files")
    stub = "fill the schema at a stub endpoint, which only quotes"
    shown.add_argument("--stub-model", action="store_true", help=stub)
    tools = _add(names, "mcp", mcp)
    url = os.environ.get("VIDEOVECTOR_BASE_URL", "http://127.0.0.1:8000/api/v2")
    tools.add_argument("--url", default=url, help="API of the server (VIDEOVECTOR_BASE_URL)")
    key = os.environ.get("VIDEOVECTOR_API_KEY")
    tools.add_argument("--key", default=key, help="key of the server (VIDEOVECTOR_API_KEY)")
    group = names.add_parser("webhooks", help="Work with webhooks.")
    hear = _add(group.add_subparsers(required=True, metavar="COMMAND"), "listen", webhooks_listen)
    hear.add_argument("--host", default="127.0.0.1", help="address to listen on")
    hear.add_argument("--port", type=int, default=9000, help="port to listen on")
    secret = os.environ.get("VIDEOVECTOR_WEBHOOK_SECRET")
    hear.add_argument("--secret", default=secret, help="whsec_... of the webhook (VIDEOVECTOR_WEBHOOK_SECRET)")


def _of_accounts(names: Names) -> None:
    group = names.add_parser("keys", help="Make API keys.")
    create = _add(group.add_subparsers(required=True, metavar="COMMAND"), "create", keys_create)
    create.add_argument("--name", required=True, help="what the key is for")
    create.add_argument("--scopes", default="read", help="comma list of search, read, write, admin")
    create.add_argument("--expires-in-days", type=int, help="1 to 365; without it the key does not expire")
    _takes_a_user(create)
    _takes_a_user(_add(names, "token", token))


def _takes_a_user(command: argparse.ArgumentParser) -> None:
    command.add_argument("--user", default=serving.OWNER, help="account name; an unknown one is created")


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
