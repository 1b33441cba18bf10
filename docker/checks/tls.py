"""HTTPS by `deploy.sh tls`: browsers, cookies, HSTS, and the broker with TLS and WebSockets."""

import json
import ssl

from claims import Claims, expect, until
from paho.mqtt import client as mqtt
from stack import Stack, free_port, get, run


def check(claims: Claims, _stack: Stack | None, _full: bool) -> None:
    stack = Stack("cirame-tls-test")
    ports = {name: free_port() for name in ("CIRAME_MQTTS_PORT", "CIRAME_WSS_PORT")}
    stack.settings |= {"CIRAME_HEALTH_INTERVAL": "2s", **ports}
    stack.write_settings()
    try:
        if not claims.check("`deploy.sh tls` makes an authority and a certificate, and start --mqtts --websockets uses it", lambda: started(stack)):
            return
        context = ssl.create_default_context(cafile=str(stack.volumes / "tls" / "ca.pem"))
        https = f"https://localhost:{stack.https_port}"

        def pages() -> None:
            answer = get(https + "/devices", context=context)
            expect(answer.status == 200 and b'<div id="app">' in answer.body, f"{answer.status}")
            expect((answer.header("strict-transport-security") or "").startswith("max-age="), "no HSTS")
            api = get(https + "/api/health", context=context)
            expect(api.status == 200 and (api.header("strict-transport-security") or "").startswith("max-age="), "no HSTS on the API")

        claims.check("the console and the API answer by HTTPS with HSTS", pages)

        def redirected() -> None:
            answer = get(stack.web + "/devices?x=1", Host=f"plant:{stack.web_port}")
            expect(answer.status == 308 and answer.header("location") == f"https://plant:{stack.https_port}/devices?x=1", f"{answer.status} {answer.header('location')}")

        claims.check("HTTP sends browsers to HTTPS", redirected)

        def old() -> None:
            weak = ssl.create_default_context(cafile=str(stack.volumes / "tls" / "ca.pem"))
            weak.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            weak.maximum_version = ssl.TLSVersion.TLSv1_1
            weak.set_ciphers("DEFAULT@SECLEVEL=0")
            try:
                get(https + "/", context=weak)
            except OSError:
                return
            expect(False, "TLS 1.1 is answered")

        claims.check("TLS below 1.2 is refused", old)

        def cookie() -> None:
            login = (stack.volumes / "data" / "first-login").read_text()
            password = next(line.split()[1] for line in login.splitlines() if line.startswith("password "))
            body = json.dumps({"name": "admin", "password": password}).encode()
            answer = get(https + "/api/session", "POST", body, context=context, Content_Type="application/json")
            set_cookie = answer.header("set-cookie") or ""
            expect(all(word in set_cookie for word in ("Secure", "HttpOnly", "SameSite=Strict")), set_cookie.split("=")[0] + str(answer.status))

        claims.check("sessions are `Secure`", cookie)
        for transport, port in (("tcp", ports["CIRAME_MQTTS_PORT"]), ("websockets", ports["CIRAME_WSS_PORT"])):
            claims.check(f"the broker takes TLS over {transport}, with a login alone", lambda transport=transport, port=port: broker(stack, transport, port))
        claims.check("a certificate of one's own is taken, another's key is refused", lambda: given(stack))
    finally:
        stack.remove()


def started(stack: Stack) -> None:
    stack.deploy("tls")
    stack.deploy("start", "dev", "--mqtts", "--websockets", seconds=150)
    key = stack.volumes / "tls" / "key.pem"
    expect(key.stat().st_mode & 0o077 == 0, "the key is readable by others")
    mounted = [mount["Source"] for name in ("web", "broker") for mount in stack.inspect(name)["Mounts"]]
    expect(not any(source.endswith("authority") for source in mounted), "a container sees the authority's key")


def broker(stack: Stack, transport: str, port: int) -> None:
    password = (stack.volumes / "broker-login" / "password").read_text().strip()
    for given_, expected in ((password, True), ("wrong", False)):
        codes: list = []
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "tls-check", transport=transport)
        client.username_pw_set("trainer", given_)
        client.tls_set(str(stack.volumes / "tls" / "ca.pem"))
        client.on_connect = lambda _client, _data, _flags, code, _properties, codes=codes: codes.append(code)
        client.connect("localhost", port)
        client.loop_start()
        until("an answer of the broker", lambda codes=codes: codes, 10)
        client.loop_stop()
        client.disconnect()
        expect((codes[0] == 0) is expected, f"password {'right' if expected else 'wrong'}: {codes[0]}")


def given(stack: Stack) -> None:
    for name in ("one", "other"):
        run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-keyout", f"{name}.key", "-out", f"{name}.pem", cwd=stack.folder,
        )
    said = stack.deploy("tls", "one.pem", "other.key", cwd=stack.folder, check=False)
    expect("does not belong" in said, said[-200:])
    stack.deploy("tls", "one.pem", "one.key", cwd=stack.folder)
    expect((stack.volumes / "tls" / "cert.pem").read_text() == (stack.folder / "one.pem").read_text(), "another certificate")
