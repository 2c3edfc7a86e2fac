"""The app around the desk and the API: tenants, sessions, CSRF, headers, errors, health."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Blueprint, Flask, abort, g, request
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf

from app.access import tokens, users
from app.config import load_config
from app.records.tenant import Tenants
from app.storage.databases import Installation
from app.storage.errors import Busy
from app.web.errors import ApiError
from app.web.factory import create_app
from app.web.session import renew, sign_in, sign_out

GOOD = "correct horse battery"


def _signed_in() -> None:
    if g.actor is None:
        abort(401)


def trial() -> Blueprint:
    """A few views as the desk and the API have them."""
    views = Blueprint("trial", __name__)

    @views.get("/api/v1/trial")
    @views.get("/trial/who")
    def who() -> dict[str, object]:
        _signed_in()
        return {"user": g.actor.login, "tenant": g.db.tenant, "via": g.actor.via}

    @views.post("/api/v1/trial")
    def api_write() -> dict[str, object]:
        _signed_in()
        return {"size": len(request.get_data())}

    @views.get("/trial/token")
    def token() -> str:
        return generate_csrf()

    @views.post("/trial/enter")
    def enter() -> str:
        return sign_in(request.form["login"], request.form["password"]).name

    @views.post("/trial/leave")
    def leave() -> str:
        sign_out()
        return "bye"

    @views.post("/trial/renew")
    def again() -> str:
        renew()
        return "ok"

    @views.get("/api/v1/trial/fail/<kind>")
    @views.get("/trial/fail/<kind>")
    def fail(kind: str) -> str:
        if kind == "busy":
            raise Busy("no turn")
        if kind == "known":
            raise ApiError("stale")
        raise RuntimeError("the secret word is xyzzy")

    return views


def tenants_of(installation: Installation) -> Tenants:
    return Tenants(installation)


def made(
    installation: Installation,
    tenant_id: str,
    folder: Path,
    environment: dict[str, str] | None = None,
) -> Flask:
    file = folder / "config.yaml"
    file.write_text(
        f"tenants:\n  {tenant_id}: {{hosts: [acme.test]}}\n  {tenant_id}b: {{}}\n"
        f"  {tenant_id}never: {{}}\n"
    )
    app = create_app(load_config(file, environment or {}), tenants_of(installation))
    app.register_blueprint(trial())
    for name in (tenant_id, f"{tenant_id}b"):
        users.create_user(installation.create(name), "mei", "Mei", GOOD, lang="en")
    return app


@pytest.fixture
def app(installation: Installation, tenant_id: str, tmp_path: Path) -> Flask:
    return made(installation, tenant_id, tmp_path)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def root(tenant_id: str) -> str:
    return f"/t/{tenant_id}"


def enter(client: FlaskClient, root: str):
    token = client.get(f"{root}/trial/token").text
    data = {"login": "mei", "password": GOOD, "csrf_token": token}
    return client.post(f"{root}/trial/enter", data=data)


def anonymous(client: FlaskClient, root: str, headers: dict[str, str] | None = None) -> bool:
    """Whether a page sends whoever asks to sign in first."""
    answer = client.get(f"{root}/trial/who", headers=headers)
    where = answer.headers.get("Location", "")
    return answer.status_code == 302 and where.startswith(f"{root}/sign-in?next=")


def test_a_tenant_is_found_by_path_or_by_host(client: FlaskClient, root: str) -> None:
    assert enter(client, root).text == "Mei"
    assert client.get(f"{root}/trial/who").json["user"] == "mei"
    host = "http://acme.test"
    assert client.get("/api/v1/trial", base_url=host).status_code == 401
    assert client.get(f"{root}/trial/who", base_url=host).status_code == 404


def test_an_unknown_tenant_is_like_any_unknown_page(
    client: FlaskClient, root: str, tenant_id: str
) -> None:
    def bare(path: str) -> str:
        answer = client.get(path)
        assert answer.status_code == 404
        text = answer.text.replace(answer.headers["X-Request-Id"], "")
        return re.sub(r"/t/[^/\"]*", "", text)

    known = bare(f"{root}/nowhere")
    never = f"/t/{tenant_id}never/trial/who"
    for path in (never, "/t/nobody/trial/who", "/t/../who", "/t//who", "/trial/who", "/t", "/t/A/"):
        assert bare(path) == known
    assert client.get(f"/t/{'x' * 300}/api/v1/trial").json["error"]["code"] == "not_found"


def test_a_session_holds_in_its_tenant_only(client: FlaskClient, root: str, tenant_id: str) -> None:
    enter(client, root)
    cookie = client.get_cookie("rf_session", path=root)
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    other = f"/t/{tenant_id}b"
    client.set_cookie("rf_session", cookie.value, path=other)
    assert client.get(f"{root}/trial/who").status_code == 200
    assert anonymous(client, other)


def test_posts_need_the_csrf_token_of_their_session(client: FlaskClient, root: str) -> None:
    before = client.get(f"{root}/trial/token").text
    assert client.post(f"{root}/trial/enter", data={"login": "mei"}).status_code == 400
    enter(client, root)
    assert client.post(f"{root}/trial/leave", data={"csrf_token": before}).status_code == 400
    after = client.get(f"{root}/trial/token").text
    client.delete_cookie("rf_page", path=root)  # a planted or lost page cookie changes nothing
    answer = client.post(f"{root}/trial/leave", headers={"X-CSRFToken": after})
    assert answer.text == "bye"
    assert anonymous(client, root)


def test_a_renewed_session_leaves_the_old_cookie_worthless(client: FlaskClient, root: str) -> None:
    enter(client, root)
    old = client.get_cookie("rf_session", path=root).value
    token = client.get(f"{root}/trial/token").text
    client.post(f"{root}/trial/renew", data={"csrf_token": token})
    assert client.get(f"{root}/trial/who").status_code == 200
    assert client.get_cookie("rf_session", path=root).value != old
    client.set_cookie("rf_session", old, path=root)
    assert anonymous(client, root)


def test_programs_come_with_tokens_or_with_a_session_and_its_csrf_token(
    client: FlaskClient, root: str, installation: Installation, tenant_id: str
) -> None:
    address = f"{root}/api/v1/trial"
    assert client.get(address).status_code == 401
    assert client.get(address).headers["WWW-Authenticate"].startswith("Bearer")
    db = installation.open(tenant_id)
    mei = users.find_user(db, "mei")
    assert mei is not None
    _, value = tokens.issue_token(db, mei.id, "script", "*:read")
    bearer = {"Authorization": f"Bearer {value}"}
    assert client.get(address, headers=bearer).json["via"] == "api"
    assert client.post(address, headers=bearer, data=b"12").json["size"] == 2
    assert anonymous(client, root, bearer)  # a token opens no pages
    assert client.get(f"/t/{tenant_id}b/api/v1/trial", headers=bearer).status_code == 401
    enter(client, root)
    assert client.get(address).json["via"] == "web"
    assert client.post(address).json["error"]["code"] == "csrf"
    wrong = {"Authorization": "Bearer rfk_0000000000000_x"}
    assert client.get(address, headers=wrong).status_code == 401
    token = client.get(f"{root}/trial/token").text
    sent = client.post(address, headers={"X-CSRFToken": token}, data=b"123")
    assert sent.json["size"] == 3


def test_wrong_passwords_are_told_the_same_way(client: FlaskClient, root: str) -> None:
    token = client.get(f"{root}/trial/token").text
    answers = set()
    for login in ("mei", "nobody"):
        answer = client.post(
            f"{root}/trial/enter",
            data={"login": login, "password": "wrong", "csrf_token": token},
            headers={"Accept": "application/json", "Accept-Language": "en"},
        )
        error = answer.json["error"]
        answers.add((answer.status_code, error["code"], error["message"]))
    assert answers == {(401, "sign_in_failed", "Wrong login or password.")}


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [("busy", 503, "busy"), ("known", 409, "stale"), ("x", 500, "internal")],
)
def test_errors_have_one_shape_and_tell_nothing_of_the_inside(
    client: FlaskClient,
    root: str,
    kind: str,
    status: int,
    code: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    english = {"Accept-Language": "en"}
    answer = client.get(f"{root}/api/v1/trial/fail/{kind}", headers=english)
    assert answer.status_code == status
    assert set(answer.json) == {"error"}
    assert set(answer.json["error"]) == {"code", "message", "details", "request_id"}
    assert answer.json["error"]["code"] == code
    assert answer.json["error"]["request_id"] == answer.headers["X-Request-Id"]
    page = client.get(f"{root}/trial/fail/{kind}", headers=english)
    assert page.status_code == status
    assert page.mimetype == "text/html"
    for text in (answer.text, page.text):
        assert "xyzzy" not in text
        assert "Traceback" not in text
    assert ("Retry-After" in answer.headers) == (kind == "busy")
    assert ("xyzzy" in capfd.readouterr().err) == (kind == "x")


def test_errors_speak_the_caller_s_language(client: FlaskClient, root: str) -> None:
    address = f"{root}/api/v1/trial/fail/known"
    chinese = client.get(address, headers={"Accept-Language": "zh-CN"})
    english = client.get(address, headers={"Accept-Language": "en-GB"})
    assert "记录" in chinese.json["error"]["message"]
    assert "record" in english.json["error"]["message"]


def test_every_answer_carries_the_headers(client: FlaskClient, root: str) -> None:
    page = client.get(f"{root}/nowhere")
    data = client.get(f"{root}/api/v1/nowhere")
    for answer in (page, data, client.get("/healthz")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" not in answer.headers
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in data.headers["Content-Security-Policy"]
    for given, kept in (("abc-12345", True), ("a b", False), ("x" * 65, False)):
        answer = client.get("/healthz", headers={"X-Request-Id": given})
        assert (answer.headers["X-Request-Id"] == given) == kept


def test_over_https_cookies_are_secure(
    installation: Installation, tenant_id: str, tmp_path: Path
) -> None:
    app = made(installation, tenant_id, tmp_path, {"RETURNFLOW_WEB_HTTPS": "true"})
    client = app.test_client()
    root, base = f"/t/{tenant_id}", "https://localhost"
    token = client.get(f"{root}/trial/token", base_url=base)
    assert "max-age" in token.headers["Strict-Transport-Security"]
    data = {"login": "mei", "password": GOOD, "csrf_token": token.text}
    address = f"{root}/trial/enter"
    assert client.post(address, data=data, base_url=base).status_code == 400  # no referrer
    answer = client.post(address, data=data, base_url=base, headers={"Referer": f"{base}{root}"})
    cookies = answer.headers.getlist("Set-Cookie")
    assert any(cookie.startswith("__Secure-rf_session=") for cookie in cookies)
    assert all("Secure" in cookie and "HttpOnly" in cookie for cookie in cookies)
    host = client.get("/trial/token", base_url="https://acme.test").headers.getlist("Set-Cookie")
    assert host[0].startswith("__Host-rf_page=")
    assert re.search(r"Path=/(;|$)", host[0])


def test_what_anonymous_people_send_is_bounded(client: FlaskClient, root: str) -> None:
    token = client.get(f"{root}/trial/token").text
    big = {"login": "x" * 3_000_000, "password": GOOD, "csrf_token": token}
    assert client.post(f"{root}/trial/enter", data=big).status_code == 413
    assert client.get(f"{root}/trial/who?q=%00").status_code == 400


def test_health_is_told_without_names(client: FlaskClient, root: str, tenant_id: str) -> None:
    assert client.get("/healthz").json == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json == {"status": "not_ready", "failing": 3}
    assert client.get(f"{root}/healthz").status_code == 404
    numbers = client.get("/metrics")
    assert numbers.status_code == 200
    assert 'route="/healthz"' in numbers.text
    assert tenant_id not in numbers.text
    far = {"REMOTE_ADDR": "203.0.113.9"}
    assert client.get("/metrics", environ_base=far).status_code == 404
    assert client.get("/metrics", headers={"X-Forwarded-For": "1.2.3.4"}).status_code == 404
    assert client.get("/healthz", environ_base=far).status_code == 200


def test_the_log_names_requests_without_secrets(
    client: FlaskClient, root: str, capfd: pytest.CaptureFixture[str]
) -> None:
    enter(client, root)
    client.get(f"{root}/trial/who?secret=xyzzy")
    log = capfd.readouterr().err
    assert "path=/trial/who" in log
    for secret in ("xyzzy", "correct", client.get_cookie("rf_session", path=root).value):
        assert secret not in log


def test_proxies_are_believed_only_where_configured(
    installation: Installation, tenant_id: str, tmp_path: Path
) -> None:
    app = made(installation, tenant_id, tmp_path, {"RETURNFLOW_WEB_PROXIES": "10.0.0.1"})
    client = app.test_client()
    forwarded = {"X-Forwarded-For": "127.0.0.1"}
    for address, status in (("10.0.0.1", 200), ("203.0.113.9", 404)):
        near = {"REMOTE_ADDR": address}
        answer = client.get("/metrics", headers=forwarded, environ_base=near)
        assert answer.status_code == status


def test_the_start_leads_to_the_only_tenant(installation: Installation, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("tenants: {demo: {}}\n")
    app = create_app(load_config(file, {}), tenants_of(installation))
    assert app.test_client().get("/").headers["Location"] == "/t/demo/"
