"""An auth manager for tests: the user `half` may read one DAG only, as real managers allow."""

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager


class AccessByDag(SimpleAuthManager):
    """Airflow's own simple manager, and that one user."""

    def is_authorized_dag(self, **asked: Any) -> bool:
        if asked["user"].username == "half" and asked["details"].id != "nsm_open_shop":
            return False
        return super().is_authorized_dag(**asked)
