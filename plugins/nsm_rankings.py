"""Shows the reviewers' pages inside Airflow's UI: in the menu, and on each product's DAG.

Airflow runs this file in every one of its processes, so what is needed to serve pages is imported
when the API server asks for the app.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from fastapi import FastAPI, HTTPException, Request, Response


# No slash in front: below a base URL with a path the UI resolves these against its own base.
VIEWS = [
    {
        "name": "North Star Metrics",
        "href": "nsm/",
        "destination": "nav",
        "category": "browse",
        "url_route": "nsm_rankings",
    },
    {
        "name": "North Star Metric",
        "href": "nsm/{DAG_ID}/",
        "destination": "dag",
        "url_route": "nsm_ranking",
    },
]


class NsmRankings(AirflowPlugin):
    """A menu entry with all products, and a tab on each DAG with its runs."""

    name = "nsm_rankings"
    external_views = VIEWS

    # Airflow only reads this list; building the app takes a second that only one process needs.
    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The pages under /nsm."""
        return [{"name": "nsm_rankings", "url_prefix": "/nsm", "app": rankings_app()}]


def rankings_app() -> "FastAPI":
    """The pages as a web app; a plugin's app is open to everyone unless it guards itself."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
    from airflow.api_fastapi.core_api.security import (
        GetUserDep,
        requires_access_dag,
        requires_access_view,
    )
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.responses import HTMLResponse, Response

    from nsm_pipeline.dag_parts import dag_id as dag_of
    from nsm_pipeline.orchestration import run_store
    from nsm_pipeline.publish import pages

    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        dependencies=[Depends(requires_access_view(AccessView.WEBSITE))],
        exception_handlers={HTTPException: send_to_login},
    )
    may_read_dag = Depends(requires_access_dag("GET"))

    def product_of(dag_id: str) -> str:
        found = [product for product in run_store().products() if dag_of(product) == dag_id]
        if not found:
            raise HTTPException(404, "No run of this DAG is published.")
        return found[0]

    def page(html: str) -> HTMLResponse:
        return HTMLResponse(html, headers=_headers(pages.page_policy()))

    @app.get("/")
    def products(user: GetUserDep) -> HTMLResponse:
        readable = get_auth_manager().get_authorized_dag_ids(user=user)
        store = run_store()
        links = {p: dag_of(p) for p in store.products() if dag_of(p) in readable}
        return page(pages.products_page(store, links))

    @app.get("/{dag_id}/", dependencies=[may_read_dag])
    def runs(dag_id: str) -> HTMLResponse:
        return page(pages.runs_page(run_store(), product_of(dag_id)))

    @app.get("/{dag_id}/{as_of}/{name}", dependencies=[may_read_dag])
    def file(dag_id: str, as_of: str, name: str) -> Response:
        content = pages.published_file(run_store(), product_of(dag_id), as_of, name)
        if content is None:
            raise HTTPException(404, "No published run has this file.")
        return Response(content, media_type=pages.SERVED[name], headers=_headers(pages.FILE_POLICY))

    return app


async def send_to_login(request: "Request", error: "HTTPException") -> "Response":
    """A person who followed a link without a token goes to log in; a program gets the 401."""
    from airflow.api_fastapi.app import API_ROOT_PATH
    from fastapi.exception_handlers import http_exception_handler
    from fastapi.responses import RedirectResponse

    if error.status_code == 401 and "text/html" in request.headers.get("accept", ""):
        login = f"{API_ROOT_PATH}api/v2/auth/login"
        return RedirectResponse(f"{login}?{urlencode({'next': request.url.path})}", 302)
    return await http_exception_handler(request, error)


def _headers(policy: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
