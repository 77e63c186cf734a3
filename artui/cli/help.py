"""``artui help``: the manual in the terminal, topic by topic, and the man page."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import click

import artui
from artui.cli import manual
from artui.cli.exits import CommandError, Exit
from artui.cli.manual import Block, Heading, TermTable, Text
from artui.cli.terminal import put, put_json
from artui.config.known import nearest

PLACEHOLDERS: Mapping[str, str] = {
    "{stem}": "the photo's name without its suffix",
    "{relative}": "its folder below the one that was sent or is watched",
    "{batch}": "the batch's name",
    "{workflow}": "the workflow's name",
    "{date}": "today, as 2026-11-22, in the zone of the settings",
    "{n}": "its number in the batch; {n:04} pads",
    "{sku}": "its label sku",
    "{label:NAME}": "its label of that name",
    "{exif:NAME}": "what the camera wrote: date, time, model, serial, artist, copyright and more",
    "{iptc:NAME}": "what was captioned: objectname, headline, keywords, jobid and more",
    "{xmp:NAME}": "any field of XMP; {xmp:dc:title} names its prefix",
}

WORDS: Mapping[str, str] = {
    "account": "a name of yours for one customer at one service, with its sign-in, caps and defaults",
    "production account": "the one marked by `production = true`, so that nobody takes it for one to try things with",
    "organization": "who pays, where a sign-in belongs to several",
    "key": "the secret that signs an account in: a sign-in kept by artui, or a token you pasted",
    "workflow": "what is done to a photo, as it is set up at the service or in your settings",
    "order": "what is sent at once, by `artui submit` or on the screen Submit: photos, workflows, where results go",
    "job": "one photo on its way through one workflow",
    "execution": "what the service calls its own side of a job",
    "purchase": "one paid request, from just before it leaves to what became of it",
    "batch": "the photos of one `artui submit`, or of one day of a rule",
    "run": "the photos of one folder, or of one rule, through one workflow: what the cap `run` is about",
    "rule": "a watched folder with its workflow and what becomes of its photos: a `[[watch]]` table",
    "copy": "a result that was had for nothing, for the same photo or picture was bought before; its job is skipped",
    "twin": "a photo that is the same as one bought before, or under way: it gets a copy, or waits for it",
    "hold": "why a job or an account waits, and for whom: `artui help reasons`",
    "in doubt": "the answer to a paid request was lost, and only you can find out whether it was carried out",
    "cap": "the most that may be spent, by run, day, month, batch or rule; nothing passes it",
    "sample": "the first results of a batch, which you look at before the rest is sent",
    "engine": "the one process in the background that moves jobs; commands and console only ask it",
    "journal": "the file that knows every job and every purchase; without it nothing is sent",
    "console": "the screens that `artui` opens without a command",
}
"""The words of artui in plain words, each for one thing."""


def templates() -> list[Block]:
    """What stands for what in the names of results."""
    return [
        Text(
            "In `--output`, `--template`, and the settings `output` and `template` these stand for what belongs to each"
            " photo. Where a photo has none, its own name stands in a file's name, and `unknown` in a folder's. The"
            " label `sku` of a rule knows `{folder}` (the photo's folder), `{relative}`, `{stem}`, `{date}` and the"
            " last three."
        ),
        TermTable(("placeholder", ""), [(f"`{one}`", said) for one, said in PLACEHOLDERS.items()]),
    ]


def ignore() -> list[Block]:
    """The names that are never taken from a folder."""
    from artui.config.ignoring import KINDS

    return [
        Text(
            "Never taken from a folder; a / at the end means folders. A file that you name yourself is sent whatever it"
            " is called. The setting `ignore` adds names; `artui config show ignore` lists what holds now."
        ),
        TermTable(
            ("why", "names"),
            [
                (kind, " ".join(f"`{name.encode('unicode_escape').decode()}`" for name in names))
                for kind, names in KINDS.items()
            ],
        ),
    ]


def keys() -> list[Block]:
    """The keys of the console, screen by screen."""
    from artui.cli.console import every_key

    blocks: list[Block] = []
    for title, bound in every_key():
        blocks += [Heading(title, 3), TermTable(("key", ""), [(f"`{key}`", said) for key, said in bound])]
    return blocks


def words() -> list[Block]:
    """The words of artui."""
    return [TermTable(("word", "what it means"), [(f"**{word}**", said) for word, said in WORDS.items()])]


TOPICS: Mapping[str, tuple[str, Callable[[], list[Block]]]] = {
    "exit-codes": ("How commands end; the first that applies.", manual.exit_codes),
    "environment": ("The variables that mean something.", manual.environment),
    "templates": ("What stands for what in names of results.", templates),
    "ignore": ("Names that are never taken from a folder.", ignore),
    "keys": ("The keys of the console; `?` there shows those of the screen.", keys),
    "reasons": ("Why jobs wait, are held or failed, and what to do.", manual.reasons),
    "words": ("The words of artui in plain words.", words),
}


def man_page() -> str:
    """The whole manual as a man page."""
    from artui.cli import root

    blocks: list[Block] = [
        Heading("Name"),
        Text("artui - send photos through paid cloud workflows: each is paid for once, and every result lands on disk"),
        Heading("Synopsis"),
        Text("artui [OPTIONS] [COMMAND] [ARGS]...", verbatim=True),
        Heading("Description"),
        Text("Without a command it opens the console. `artui help TOPIC` and `artui COMMAND --help` say the same."),
        Heading("Commands"),
        *manual.commands(root),
    ]
    for name, (said, blocks_of) in TOPICS.items():
        blocks += [Heading(name.replace("-", " ")), Text(said), *blocks_of()]
    return f'.TH ARTUI 1 "" "artui {artui.__version__}" "artui"\n{manual.roff(blocks)}'


@click.command("help")
@click.argument("topic", required=False, metavar="[TOPIC|COMMAND]")
@click.pass_context
def help_command(context: click.Context, topic: str | None) -> Exit:
    """Explain a topic: exit-codes, environment, templates, ignore, keys, reasons, words; or a command.

    `artui help man` prints it all as a man page: artui help man > ~/.local/share/man/man1/artui.1

    `artui help spec`, or `artui --spec`, prints it all as one JSON document, for programs.
    """
    root = context.find_root()
    if topic is None:
        for name, (said, _) in TOPICS.items():
            put(f"artui help {name:<12} {said.replace('`', '')}")
        put("artui help COMMAND      What a command does and takes; `artui --help` lists all.")
        put("artui help man          All of it as a man page.")
        put("artui help spec         All of it for a program, as one JSON document: also `artui --spec`.")
        return Exit.OK
    if topic == "spec":
        from artui.cli.spec import spec

        put_json(spec(root.command))
        return Exit.OK
    if topic == "man":
        lines = man_page().splitlines()
    elif topic in TOPICS:
        said, blocks = TOPICS[topic]
        lines = list(manual.plain([Text(said), *blocks()]))
    else:
        from artui.cli import COMMANDS

        if topic not in COMMANDS:
            known = [*TOPICS, "man", "spec", *COMMANDS]
            hint = nearest(topic, known) or f"; there are: {', '.join(TOPICS)}, man, spec, and every command"
            raise CommandError(Exit.USAGE, f"There is no topic {topic!r}{hint}.")
        assert isinstance(root.command, click.Group)  # noqa: S101
        command = root.command.get_command(root, topic)
        assert command is not None  # noqa: S101
        lines = click.Context(command, info_name=topic, parent=root).get_help().splitlines()
    for line in lines:
        put(line)
    return Exit.OK
