"""What the models of datamodel-code-generator do with an application, over plain HTTP."""

import os
import ssl

import httpx
from models import (
    Application,
    ClusterItem,
    CreateApplication,
    Deployment,
    ManualConfig,
    ManualScaling,
    PageProcess,
    Process,
    UpdateProcess,
)

client = httpx.Client(
    base_url=os.environ["API_URL"] + "/v3",
    headers={"authorization": f"Bearer {os.environ['API_KEY']}"},
    verify=ssl.create_default_context(cafile=os.environ["API_AUTHORITY"]),
)


def sent(method: str, path: str, body: object = None) -> bytes:
    """Return the answer to a request whose body is a model."""
    given = body.model_dump(exclude_none=True, mode="json", by_alias=True) if body else None
    answer = client.request(method, path, json=given)
    assert answer.is_success, answer.text
    return answer.content


cluster = ClusterItem.model_validate(client.get("/resources/clusters").json()[0])
wanted = CreateApplication(
    display_name="Shop",
    cluster_id=cluster.id,
    source="dockerImage",
    docker_image="process-operator.dev/sample:v1",
)
shop = Application.model_validate_json(sent("POST", "/applications", wanted))
path = f"/applications/{shop.id}"
(web,) = PageProcess.model_validate_json(sent("GET", f"{path}/processes")).data
two = ManualScaling(type="manual", config=ManualConfig(instanceCount=2))
change = UpdateProcess(scaling_strategy=two)
changed = Process.model_validate_json(sent("PATCH", f"{path}/processes/{web.id}", change))
assert changed.scaling_strategy == two, changed.scaling_strategy
asked = Deployment.model_validate_json(sent("POST", f"{path}/deployments"))
read = Deployment.model_validate_json(sent("GET", f"{path}/deployments/{asked.id}"))
assert read.docker_image_url == "process-operator.dev/sample:v1"
