"""A dataset hub on loopback HTTP that keeps what it is sent in memory: as much of its interface as uploads use."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Repository:
    """A repository and its history."""

    private: bool
    files: dict[str, bytes] = field(default_factory=lambda: {".gitattributes": b""})
    commits: int = 1


@dataclass
class Hub:
    """What the hub knows, and the tokens it was shown."""

    token: str
    repositories: dict[str, Repository] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    address: str = ""

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        """Status and JSON of a request of one who may write."""
        parts = path.partition("?")[0].strip("/").split("/")
        match [method, *parts]:
            case ["GET", "api", "whoami-v2"]:
                return 200, {"name": "someone", "type": "user", "auth": {"accessToken": {"role": "write"}}}
            case ["POST", "api", "validate-yaml"]:
                return 200, {"errors": [], "warnings": []}
            case ["POST", "api", "repos", "create"]:
                return self._create(json.loads(body))
            case ["PUT", "large", oid]:
                self.large[oid] = body
                return 200, {}
            case ["POST", "datasets", _, _, "info", "lfs", "objects", "batch"]:
                return 200, self._batch(json.loads(body))
            case [_, "api", "datasets", owner, name, *rest]:
                if f"{owner}/{name}" not in self.repositories:
                    return 404, {"error": "Repository not found"}
                return self._repository(f"{owner}/{name}", rest, body)
        return 404, {"error": f"{method} {path}"}

    def _create(self, asked: dict) -> tuple[int, object]:
        name = f"{asked.get('organization') or 'someone'}/{asked['name']}"
        if name in self.repositories:
            return 409, {"error": "You already created this dataset repo", "url": f"{self.address}/datasets/{name}"}
        private = asked.get("private") or asked.get("visibility") == "private"
        self.repositories[name] = Repository(private)
        return 200, {"url": f"{self.address}/datasets/{name}", "name": name}

    def _batch(self, asked: dict) -> dict:
        objects = [
            one | {"actions": {"upload": {"href": f"{self.address}/large/{one['oid']}"}}} for one in asked["objects"]
        ]
        return {"transfer": "basic", "objects": objects}

    def _repository(self, name: str, rest: list[str], body: bytes) -> tuple[int, object]:
        repository = self.repositories[name]
        match rest:
            case [] | ["revision", _]:
                siblings = [{"rfilename": file} for file in repository.files]
                return 200, {"id": name, "sha": COMMIT, "private": repository.private, "siblings": siblings}
            case ["tree", *_]:
                return 200, [
                    {"type": "file", "path": file, "size": len(content), "oid": "0" * 40}
                    for file, content in repository.files.items()
                ]
            case ["preupload", _]:
                return 200, {"files": [self._mode(one["path"]) for one in json.loads(body)["files"]]}
            case ["commit", _]:
                self._commit(repository, [json.loads(line) for line in body.splitlines()])
                return 200, {"commitUrl": f"{self.address}/datasets/{name}/commit/{COMMIT}", "commitOid": COMMIT}
            case ["super-squash", _]:
                repository.commits = 1
                return 200, {}
        return 404, {"error": "/".join(rest)}

    def _mode(self, path: str) -> dict:
        return {"path": path, "uploadMode": "lfs" if path.endswith(".parquet") else "regular", "shouldIgnore": False}

    def _commit(self, repository: Repository, lines: list[dict]) -> None:
        for line in lines:
            value = line["value"]
            match line["key"]:
                case "file":
                    repository.files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    repository.files[value["path"]] = self.large[value["oid"]]
                case "deletedFile":
                    del repository.files[value["path"]]
        repository.commits += 1


@contextmanager
def serve(hub: Hub) -> Iterator[str]:
    """The address of the hub while it is served; only who shows its token is answered."""

    class Handler(BaseHTTPRequestHandler):
        def _respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            shown = self.headers.get("Authorization", "").removeprefix("Bearer ")
            hub.tokens.add(shown)
            known = shown == hub.token or self.path.startswith("/large/")
            status, value = hub.answer(self.command, self.path, body) if known else (401, {"error": "Unauthorized"})
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _respond

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub.address
    finally:
        server.shutdown()
        server.server_close()
