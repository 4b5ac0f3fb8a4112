"""What a submitted search is told, and nobody else."""

from search.cluster.job_secrets import credentials


def test_only_what_tracking_needs_goes_along_and_no_store_of_this_machine():
    found = credentials(
        {"MLFLOW_TRACKING_PASSWORD": "p", "AWS_SECRET_ACCESS_KEY": "k", "HOME": "/root", "RAY_AUTH_TOKEN": "t"}
    )
    assert found == {"MLFLOW_TRACKING_PASSWORD": "p", "AWS_SECRET_ACCESS_KEY": "k"}
    assert credentials({"MLFLOW_TRACKING_URI": "sqlite:////home/me/mlflow.db"}) == {}
    assert credentials({"MLFLOW_TRACKING_URI": "https://mlflow"}) == {"MLFLOW_TRACKING_URI": "https://mlflow"}
