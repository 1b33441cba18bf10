#!/usr/bin/env bash
# What the programs are made of, as CycloneDX in dist/sbom: the crates that are linked into each, with versions, licences and checksums; for the
# trainer ONNX Runtime as well; and the packages of the console.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p dist/sbom
command -v cargo-cyclonedx >/dev/null || cargo install --locked --quiet cargo-cyclonedx
cargo cyclonedx --quiet --format json --all --target x86_64-unknown-linux-gnu --features trainer/console --spec-version 1.5 --override-filename sbom.cdx
mv edge-runtime/sbom.cdx.json dist/sbom/cirame-edge.cdx.json
python3 - <<'PYTHON'
import json, re
document = json.load(open("trainer/sbom.cdx.json"))
version, digests = None, []
for line in open("docker/onnxruntime.txt"):
    if found := re.match(r"onnxruntime==(\S+)", line):
        version = found.group(1)
    if found := re.search(r"--hash=sha256:([0-9a-f]{64})", line):
        digests.append({"alg": "SHA-256", "content": found.group(1)})
document["components"].append({
    "type": "library", "name": "onnxruntime", "version": version, "purl": f"pkg:pypi/onnxruntime@{version}", "licenses": [{"license": {"id": "MIT"}}], "hashes": digests,
})
json.dump(document, open("dist/sbom/cirame-trainer.cdx.json", "w"), indent=1)
PYTHON
find . -name sbom.cdx.json -not -path './target/*' -not -path './dist/*' -delete
(cd web && npm sbom --sbom-format cyclonedx --omit dev) >dist/sbom/cirame-console.cdx.json
wc -c dist/sbom/*
