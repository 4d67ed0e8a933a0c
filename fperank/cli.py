"""The command `fperank`: what is not a stage of the pipeline."""

from fperank.running.endings import ends_in_words


def main() -> None:
    """Run the command; see `running.endings` for how it can end."""
    with ends_in_words(_say, "stopped before the end: what was whole before is still there"):
        # Imported here, so that Ctrl-C is a line also while packages are imported.
        from fperank.commands.app import app

        app()


def _say(line: str) -> None:
    from rich.console import Console

    Console(stderr=True, highlight=False).print(line, markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
