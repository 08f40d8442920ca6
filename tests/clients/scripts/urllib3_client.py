"""What the object that openapi-generator makes does with an application."""

import os

import openapi_client
from openapi_client.models import (
    CreateApplication,
    ManualConfig,
    ManualScaling,
    ScalingStrategy,
    UpdateProcess,
)

configuration = openapi_client.Configuration(
    host=os.environ["API_URL"],
    access_token=os.environ["API_KEY"],
    ssl_ca_cert=os.environ["API_AUTHORITY"],
)
with openapi_client.ApiClient(configuration) as client:
    cluster, *_ = openapi_client.ResourcesApi(client).list_clusters()
    shop = openapi_client.ApplicationsApi(client).create_application(
        CreateApplication(
            display_name="Shop",
            cluster_id=cluster.id,
            source="dockerImage",
            docker_image="process-operator.dev/sample:v1",
        )
    )
    processes = openapi_client.ProcessesApi(client)
    (web,) = processes.list_processes(shop.id).data
    two = ManualScaling(type="manual", config=ManualConfig(instance_count=2))
    changed = processes.update_process(
        shop.id, web.id, UpdateProcess(scaling_strategy=ScalingStrategy(two))
    )
    assert changed.scaling_strategy.actual_instance == two, changed.scaling_strategy
    deployments = openapi_client.DeploymentsApi(client)
    asked = deployments.trigger_deployment(shop.id)
    read = deployments.get_deployment(shop.id, asked.id)
    assert read.docker_image_url == "process-operator.dev/sample:v1"
