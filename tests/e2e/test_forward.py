"""deploy/forward: Sectigo's look at a name goes through a real web server's one static rule to the public listener."""

import contextlib
import os

import pytest
import requests

from acme_client import AcmeClient, http_responder, make_csr
from dns_server import ZONE
from process import Process, clean_environment
from sandbox_client import wait_for

FORWARD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy", "forward")
PATH = "/.well-known/pki-validation/"

NGINX = """daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    server {{
        listen 127.0.0.1:{port};
        {rule}
        location / {{
            return 301 https://$host$request_uri;
        }}
    }}
}}
"""

APACHE = """ServerName localhost
ServerRoot {folder}
PidFile {folder}/httpd.pid
Listen 127.0.0.1:{port}
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
{more}
Mutex file:{folder}
ErrorLog {folder}/error.log
LogLevel notice
<VirtualHost 127.0.0.1:{port}>
{rule}
{redirect}
</VirtualHost>
"""

# As certbot's own installer for Apache writes it.
REWRITE = """RewriteEngine On
RewriteRule ^ https://%{SERVER_NAME}%{REQUEST_URI} [END,NE,R=permanent]"""
REWRITE_MODULE = "LoadModule rewrite_module /usr/lib/apache2/modules/mod_rewrite.so"


def _rule(world, name):
    """The file of deploy/forward, with the gateway's real address."""
    with open(os.path.join(FORWARD, name), encoding="utf-8") as file:
        text = file.read()
    assert "acmegate.example.org:80" in text
    return text.replace("acmegate.example.org:80", f"127.0.0.1:{world.ports['public']}")


def _nginx(world, folder, port):
    config = NGINX.format(folder=folder, port=port, rule=_rule(world, "nginx.conf"))
    return ["/usr/sbin/nginx", "-p", folder, "-c", _write(folder, config)]


def _apache(world, folder, port, redirect="Redirect permanent / https://www.acme.example/", more=""):
    config = APACHE.format(folder=folder, port=port, rule=_rule(world, "apache.conf"), redirect=redirect, more=more)
    return ["/usr/sbin/apache2", "-X", "-f", _write(folder, config)]


def _apache_with_rewrite(world, folder, port):
    return _apache(world, folder, port, REWRITE, REWRITE_MODULE)


def _haproxy(world, folder, port):
    config = _rule(world, "haproxy.cfg").replace("bind :80", f"bind 127.0.0.1:{port}")
    return ["/usr/sbin/haproxy", "-db", "-f", _write(folder, config)]


def _caddy(world, folder, port):
    options = "{\n\tadmin off\n\tdefault_bind 127.0.0.1\n\thttp_port %d\n}\n" % port
    return ["caddy", "run", "--adapter", "caddyfile", "--config",
            _write(folder, options + _rule(world, "Caddyfile"))]


def _write(folder, config):
    path = os.path.join(folder, "config")
    with open(path, "w", encoding="utf-8") as file:
        file.write(config)
    return path


def _answers(port, process):
    """Nothing that all four print says that they listen: they are asked until they answer."""
    wait_for(f"an answer from {process.name}", lambda: _get(port, "/") is not None, seconds=30)


def _get(port, path):
    try:
        return requests.get(f"http://127.0.0.1:{port}{path}", headers={"Host": "www." + ZONE}, timeout=30,
                            allow_redirects=False, proxies={"http": ""})
    except requests.exceptions.ConnectionError:
        return None


@contextlib.contextmanager
def _web_server(world, make):
    folder = world.path("web-server")
    os.makedirs(folder)
    port = world.ports["web"]
    process = Process(make.__name__.strip("_"), make(world, folder, port), folder,
                      clean_environment(HOME=folder, XDG_DATA_HOME=folder, XDG_CONFIG_HOME=folder))
    try:
        _answers(port, process)
        yield process
    finally:
        process.stop()


SERVERS = [_nginx, _apache, _apache_with_rewrite, _haproxy, _caddy]


@pytest.mark.parametrize("make", SERVERS, ids=lambda make: make.__name__.strip("_"))
def test_order_through(make_world, make):
    world = make_world(learn="push", behind_web_server=True)
    with _web_server(world, make), http_responder(world.ports["http01"]) as responder:
        port, names = world.ports["web"], ["www." + ZONE, "shop." + ZONE]
        elsewhere = _get(port, "/shop")
        assert elsewhere.is_redirect and elsewhere.headers["location"].startswith("https://"), elsewhere.headers
        assert _get(port, PATH + "0" * 32 + ".txt").status_code == 404, "the path is not forwarded"
        client = AcmeClient(world.directory, world.pki.ca)
        assert client.new_account().status_code == 201
        url, order = client.ready_order(names, responder)
        assert client.finalize(order, make_csr(names)).status_code == 200
        assert client.certificate(url).count("BEGIN CERTIFICATE") >= 2
        assert len(world.bought(names)) == 1, world.ledger()
