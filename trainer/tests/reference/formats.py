"""Files in every format that an import reads, written by other programs, and the values in them.

    python formats.py

Writes `formats/` with the files and `formats.json` with what must come out of them: times in
nanoseconds, values as 32-bit floats. The writers are pandas, pyarrow, openpyxl, cbor2, and Python's own
csv, wave, json and hmac.
"""

import hashlib
import hmac
import json
import struct
import wave
from pathlib import Path

import cbor2
import numpy as np
import pandas as pd

FOLDER = Path("formats")
KEY = "fed53116f20684c067774ebf9e7bcbdc"
expected: dict[str, dict] = {}


def single(values) -> list:
    """As 32-bit floats; none where there is no value."""
    return [None if np.isnan(v) else float(v) for v in np.asarray(values, np.float32)]


def expect(name: str, time_ns, channels: dict, **more) -> None:
    columns = {channel: single(values) for channel, values in channels.items()}
    expected[name] = {"time_ns": [int(t) for t in time_ns], "channels": columns, **more}


def tables() -> None:
    rows = np.arange(60)
    time = pd.Timestamp("2026-01-05T08:00:00.050Z") + pd.to_timedelta(rows * 100, "ms")
    frame = pd.DataFrame(
        {
            "time": time,
            "x": np.where(rows == 7, np.nan, np.sin(rows / 3)),
            "n": (rows * 37 % 101 - 50).astype(np.int16),
            "flag": rows % 5 == 0,
            "mode": np.where(rows < 30, "idle", "läuft"),
        }
    )
    channels = {"x": frame.x, "n": frame.n, "flag": frame.flag}
    time_ns = time.as_unit("ns").asi8
    labels = [[0, 30, "idle"], [30, 60, "läuft"]]
    for unit in ("ms", "us", "ns"):
        frame.assign(time=time.as_unit(unit)).to_parquet(FOLDER / f"table_{unit}.parquet", index=False, row_group_size=25)
        expect(f"table_{unit}.parquet", time_ns, channels, labels=labels)
    naive = frame.assign(time=frame.time.dt.tz_localize(None))
    naive.to_excel(FOLDER / "table.xlsx", index=False)
    expect("table.xlsx", time_ns, channels, labels=labels)
    numbers = frame.assign(flag=frame.flag.astype(int), time=frame.time.dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    for name, encoding in (("utf16le", "utf-16"), ("utf16be", "utf-16-be"), ("utf8_mark", "utf-8-sig")):
        text = ("\ufeff" if encoding == "utf-16-be" else "") + numbers.to_csv(index=False, lineterminator="\r\n")
        (FOLDER / f"table_{name}.csv").write_bytes(text.encode(encoding))
        expect(f"table_{name}.csv", time_ns, channels, labels=labels)
    european = numbers.rename(columns={"x": "Öl [°C]"}).to_csv(index=False, sep=";", decimal=",")
    above = "Logger: Prüfstand 7\nSerial: 12\n\n"
    (FOLDER / "table_european.csv").write_bytes((above + european).encode("cp1252"))
    expect("table_european.csv", time_ns, {"Öl [°C]": frame.x, "n": frame.n, "flag": frame.flag}, labels=labels)
    blanks = "\n".join(f"  {row}   {np.sin(row / 3):.6f}  {row % 4} " for row in rows) + "\n"
    (FOLDER / "blanks.txt").write_text(blanks)
    expect(
        "blanks.txt",
        rows * 50_000_000,
        {"cycle": rows, "s1": [float(f"{np.sin(row / 3):.6f}") for row in rows], "s2": rows % 4},
    )


def windows() -> None:
    """Three windows of four samples of two axes, sample after sample."""
    data = np.round(np.random.default_rng(1).normal(size=(3, 4, 2)), 3)
    names = [f"{axis}{sample}" for sample in range(1, 5) for axis in "xy"]
    frame = pd.DataFrame(data.reshape(3, 8), columns=names).assign(label=["a", "a", "b"])
    frame.to_csv(FOLDER / "windows.csv", index=False)
    rows = np.concatenate([8 * window + np.arange(4) for window in range(3)])
    flat = data.reshape(12, 2)
    expect("windows.csv", rows * 10_000_000, {"x": flat[:, 0], "y": flat[:, 1]}, labels=[[0, 8, "a"], [8, 12, "b"]])


def acquisitions() -> None:
    values = [[round(float(v), 4) for v in row] for row in np.random.default_rng(2).normal(size=(20, 3))]
    payload = {
        "device_name": "ac:87:a3:0a:2d:1b",
        "device_type": "DISCO-L475VG-IOT01A",
        "interval_ms": 10,
        "sensors": [{"name": f"acc{axis}", "units": "m/s2"} for axis in "XYZ"],
        "values": values,
    }
    document = {"protected": {"ver": "v1", "alg": "HS256", "iat": 1564128599}, "signature": "0" * 64, "payload": payload}
    channels = dict(zip(("accX", "accY", "accZ"), np.array(values).T))
    time_ns = np.arange(20) * 10_000_000

    def sign(encode) -> bytes:
        # As the vendor's documentation does it: over the bytes with 64 zeros in place of the signature.
        empty = encode(document)
        code = hmac.new(KEY.encode(), empty, hashlib.sha256).hexdigest()
        return encode({**document, "signature": code})

    for name, encode in (("signed.json", lambda d: json.dumps(d).encode()), ("signed.cbor", cbor2.dumps)):
        (FOLDER / name).write_bytes(sign(encode))
        expect(name, time_ns, channels)
    unsigned = {**document, "protected": {"ver": "v1", "alg": "none"}}
    flat = {**payload, "sensors": [{"name": "audio", "units": "wav"}], "values": [row[0] for row in values]}
    (FOLDER / "unsigned.cbor").write_bytes(cbor2.dumps({**unsigned, "signature": "", "payload": flat}))
    expect("unsigned.cbor", time_ns, {"audio": channels["accX"]})
    (FOLDER / "payload.json").write_text(json.dumps(payload))
    expect("payload.json", time_ns, channels)
    (FOLDER / "several.json").write_text(json.dumps([unsigned, {**unsigned, "payload": flat}]))


def cira() -> None:
    random = np.random.default_rng(3)
    first, second = (np.round(random.normal(size=count), 3).tolist() for count in (12, 8))
    samples = [
        {"class_id": 0, "class_name": "idle", "data": first, "timestamp": 1},
        {"class_id": 1, "class_name": "spin", "data": second, "timestamp": 2},
    ]
    (FOLDER / "cira_samples.cbor").write_bytes(cbor2.dumps({"samples": samples}))
    expect("cira_samples.cbor", np.arange(12) * 20_000_000, {"value": first}, labels=[[0, 12, "idle"]])
    legacy = {"metadata": {"channels": ["b", "a"], "sampling_rate": 50, "label": "spin"}, "data": {"a": first, "b": second}}
    (FOLDER / "cira_channels.cbor").write_bytes(cbor2.dumps(legacy))
    padded = second + [np.nan] * 4
    expect("cira_channels.cbor", np.arange(12) * 20_000_000, {"b": padded, "a": first}, labels=[[0, 12, "spin"]])


def senml() -> None:
    records, temperature, current = [{"bn": "pump3:", "bt": 1_750_000_000, "n": "temp", "u": "Cel", "v": 20.5}], [20.5], [np.nan]
    for second in range(1, 8):
        records.append({"n": "temp", "t": second, "u": "Cel", "v": 20.5 + second / 4})
        records.append({"n": "current", "t": second, "u": "A", "v": second * 1.5})
        temperature.append(20.5 + second / 4)
        current.append(second * 1.5)
    (FOLDER / "pack.senml.json").write_text(json.dumps(records))
    keys = {"bn": -2, "bt": -3, "n": 0, "u": 1, "v": 2, "t": 6}
    packed = [{keys[key]: value for key, value in record.items()} for record in records]
    (FOLDER / "pack.senmlc").write_bytes(cbor2.dumps(packed))
    time_ns = (1_750_000_000 + np.arange(8)) * 1_000_000_000
    for name in ("pack.senml.json", "pack.senmlc"):
        expect(name, time_ns, {"pump3:temp": temperature, "pump3:current": current})


def sound() -> None:
    values = np.random.default_rng(4).integers(-(2**15), 2**15, size=(50, 2))
    with wave.open(str(FOLDER / "sound.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"".join(struct.pack("<2h", *row) for row in values.tolist()))
    scaled = values / 2**15
    expect("sound.wav", np.arange(50) * 125_000, {"audio_1": scaled[:, 0], "audio_2": scaled[:, 1]})


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for part in (tables, windows, acquisitions, cira, senml, sound):
        part()
    Path("formats.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
