"""Answer one question: is the question for many pull requests one that GitHub's published schema answers?"""

from __future__ import annotations

import json

import pytest

pytest.importorskip("sqlalchemy", reason="a campaign needs the extra: pip install -e '.[fleet]'")
pytest.importorskip("graphql", reason="pip install graphql-core")

import graphql
from npm import unpacked

from migrator.campaign.ledger import OPEN, Row
from migrator.campaign.sync import MOST, STATES, query

pytestmark = pytest.mark.delivery


@pytest.fixture(scope="module")
def schema() -> object:
    text = (unpacked("@octokit/graphql-schema@15.26.1") / "schema.graphql").read_text(encoding="utf-8")
    made = graphql.build_schema(text, assume_valid_sdl=True)
    # It has deprecations that the specification does not allow; the question is whether ours fits, not whether it does.
    made._validation_errors = []
    return made


def test_the_question_fits_the_schema(schema: object) -> None:
    rows = [Row(f"acme/r{number}", OPEN, 1, 0.0, number=number + 1) for number in range(MOST)]
    text, given = query(rows)
    assert graphql.validate(schema, graphql.parse(text)) == []
    # With its variables it is carried out too; nothing stands behind the schema here, so that each answer is null.
    done = graphql.graphql_sync(schema, text, variable_values=json.loads(json.dumps(given)))
    assert (done.errors, set(done.data.values())) == (None, {None})
    short = graphql.graphql_sync(schema, text, variable_values={**given, "p7": "x"})
    assert "$p7" in str(short.errors)
    wrong = text.replace("{state}", "{status}", 1)
    assert graphql.validate(schema, graphql.parse(wrong)) != []


def test_the_states_are_those_of_the_schema(schema: object) -> None:
    assert set(STATES) == set(schema.get_type("PullRequestState").values)  # type: ignore[attr-defined]
