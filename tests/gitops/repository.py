"""A Git repository of one test, and the server from which tools clone it."""

import os
import shutil
import subprocess
import threading
import urllib.parse
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

from userside import Body

BRANCH = "main"


class Repository:
    """Commits of whole files, each with some manifests."""

    def __init__(self, root: Path, name: str) -> None:
        self.name = name
        self._tree = root / f"{name}.git"
        self._tree.mkdir(parents=True)
        self._git("init", "--quiet", f"--initial-branch={BRANCH}")
        self._git("config", "user.name", "somebody")
        self._git("config", "user.email", "somebody@example.com")

    def commit(self, files: Mapping[str, Sequence[Body] | None], message: str) -> str:
        """Write the files, take away those without manifests; return the commit's hash."""
        for name, manifests in files.items():
            path = self._tree / f"{name}.yaml"
            if manifests is None:
                path.unlink()
            else:
                path.write_text(yaml.safe_dump_all(manifests))
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", f"--message={message}")
        return self._git("rev-parse", "HEAD")

    def revert(self) -> str:
        """Take the newest commit back by another one; return its hash."""
        self._git("revert", "--no-edit", "HEAD")
        return self._git("rev-parse", "HEAD")

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self._tree, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()


class Server:
    """Serves every repository below a directory to whoever clones (Git's smart HTTP protocol)."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        handler = type("_Handler", (_Handler,), {"root": root})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def url(self, repository: Repository) -> str:
        """Return where the repository is cloned from."""
        return f"http://127.0.0.1:{self._server.server_port}/{repository.name}.git"

    def stop(self) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """One request, answered by `git http-backend`, which speaks CGI."""

    root: Path

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def log_message(self, *_: object) -> None:
        """Write nothing."""

    def _serve(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            # Whoever owns the directory: it is the test itself.
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "PATH_INFO": urllib.parse.unquote(path),
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_ADDR": "127.0.0.1",
        }
        git = shutil.which("git") or "git"
        done = subprocess.run(
            [git, "http-backend"], input=body, env=environment, capture_output=True, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        told = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        self.send_response(int(told.pop("Status", "200").split()[0]))
        for name, value in told.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
