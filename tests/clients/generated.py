"""`make test-generated-clients`: what three generators make of our OpenAPI document, at work.

Each client is made anew by its own generator, fetched in a fixed version, and then does the same
before a real API: it creates an application, changes its web process, deploys, and reads all of it
back in the types that were made for it. A document that a generator takes and whose types do not
fit the answers is found here, and by no linter.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import orjson
from fastapi import FastAPI
from place import Place, ready
from steps import Broken, Steps, table

from process_operator.api.http import documentation
from process_operator.api.routes import ROUTERS

HERE = Path(__file__).parent
UV = HERE.parents[1] / "build" / "uv" / "bin" / "uv"
DIRECTORY = HERE.parents[1] / "build" / "cluster-clients"

CLIENTS = {
    "httpx": "openapi-python-client==0.29.1",
    "models": "datamodel-code-generator==0.89.0",
    "urllib3": "openapi-generator-cli==7.26.0",
}
"""What each makes: functions with httpx and attrs, pydantic models, an object with urllib3."""
_MAKE = {
    "httpx": ("openapi-python-client", "generate", "--path", "{document}", "--output-path", "{to}"),
    "models": (
        *("datamodel-codegen", "--input", "{document}", "--input-file-type", "openapi"),
        *("--output", "{to}/models.py", "--output-model-type", "pydantic_v2.BaseModel"),
    ),
    "urllib3": (
        *("openapi-generator-cli", "generate", "-i", "{document}", "-g", "python", "-o", "{to}"),
    ),
}
_NEEDS = {
    "httpx": ("httpx", "attrs", "python-dateutil"),
    "models": ("pydantic[email]", "httpx"),
    "urllib3": ("urllib3", "pydantic", "python-dateutil", "typing-extensions", "lazy-imports"),
}


def _document(folder: Path) -> Path:
    """Write the document to a file, as the API serves it."""
    app = FastAPI(openapi_url=None, routes=[one for router in ROUTERS for one in router.routes])
    file = folder / "openapi.json"
    file.write_bytes(orjson.dumps(documentation.document(app)))
    return file


def _run(*command: str, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        [str(UV), *command],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stderr[-2000:]}"


def _tried(client: str, place: Place, document: Path, folder: Path) -> Steps:
    steps = Steps(client)
    to = folder / client
    to.mkdir()
    made = [part.format(document=document, to=to) for part in _MAKE[client]]
    if client == "httpx":
        to.rmdir()  # this one wants to make it
    try:
        with steps.step(f"made by {CLIENTS[client]}"):
            _run("tool", "run", "--from", CLIENTS[client], *made)
        with steps.step("creates, changes, deploys and reads in its own types"):
            needs = [part for one in _NEEDS[client] for part in ("--with", one)]
            script = HERE / "scripts" / f"{client}_client.py"
            _run(
                *("run", "--no-project", "--python", sys.executable, *needs, "python", str(script)),
                environment={
                    "PYTHONPATH": str(to),
                    "API_URL": place.url.removesuffix("/v3"),
                    "API_KEY": place.key,
                    "API_AUTHORITY": str(place.authority),
                },
            )
        with steps.step("kubectl sees what it did"):
            (web,) = [one for one in place.objects() if one.startswith("process.")]
            spec = place.get("pproc", web.rpartition("/")[2])["spec"]
            assert spec["scalingStrategy"]["manual"] == {"instanceCount": 2}
    except Broken:
        pass
    return steps


def main() -> int:
    """Try every client; return 1 if one of them did otherwise than promised."""
    with tempfile.TemporaryDirectory(prefix="clients-") as name, ready(DIRECTORY) as new_place:
        folder = Path(name)
        document = _document(folder)
        tried = [_tried(one, new_place(one), document, folder) for one in CLIENTS]
    print(table([step for one in tried for step in one.done]))
    return 0 if all(one.is_good for one in tried) else 1


if __name__ == "__main__":
    sys.exit(main())
