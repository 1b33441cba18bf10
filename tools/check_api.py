"""schemathesis over the OpenAPI document of the running trainer: no 5xx, no undocumented answer.

    python tools/check_api.py FOLDER_WITH_THE_PROGRAMS [EXAMPLES]
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from service import Trainer

PROGRAMS = Path(sys.argv[1]).resolve()
EXAMPLES = sys.argv[2] if len(sys.argv) > 2 else "15"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# These end the session that the others are asked with: they come last, each with one of its own.
ENDS_THE_SESSION = ["delete_session", "put_session_password"]


def fill(trainer: Trainer, folder: Path) -> dict[str, dict]:
    """One thing of each kind, so that routes are asked for what is there; parameters by operation."""
    trainer.import_simulated(PROGRAMS, "pump", folder / "pump", "--seconds", "4", "--per-class", "2")
    trainer.train(dataset="pump", estimator="random_forest_classifier", model="pump")
    evaluation = trainer.ask("POST", "/api/training/evaluations", {"model": "pump", "dataset": "pump"})["id"]
    trainer.job(evaluation)
    trainer.ask("POST", "/api/features/pipelines", {"name": "pump", "pipeline": {"features": ["rms"]}})
    recording = trainer.ask("GET", "/api/data/datasets/pump")["recordings"][0]["recording_id"]
    upload = trainer.ask("POST", "/api/data/uploads", {"name": "a.csv", "size_bytes": 1000})["id"]
    run = trainer.ask("GET", "/api/training/runs")["items"][0]["id"]
    name, version = {"path.name": "pump"}, {"path.name": "pump", "path.number": 1}
    return {
        "GET /api/data/datasets/{name}": name,
        "GET /api/data/datasets/{name}/versions": name,
        "GET /api/data/datasets/{name}/versions/{number}": version,
        "POST /api/data/datasets/{name}/imports": name,
        "GET /api/data/recordings/{id}": {"path.id": recording},
        "GET /api/data/recordings/{id}/samples": {"path.id": recording},
        "POST /api/data/recordings/{id}/replay": {"path.id": recording},
        "PUT /api/data/recordings/{id}/labels": {"path.id": recording},
        "GET /api/data/uploads/{id}": {"path.id": upload},
        "PATCH /api/data/uploads/{id}": {"path.id": upload},
        "GET /api/features/pipelines/{name}": name,
        "GET /api/jobs/{id}": {"path.id": evaluation},
        # Without a device these events would not end.
        "GET /api/devices/events": {"query.device": "01890000-0000-7000-8000-000000000000"},
        "GET /api/jobs/{id}/events": {"path.id": evaluation},
        "POST /api/jobs/{id}/cancel": {"path.id": evaluation},
        "GET /api/training/runs/{id}": {"path.id": run},
        "GET /api/training/evaluations/{id}/results": {"path.id": evaluation},
        "GET /api/training/models/{name}": name,
        "GET /api/training/models/{name}/versions/{number}": version,
        "GET /api/training/models/{name}/versions/{number}/artifact": version,
        "GET /api/training/models/{name}/versions/{number}/proof": version,
        "PUT /api/training/models/{name}/versions/{number}/stage": version,
    }


def write_settings(path: Path, parameters: dict[str, dict]) -> None:
    """What schemathesis reads: the parameters of each operation."""
    lines = []
    for operation, values in parameters.items():
        pairs = ", ".join(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in values.items())
        lines += ["[[operations]]", f"include-name = {json.dumps(operation)}", f"parameters = {{ {pairs} }}", ""]
    path.write_text("\n".join(lines))


def ask(trainer: Trainer, settings: Path, *selection: str) -> int:
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(settings),
        "run", f"{trainer.url}/api/openapi.json", "--warnings", "off",
        "--generation-with-security-parameters", "false", "--header", f"Cookie: {trainer.cookie}", "--checks", CHECKS, "--max-examples", EXAMPLES, "--seed", "1",
        "--request-timeout", "30", "--suppress-health-check", "all", "--no-color", *selection,
    ]
    return subprocess.run(command, check=False).returncode


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trainer = Trainer(PROGRAMS, folder)
        trainer.ask("POST", "/api/users", {"name": "other", "password": "another password", "role": "admin"})
        settings = folder / "schemathesis.toml"
        write_settings(settings, fill(trainer, folder))
        try:
            exclude = [part for operation in ENDS_THE_SESSION for part in ("--exclude-operation-id", operation)]
            failed = ask(trainer, settings, *exclude)
            for operation in ENDS_THE_SESSION:
                trainer.sign_in("other", "another password")
                failed |= ask(trainer, settings, "--include-operation-id", operation)
        finally:
            status = trainer.stop()
        if failed or status:
            raise SystemExit(f"the API does not keep to its document; the trainer's log ends:\n{trainer.tail()}")


main()
