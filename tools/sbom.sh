#!/usr/bin/env bash
# What the programs are made of, as CycloneDX in dist/sbom: the crates that are linked into each, with versions, licences and checksums; for the
# trainer ONNX Runtime as well; and the packages that the console is built of.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p dist/sbom
command -v cargo-cyclonedx >/dev/null || cargo install --locked --quiet cargo-cyclonedx
cargo cyclonedx --quiet --format json --all --target x86_64-unknown-linux-gnu --features trainer/console --spec-version 1.5 --override-filename sbom.cdx
# npm leaves vue out where it is told to leave development tools out, since these want it too: all are listed, and chosen by the lock file.
(cd web && npm sbom --sbom-format cyclonedx) >dist/sbom/all.json
python3 - <<'PYTHON'
import json, os, re

ROOT = os.getcwd()
BOMS = "dist/sbom"


def write(name, document):
    """Without the folder of this machine, and only if it holds what it must."""
    text = json.dumps(document, indent=1).replace(f"file://{ROOT}", "file://")
    assert ROOT not in text, f"{name} names {ROOT}"
    found = {component["name"] for component in document["components"]}
    wanted, foreign = MUST[name]
    assert wanted <= found and not foreign & found, f"{name} lacks {wanted - found}, has {foreign & found}"
    bare = [component["name"] for component in document["components"] if not component.get("licenses")]
    assert not bare, f"{name} has no licence of {bare}"
    with open(f"{BOMS}/{name}.cdx.json", "w") as file:
        file.write(text + "\n")
    print(f"{BOMS}/{name}.cdx.json: {len(found)} components")


# What is in each for certain, and what only builds or tests it.
MUST = {
    "cirame-edge": ({"tract-onnx", "ring", "rumqttc", "model-format"}, {"polars", "rusqlite", "rcgen", "proptest"}),
    "cirame-trainer": ({"polars", "rusqlite", "libsqlite3-sys", "axum", "onnxruntime"}, {"rcgen", "proptest"}),
    "cirame-console": ({"vue", "vue-router", "uplot"}, {"vite", "vitest", "typescript"}),
}

write("cirame-edge", json.load(open("edge-runtime/sbom.cdx.json")))

trainer = json.load(open("trainer/sbom.cdx.json"))
version, digests = None, []
for line in open("docker/onnxruntime.txt"):
    if found := re.match(r"onnxruntime==(\S+)", line):
        version = found.group(1)
    if found := re.search(r"--hash=sha256:([0-9a-f]{64})", line):
        digests.append({"alg": "SHA-256", "content": found.group(1)})
trainer["components"].append({
    "type": "library", "name": "onnxruntime", "version": version, "purl": f"pkg:pypi/onnxruntime@{version}", "licenses": [{"license": {"id": "MIT"}}], "hashes": digests,
})
write("cirame-trainer", trainer)

console = json.load(open(f"{BOMS}/all.json"))
lock = json.load(open("web/package-lock.json"))["packages"]
shipped = {
    f"{path.rpartition('node_modules/')[2]}@{entry['version']}" for path, entry in lock.items() if path and not entry.get("dev") and not entry.get("devOptional")
}
console["metadata"]["component"]["name"] = "cirame-console"
console["components"] = [component for component in console["components"] if component["bom-ref"] in shipped]
kept = {component["bom-ref"] for component in console["components"]} | {console["metadata"]["component"]["bom-ref"]}
console["dependencies"] = [
    {**dependency, "dependsOn": [ref for ref in dependency["dependsOn"] if ref in kept]} for dependency in console["dependencies"] if dependency["ref"] in kept
]
write("cirame-console", console)
PYTHON
rm dist/sbom/all.json
find . -name sbom.cdx.json -not -path './target/*' -not -path './dist/*' -delete
