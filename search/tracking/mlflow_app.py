"""MLflow's server as `afcl ui` starts it: the plugin behind `mlflow server --app-name afcl`."""

from mlflow.server.fastapi_app import app
from starlette.middleware import Middleware

from search.tracking.first_page import FirstPage

__all__ = ["app"]

app.user_middleware.append(Middleware(FirstPage))  # innermost, so that MLflow checks the request's host first
