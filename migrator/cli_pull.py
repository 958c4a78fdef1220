"""Answer one question: what did the user type after ``pr``?"""

from __future__ import annotations

from pathlib import Path

import click

from migrator import cli_options
from migrator.cli_errors import one_line_errors


@click.command(short_help="Put the change on a branch, and write the text of its pull request.")
@click.argument("repository", metavar="[REPO]", type=click.Path(path_type=Path), default=Path())
@click.option("--base", metavar="BRANCH", help="Start from this branch. [default: the one that is checked out]")
@click.option(
    "--shadow-report",
    "report",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Change only what this report lets through; JSON of `migrator shadow`.",
)
@click.option("--repo", "online", metavar="OWNER/NAME", help="Open the pull request there, on GitHub.")
@click.option("--api-url", "api", metavar="URL", help="GitHub Enterprise: https://HOST/api/v3.")
@click.option("--label", "labels", metavar="NAME", multiple=True, help="Add this label; may be repeated.")
@click.option("--reviewer", "reviewers", metavar="USER", multiple=True, help="Ask this person; may be repeated.")
@click.option("--assignee", "assignees", metavar="USER", multiple=True, help="Assign this person; may be repeated.")
@click.option(
    "--recreate",
    is_flag=True,
    help="Make the branch anew although others have commits there, or someone closed its pull request.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="With --repo: say what was done as a sentence, or as JSON. [default: text]",
)
@click.option("--body", metavar="FILE", type=click.Path(path_type=Path), help="Write the text there.")
@cli_options.to("Where to go.")
@click.option("--dry-run", "is_dry", is_flag=True, help="Print the text and say what would be done; change nothing.")
@click.option("--quiet", "-q", is_flag=True, help="Print only what matters.")
def pr(
    repository: Path,
    *,
    base: str | None,
    report: Path | None,
    online: str | None,
    api: str | None,
    labels: tuple[str, ...],
    reviewers: tuple[str, ...],
    assignees: tuple[str, ...],
    recreate: bool,
    form: str,
    body: Path | None,
    to: str | None,
    is_dry: bool,
    quiet: bool,
) -> int:
    """Put the change on a branch of its own, as one commit, and write the text of its pull request.

    REPO is a local repository, by default the one around the current folder. The branch is called
    migrator/MIGRATION. Your work tree and your index stay as they are, nothing of the repository
    runs, and nothing is sent anywhere. The text goes to standard output.

    With --repo no local repository is needed: the base branch is fetched from GitHub, the branch is
    pushed and its pull request opened, renewed, or closed where nothing is left to change. The token
    is read from GITHUB_TOKEN. A dry run prints every request that would change something there.

    Without a shadow report the text says that it is a draft. A branch with commits of others is never
    moved: the exit code is then 4.
    """
    from migrator import pull_session

    with one_line_errors():
        needing = {
            "--api-url": api,
            "--label": labels,
            "--reviewer": reviewers,
            "--assignee": assignees,
            "--recreate": recreate,
            "--format json": form == "json",
        }
        wrong = next((name for name, said in needing.items() if said), None) if online is None else None
        if wrong is not None:
            raise click.UsageError(f"{wrong} needs --repo OWNER/NAME")
        if online is not None and repository != Path():
            raise click.UsageError(f"{repository}: a folder and --repo name two repositories; give one of them")
        wish = pull_session.Wish(repository, base, report, body, to, is_dry, quiet)
        if online is None:
            return pull_session.make(wish)
        from migrator import pull_forge
        from migrator.github_api import API

        added = {"labels": labels, "reviewers": reviewers, "assignees": assignees}
        return pull_forge.make(wish, pull_forge.There(online, api or API, added, recreate, form == "json"))
