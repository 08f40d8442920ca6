"""What the functions of openapi-python-client do with an application."""

import os
import ssl

from process_operator_client import AuthenticatedClient
from process_operator_client.api.applications import create_application
from process_operator_client.api.deployments import get_deployment, trigger_deployment
from process_operator_client.api.processes import list_processes, update_process
from process_operator_client.api.resources import list_clusters
from process_operator_client.models import (
    Application,
    CreateApplication,
    CreateApplicationSource,
    Deployment,
    ManualConfig,
    ManualScaling,
    PageProcess,
    Process,
    UpdateProcess,
)

client = AuthenticatedClient(
    base_url=os.environ["API_URL"],
    token=os.environ["API_KEY"],
    verify_ssl=ssl.create_default_context(cafile=os.environ["API_AUTHORITY"]),
)
clusters = list_clusters.sync(client=client)
assert isinstance(clusters, list), clusters
wanted = CreateApplication(
    display_name="Shop",
    cluster_id=clusters[0].id,
    source=CreateApplicationSource.DOCKERIMAGE,
    docker_image="process-operator.dev/sample:v1",
)
shop = create_application.sync(client=client, body=wanted)
assert isinstance(shop, Application), shop
page = list_processes.sync(shop.id, client=client)
assert isinstance(page, PageProcess), page
(web,) = page.data
two = ManualScaling(type_="manual", config=ManualConfig(instance_count=2))
changed = update_process.sync(
    shop.id, web.id, client=client, body=UpdateProcess(scaling_strategy=two)
)
assert isinstance(changed, Process), changed
assert changed.scaling_strategy == two
asked = trigger_deployment.sync(shop.id, client=client)
assert isinstance(asked, Deployment), asked
read = get_deployment.sync(shop.id, asked.id, client=client)
assert isinstance(read, Deployment), read
assert read.docker_image_url == "process-operator.dev/sample:v1"
