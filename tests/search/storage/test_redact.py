"""Addresses are shown without the names and passwords in them."""

from search.storage.redact import shown_uri


def test_an_address_is_shown_without_name_and_password():
    assert shown_uri("http://me:swordfish@127.0.0.1:9") == "http://…@127.0.0.1:9"
    assert shown_uri("cannot reach postgresql+psycopg2://me:swordfish@db/x in time").endswith("//…@db/x in time")
    assert shown_uri("sqlite:////me@home/mlflow.db") == "sqlite:////me@home/mlflow.db", "a path has no password"
    assert shown_uri("https://mlflow.example/a@b") == "https://mlflow.example/a@b"
    assert shown_uri("http://me:sword@fish@host/a") == "http://…@host/a"
