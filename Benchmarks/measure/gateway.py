"""A deployment's stable endpoint beside its replica itself, and beside nginx in front of the same replica."""

import json
from collections.abc import Iterator

from . import load, processes
from .catapult import Server, Setup, remove_image
from .results import Result
from .scale import whole

SECONDS = whole(5, 1)
CONNECTIONS = 16
QUESTION = json.dumps({"messages": [{"role": "user", "content": "Hi"}]})

NGINX = """
daemon off;
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream replica {{ server 127.0.0.1:{upstream}; keepalive 64; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://replica;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
}}
"""


def measure(setup: Setup) -> Iterator[Result]:
    tag = "catapult-bench-gateway:1"
    server = Server(setup, "gateway")
    with server.running():
        try:
            version = server.register("gateway")
            server.build(version, tag)
            deployment = server.deploy(version, 1)
            status = server.call("GET", f"/deployments/{deployment['id']}/status")
            replica = status["replica_details"][0]["port"]
            yield from compare(setup, deployment["endpoint_url"], replica)
        finally:
            for deployment in server.call("GET", "/deployments")["items"]:
                server.call("DELETE", f"/deployments/{deployment['id']}")
            remove_image(tag)


def compare(setup: Setup, endpoint: str, replica: int) -> Iterator[Result]:
    folder = setup.work / "nginx"
    folder.mkdir()
    port = processes.free_port()
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, upstream=replica, port=port))
    command = [setup.nginx, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    with processes.running(command, folder / "nginx.log") as process:
        processes.wait_until_ready(port, process, folder / "error.log")
        urls = {"direct": f"http://127.0.0.1:{replica}", "Catapult": endpoint, "nginx": f"http://127.0.0.1:{port}"}
        health = {name: load.run(setup.wrk, url + "/health", CONNECTIONS, SECONDS) for name, url in urls.items()}
        single = {name: load.run(setup.wrk, url + "/health", 1, SECONDS) for name, url in urls.items()}
        chat = {
            name: load.run(setup.wrk, url + "/v1/chat/completions", 4, SECONDS, post=QUESTION, work=folder) for name, url in urls.items()
        }
    yield Result("gateway_rate", health["Catapult"].rate / health["nginx"].rate, rates(health))
    added = {name: (single[name].p50 - single["direct"].p50) * 1000 for name in ("Catapult", "nginx")}
    yield Result("Added to /health by the stable endpoint, p50, 1 connection", added["Catapult"], f"by nginx {added['nginx']:.0f} µs", "µs")
    yield Result("Chat through the stable endpoint over direct, 4 connections", chat["Catapult"].rate / chat["direct"].rate, rates(chat), "ratio")


def rates(loads: dict[str, load.Load]) -> str:
    return ", ".join(f"{name} {one.rate:,.0f}/s" for name, one in loads.items())
