"""What MLflow raises, as a line for a person."""

import pytest

from search.tracking.troubles import in_one_line

SECRET = "swordfish"
SERVER = f"http://me:{SECRET}@127.0.0.1:9"


def test_an_error_of_mlflows_is_told_without_the_password_in_it():
    assert SECRET not in in_one_line(RuntimeError(f"API request to {SERVER}/api failed"))


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        ("API request failed with error code 401 != 200", "it answers 401, name or password are wrong"),
        (
            "Max retries exceeded with url: / (Caused by ResponseError('too many 500 error responses'))",
            "it answers 500",
        ),
        ("HTTPConnectionPool: Max retries exceeded with url: /api", "no server answers"),
        ("Experiment 'a' is deleted.\nTraceback of the server", "Experiment 'a' is deleted."),
        ("", "RuntimeError"),
        ("x" * 500, "x" * 300),
    ],
)
def test_what_mlflow_raises_is_a_line_for_a_person(raised, said):
    assert in_one_line(RuntimeError(raised)) == said
